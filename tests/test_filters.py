"""Filters narrow what is asked, by every field, place and time; what is no filter is refused."""

import json
import time
from urllib.parse import quote, urlencode

import pytest
import shapely
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from api.asking import asked
from api.features import rows_sql, values
from api.reading import readers
from layers import get_layer
from layers.collection import CRS84

EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
SYSTEMS = {CRS84: False, f"{EPSG}4326": True, f"{EPSG}2177": True, f"{EPSG}2180": True, f"{EPSG}3857": False}
QUOTED = {"text", "date", "moment"}


def ask(client, layer, text, **parameters):
    answer = client.get(f"/collections/{layer}/items?{urlencode({'filter': text} | parameters)}")
    assert answer.status_code == 200, f"{text}: {answer.text[:300]}"
    return answer.json()


def count(client, layer, text, **parameters):
    return ask(client, layer, text, resulttype="hits", **parameters)["numberMatched"]


def ids(page):
    return [each["id"] for each in page["features"]]


def refused(client, text, sentence, **parameters):
    answer = client.get(f"/collections/trees/items?{urlencode({'filter': text} | parameters)}")
    assert answer.status_code == 400, f"{text[:80]}: {answer.status_code} {answer.text[:200]}"
    assert answer.headers["content-type"] == "application/problem+json"
    assert sentence in answer.json()["detail"]


# What is found


def written(value, kind):
    """A value as CQL2 text writes it, and as SQL does."""
    plain = str(value).replace("'", "''")
    if kind == "date":
        return f"DATE('{plain}')"
    if kind == "moment":
        return f"TIMESTAMP('{value:%Y-%m-%dT%H:%M:%S.%fZ}')"
    return f"'{plain}'" if kind == "text" else plain.lower() if kind == "flag" else plain


def test_every_field_of_every_layer_is_compared_as_the_database_compares_it(client, layer, loaded):
    for field in layer.visible_fields("public"):
        with loaded.transaction() as connection:
            connection.execute(sa.text("SET LOCAL timezone = 'UTC'"))
            found = connection.execute(
                sa.text(
                    f"SELECT {field.name} FROM city.{layer.name} WHERE {field.name} IS NOT NULL "
                    f"ORDER BY md5({field.name}::text) LIMIT 1"
                )
            ).scalar()
            conditions = ["IS NULL", "IS NOT NULL"]
            if found is not None:
                conditions += [f"{operator} {{}}" for operator in ("=", "<>", "<", ">", "<=", ">=")]
            for condition in conditions:
                text = f"{field.name} {condition.format(written(found, field.kind))}"
                collated = f'{field.name} COLLATE "C"' if field.kind == "text" else field.name
                where = f"{collated} {condition.format(':found')}"
                query = sa.text(f"SELECT count(*) FROM city.{layer.name} WHERE {where}")
                asked_for = {"found": found} if ":found" in where else {}
                assert count(client, layer.name, text) == connection.execute(query, asked_for).scalar(), text


def test_a_closed_field_cannot_be_asked_for(client, layer):
    for field in set(layer.fields) - set(layer.visible_fields("public")):
        answer = client.get(
            f"/collections/{layer.name}/items?{urlencode({'filter': f'{field.name} IS NULL'})}"
        )
        assert answer.status_code == 400
        assert f"The filter asks for '{field.name}'" in answer.json()["detail"]


def test_text_and_json_say_the_same(client):
    tree = {
        "op": "and",
        "args": [
            {
                "op": "like",
                "args": [
                    {"op": "casei", "args": [{"property": "species"}]},
                    {"op": "casei", "args": ["TILIA%"]},
                ],
            },
            {"op": ">", "args": [{"op": "/", "args": [{"property": "girth_cm"}, 2]}, 50]},
        ],
    }
    text = "CASEI(species) LIKE CASEI('TILIA%') AND girth_cm / 2 > 50"
    both = [ids(ask(client, "trees", each, limit=10_000)) for each in (text, json.dumps(tree))]
    assert both[0] == both[1] != []
    assert (
        ids(ask(client, "trees", json.dumps(tree), limit=10_000, **{"filter-lang": "cql2-json"})) == both[0]
    )


def test_a_name_is_found_without_its_polish_letters(client, rows):
    ((with_letters, plain),) = rows(
        "SELECT name, translate(name, 'ąćęłńóśźżĄĆĘŁŃÓŚŹŻ', 'acelnoszzACELNOSZZ') FROM city.stops "
        "WHERE name ~ '[ąćęłńóśźż]' ORDER BY name LIMIT 1"
    )
    assert plain != with_letters
    for folded in (plain, plain.upper(), with_letters.upper()):
        text = f"ACCENTI(CASEI(name)) = ACCENTI(CASEI('{folded}'))"
        assert with_letters in {each["properties"]["name"] for each in ask(client, "stops", text)["features"]}
    assert count(client, "stops", f"name = '{plain}'") == 0


def test_a_filter_narrows_with_everything_else_that_narrows(client):
    girth, box = "girth_cm > 100", {"bbox": "16.91,52.405,16.92,52.412"}
    alone = set(ids(ask(client, "trees", girth, limit=10_000)))
    boxed = set(ids(ask(client, "trees", "true", limit=10_000, **box)))
    assert set(ids(ask(client, "trees", girth, limit=10_000, **box))) == alone & boxed != set()
    assert ids(ask(client, "trees", girth, datetime="1900-01-01")) == []
    assert count(client, "trees", "false") == 0


def as_written(shape, crs):
    """A geometry as a filter in ``crs`` writes it: axes in the order of the authority."""
    return shapely.to_wkt(
        shapely.transform(shape, lambda xy: xy[:, ::-1]) if SYSTEMS[crs] else shape, rounding_precision=12
    )


def code(crs):
    return 4326 if crs == CRS84 else int(crs.rpartition("/")[2])


fraction = st.floats(0.05, 0.95)


@given(
    name=st.sampled_from(["parcels", "trees", "utility_lines", "buildings", "utility_devices"]),
    crs=st.sampled_from(sorted(SYSTEMS)),
    corners=st.lists(st.tuples(fraction, fraction), min_size=3, max_size=6),
)
@settings(max_examples=40, deadline=None)
def test_a_place_finds_the_features_that_lie_so_to_it_in_every_system(client, shapes, name, crs, corners):
    names, geometries = shapes(name, code(crs))
    west, south, east, north = shapely.total_bounds(geometries)
    at = [(west + x * (east - west) / 3, south + y * (north - south) / 3) for x, y in corners]
    area = shapely.convex_hull(shapely.MultiPoint(at))
    if area.geom_type != "Polygon":
        return
    margin = 1e-4 / (111_000 if code(crs) == 4326 else 1)
    inside, around = shapely.buffer(area, -margin), shapely.buffer(area, margin)
    for relation in ("intersects", "within", "disjoint"):
        bounds = [set(names[getattr(shapely, relation)(geometries, each)]) for each in (inside, around)]
        at_least, at_most = reversed(bounds) if relation == "disjoint" else bounds
        text = f"S_{relation.upper()}(geometry, {as_written(area, crs)})"
        found = set(ids(ask(client, name, text, limit=10_000, **{"filter-crs": crs})))
        assert at_least <= found <= at_most, text


@pytest.mark.parametrize("crs", sorted(SYSTEMS))
def test_a_place_ten_centimetres_beside_a_tree_does_not_find_it(client, shapes, crs):
    names, trees = shapes("trees", code(crs))
    step = 0.1 / 111_000 if code(crs) == 4326 else 0.1
    for key, tree in zip(names[:10], trees[:10], strict=True):
        beside = shapely.box(tree.x + step, tree.y - step, tree.x + 20 * step, tree.y + step)
        for shape, there in ((beside, False), (shapely.buffer(tree, step), True)):
            text = f"S_INTERSECTS(geometry, {as_written(shape, crs)})"
            assert (key in ids(ask(client, "trees", text, **{"filter-crs": crs}))) is there


def test_a_box_is_the_place_it_encloses_and_the_other_name_of_the_geometry_means_the_same(client):
    boxes = {CRS84: "16.91,52.405,16.92,52.41", f"{EPSG}4326": "52.405,16.91,52.41,16.92"}
    plain = ids(ask(client, "trees", "true", bbox=boxes[CRS84], limit=10_000))
    assert plain
    for crs, corners in boxes.items():
        for name in ("geometry", "geom"):
            text = f"S_INTERSECTS({name}, BBOX({corners}))"
            assert ids(ask(client, "trees", text, limit=10_000, **{"filter-crs": crs})) == plain


def plan(loaded, layer, **parameters):
    """How the database finds what is asked, told that it may not read everything."""
    wish = asked(parameters, get_layer(layer), 2177)
    query = rows_sql(get_layer(layer), wish, 2177, limit="LIMIT 100")
    reader = readers()["public"]
    with reader.connections.one() as connection, connection.transaction():
        connection.execute("SET LOCAL enable_seqscan = off")
        told = connection.execute(f"EXPLAIN {query}".encode(), values(wish, 2177))
        return "\n".join(line for (line,) in told)


@pytest.mark.parametrize("crs", sorted(SYSTEMS))
@pytest.mark.parametrize(
    "relation", ["INTERSECTS", "EQUALS", "TOUCHES", "WITHIN", "OVERLAPS", "CROSSES", "CONTAINS"]
)
def test_places_are_looked_up_in_the_index(loaded, client, shapes, crs, relation):
    _, parcels = shapes("parcels", code(crs))
    text = f"S_{relation}(geometry, {as_written(parcels[0], crs)})"
    told = plan(loaded, "parcels", filter=text, **{"filter-crs": crs})
    assert "Index Cond: (lonlat" in told or "Index Cond: (geom" in told, told


def test_the_valid_time_can_be_asked_for(client, rows):
    ((moment,),) = rows("SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY valid_since) FROM city.parcels")
    ((expected,),) = rows(f"SELECT count(*) FROM city.parcels WHERE valid_since <= '{moment.isoformat()}'")
    written_moment = f"TIMESTAMP('{moment:%Y-%m-%dT%H:%M:%S.%fZ}')"
    assert count(client, "parcels", f"valid_since <= {written_moment}") == expected > 0
    span = f"INTERVAL('..', '{moment:%Y-%m-%dT%H:%M:%S.%fZ}')"
    assert count(client, "parcels", f"T_INTERSECTS(INTERVAL(valid_since, valid_until), {span})") == expected
    assert count(client, "parcels", "valid_until IS NULL") == count(client, "parcels", "true")


def test_what_has_no_result_is_unknown_and_what_overflows_is_refused(client):
    assert count(client, "trees", "girth_cm / 0 = 1 OR girth_cm % 0 = 1 OR girth_cm div 0 = 1") == 0
    refused(client, "10 ^ girth_cm > 1 AND 10 ^ 400 > 1", "no result for some feature")


# What is refused


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("species = 5", "species is text and 5 is a whole number: they cannot be compared."),
        ("girth_cm = 'five'", "girth_cm is a number and 'five' is text"),
        ("inspected > '2020-01-01'", "A day is written DATE('2024-05-01')"),
        ("species > DATE('2020-13-01')", "'2020-13-01' is no day."),
        ("species IN ('a', 1)", "cannot be compared"),
        ("species IN (girth_cm)", "cannot be compared"),
        ("girth_cm + species > 1", "+ is of two numbers, and species is text"),
        ("girth_cm", "the whole is a condition, and girth_cm is a number"),
        ("'x'", "the whole is a condition"),
        ("NOT girth_cm", "NOT is of a condition"),
        ("girth_cm > 1 AND species", "AND connects conditions, and species is text"),
        ("geometry = species", "geometry cannot be compared so: it is a geometry"),
        ("S_INTERSECTS(geometry, species)", "S_INTERSECTS is of two geometries, and species is text"),
        ("S_INTERSECTS(geometry)", "does not have as many parts as it takes"),
        ("S_INTERSECTS(geometry, POLYGON((0 0,1 1,1 0,0 1,0 0)))", "Self-intersection"),
        ("S_INTERSECTS(geometry, POLYGON((0 0,1 1,1 0)))", "which is no geometry"),
        ("S_INTERSECTS(geometry, POINT EMPTY)", "it is empty"),
        ("S_INTERSECTS(geometry, BBOX(1,2,3))", "a box has four numbers"),
        ("S_INTERSECTS(geometry, BBOX(1,5,3,2))", "upside down"),
        (
            "T_DURING(inspected, INTERVAL('2020-01-01','..'))",
            "T_DURING is of two intervals, and inspected is a day",
        ),
        ("T_AFTER(species, DATE('2020-01-01'))", "a time is meant, and species is text"),
        ("T_AFTER(inspected, INTERVAL('..', '..'))", "an interval has at least one end"),
        ("species LIKE inspected", "LIKE is of two texts"),
        ("species LIKE species", "the pattern of LIKE is written in quotes"),
        ("species LIKE 'x\\'", "ends in \\"),
        ("CASEI(girth_cm) = 'x'", "CASEI is of a text"),
        ("owner_pesel = '1'", "The filter asks for 'owner_pesel'. What can be asked for: tree_id, "),
        ('"hash" = 1', "The filter asks for 'hash'"),
        ("run = 1", "The filter asks for 'run'"),
        ("recorded_since IS NULL", "The filter asks for 'recorded_since'"),
        ("pg_sleep(5) = 1", "Filters know no function 'pg_sleep'"),
        ("pg_read_file('/etc/passwd') = 'x'", "Filters know no function 'pg_read_file'"),
        ("current_setting('is_superuser') = 'on'", "Filters know no function 'current_setting'"),
        ("Buffer(geometry, 1) IS NULL", "Filters know no function 'Buffer'"),
        ("A_CONTAINS(species, ('x'))", "Filters know no function 'a_contains'"),
        ("species = 'x'; DROP TABLE city.trees", "stops being CQL2 text before '; DROP"),
        ("species = 'x' UNION SELECT 1", "stops being CQL2 text"),
        ("species = NULL", "The filter asks for 'NULL'"),
        ("species = 'a\x00b'", "the sign of code 0"),
        ('{"op": "=", "args": [{"property": "species"}, null]}', "where a value or a condition is meant"),
        ('{"op": "=", "args": "species"}', "as many parts as it takes"),
        ('{"op": ["="], "args": []}', "Filters know no function"),
        ('{"op": "in", "args": [{"property": "species"}, "x"]}', "IN is followed by no list"),
        ('{"op": "in", "args": [{"property": "species"}, []]}', "IN is followed by no list"),
        ('{"property": ["species"]}', "The filter asks for"),
        ('{"interval": 5}', "does not have two ends"),
        (
            '{"op": "s_equals", "args": [{"property": "geom"}, {"type": "Point", "coordinates": ["x", 1]}]}',
            "cannot be used",
        ),
        ('{"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Nothing"}]}', "cannot be used"),
        ('{"op": "=", "args": [1, 1e999]}', "The filter is no JSON"),
        ("{", "The filter is no JSON"),
        ("[true]", "stops being CQL2 text"),
        ("", "at its end"),
        ("true " * 10_000, "at most 32000 are read"),
    ],
)
def test_what_is_no_filter_is_refused_with_a_sentence(client, text, sentence):
    refused(client, text, sentence)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"filter-lang": "cql-text"}, "filter-lang is one of cql2-text, cql2-json"),
        ({"filter-lang": "cql2-json"}, "The filter is no JSON"),
        ({"filter-crs": "EPSG:2177"}, "filter-crs is one of"),
        ({"Filter": "true"}, "There is no parameter 'Filter'"),
    ],
)
def test_a_filter_in_another_language_or_system_is_refused(client, parameters, sentence):
    refused(client, "x = 1", sentence, **parameters)


HOSTILE = {
    "deep JSON": '{"op":"not","args":[' * 500 + "true" + "]}" * 500,
    "deeper than the reader of JSON": '{"op":"not","args":' + "[" * 9_000 + "]" * 9_000,
    "60 kB": "species = '" + "x" * 60_000 + "'",
    "brackets": "(" * 9_000 + "true" + ")" * 9_000,
    "open brackets": "(" * 18_000,
    "negations": "NOT " * 7_500 + "true",
    "long list": "species IN (" + ",".join(f"'{number}'" for number in range(4000)) + ")",
    "many alternatives": " OR ".join(["girth_cm = 1"] * 2000),
    "long pattern": "species LIKE '" + "%_" * 10_000 + "'",
    "strange signs": "species = '\u202e\ufeff\U0010ffff%s %(x)s {0} $1'",
    "many corners": "S_WITHIN(geometry, LINESTRING(" + ",".join(f"16.9{n} 52.4" for n in range(2000)) + "))",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_filter_breaks_the_server_or_holds_it_up(client, text):
    began = time.monotonic()
    answer = client.get(f"/collections/trees/items?limit=1&filter={quote(text)}")
    assert answer.status_code in (200, 400), answer.text[:200]
    assert time.monotonic() - began < 3
    assert client.get("/health").status_code == 200
