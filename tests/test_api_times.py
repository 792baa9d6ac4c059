"""Features at other times: as they were, as they were known, and all their versions."""

from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HERE = "/collections/stops/items"
HOME = "http://testserver"
DAYS = [date(2024, 1, 1) + timedelta(days=30 * number) for number in range(5)]
SOON = timedelta(seconds=1)


def ask(client, **parameters):
    answer = client.get(f"{HERE}?{urlencode({'limit': 1000} | parameters)}")
    assert answer.status_code == 200, answer.text[:300]
    return answer.json()


def told(client, **parameters):
    """Names by identifier."""
    page = ask(client, **parameters)
    found = {each["id"]: each["properties"]["name"] for each in page["features"]}
    assert len(found) == len(page["features"]) == page["numberReturned"]
    return found


def stamp(moment):
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def begin(day):
    """When the city's day begins, as its rows are dated."""
    return datetime.combine(day, datetime.min.time(), UTC)


deliveries = st.lists(
    st.tuples(
        st.integers(0, len(DAYS) - 1),
        st.dictionaries(st.integers(1, 4), st.sampled_from(["Rondo", "Most", "Rynek"]), max_size=4),
    ),
    min_size=1,
    max_size=4,
).map(lambda drawn: list(zip(sorted(day for day, _ in drawn), [stops for _, stops in drawn], strict=True)))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries)
def test_any_day_is_told_as_any_moment_knew_it(client, database, deliver, given):
    """The oracle: of the deliveries published by then, the last one whose day is not after the day asked."""
    with database.transaction() as connection:
        connection.exec_driver_sql("TRUNCATE city.stops, city.stops_history")
        connection.exec_driver_sql("DELETE FROM registry.change WHERE layer = 'stops'")
        connection.exec_driver_sql("DELETE FROM registry.head WHERE layer = 'stops'")
    moments = [deliver(stops, DAYS[day]) for day, stops in given]
    for published, known in enumerate(moments, start=1):
        for number, day in enumerate(DAYS):
            spoken = [stops for stand, stops in given[:published] if stand <= number]
            expected = {str(key): name for key, name in (spoken[-1] if spoken else {}).items()}
            asked = {"datetime": f"{day}T12:00:00Z", "known-at": stamp(known)}
            assert told(client, **asked) == expected, (published, day)
            for key in ("1", "4"):
                answer = client.get(f"{HERE}/{key}?{urlencode(asked)}")
                assert (answer.status_code == 200) == (key in expected)
                if key in expected:
                    assert answer.json()["properties"]["name"] == expected[key]
    assert told(client) == {str(key): name for key, name in given[-1][1].items()}


# What the draft of Versioned Features shows by example: one stop, which was renamed, then removed.


@pytest.fixture
def renamed(no_stops, deliver):
    """Moments at which it was published: a stop, its other name, its end."""
    first = deliver({1: "Rondo", 2: "Most"}, DAYS[0])
    second = deliver({1: "Rynek", 2: "Most"}, DAYS[1])
    return first, second


def links(answer):
    found: dict[str, list[str]] = {}
    for each in answer.json()["links"]:
        found.setdefault(each["rel"], []).append(each["href"])
    return found


def headers(answer):
    """The links of the header of that name, by relation."""
    pairs = [part.split(">; rel=") for part in answer.headers["link"].split(", <")]
    return {rel.strip('"'): href.lstrip("<") for href, rel in pairs}


def start(client, key, which):
    versions = client.get(f"{HERE}/{key}/versions").json()["versions"]
    return [each["valid"][0] for each in versions if each["recorded"][1] == ".."][which]


def http_date(text):
    return datetime.fromisoformat(text).strftime("%a, %d %b %Y %H:%M:%S GMT")


def test_a_feature_without_a_time_is_the_current_version_and_leads_to_the_others(client, renamed):
    answer = client.get(f"{HERE}/1")
    first, second = start(client, 1, 0), start(client, 1, 1)
    assert answer.json()["properties"]["name"] == "Rynek"
    assert answer.json()["time"] == {"interval": [second, ".."]}
    assert answer.headers["memento-datetime"] == http_date(second)
    own = f"{HOME}{HERE}/1"
    expected = {
        "self": own,
        "original": own,
        "timemap": f"{own}/versions",
        "version-history": f"{own}/versions",
        "predecessor-version": f"{own}?datetime={first}",
    }
    assert expected.items() <= headers(answer).items()
    assert {rel: [href] for rel, href in expected.items()}.items() <= links(answer).items()
    assert "successor-version" not in headers(answer)


def test_a_feature_at_a_moment_is_the_version_of_then(client, renamed):
    first, second = start(client, 1, 0), start(client, 1, 1)
    answer = client.get(f"{HERE}/1?datetime=2024-01-15T00:00:00Z")
    assert answer.json()["properties"]["name"] == "Rondo"
    assert answer.json()["time"] == {"interval": [first, second]}
    assert answer.headers["memento-datetime"] == http_date(first)
    assert headers(answer)["successor-version"] == f"{HOME}{HERE}/1?datetime={second}"
    assert headers(answer)["self"] == f"{HOME}{HERE}/1?datetime=2024-01-15T00%3A00%3A00Z"
    assert headers(answer)["original"] == f"{HOME}{HERE}/1"
    assert "predecessor-version" not in headers(answer)


def test_at_the_instant_of_change_the_later_version_holds(client, renamed):
    second = start(client, 1, 1)
    assert client.get(f"{HERE}/1?datetime={second}").json()["properties"]["name"] == "Rynek"
    assert told(client, datetime=second) == {"1": "Rynek", "2": "Most"}
    before = stamp(datetime.fromisoformat(second) - timedelta(microseconds=1))
    assert told(client, datetime=before) == {"1": "Rondo", "2": "Most"}


def test_a_version_is_found_by_its_own_link(client, renamed):
    for each in client.get(f"{HERE}/1/versions").json()["versions"]:
        answer = client.get(each["href"])
        assert answer.status_code == 200
        assert answer.json()["time"]["interval"] == each["valid"]


def test_what_was_not_there_then_is_gone_and_what_never_was_is_unknown(client, renamed, deliver):
    for key, moment in (("1", "1990-01-01T00:00:00Z"), ("2", "1990-01-01T00:00:00Z")):
        answer = client.get(f"{HERE}/{key}?datetime={moment}")
        assert answer.status_code == 410
        assert answer.headers["content-type"] == "application/problem+json"
        own = f"{HOME}{HERE}/{key}"
        latest = start(client, key, -1)
        assert headers(answer) == {
            "latest-version": f"{own}?datetime={latest}",
            "timemap": f"{own}/versions",
            "version-history": f"{own}/versions",
        }
        assert client.get(headers(answer)["latest-version"]).status_code == 200
    assert client.get(f"{HERE}/77?datetime=1990-01-01T00:00:00Z").status_code == 404
    assert client.get(f"{HERE}/77/versions").status_code == 404
    assert client.get(f"{HERE}/1?known-at=1990-01-01T00:00:00Z").status_code == 404
    deliver({2: "Most"}, DAYS[2])
    gone = client.get(f"{HERE}/1")
    assert gone.status_code == 410
    assert client.get(headers(gone)["latest-version"]).json()["properties"]["name"] == "Rynek"
    assert client.get(f"{HERE}/1?f=html").status_code == 410


def test_a_time_map_lists_all_versions_by_both_times(client, renamed, deliver):
    first, second = renamed
    corrected = deliver({1: "Rondo Kaponiera", 2: "Most"}, DAYS[1])
    answer = client.get(f"{HERE}/1/versions").json()
    began, renamed_on = start(client, 1, 0), start(client, 1, 1)
    found = {(*each["valid"], *each["recorded"]) for each in answer["versions"]}
    assert found == {
        (began, "..", stamp(first), stamp(second)),
        (began, renamed_on, stamp(second), ".."),
        (renamed_on, "..", stamp(second), stamp(corrected)),
        (renamed_on, "..", stamp(corrected), ".."),
    }
    assert len(answer["versions"]) == 4
    mementos = [each for each in answer["links"] if each["rel"] == "memento"]
    assert [client.get(each["href"]).json()["properties"]["name"] for each in mementos] == [
        "Rondo",
        "Rondo Kaponiera",
    ]
    assert all(each["datetime"] == client.get(each["href"]).headers["memento-datetime"] for each in mementos)
    assert links(client.get(f"{HERE}/1/versions"))["latest-version"] == [mementos[-1]["href"]]
    then = client.get(f"{HERE}/1/versions?known-at={stamp(second)}").json()
    mementos = [each for each in then["links"] if each["rel"] == "memento"]
    assert [client.get(each["href"]).json()["properties"]["name"] for each in mementos] == ["Rondo", "Rynek"]


def test_a_time_map_is_there_as_link_format(client, renamed):
    plain = client.get(f"{HERE}/1/versions").json()["links"]
    for answer in (
        client.get(f"{HERE}/1/versions?f=link"),
        client.get(f"{HERE}/1/versions", headers={"Accept": "application/link-format"}),
    ):
        assert answer.headers["content-type"] == "application/link-format"
        lines = answer.text.split(",\n")
        assert len(lines) == len(plain)
        for line, each in zip(lines, plain, strict=True):
            assert line.startswith(f'<{each["href"]}>;rel="{each["rel"]}"')
            assert ("datetime" in each) == (f'datetime="{each.get("datetime")}"' in line)


def test_an_identifier_may_end_like_the_address_of_versions(client, loaded, database):
    odd = "D1/versions"
    with database.transaction() as connection:
        connection.exec_driver_sql(
            "UPDATE city.trees SET tree_id = %s WHERE tree_id = (SELECT max(tree_id) FROM city.trees)", (odd,)
        )
    assert client.get(f"/collections/trees/items/{quote(odd, safe='')}").json()["id"] == odd
    assert client.get(f"/collections/trees/items/{quote(odd, safe='')}/versions").json()["versions"]


# Intervals


def test_an_interval_finds_every_version_that_meets_it_under_an_identifier_of_its_own(client, renamed):
    first, second = start(client, 1, 0), start(client, 1, 1)
    page = ask(client, datetime="2024-01-10T00:00:00Z/..")
    plain = [(each["properties"]["stop_id"], each["properties"]["name"]) for each in page["features"]]
    assert plain == [("1", "Rondo"), ("1", "Rynek"), ("2", "Most")]
    identifiers = [each["id"] for each in page["features"]]
    written = [moment.replace("-", "").replace(":", "") for moment in (first, second)]
    assert identifiers[:2] == [f"1.{each}" for each in written]
    assert page["numberMatched"] == page["numberReturned"] == 3
    assert [each["time"]["interval"] for each in page["features"][:2]] == [[first, second], [second, ".."]]


def test_versions_keep_the_identifier_of_their_feature_if_that_is_preferred(client, renamed):
    for name in ("versions-as-features", "http://www.opengis.net/def/profile/OGC/0/versions-as-features"):
        answer = client.get(f"{HERE}?{urlencode({'datetime': '2024-01-10/..', 'profile': name})}")
        assert [each["id"] for each in answer.json()["features"]] == ["1", "1", "2"]
        assert (
            answer.headers["link"]
            == '<http://www.opengis.net/def/profile/OGC/0/versions-as-features>; rel="profile"'
        )
    assert client.get(f"{HERE}?profile=features-with-time-slices").status_code == 400


def test_a_version_is_in_the_interval_that_begins_as_it_ends(client, renamed):
    second = start(client, 1, 1)
    after = stamp(datetime.fromisoformat(second) + timedelta(microseconds=1))
    name = {"profile": "versions-as-features"}
    assert [
        each["properties"]["name"] for each in ask(client, datetime=f"{second}/..", **name)["features"]
    ] == ["Rondo", "Rynek", "Most"]
    assert [
        each["properties"]["name"] for each in ask(client, datetime=f"{after}/..", **name)["features"]
    ] == ["Rynek", "Most"]


def test_pages_of_versions_hold_each_once_in_any_order(client, renamed, deliver):
    deliver({1: "Rondo", 2: "Rondo", 3: "Rondo"}, DAYS[2])
    deliver({1: "Most", 3: "Rondo"}, DAYS[3])
    whole = [each["id"] for each in ask(client, datetime="1990-01-01/..", sortby="-name")["features"]]
    assert len(whole) == len(set(whole)) > 5
    url, found = f"{HERE}?{urlencode({'datetime': '1990-01-01/..', 'sortby': '-name', 'limit': 2})}", []
    while url:
        page = client.get(url).json()
        found += [each["id"] for each in page["features"]]
        url = next((each["href"] for each in page["links"] if each["rel"] == "next"), None)
    assert found == whole


def test_a_filter_is_asked_of_each_version_by_itself(client, renamed):
    page = ask(client, datetime="2024-01-10/..", filter="name = 'Rondo'")
    assert [each["properties"]["name"] for each in page["features"]] == ["Rondo"]
    assert ask(client, filter="name = 'Rondo'")["features"] == []
    assert told(client, datetime="2024-01-15", filter="valid_until IS NOT NULL") == {"1": "Rondo"}


def test_a_day_is_meant_as_it_was_when_it_ended(client, renamed):
    assert told(client, datetime=f"{DAYS[1]}")["1"] == "Rynek"
    assert told(client, datetime=f"{DAYS[1] - timedelta(days=2)}")["1"] == "Rondo"
    assert told(client, **{"known-at": "1990-01-01"}) == {}
    assert told(client, **{"known-at": "2999-01-01"}) == {"1": "Rynek", "2": "Most"}


# Collections of a moment


def test_a_collection_of_a_moment_needs_no_parameter(client, renamed):
    named = "stops@2024-01-15"
    document = client.get(f"/collections/{named}").json()
    assert document["id"] == named
    assert {each["rel"]: each["href"] for each in document["links"]}["self"] == f"{HOME}/collections/{named}"
    page = client.get(f"/collections/{named}/items?limit=1").json()
    assert [each["properties"]["name"] for each in page["features"]] == ["Rondo"]
    following = next(each["href"] for each in page["links"] if each["rel"] == "next")
    assert following.startswith(f"{HOME}/collections/{named}/items?")
    assert [each["id"] for each in client.get(following).json()["features"]] == ["2"]
    one = client.get(f"/collections/{named}/items/1")
    assert one.json()["properties"]["name"] == "Rondo"
    assert headers(one)["original"] == f"{HOME}{HERE}/1"
    for document in ("schema", "queryables", "sortables"):
        assert (
            client.get(f"/collections/{named}/{document}").json()["$id"]
            == f"{HOME}/collections/{named}/{document}"
        )
    assert client.get(f"/collections/{named}/items?datetime=2024-01-15").status_code == 400
    for odd in ("stops@", "stops@yesterday", "stops@2024-01-15/..", "stops@2024-13-01"):
        assert client.get(f"/collections/{odd}/items").status_code in (400, 404)
    assert client.get("/collections/nothing@2024-01-15").status_code == 404


def test_people_who_ask_for_a_collection_of_a_moment_are_led_to_its_features(client, renamed):
    for path in ("", "/items", "/items/1", "/schema"):
        answer = client.get(f"/collections/stops@2024-01-15{path}?f=html")
        assert answer.status_code == 200
        assert "datetime=2024-01-15T23" in str(answer.url)
    assert "Rondo" in client.get("/collections/stops@2024-01-15/items?f=html&lang=pl").text


def test_tiles_are_of_the_time_asked(client, renamed):
    tile = "tiles/WebMercatorQuad/12/1345/2240"
    plain = client.get(f"/collections/stops/{tile}").content
    assert b"Rynek" in plain
    assert b"Rondo" not in plain
    for address in (f"stops@2024-01-15/{tile}", f"stops/{tile}?datetime=2024-01-15T00:00:00Z"):
        drawn = client.get(f"/collections/{address}").content
        assert b"Rondo" in drawn
        assert b"Rynek" not in drawn
    assert client.get(f"/collections/stops/{tile}?known-at=1990-01-01").content == b""
    template = client.get("/collections/stops@2024-01-15/tiles/WebMercatorQuad").json()["links"][-1]["href"]
    assert template.startswith(f"{HOME}/collections/stops@2024-01-15/tiles/")


def test_a_page_of_one_feature_lists_its_versions(client, renamed):
    page = client.get(f"{HERE}/1?f=html&lang=pl").text
    assert '<h2 id="versions">Wersje</h2>' in page
    older = client.get(f"{HERE}/1?f=html&lang=en&datetime=2024-01-15T00:00:00Z").text
    assert "Rondo" in older
    assert "<h1>Rynek" not in older


# What is said of it, and what is refused


def test_every_layer_says_what_its_times_are(client, layer):
    said = client.get(f"/collections/{layer.name}").json()["versioning"]
    assert said["timeAxis"] == "validity-time"
    assert said["secondAxis"] == {"timeAxis": "transaction-time", "parameter": "known-at"}
    roles = [
        each.get("x-ogc-role")
        for each in client.get(f"/collections/{layer.name}/schema").json()["properties"].values()
    ]
    assert (roles.count("primary-interval-start"), roles.count("primary-interval-end")) == (1, 1)


@pytest.mark.parametrize(
    "query",
    [
        "datetime=2024-01-01/2024-02-01",
        "datetime=x",
        "known-at=x",
        "known-at=",
        "known-at=../..",
        "datetime=",
    ],
)
def test_one_feature_is_asked_for_at_one_moment(client, renamed, query):
    answer = client.get(f"{HERE}/1?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path", ["/1/versions?datetime=2024-01-01", "/1/versions?f=html", "/1/versions?known-at=x"]
)
def test_versions_are_asked_for_in_the_forms_that_there_are(client, renamed, path):
    assert client.get(f"{HERE}{path}").status_code == 400


def test_an_open_beginning_may_be_written_as_qgis_writes_it(client, renamed):
    spans = ("0000-01-01T00:00:00Z/2024-02-15", "../2024-02-15")
    assert told(client, datetime=spans[0]) == told(client, datetime=spans[1]) != {}
    for moment in ("0000-01-01T00:00:00Z", "../0000-01-01T00:00:00Z"):
        assert client.get(f"{HERE}?{urlencode({'datetime': moment})}").status_code == 400


@pytest.mark.parametrize(
    "moment",
    [
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z",
        "0001-01-01/9999-12-31",
        "0001-01-01T00:00:00+14:00/..",
    ],
)
def test_the_ends_of_time_can_be_asked_for(client, renamed, moment):
    assert client.get(f"{HERE}?{urlencode({'datetime': moment})}").status_code == 200
    known = moment.partition("/")[0]
    assert client.get(f"{HERE}?{urlencode({'known-at': known})}").status_code == 200
