"""Keys open what is closed, to those who have one, as long as it is valid; all others see the public part."""

import time
from urllib.parse import quote

import psycopg
import pytest
import sqlalchemy as sa
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from api.app import application
from api.gate import content_policy
from api.keyring import REMEMBERED_SECONDS
from api.limits import Buckets, Rate, network
from layers import LEVELS, get_layer
from mesip.cli.serve import listen
from mesip.settings import settings
from pipelines.keys import new_key, revoke

ITEMS = "/collections/{}/items"
# What the schema describes and other members of a feature than its properties hold.
ELSEWHERE = {"geometry", "valid_since", "valid_until"}
LAYERS = {"benches": "public", "digs": "partner", "proceedings": "internal"}

every_level = pytest.mark.parametrize("level", LEVELS)


@pytest.fixture(scope="module")
def client(vaulted):
    with TestClient(application(), base_url="http://testserver", raise_server_exceptions=False) as asking:
        yield asking


@pytest.fixture
def ask(client, keys):
    """Ask with a key of a level: ``ask("partner", "/collections")``; without one for ``None``."""

    def asked(level, path, **headers):
        given_ = {"Authorization": f"Bearer {keys[level].token}"} if level else {}
        return client.get(path, headers=given_ | headers)

    return asked


# What a key opens


@every_level
@pytest.mark.parametrize("name", LAYERS)
def test_a_closed_layer_exists_from_its_level_on(ask, level, name):
    open_ = LEVELS.index(level) >= LEVELS.index(LAYERS[name])
    listed = [each["id"] for each in ask(level, "/collections").json()["collections"]]
    assert (name in listed) is open_
    assert ask(level, ITEMS.format(name)).status_code == (200 if open_ else 404)
    assert (f"/collections/{name}/items" in ask(level, "/openapi").json()["paths"]) is open_
    assert (name in [each["name"] for each in ask(level, "/map/layers.json").json()["layers"]]) is open_


@every_level
def test_a_feature_has_the_fields_that_the_level_may_see(ask, level):
    layer = get_layer("benches")
    names = {field.name for field in layer.visible_fields(level)}
    page = ask(level, ITEMS.format("benches") + "?limit=10000").json()
    assert len(page["features"]) == 60
    assert all(set(feature["properties"]) == names for feature in page["features"])
    assert set(ask(level, ITEMS.format("benches") + "/7").json()["properties"]) == names
    assert set(ask(level, "/collections/benches/schema").json()["properties"]) - ELSEWHERE == names
    assert set(ask(level, "/collections/benches/queryables").json()["properties"]) - ELSEWHERE == names


@every_level
def test_a_field_can_be_asked_for_by_those_who_see_it(ask, level):
    for field, value in (("kind", "w"), ("height_cm", "45"), ("donor", "Anna Kowalska 0")):
        answer = ask(level, f"{ITEMS.format('benches')}?{field}={quote(value)}")
        seen = field in {each.name for each in get_layer("benches").visible_fields(level)}
        assert answer.status_code == (200 if seen else 400)


@every_level
def test_what_is_secret_is_served_to_nobody(ask, level):
    for path in ("/collections/benches/items?limit=10000&f={}", "/collections/benches?f={}", "/openapi"):
        for form in ("json", "html"):
            text = ask(level, path.format(form)).text
            assert "lock_code" not in text
            assert "K217" not in text


@every_level
def test_pages_show_what_the_level_may_see(ask, level):
    listed = ask(level, "/collections?f=html&lang=en").text
    assert ("Proceedings" in listed) is (level == "internal")
    page = ask(level, ITEMS.format("benches") + "/7?f=html&lang=en").text
    assert ("Donor" in page) is (level == "internal")
    assert ("Height" in page) is (level != "public")
    # The same page asked by another level before must not be the one that is shown.
    assert "Donor" not in ask(None, ITEMS.format("benches") + "/7?f=html&lang=en").text


def test_search_finds_what_the_level_may_see(ask):
    assert ask("internal", "/search?q=jan").json()["features"]
    assert ask("partner", "/search?q=jan").json()["features"] == []
    assert ask(None, "/search?q=jan").json()["features"] == []
    assert ask("partner", "/search?q=w1").json()["features"]


@pytest.mark.parametrize("name", ["proceedings", "digs"])
@pytest.mark.parametrize("part", ["", "/items", "/items/PR.1", "/schema", "/queryables", "/tiles", "/x"])
@pytest.mark.parametrize("form", ["json", "html"])
def test_a_closed_layer_answers_as_one_that_does_not_exist(client, name, part, form):
    nobody, plain = "x" * len(name), {"Accept-Encoding": "identity"}
    closed = client.get(f"/collections/{name}{part}?f={form}", headers=plain)
    absent = client.get(f"/collections/{nobody}{part}?f={form}", headers=plain)
    assert closed.status_code == absent.status_code
    assert closed.status_code in (400, 404)
    assert closed.content == absent.content.replace(nobody.encode(), name.encode())
    assert dict(closed.headers) == dict(absent.headers)


# Keys


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer mesip_00000000_x",
        "Basic YTpi",
        "x",
        "Bearer " + "x" * 5000,
        "Bearer ' OR 1=1",
        "Bearer \x00",
        "Bearer ąć".encode(),
    ],
)
@pytest.mark.parametrize("path", ["/", "/health", ITEMS.format("trees"), "/nothing", "/map/layers.json"])
def test_a_wrong_key_is_refused_everywhere(client, header, path):
    answer = client.get(path, headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert "key" in answer.json()["detail"]


def test_a_key_of_another_case_is_none(ask, client, keys):
    assert ask("internal", "/collections").status_code == 200
    token = keys["internal"].token.swapcase()
    assert client.get("/collections", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_an_expired_key_is_refused(client, vaulted):
    key = new_key(vaulted, "internal", "", days=1)
    with vaulted.transaction() as connection:
        past = "UPDATE registry.api_key SET expires_at = now() - interval '1 second' WHERE id = :id"
        connection.execute(sa.text(past), {"id": key.id})
    assert client.get("/", headers={"Authorization": f"Bearer {key.token}"}).status_code == 401


def test_a_revoked_key_is_refused_within_seconds(client, vaulted):
    key = new_key(vaulted, "internal", "", None)
    header = {"Authorization": f"Bearer {key.token}"}
    assert client.get(ITEMS.format("proceedings"), headers=header).status_code == 200
    revoke(vaulted, key.id)
    time.sleep(REMEMBERED_SECONDS)
    assert client.get(ITEMS.format("proceedings"), headers=header).status_code == 401


def test_the_database_keeps_no_key(keys, rows):
    kept = " ".join(str(row) for row in rows("SELECT * FROM registry.api_key"))
    for key in keys.values():
        assert key.id in kept
        assert key.token.removeprefix(f"mesip_{key.id}_") not in kept


def test_keys_are_made_listed_and_revoked_on_the_command_line(run):
    code, out, err = run("keys", "new", "--level", "partner", "--note", "Aquanet", "--days", "30")
    assert code == 0
    token = out.strip()
    assert len(token) > 50
    assert "not shown again" in err
    id_ = token.split("_")[1]
    _, out, _ = run("keys", "list")
    (line,) = [line for line in out.splitlines() if id_ in line]
    assert "Aquanet" in line
    assert "valid" in line
    assert token not in out
    assert run("keys", "revoke", id_)[0] == 0
    _, out, _ = run("keys", "list", "--json")
    assert '"state": "revoked"' in out
    code, _, err = run("keys", "revoke", id_)
    assert code == 2
    assert "mesip keys list" in err


@pytest.mark.parametrize("words", [("--level", "secret"), ("--level", "root"), ("--days", "0"), ()])
def test_a_key_for_nothing_is_wrong_usage(run, words):
    assert run("keys", "new", *words)[0] == 2


# What is written down


@pytest.fixture
def keys(vaulted):
    """Keys of the test's own."""
    return {level: new_key(vaulted, level, "a test", None) for level in LEVELS}


@pytest.fixture
def audit(keys, rows):
    """What was read with the keys of the test, once it is written."""
    ids = ", ".join(f"'{key.id}'" for key in keys.values())

    def told(expected):
        query = (
            "SELECT key, level, method, path, query, status, rows FROM registry.audit "
            f"WHERE key IN ({ids}) AND method = 'GET' ORDER BY at"
        )
        deadline = time.monotonic() + 5
        while len(found := rows(query)) < expected and time.monotonic() < deadline:
            time.sleep(0.05)
        return found

    return told


def test_reads_with_a_closed_key_are_written_down(ask, keys, audit):
    ask("internal", ITEMS.format("proceedings") + "?limit=3&party=Jan%20Zawadzki%201")
    ask("internal", ITEMS.format("proceedings") + "?limit=5")
    ask("internal", ITEMS.format("proceedings") + "/PR.1")
    ask("partner", ITEMS.format("proceedings"))
    ask("partner", ITEMS.format("digs") + "?f=html&limit=7")
    ask("partner", ITEMS.format("digs") + "?limit=x")
    key, here = keys["internal"].id, "/collections/proceedings/items"
    first, second, third, *partner = audit(6)
    assert first == (key, "internal", "GET", here, "limit=3&party=Jan%20Zawadzki%201", 200, 1)
    assert second == (key, "internal", "GET", here, "limit=5", 200, 5)
    assert third == (key, "internal", "GET", f"{here}/PR.1", "", 200, 1)
    assert [each[5:] for each in partner] == [(404, None), (200, 7), (400, None)]
    assert {each[:2] for each in partner} == {(keys["partner"].id, "partner")}


def test_what_is_public_is_not_written_down(ask, audit):
    ask(None, ITEMS.format("benches"))
    ask("public", ITEMS.format("benches"))
    ask("partner", "/collections")
    assert [each[1] for each in audit(1)] == ["partner"]
    time.sleep(0.7)
    assert len(audit(1)) == 1


def test_what_waits_is_written_when_the_server_stops(vaulted, keys, audit):
    header = {"Authorization": f"Bearer {keys['partner'].token}"}
    with TestClient(application(), base_url="http://testserver") as asking:
        for number in range(40):
            asking.get(f"/collections?lang=en&n={number}", headers=header)
    assert len(audit(40)) == 40


def test_nothing_closed_is_read_while_it_cannot_be_written_down(ask, client, audit, monkeypatch):
    monkeypatch.setattr("api.auditing.MOST_WAITING", 0)
    assert ask("internal", "/collections").status_code == 503
    assert ask(None, "/collections").status_code == 200


def test_commands_about_keys_are_written_down(run, rows):
    _, out, _ = run("keys", "new", "--level", "public")
    id_ = out.split("_")[1]
    run("keys", "revoke", id_)
    query = "SELECT method, level, actor IS NOT NULL FROM registry.audit WHERE key = '{}' ORDER BY audit"
    told = rows(query.format(id_))
    assert told == [("keys new", "public", True), ("keys revoke", "public", True)]


def test_a_level_can_write_down_its_own_reads_only(vaulted, rows):
    forged = '[{"at": "2020-01-01", "key": "x", "level": "internal", "method": "GET"}]'
    with psycopg.connect(vaulted.level_url("partner"), autocommit=True) as connection:
        connection.execute("SELECT note_reads(%s::jsonb)", (forged,))
    assert rows("SELECT level FROM registry.audit WHERE key = 'x'") == [("partner",)]


# Headers


@pytest.mark.parametrize(
    "path",
    ["/", ITEMS.format("benches"), "/search?q=a", "/nothing", "/openapi", "/map"],
)
@pytest.mark.parametrize("form", ["text/html", "application/json"])
def test_every_answer_has_the_headers_that_protect_browsers(client, path, form):
    answer = client.get(path, headers={"Accept": form})
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert answer.headers["referrer-policy"] == "strict-origin-when-cross-origin"
    assert "authorization" in answer.headers["vary"].lower()
    policy = answer.headers.get("content-security-policy", "")
    assert answer.headers["content-type"].startswith("text/html") is bool(policy)
    if policy:
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy


def test_pages_may_load_tiles_of_the_base_map_and_nothing_else_from_elsewhere():
    assert "https:" not in content_policy(None)
    policy = content_policy("https://tile.example:8443/a/{z}/{x}/{y}.png")
    places = {part.split()[0] for part in policy.split("; ") if "https:" in part}
    assert places == {"img-src", "connect-src"}
    assert policy.count("https://tile.example:8443") == 2
    assert "/a/" not in policy


def test_what_is_closed_is_kept_in_no_cache(ask):
    for path in ("/", "/collections", ITEMS.format("benches"), "/nothing", "/map/mark.svg"):
        assert ask("internal", path).headers["cache-control"] == "private, no-store"
        assert "no-store" not in ask("public", path).headers.get("cache-control", "")


def test_no_answer_tells_which_programs_answer(client, served_as):
    config = served_as()
    config.load()
    assert {name for name, _ in config.encoded_headers} == set()
    for path in ("/", "/collections", ITEMS.format("benches"), "/nothing"):
        told = str(client.get(path).headers).lower()
        for name in ("uvicorn", "starlette", "python", "x-powered-by", "pygeoapi"):
            assert name not in told


def test_a_fault_of_ours_has_the_headers_too_and_tells_nothing(client, monkeypatch):
    monkeypatch.setattr("api.answers.documents.conformance", lambda: 1 / 0)
    answer = client.get("/conformance")
    assert answer.status_code == 500
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "ZeroDivision" not in answer.text


def test_other_sites_may_send_a_key(client):
    asked = {
        "Origin": "https://plan.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    answer = client.options(ITEMS.format("benches"), headers=asked)
    assert answer.status_code == 200
    assert "authorization" in answer.headers["access-control-allow-headers"].lower()
    refused = client.get("/", headers={"Origin": "https://plan.example", "Authorization": "Bearer x"})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "*"


# How often somebody may ask


@pytest.fixture
def limited(vaulted, monkeypatch):
    """Somebody at an address, on a node where one may ask five times at once, then once in ten seconds."""
    monkeypatch.setenv("MESIP_RATE_PER_SECOND", "0.1")
    monkeypatch.setenv("MESIP_RATE_BURST", "5")
    settings.cache_clear()
    app = application()
    yield lambda address: TestClient(app, base_url="http://testserver", client=(address, 1))
    settings.cache_clear()


def test_who_asks_too_often_is_told_when_to_come_back(limited):
    one, other = limited("203.0.113.1"), limited("203.0.113.2")
    assert [one.get("/conformance").status_code for _ in range(6)] == [200] * 5 + [429]
    refused = one.get("/conformance")
    assert 1 <= int(refused.headers["retry-after"]) <= 10
    assert refused.headers["content-type"] == "application/problem+json"
    assert "too many requests" in refused.json()["detail"]
    assert other.get("/conformance").status_code == 200


def test_each_key_is_counted_for_itself(limited, keys):
    one = limited("203.0.113.3")
    partner, internal = (
        {"Authorization": f"Bearer {keys[level].token}"} for level in ("partner", "internal")
    )
    assert [one.get("/conformance", headers=partner).status_code for _ in range(6)] == [200] * 5 + [429]
    assert one.get("/conformance", headers=internal).status_code == 200
    assert one.get("/conformance").status_code == 200


def test_who_guesses_keys_is_counted_by_address(limited):
    one = limited("203.0.113.4")
    tries = [one.get("/", headers={"Authorization": f"Bearer {number}"}).status_code for number in range(7)]
    assert tries == [401] * 5 + [429] * 2


def test_the_address_that_somebody_states_themselves_counts_for_nothing(limited):
    one = limited("203.0.113.5")
    said = [
        one.get("/conformance", headers={"X-Forwarded-For": f"198.51.100.{number}"}).status_code
        for number in range(7)
    ]
    assert said == [200] * 5 + [429] * 2


def test_a_trusted_proxy_is_asked_who_asks_and_nobody_else(served_as, limited, monkeypatch):
    monkeypatch.setenv("MESIP_TRUSTED_PROXIES", "10.0.0.1, 10.1.0.0/16")
    settings.cache_clear()
    config = served_as()
    config.load()

    def ask(peer, said):
        somebody = TestClient(config.loaded_app, base_url="http://testserver", client=(peer, 1))
        return somebody.get("/conformance", headers={"X-Forwarded-For": said}).status_code

    through_proxies = [ask("10.0.0.1", f"198.51.100.{number}, 203.0.113.9, 10.1.2.3") for number in range(7)]
    assert through_proxies == [200] * 5 + [429] * 2
    assert ask("10.0.0.1", "203.0.113.10") == 200
    directly = [ask("203.0.113.11", f"198.51.100.{number}") for number in range(7)]
    assert directly == [200] * 5 + [429] * 2


@pytest.fixture
def served_as(monkeypatch):
    """How `mesip serve` has uvicorn listen."""

    def config():
        given_ = {}
        monkeypatch.setattr(uvicorn, "run", lambda app, **options: given_.update(options, app=app))
        listen("127.0.0.1", 0, 1)
        return uvicorn.Config(**given_)

    for name in ("MESIP_PUBLIC_URL", "PROMETHEUS_MULTIPROC_DIR"):
        monkeypatch.setenv(name, "http://testserver")
    return config


def test_one_network_of_ipv6_is_one_caller():
    assert network("2001:db8:1:2:3:4:5:6") == network("2001:db8:1:2::9")
    assert network("2001:db8:1:2::9") != network("2001:db8:1:3::9")
    assert network("fe80::1%eth0") == network("fe80::2")
    assert network("203.0.113.5") == "203.0.113.5"
    assert network("testclient:x") == "testclient:x"


@given(
    st.floats(0.1, 100),
    st.integers(1, 50),
    st.lists(st.floats(0, 5), min_size=1, max_size=200),
)
def test_nobody_gets_more_than_the_burst_and_the_rate(per_second, burst, pauses):
    buckets, now, let_in = Buckets(Rate(per_second, burst)), 0.0, 0
    for pause in pauses:
        now += pause
        wait = buckets.take("somebody", now)
        let_in += not wait
        assert wait <= 1 / per_second + 1
    assert let_in <= burst + now * per_second + 1e-6
