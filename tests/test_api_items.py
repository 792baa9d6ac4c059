"""Features are found as the standard says: by page, count, box, time, value and identifier."""

import random
import time
from datetime import UTC, date, datetime
from itertools import pairwise
from urllib.parse import quote, urlencode, urlsplit

import pytest
import shapely
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from layers import all_layers

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
HERE = "/collections/trees/items"


def ask(client, layer, **parameters):
    answer = client.get(f"/collections/{layer}/items?{urlencode(parameters)}")
    assert answer.status_code == 200, answer.text[:300]
    return answer.json()


def ids(page):
    return [each["id"] for each in page["features"]]


def pages(client, url):
    """One page after the other, as the `next` links lead."""
    while url:
        answer = client.get(url)
        assert answer.status_code == 200, answer.text[:300]
        page = answer.json()
        yield page
        url = next((each["href"] for each in page["links"] if each["rel"] == "next"), None)


def keys(database, layer, condition="true"):
    query = f"SELECT {layer.key} FROM city.{layer.name} WHERE {condition} ORDER BY {layer.key}"
    with database.transaction() as connection:
        return list(connection.execute(sa.text(query)).scalars())


# Pages


@given(data=st.data())
@settings(max_examples=3, deadline=None)
def test_all_pages_together_hold_every_feature_once_and_in_order(client, loaded, layer, data):
    expected = keys(loaded, layer)
    limit = data.draw(st.integers(len(expected) // 8 + 1, len(expected) + 2))
    found = list(pages(client, f"/collections/{layer.name}/items?limit={limit}"))
    assert [key for page in found for key in ids(page)] == expected
    assert {page["numberMatched"] for page in found} == {len(expected)}
    assert [page["numberReturned"] for page in found] == [len(page["features"]) for page in found]
    assert all(len(page["features"]) == limit for page, _ in pairwise(found))


def test_pages_of_one_feature_reach_the_end_and_keep_their_filter(client, loaded):
    expected = keys(loaded, all_layers()["stops"], "mode = 'tram'")
    found = list(pages(client, "/collections/stops/items?limit=1&mode=tram"))
    assert [ids(page) for page in found] == [[key] for key in expected]
    assert {page["numberMatched"] for page in found} == {len(expected)}


@pytest.fixture
def restored(loaded):
    """Trees may be deleted; afterwards they are as before."""
    with loaded.transaction() as connection:
        columns = connection.execute(
            sa.text(
                "SELECT string_agg(column_name, ', ') FROM information_schema.columns "
                "WHERE table_schema = 'city' AND table_name = 'trees' AND is_generated = 'NEVER'"
            )
        ).scalar()
        connection.execute(sa.text("CREATE TABLE staging.kept AS TABLE city.trees"))
    yield loaded
    with loaded.transaction() as connection:
        back = f"INSERT INTO city.trees ({columns}) SELECT {columns} FROM staging.kept ON CONFLICT DO NOTHING"
        connection.execute(sa.text(back))
        connection.execute(sa.text("DROP TABLE staging.kept"))


def test_no_survivor_is_lost_when_rows_are_deleted_between_pages(client, restored):
    trees, dice, seen = all_layers()["trees"], random.Random(7), []
    for page in pages(client, f"{HERE}?limit=400"):
        seen += ids(page)
        condemned = dice.sample(keys(restored, trees), 120)
        with restored.transaction() as connection:
            connection.execute(
                sa.text("DELETE FROM city.trees WHERE tree_id = ANY(:ids)"), {"ids": condemned}
            )
    assert len(seen) == len(set(seen))
    assert set(keys(restored, trees)) <= set(seen)


def test_a_page_holds_a_hundred_features_unless_asked_otherwise(client):
    assert ask(client, "trees")["numberReturned"] == 100
    assert ask(client, "trees", limit=1)["numberReturned"] == 1
    assert ask(client, "trees", limit="007")["numberReturned"] == 7


def test_more_than_the_most_is_cut_and_not_refused(client, monkeypatch):
    monkeypatch.setattr("api.asking.MAX_LIMIT", 50)
    for limit in (51, 10**9, 10**21, "9" * 5000):
        assert ask(client, "trees", limit=limit)["numberReturned"] == 50


# Counts


def test_hits_gives_the_count_and_no_feature(client, rows, layer):
    page = ask(client, layer.name, resulttype="hits")
    assert page["features"] == []
    assert page["numberReturned"] == 0
    assert page["numberMatched"] == rows(f"SELECT count(*) FROM city.{layer.name}")[0][0]


def test_every_field_can_be_asked_for_and_the_count_is_that_of_the_rows(client, rows, layer):
    for field in layer.visible_fields("public"):
        found = rows(
            f"SELECT {field.name}, count(*) FROM city.{layer.name} WHERE {field.name} IS NOT NULL "
            f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"
        )
        for value, count in found:
            page = ask(client, layer.name, limit=20, **{field.name: written(value)})
            assert page["numberMatched"] == count, field.name
            assert page["numberReturned"] == min(count, 20)
            assert all(each["properties"][field.name] == told(value) for each in page["features"])


def told(value):
    """As JSON holds it."""
    moment = value.astimezone(UTC) if isinstance(value, datetime) else value
    return moment.isoformat() if isinstance(moment, date) else value


def written(value):
    """As a person writes it in an address."""
    return str(value).lower() if isinstance(value, bool) else told(value)


def test_filters_narrow_one_another(client, loaded):
    layer = all_layers()["utility_lines"]
    expected = keys(loaded, layer, "network = 'w' AND function = 'p' AND NOT bundle")
    page = ask(client, layer.name, network="w", function="p", bundle="false", limit=10_000)
    assert ids(page) == expected
    assert page["numberMatched"] == len(expected)
    assert ask(client, layer.name, network="w", function="p", bundle="false", resulttype="hits")[
        "numberMatched"
    ] == len(expected)


def test_a_large_count_of_a_narrowed_layer_is_left_out_unless_it_is_what_is_asked(client, rows, monkeypatch):
    monkeypatch.setattr("api.features.EXACT_COUNT", 50)
    ((count,),) = rows("SELECT count(*) FROM city.utility_lines WHERE network = 'e'")
    assert count > 50
    assert "numberMatched" not in ask(client, "utility_lines", network="e")
    assert ask(client, "utility_lines", network="e", resulttype="hits")["numberMatched"] == count
    few = rows("SELECT count(*) FROM city.utility_lines WHERE network = 'e' AND diameter_mm = 12345")[0][0]
    assert ask(client, "utility_lines", network="e", diameter_mm=12345)["numberMatched"] == few == 0


def test_hits_after_a_page_still_counts_everything(client):
    following = next(each["href"] for each in ask(client, "trees", limit=5)["links"] if each["rel"] == "next")
    whole = ask(client, "trees", resulttype="hits")["numberMatched"]
    assert client.get(f"{following}&resulttype=hits").json()["numberMatched"] == whole


# Boxes

SYSTEMS = {CRS84: False, f"{EPSG}4326": True, f"{EPSG}2177": True, f"{EPSG}2180": True, f"{EPSG}3857": False}
EXACT = 1e-4  # of a metre; nearer to the edge of a box, two programs may differ


def code(crs):
    return 4326 if crs == CRS84 else int(crs.rpartition("/")[2])


def as_bbox(crs, west, south, east, north):
    """A box as the parameter wants it: axes in the order of the authority."""
    corners = (south, west, north, east) if SYSTEMS[crs] else (west, south, east, north)
    return ",".join(repr(float(each)) for each in corners)


def agrees(client, shapes, name, crs, box):
    """The API finds what shapely finds; at the very edge either answer is right."""
    names, geometries = shapes(name, code(crs))
    margin = EXACT / 111_000 if code(crs) == 4326 else EXACT
    west, south, east, north = box
    around = shapely.box(west - margin, south - margin, east + margin, north + margin)
    inside = shapely.box(west + margin, south + margin, east - margin, north - margin)
    at_most = set(names[shapely.intersects(geometries, around)])
    roomy = east - west > 2 * margin and north - south > 2 * margin
    at_least = set(names[shapely.intersects(geometries, inside)]) if roomy else set()
    asked = {"bbox": as_bbox(crs, *box), "bbox-crs": crs, "limit": 10_000}
    page = ask(client, name, **asked)
    assert at_least <= set(ids(page)) <= at_most
    assert page["numberMatched"] == len(page["features"])


fraction = st.floats(0, 1, allow_nan=False)


@given(
    name=st.sampled_from(sorted(all_layers())),
    crs=st.sampled_from(sorted(SYSTEMS)),
    part=st.tuples(fraction, fraction, st.floats(0.001, 0.3), st.floats(0.001, 0.3)),
)
@settings(max_examples=60, deadline=None)
def test_a_box_finds_the_features_that_meet_it_in_every_system(client, shapes, name, crs, part):
    _, geometries = shapes(name, code(crs))
    west, south, east, north = shapely.total_bounds(geometries)
    wide, high = east - west, north - south
    left, low = west + part[0] * wide, south + part[1] * high
    agrees(client, shapes, name, crs, (left, low, left + part[2] * wide, low + part[3] * high))


@pytest.mark.parametrize("crs", sorted(SYSTEMS))
def test_a_box_that_ends_ten_centimetres_before_a_point_does_not_find_it(client, shapes, crs):
    names, trees = shapes("trees", code(crs))
    step = 0.1 / 111_000 if code(crs) == 4326 else 0.1
    for key, point in zip(names[:20], trees[:20], strict=True):
        beside = (point.x + step, point.y - 50 * step, point.x + 60 * step, point.y + 50 * step)
        agrees(client, shapes, "trees", crs, beside)
        around = (point.x - step, point.y - step, point.x + step, point.y + step)
        asked = {"bbox": as_bbox(crs, *around), "bbox-crs": crs}
        assert key in ids(ask(client, "trees", **asked))


@pytest.mark.parametrize("crs", sorted(SYSTEMS))
def test_a_box_without_width_is_a_point_or_a_line(client, shapes, crs):
    names, parcels = shapes("parcels", code(crs))
    for at in (0, 100, 500):
        place = shapely.point_on_surface(parcels[at])
        spot = {"bbox": as_bbox(crs, place.x, place.y, place.x, place.y), "bbox-crs": crs}
        assert names[at] in ids(ask(client, "parcels", **spot))
        west, _, east, _ = parcels[at].bounds
        line = {"bbox": as_bbox(crs, west, place.y, east, place.y), "bbox-crs": crs}
        assert names[at] in ids(ask(client, "parcels", **line))


@pytest.mark.parametrize("crs", sorted(SYSTEMS))
@pytest.mark.parametrize("reach", [1e5, 2e7, 1e12, 1e300])
def test_a_box_larger_than_the_world_finds_everything_at_once(client, rows, crs, reach):
    asked = {"bbox": as_bbox(crs, -reach, -reach, reach, reach), "bbox-crs": crs, "limit": 1}
    ((count,),) = rows("SELECT count(*) FROM city.parcels")
    metric = code(crs) != 4326
    started = time.monotonic()
    found = ask(client, "parcels", **asked)["numberMatched"]
    assert found == (0 if metric and reach == 1e5 else count)
    assert time.monotonic() - started < 3


@pytest.fixture
def nowhere(loaded):
    """A tree without a place, for the time of the test."""
    with loaded.transaction() as connection:
        found = connection.execute(
            sa.text("SELECT tree_id, ST_AsEWKB(geom) FROM city.trees ORDER BY 1 LIMIT 1")
        )
        key, place = found.one()
    move = sa.text("UPDATE city.trees SET geom = ST_GeomFromEWKB(:place) WHERE tree_id = :key")
    for where in (None, place):
        with loaded.transaction() as connection:
            connection.execute(move, {"place": where, "key": key})
        if where is None:
            yield key


def test_a_feature_without_a_place_is_in_the_list_and_in_no_box(client, nowhere):
    feature = client.get(f"{HERE}/{nowhere}").json()
    assert feature["geometry"] is None
    for crs in SYSTEMS:
        assert ask(client, "trees", limit=1, crs=crs)["features"][0]["geometry"] is None
        everywhere = {"bbox": as_bbox(crs, -1e8, -1e8, 1e8, 1e8), "bbox-crs": crs}
        assert nowhere not in ids(ask(client, "trees", limit=10_000, **everywhere))
    assert client.get("/collections/trees/tiles/WebMercatorQuad/0/0/0").status_code == 200
    assert client.get(f"/search?q={nowhere}").status_code == 200


def test_a_box_with_heights_is_the_box(client):
    flat = ask(client, "trees", bbox="16.91,52.405,16.92,52.41")
    assert ids(ask(client, "trees", bbox="16.91,52.405,-10,16.92,52.41,500")) == ids(flat) != []


def test_a_box_across_the_antimeridian_goes_the_long_way_round(client, shapes):
    names, trees = shapes("trees", 4326)
    for crs in (CRS84, f"{EPSG}4326"):
        asked = {"bbox": as_bbox(crs, 16.92, 52, -179, 53), "bbox-crs": crs, "limit": 10_000}
        assert set(ids(ask(client, "trees", **asked))) == set(names[shapely.get_x(trees) >= 16.92])
        asked["bbox"] = as_bbox(crs, 170, -90, -170, 90)
        assert ids(ask(client, "trees", **asked)) == []


def test_a_box_combines_with_values_and_times(client, loaded):
    box = "ST_MakeEnvelope(16.91, 52.405, 16.925, 52.412, 4326)"
    condition = f"network = 'w' AND version_from <= '2024-01-01Z' AND ST_Intersects(lonlat, {box})"
    expected = keys(loaded, all_layers()["utility_lines"], condition)
    narrowed = {"bbox": "16.91,52.405,16.925,52.412", "network": "w", "datetime": "2024-01-01T00:00:00Z"}
    found = list(pages(client, f"/collections/utility_lines/items?{urlencode(narrowed | {'limit': 100})}"))
    assert [key for page in found for key in ids(page)] == expected != []
    assert {page["numberMatched"] for page in found} == {len(expected)}


# Times


def test_a_moment_finds_the_versions_that_were_valid_then(client, loaded):
    """Of each parcel that has an archival version, that or the current one; of the others the current one."""
    ordered = keys_by(loaded, "version_from")
    moment = ordered[len(ordered) // 2]
    for asked, (since, until) in {
        moment.isoformat(): (moment.isoformat(), moment.isoformat()),
        f"../{moment.isoformat()}": ("-infinity", moment.isoformat()),
        f"/{moment.isoformat()}": ("-infinity", moment.isoformat()),
        f"{moment.isoformat()}/..": (moment.isoformat(), "infinity"),
        f"{moment:%Y-%m-%d}": (f"{moment:%Y-%m-%d} 23:59:59.999999 Europe/Warsaw",) * 2,
        f"{ordered[0]:%Y-%m-%d}/{moment:%Y-%m-%d}": (
            f"{ordered[0]:%Y-%m-%d} 00:00 Europe/Warsaw",
            f"{moment:%Y-%m-%d} 23:59:59.999999 Europe/Warsaw",
        ),
        "1900-01-01": ("1900-01-01", "1900-01-01"),
        "../1900-01-01T00:00:00Z": ("-infinity", "1900-01-01"),
        "2999-12-31T23:59:59.999+14:00": ("2999-12-31", "2999-12-31"),
    }.items():
        page = ask(client, "parcels", datetime=asked, limit=10_000, profile="versions-as-features")
        assert ids(page) == valid_between(loaded, since, until), asked


def valid_between(database, since, until):
    query = """
        SELECT local_id FROM (
            SELECT local_id, version_from AS begin, 'infinity'::timestamptz AS over FROM city.parcels
            UNION ALL
            SELECT local_id, lower(valid), upper(valid) FROM city.parcels_history WHERE upper_inf(recorded)
        ) AS versions WHERE begin <= :until AND over > :since ORDER BY local_id, begin
    """
    with database.transaction() as connection:
        connection.execute(sa.text("SET LOCAL timezone = 'UTC'"))
        return list(connection.execute(sa.text(query), {"since": since, "until": until}).scalars())


def keys_by(database, column):
    with database.transaction() as connection:
        connection.execute(sa.text("SET LOCAL timezone = 'UTC'"))
        query = f"SELECT DISTINCT {column} FROM city.parcels ORDER BY {column}"
        return list(connection.execute(sa.text(query)).scalars())


def test_the_same_moment_in_another_zone_finds_the_same(client):
    noon = [
        "2024-05-01T12:00:00Z",
        "2024-05-01T14:00:00+02:00",
        "2024-05-01T12:00:00",
        "2024-05-01t12:00:00z",
    ]
    counts = {ask(client, "parcels", datetime=each, resulttype="hits")["numberMatched"] for each in noon}
    assert len(counts) == 1


def test_a_layer_without_dates_of_its_own_is_valid_from_the_day_it_speaks_of(client, rows):
    ((stand, count),) = rows("SELECT max(stand), count(*) FROM city.stops")
    assert ask(client, "stops", datetime=f"{stand}")["numberMatched"] == count
    assert ask(client, "stops", datetime=f"{stand}/..")["numberMatched"] == count
    assert ask(client, "stops", datetime=f"../{stand.replace(year=stand.year - 1)}")["numberMatched"] == 0


# Identifiers

ODD = [
    "a/b",
    "/a",
    "a//b/",
    "a#b",
    "a?b=c&d",
    "100%",
    "Gęś żółta",
    "a b+c",
    "a;b,c'd\"e",
    "\u202ex",
    "<b>",
]


@pytest.fixture
def odd(loaded, request):
    """A tree of an odd number, for the time of the test."""
    with loaded.transaction() as connection:
        was = connection.execute(sa.text("SELECT max(tree_id) FROM city.trees")).scalar()
        rename(connection, was, request.param)
    yield request.param
    with loaded.transaction() as connection:
        rename(connection, request.param, was)


def rename(connection, before, after):
    connection.execute(
        sa.text("UPDATE city.trees SET tree_id = :after WHERE tree_id = :before"),
        {"after": after, "before": before},
    )


@pytest.mark.parametrize("odd", ODD, indirect=True)
def test_a_feature_of_an_odd_identifier_is_found_by_it_and_by_its_own_link(client, odd):
    answer = client.get(f"{HERE}/{quote(odd, safe='')}")
    assert answer.status_code == 200
    assert answer.json()["id"] == answer.json()["properties"]["tree_id"] == odd
    own = next(each["href"] for each in answer.json()["links"] if each["rel"] == "self")
    assert client.get(own).json()["id"] == odd
    assert urlsplit(own).query == urlsplit(own).fragment == ""
    assert ids(ask(client, "trees", tree_id=odd)) == [odd]


def test_a_feature_alone_is_the_feature_of_the_list(client, layer):
    for crs in (CRS84, f"{EPSG}2177"):
        listed = ask(client, layer.name, limit=3, crs=crs)["features"]
        for feature in listed:
            answer = client.get(
                f"/collections/{layer.name}/items/{quote(feature['id'], safe='')}?{urlencode({'crs': crs})}"
            )
            alone = answer.json()
            alone.pop("links")
            alone.pop("time")
            assert alone == feature
            assert answer.headers["content-crs"] == f"<{crs}>"
            assert answer.headers["content-type"] == "application/geo+json"
