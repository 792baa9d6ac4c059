"""What cannot be answered is refused with a sentence; what is closed stays closed; nothing breaks it."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from urllib.parse import quote, urlencode

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.reading import MOST_CONNECTIONS, close_readers, readers
from layers import all_layers

EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
HERE = "/collections/trees/items"

quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def refused(client, url, sentence=""):
    """The answer is a problem document whose sentence says what to do instead."""
    answer = client.get(url)
    assert answer.status_code == 400, f"{url}: {answer.status_code} {answer.text[:200]}"
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["title"] == "Bad Request"
    assert sentence in problem["detail"]
    assert len(problem["detail"].split()) > 4
    return problem["detail"]


@pytest.mark.parametrize("limit", ["0", "-1", "", "1.5", "ten", "1e3", "+5", "٣", "0" * 30, "1_0", "nan"])
def test_a_limit_that_is_no_whole_number_from_one_on_is_refused(client, limit):
    refused(client, f"{HERE}?{urlencode({'limit': limit})}", "limit is a whole number from 1 to 10000")


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "W10",
        "bnVsbA",
        "W3RydWUsMV0",
        "WzUsbnVsbF0",
        "WyJ4Iix0cnVlXQ",
        "WyJ4IiwtM10",
        "WyJcdTAwMDAiLDFd",
        "żółw",
    ],
)
def test_a_token_that_no_next_link_holds_is_refused(client, token):
    refused(client, f"{HERE}?{urlencode({'after': token})}")


@pytest.mark.parametrize(
    "moment",
    [
        "",
        "..",
        "../..",
        "/",
        "2024",
        "2024-05",
        "20240501",
        "2024-W10-1",
        "2024-13-01",
        "2024-05-01/2024-04-01",
        "2024-05-01/2024-06-01/2024-07-01",
        "now",
        "yesterday",
        "2024-05-01T25:00:00Z",
        "2024-05-01\x00",
        "-1",
        "infinity",
        "2024-05-01T12:00:00Z; SELECT 1",
        "02024-05-01",
        "٢٠٢٤-05-01",
    ],
)
def test_what_is_no_moment_is_refused(client, moment):
    refused(client, f"/collections/parcels/items?{urlencode({'datetime': moment})}", "20")


@pytest.mark.parametrize(
    "query, sentence",
    [
        ("colour=red", "There is no parameter 'colour' here. Known ones: f, lang, crs,"),
        ("LIMIT=1", "There is no parameter 'LIMIT' here."),
        ("offset=100", "There is no parameter 'offset' here."),
        ("filter=nonsense=1", "The filter asks for 'nonsense'."),
        ("geom=x", "There is no parameter 'geom' here."),
        ("stand=2024-01-01", "There is no parameter 'stand' here."),
        ("limit=1&limit=2", "The parameter limit stands more than once. Give it once."),
        ("species=a&species=b", "The parameter species stands more than once. Give it once."),
        ("crs=EPSG:2177", "crs is one of http://www.opengis.net/def/crs/OGC/1.3/CRS84, http"),
        (f"crs={EPSG}4258", "crs is one of "),
        ("bbox-crs=nonsense", "bbox-crs is one of "),
        ("f=xml", "f is json or html, not 'xml'."),
        ("f=", "f is json or html, not ''."),
        ("lang=de", "lang is one of pl, en, not 'de'."),
        ("resulttype=count", "resulttype is one of results, hits, not 'count'."),
        ("girth_cm=thick", "girth_cm is number, and 'thick' is not."),
        ("girth_cm=nan", "girth_cm is number, and 'nan' is not."),
        ("girth_cm=1e999", "girth_cm is number, and '1e999' is not."),
    ],
)
def test_what_is_not_understood_is_refused_with_a_sentence(client, query, sentence):
    refused(client, f"{HERE}?{query}", sentence)


ADDRESSES = [
    "/",
    "/conformance",
    "/collections",
    "/openapi",
    "/health",
    "/map/layers.json",
    "/collections/trees",
]
PARTS = ["schema", "queryables", "tiles", "tiles/WebMercatorQuad", "tiles/WebMercatorQuad/0/0/0", "items"]


@pytest.mark.parametrize("path", [*ADDRESSES, *(f"/collections/trees/{part}" for part in PARTS)])
def test_no_address_ignores_a_parameter(client, path):
    refused(client, f"{path}?nonsense=1", "There is no parameter 'nonsense' here.")
    refused(client, f"{path}?f=nonsense", "f is ")


def test_what_is_not_there_is_not_found(client, layer):
    for path in (
        f"/collections/{layer.name}/items/nothing",
        f"/collections/{layer.name}/nothing",
        "/nothing",
    ):
        answer = client.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert "nothing" in answer.json()["detail"]
    assert (
        client.get("/collections/treez/items").json()["detail"].startswith("There is no layer 'treez'. Known")
    )


@pytest.mark.parametrize(
    "box",
    [
        "",
        "1",
        "1,2,3",
        "1,2,3,4,5",
        "1,2,3,4,5,6,7",
        "a,b,c,d",
        "nan,52,17,53",
        "16,52,inf,53",
        "16,52,1e999,53",
        "16 52 17 53",
        "16;52;17;53",
        "16,52,17,",
        "1_6,52,17,53",
        "٦,52,17,53",
        "16,52,17,53\x00",
        "[16,52,17,53]",
    ],
)
def test_what_is_no_box_is_refused(client, box):
    refused(
        client, f"{HERE}?{urlencode({'bbox': box})}", "bbox is four finite numbers with commas between, not"
    )


@pytest.mark.parametrize("box, crs", [("16,53,17,52", ""), ("52,17,53,16", "2177"), ("53,16,52,17", "4326")])
def test_a_box_that_is_upside_down_is_refused(client, box, crs):
    system = {"bbox-crs": f"{EPSG}{crs}"} if crs else {}
    refused(client, f"{HERE}?{urlencode({'bbox': box} | system)}", "is upside down")


# Hostile values

HOSTILE = [
    "\x00",
    "a\x00b",
    "\u202e",
    "\ud7ff\ue000",
    "\U0010ffff",
    "-1",
    str(10**21),
    "1e308",
    "nan",
    "-inf",
    "'",
    '"',
    "\\",
    "%",
    "%s",
    "%(key)s",
    "%%",
    "{0}",
    "{limit}",
    ":limit",
    "$1",
    "?",
    "--",
    "/*",
    ";",
    "' OR 1=1 --",
    "); DROP TABLE x",
    "%2F",
    "%252F",
    "%00",
    "..",
    "../../etc/passwd",
    "<script>",
    "\r\nSet-Cookie: a=b",
    "null",
    "true",
    "[]",
    "x" * 20_000,
]
PARAMETERS = ["limit", "after", "bbox", "bbox-crs", "crs", "datetime", "resulttype", "f", "lang"]


def harmless(client, url, **headers):
    answer = client.get(url, headers=headers)
    assert answer.status_code < 500, f"{url[:300]}: {answer.text[:300]}"
    if "json" in answer.headers["content-type"]:
        answer.json()
    assert "Traceback" not in answer.text
    assert "psycopg" not in answer.text
    return answer


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value[:12]))
def test_no_hostile_value_breaks_the_server(client, value):
    for name in PARAMETERS:
        harmless(client, f"{HERE}?{urlencode({name: value})}")
    harmless(client, f"{HERE}?{urlencode({value: 'x'})}")
    harmless(client, f"/search?{urlencode({'q': value})}")
    harmless(client, f"/search?{urlencode({'q': 'a', 'limit': value})}")
    here = quote(value, safe="")
    for path in (f"{HERE}/{here}", f"/collections/{here}", f"/{here}", f"/collections/{here}/items/{here}"):
        harmless(client, path)
    for place in (f"{here}/0/0", f"0/{here}/0", f"0/0/{here}"):
        assert harmless(client, f"/collections/trees/tiles/WebMercatorQuad/{place}").status_code == 404


def test_no_hostile_value_of_any_kind_of_field_breaks_the_server(client, layer):
    one_of_each_kind = {field.kind: field for field in layer.visible_fields("public")}
    for field in one_of_each_kind.values():
        for value in HOSTILE:
            harmless(client, f"/collections/{layer.name}/items?{urlencode({'limit': 1, field.name: value})}")


@quick
@given(
    parameters=st.dictionaries(st.sampled_from([*PARAMETERS, "species", "girth_cm"]), st.text(), max_size=3)
)
def test_no_text_breaks_the_server(client, parameters):
    harmless(client, f"{HERE}?{urlencode(parameters, errors='surrogatepass')}")


@quick
@given(query=st.binary(max_size=60))
def test_no_bytes_in_an_address_break_the_server(client, query):
    harmless(client, f"{HERE}?{quote(query, safe='&=+%')}")
    harmless(client, f"{HERE}/{quote(query, safe='/')}")


@pytest.mark.parametrize(
    "header", ["accept", "accept-language", "accept-encoding", "host", "origin", "range"]
)
@pytest.mark.parametrize("value", ["", "*", ";q=", "a;q=9,b;q=x", "[::1", "a b", "x" * 5000, "ąć".encode()])
def test_no_header_breaks_the_server(client, header, value):
    for path in ("/", f"{HERE}?limit=1", "/collections/trees/items/nothing"):
        harmless(client, path, **{header: value})


# What is closed


@pytest.fixture
def secret(loaded):
    """Every closed field of every layer holds this text, for the time of the test."""
    for text in ("TAJNE-4711", None):
        with loaded.transaction() as connection:
            for layer, field in closed():
                connection.execute(
                    sa.text(f"UPDATE city.{layer.name} SET {field.name} = :text"), {"text": text}
                )
        if text:
            yield text


def closed():
    return [
        (layer, field)
        for layer in all_layers().values()
        for field in layer.fields
        if field.access != "public"
    ]


def everything(client, layer):
    """Every kind of answer that speaks of a layer."""
    here = f"/collections/{layer.name}"
    page = client.get(f"{here}/items?limit=10000")
    key = page.json()["features"][0]["id"]
    yield from (page, client.get(f"{here}/items?limit=3&crs={EPSG}2177"), client.get(f"{here}/items/{key}"))
    for path in (here, *(f"{here}/{part}" for part in PARTS), "/collections", "/openapi", "/map/layers.json"):
        yield client.get(path)
    yield client.get("/search?q=tajne")
    for z, x, y in ((12, 2240, 1342), (14, 8962, 5370), (16, 35848, 21482)):
        yield client.get(f"{here}/tiles/WebMercatorQuad/{z}/{y}/{x}")


def words(document):
    """Every name and every text of a document."""
    if isinstance(document, dict):
        yield from document
        document = list(document.values())
    if isinstance(document, list):
        for part in document:
            yield from words(part)
    elif isinstance(document, str):
        yield document


def test_there_is_something_closed_to_test():
    assert ("utility_lines", "operator") in {(layer.name, field.name) for layer, field in closed()}


def test_a_closed_field_is_nowhere(client, secret, layer):
    names = {field.name for owner, field in closed() if owner is layer}
    for answer in everything(client, layer):
        assert answer.status_code == 200
        assert secret.encode() not in answer.content
        if "json" in answer.headers["content-type"]:
            assert not names & set(words(answer.json()))
        else:
            assert not [name for name in names if name.encode() in answer.content]


def test_a_closed_field_is_refused_as_one_that_does_not_exist(client, secret):
    for layer, field in closed():
        here = f"/collections/{layer.name}/items"
        sentence = refused(client, f"{here}?{field.name}={secret}")
        assert sentence == refused(client, f"{here}?nonsense={secret}").replace("nonsense", field.name)
        assert field.name not in sentence.partition("Known ones")[2]


def test_answers_are_the_same_whatever_is_hidden(client, loaded):
    for layer, field in closed():
        answers = []
        for hidden in ("'A'", f"md5({layer.key})"):
            with loaded.transaction() as connection:
                connection.execute(sa.text(f"UPDATE city.{layer.name} SET {field.name} = {hidden}"))
            answers.append([without_time(answer) for answer in everything(client, layer)])
        assert answers[0] == answers[1]


def without_time(answer):
    if "json" not in answer.headers["content-type"]:
        return len(answer.content)
    return {name: value for name, value in answer.json().items() if name != "timeStamp"}


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM city.trees",
        "SELECT operator FROM city.utility_lines",
        "SELECT * FROM registry.run",
        "SELECT * FROM registry.head",
        "CREATE TABLE city.mine (a int)",
        "CREATE TABLE public_api.mine (a int)",
        "CREATE TABLE public.mine (a int)",
        "UPDATE public_api.trees SET species = 'x'",
        "DELETE FROM public_api.trees",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY public_api.trees TO PROGRAM 'cat'",
        "SELECT * FROM pg_authid",
    ],
)
def test_the_role_of_the_api_sees_the_public_views_and_nothing_else(loaded, statement):
    with psycopg.connect(loaded.level_url("public")) as connection:
        assert connection.execute("SELECT count(*) FROM trees").fetchone() is not None
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


def test_the_role_of_the_api_sees_no_closed_column(loaded):
    with psycopg.connect(loaded.level_url("public")) as connection:
        for layer, field in closed():
            with pytest.raises(psycopg.errors.UndefinedColumn):
                connection.execute(f"SELECT {field.name} FROM public_api.{layer.name}".encode())
            connection.rollback()


# When the database is slow or busy


def test_what_takes_too_long_is_given_up_with_a_sentence_and_others_are_served(client, loaded):
    with impatient(loaded, "300ms"), loaded.transaction() as holding:
        holding.execute(sa.text("LOCK TABLE city.trees IN ACCESS EXCLUSIVE MODE"))
        assert "This takes too long." in unavailable(client, f"{HERE}?limit=1")
        assert client.get("/collections/stops/items?limit=1").status_code == 200
    assert client.get(f"{HERE}?limit=1").status_code == 200


def unavailable(client, url):
    answer = client.get(url)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "5"
    return answer.json()["detail"]


@contextmanager
def impatient(database, patience):
    """The role of the API waits no longer than ``patience``; its connections are made anew for it."""
    for limit in (patience, "30s"):
        with database.transaction() as connection:
            change = f"ALTER ROLE \"{database.role('public')}\" SET statement_timeout = '{limit}'"
            connection.execute(sa.text(change))
        close_readers()
        if limit == patience:
            yield


def test_a_crowd_is_told_to_come_back(client, monkeypatch):
    connections = readers()["public"].connections
    monkeypatch.setattr(connections, "patience", 0.1)
    with ExitStack() as taken:
        for _ in range(MOST_CONNECTIONS["public"]):
            taken.enter_context(connections.one())
        sentence = "The data cannot be read at the moment. Try again in a few seconds."
        assert unavailable(client, f"{HERE}?limit=1") == sentence
    assert client.get(f"{HERE}?limit=1").status_code == 200


# When the database goes away


def crowd(client, requests=3 * MOST_CONNECTIONS["public"]):
    """Many ask at once, so that all connections are used."""
    with ThreadPoolExecutor(requests) as asking:
        return list(asking.map(lambda _: client.get(f"{HERE}?limit=1"), range(requests)))


def test_connections_that_the_database_dropped_are_noticed_before_they_are_used(client, loaded):
    assert {answer.status_code for answer in crowd(client)} == {200}
    with loaded.transaction() as connection:
        end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = :role"
        ended = connection.execute(sa.text(end), {"role": loaded.role("public")}).all()
    assert len(ended) > 1
    assert {answer.status_code for answer in crowd(client)} == {200}


def test_an_answer_comes_as_soon_as_the_database_is_back(client, loaded, rows):
    role = loaded.role("public")
    let(loaded, role, "NOLOGIN")
    assert {answer.status_code for answer in crowd(client)} == {503}
    began = time.monotonic()
    assert "Try again in a few seconds." in unavailable(client, f"{HERE}?limit=1")
    assert time.monotonic() - began < 1
    let(loaded, role, "LOGIN")
    began = time.monotonic()
    assert {answer.status_code for answer in crowd(client)} == {200}
    assert time.monotonic() - began < 1


def let(database, role, right):
    """Let ``role`` log in, or end its connections and let it no more."""
    with database.transaction() as connection:
        connection.execute(sa.text(f'ALTER ROLE "{role}" {right}'))
    with database.transaction() as connection:
        end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = :role"
        connection.execute(sa.text(end), {"role": role})
