"""What a filter finds is what the standard's words say: the rows that plain Python and shapely find."""

import json
import math
import operator
import random
import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import psycopg
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.cql2_sql import condition
from api.cql2_terms import Term
from api.cql2_text import read_text
from layers.collection import CRS84
from mesip.errors import UsageError

# The names that the standard's examples speak of, by the kind that they use them as.
COLUMNS = {
    "text": "name owner city material cityName road_class etat_vol beamMode swathDirection polarization "
    "landsat:scene_id eo:instrument geophys:SURVEY_NAME id",
    "integer": "floors category landsat:wrs_row landsat:wrs_path foo",
    "number": "value bar x depth taxes balance vehicle_height bridge_clearance eo:cloud_cover windSpeed",
    "flag": "swimming_pool",
    "date": "built updated",
    "moment": "updated_at event_time starts_at ends_at touchdown liftOff",
    "geometry": "geometry footprint location road",
}
KINDS = {name: kind for kind, names in COLUMNS.items() for name in names.split()}
SQL_TYPES = {
    "text": "text",
    "integer": "bigint",
    "number": "double precision",
    "flag": "boolean",
    "date": "date",
    "moment": "timestamptz",
    "geometry": "geometry",
}
NAMES = {name: Term(f'"{name}"', kind, name) for name, kind in KINDS.items()}
ROWS = 150
POOLS: dict[str, list] = {
    "text": [
        *(
            "Toronto",
            "Smith & Son",
            "Mike Jones",
            "mike O'Neil",
            "somebody ELSE",
            "brick",
            "red brick",
            "foo",
        ),
        *(
            "FOOTBALL",
            "OLI_TIRS",
            "Οδος",
            "ΟΔΌΣ",
            "Straße",
            "STRASSE",
            "débárquér",
            "debarquer",
            "Łódź",
            "łódź",
        ),
        *(
            "LODZ",
            "Beyoncé",
            "CALCUTTA",
            "ascending",
            "ScanSAR Narrow",
            "HH+VV+HV+VH",
            "LC82030282019133LGN00",
        ),
        *("100%", "a_b", "", "a\\b", "\u0131I"),
    ],
    "integer": [0, 1, 2, 3, 4, 5, 6, 8, 28, 203, -3],
    "number": [0.0, 1.0, 2.0, 3.0, 0.1, 0.2, 5.5, 10.0, 15.0, 20.0, 22.1, 100.0, 150.0, 151.0, 500.0, -2.5],
    "flag": [True, False],
    "date": [date(1851, 4, 29), date(1970, 1, 1), date(2005, 1, 10), date(2012, 6, 5), date(2015, 1, 1)],
    "moment": [
        datetime(1969, 7, 16, 13, 32, tzinfo=UTC),
        datetime(1969, 7, 20, 20, 17, 40, tzinfo=UTC),
        datetime(1969, 7, 24, 16, 50, 35, tzinfo=UTC),
        datetime(1991, 10, 7, 8, 21, 6, 393262, UTC),
        datetime(1992, 10, 9, 8, 8, 8, 393473, UTC),
        datetime(2005, 1, 10, 1, 1, 1, 393216, UTC),
        datetime(2005, 1, 10, tzinfo=UTC),
        datetime(2010, 2, 10, 5, 29, 20, 73225, UTC),
        datetime(2012, 8, 10, 5, 30, tzinfo=UTC),
        datetime(2017, 6, 10, 9, tzinfo=UTC),
        datetime(1851, 4, 29, 23, 59, tzinfo=UTC),
    ],
    "geometry": [
        shapely.from_wkt(text)
        for text in (
            "POINT(0 0)",
            "POINT(2 2)",
            "POINT(4 4)",
            "LINESTRING(0 0,4 4)",
            "LINESTRING(-5 2,9 2)",
            "LINESTRING(4 0,4 4)",
            "POLYGON((0 0,4 0,4 4,0 4,0 0))",
            "POLYGON((4 0,8 0,8 4,4 4,4 0))",
            "POLYGON((2 2,6 2,6 6,2 6,2 2))",
            "MULTIPOINT(0 0,2 2)",
            "MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((20 20,21 20,21 21,20 20)))",
        )
    ],
}


# An evaluation of CQL2 that shares nothing with the one that is tested. None is what is not known.


class Time(NamedTuple):
    """An instant or a closed interval, in days or in microseconds."""

    begin: float
    end: float
    unit: str
    instant: bool

    def in_days(self):
        """Moments as their days."""
        if self.unit == "day":
            return self
        return Time(*(end if math.isinf(end) else city_day(end) for end in self[:2]), "day", self.instant)


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def city_day(microseconds):
    local = (EPOCH + timedelta(microseconds=microseconds)).astimezone(ZoneInfo("Europe/Warsaw"))
    return (local.date() - EPOCH.date()).days


def value(node: Any, row: dict) -> Any:
    if isinstance(node, dict):
        name = next(
            name
            for name in ("property", "op", "date", "timestamp", "interval", "type", "bbox")
            if name in node
        )
        return {
            "property": lambda: stored(row[node["property"]]),
            "op": lambda: called(node["op"], node["args"], row),
            "date": lambda: stored(date.fromisoformat(node["date"])),
            "timestamp": lambda: stored(datetime.fromisoformat(node["timestamp"])),
            "interval": lambda: interval(*node["interval"], row),
            "type": lambda: shapely.from_geojson(json.dumps(node)),
            "bbox": lambda: boxed(node["bbox"]),
        }[name]()
    return node


def boxed(numbers):
    west, south, east, north = numbers if len(numbers) == 4 else [numbers[at] for at in (0, 1, 3, 4)]
    return shapely.box(west, south, east, north)


def stored(found: Any) -> Any:
    if isinstance(found, datetime):
        microseconds = (found - EPOCH) // timedelta(microseconds=1)
        return Time(microseconds, microseconds, "microsecond", True)
    if isinstance(found, date):
        days = (found - date(1970, 1, 1)).days
        return Time(days, days, "day", True)
    return found


def interval(first: Any, last: Any, row: dict) -> Any:
    ends = [end_of(end, row) for end in (first, last)]
    written_open = [end == ".." for end in (first, last)]
    known = [end for end in ends if end is not None]
    if not known or (any(written_open) and ends[written_open.index(False)] is None):
        return None
    if any(end.unit == "day" for end in known):
        ends = [end and end.in_days() for end in ends]
    unit = next(end.unit for end in ends if end)
    return Time(ends[0].begin if ends[0] else -math.inf, ends[1].end if ends[1] else math.inf, unit, False)


def end_of(node: Any, row: dict) -> Any:
    if node == "..":
        return None
    if isinstance(node, str):
        return stored(datetime.fromisoformat(node) if "T" in node else date.fromisoformat(node))
    return value(node, row)


def called(name: str, parts: list, row: dict) -> Any:
    if name in ("and", "or"):
        truths = [value(part, row) for part in parts]
        decisive = name == "or"
        return decisive if decisive in truths else None if None in truths else not decisive
    if name == "in":
        same = [called("=", [parts[0], choice], row) for choice in parts[1]]
        return True if True in same else None if None in same else False
    if name == "between":
        low, high = (called(op, [parts[0], end], row) for op, end in ((">=", parts[1]), ("<=", parts[2])))
        return False if False in (low, high) else None if None in (low, high) else True
    values = [value(part, row) for part in parts]
    if name == "isNull":
        return values[0] is None
    return None if None in values else KNOWN[name](*values)


def ordered(compare):
    def answer(left, right):
        if isinstance(left, Time):
            if left.unit != right.unit:
                left, right = left.in_days(), right.in_days()
            return compare(left.begin, right.begin)
        return compare(left, right)

    return answer


def timed(relation):
    def answer(left, right):
        if left.unit != right.unit:
            left, right = left.in_days(), right.in_days()
        return relation(left.begin, left.end, right.begin, right.end)

    return answer


def like(text: str, pattern: str) -> bool:
    parts = re.findall(r"\\.|%|_|[^\\%_]", pattern, re.DOTALL)
    regex = "".join(
        {"%": ".*", "_": "."}.get(part) or re.escape(part.removeprefix("\\") or part) for part in parts
    )
    return re.fullmatch(regex, text, re.DOTALL) is not None


def without_accents(text: str) -> str:
    apart = unicodedata.normalize("NFD", text.translate(str.maketrans("łŁøØđĐ", "lLoOdD")))
    return "".join(sign for sign in apart if unicodedata.category(sign) != "Mn")


RELATIONS = ["intersects", "equals", "disjoint", "touches", "within", "overlaps", "crosses", "contains"]


def placed(relation):
    return lambda left, right: bool(getattr(shapely, relation)(left, right))


def divided(a, b):
    return a / b if b else None


KNOWN: dict[str, Any] = {
    **{name: ordered(compare) for name, compare in zip(("=", "<>"), (operator.eq, operator.ne), strict=True)},
    "<": ordered(operator.lt),
    ">": ordered(operator.gt),
    "<=": ordered(operator.le),
    ">=": ordered(operator.ge),
    "not": operator.not_,
    "like": like,
    "casei": lambda text: text.casefold().replace("\u03c2", "\u03c3"),
    "accenti": without_accents,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": divided,
    "div": lambda a, b: math.trunc(a / b) if b else None,
    "%": lambda a, b: math.fmod(a, b) if b else None,
    "^": lambda a, b: float(a) ** b,
    **{f"s_{name}": placed(name) for name in RELATIONS},
    "t_after": timed(lambda a, b, c, d: a > d),
    "t_before": timed(lambda a, b, c, d: b < c),
    "t_disjoint": timed(lambda a, b, c, d: a > d or b < c),
    "t_equals": timed(lambda a, b, c, d: a == c and b == d),
    "t_intersects": timed(lambda a, b, c, d: not (a > d or b < c)),
    "t_contains": timed(lambda a, b, c, d: a < c and b > d),
    "t_during": timed(lambda a, b, c, d: a > c and b < d),
    "t_finishedBy": timed(lambda a, b, c, d: a < c and b == d),
    "t_finishes": timed(lambda a, b, c, d: a > c and b == d),
    "t_meets": timed(lambda a, b, c, d: b == c),
    "t_metBy": timed(lambda a, b, c, d: a == d),
    "t_overlappedBy": timed(lambda a, b, c, d: c < a < d < b),
    "t_overlaps": timed(lambda a, b, c, d: a < c < b < d),
    "t_startedBy": timed(lambda a, b, c, d: a == c and b > d),
    "t_starts": timed(lambda a, b, c, d: a == c and b < d),
}


# Three sets of rows


@pytest.fixture(scope="module")
def reading(database):
    with psycopg.connect(database.url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        yield connection


@pytest.fixture(scope="module")
def pools(shared):
    """Values among which rows draw, with the geometries of the standard's examples."""
    trees = [
        json.loads(path.read_text("utf-8")) for path in (shared / "ogc" / "cql2" / "json").glob("*.json")
    ]
    written = [shape for tree in trees for shape in geometries(tree) if shapely.is_valid(shape)]
    inside = [shapely.point_on_surface(shape) for shape in written]
    return POOLS | {
        "geometry": [shapely.force_2d(shape) for shape in [*POOLS["geometry"], *written, *inside]]
    }


def geometries(node):
    if isinstance(node, dict) and "coordinates" in node:
        return [shapely.from_geojson(json.dumps(node))]
    parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [shape for part in parts for shape in geometries(part)]


class Rows(list):
    """Rows that a failing test does not print."""

    def __repr__(self):
        return f"{len(self)} rows"


@pytest.fixture(scope="module")
def tables(reading, pools):
    """Rows by the name of their table: one full, one with gaps, one mostly empty."""
    return {
        name: make(reading, name, drawn(random.Random(name), gaps, pools))
        for name, gaps in {"complete": 0, "with_gaps": 0.2, "mostly_empty": 0.7}.items()
    }


def drawn(dice, gaps, pools):
    def one(kind):
        return None if dice.random() < gaps else dice.choice(pools[kind])

    return Rows({name: one(kind) for name, kind in KINDS.items()} for _ in range(ROWS))


def make(connection, table, made):
    columns = ", ".join(f'"{name}" {SQL_TYPES[kind]}' for name, kind in KINDS.items())
    connection.execute(f"CREATE TABLE {table} (at bigint, {columns})")
    with connection.cursor() as cursor:
        marks = ", ".join(["%s"] * (len(KINDS) + 1))
        cursor.executemany(
            f"INSERT INTO {table} VALUES ({marks})",
            [(at, *(as_stored(each) for each in row.values())) for at, row in enumerate(made)],
        )
    return made


def as_stored(each):
    if isinstance(each, shapely.Geometry):
        return shapely.to_wkb(shapely.set_srid(each, 4326), hex=True, include_srid=True)
    return each


def found(connection, table, tree, names=NAMES):
    asked = condition(tree, names, CRS84, 2177)
    query = f"SELECT at FROM {table} WHERE {asked.sql}".encode()
    return {at for (at,) in connection.execute(query, asked.values)}


def expected(rows, tree):
    return {at for at, row in enumerate(rows) if value(tree, row) is True}


# The examples of the standard

# Why some have no answer: they call functions that are none of CQL2's own, or look into lists, which no layer
# has; or their polygons cross themselves, so that they lie nowhere in particular.
UNANSWERED = {
    "know no function": {"clause6_01", "clause6_02b", "clause7_18", "example68", "example69", "clause7_15"}
    | {f"example{number}" for number in range(79, 83)},
    "cannot be used": {"example46", "example46-alt01", "example49", "example49-alt01"},
}
# In one example it is a number, in another a text.
AS_TEXT = {"example03": "landsat:wrs_path", "example40": "value", "example40-alt01": "value"}


@pytest.fixture(scope="module")
def examples(shared):
    folder = shared / "ogc" / "cql2"
    trees = {path.stem: json.loads(path.read_text("utf-8")) for path in (folder / "json").glob("*.json")}
    return [
        (path.stem, path.read_text("utf-8"), trees[path.stem.removesuffix("-alt01")])
        for path in sorted((folder / "text").glob("*.txt"))
    ]


def test_every_example_that_has_an_answer_finds_the_rows_that_python_finds(reading, tables, examples):
    answered, some = 0, 0
    for stem, text, tree in examples:
        if any(stem in stems for stems in UNANSWERED.values()):
            continue
        mixed = AS_TEXT.get(stem)
        names = NAMES | ({mixed: Term('"id"', "text", mixed)} if mixed else {})
        for table, rows in tables.items():
            seen = [row | {mixed: row["id"]} for row in rows] if mixed else rows
            right = expected(seen, tree)
            assert found(reading, table, read_text(text), names) == right, (stem, table)
            assert found(reading, table, tree, names) == right, (stem, table)
            some += 0 < len(right) < ROWS
        answered += 1
    assert answered == 106
    assert some > 150


def test_the_other_examples_are_refused_with_the_reason(examples):
    for reason, stems in UNANSWERED.items():
        for stem, text, tree in examples:
            if stem in stems:
                for read in (read_text(text), tree):
                    with pytest.raises(UsageError, match=reason):
                        condition(read, NAMES, CRS84, 2177)


# Filters that nobody wrote


def node(name, *parts):
    return {"op": name, "args": list(parts)}


def fields(kind):
    return st.sampled_from([name for name, each in KINDS.items() if each == kind]).map(
        lambda name: {"property": name}
    )


def written_time(moment):
    return {"timestamp": moment.isoformat().replace("+00:00", "Z")}


texts = st.one_of(fields("text"), st.sampled_from(POOLS["text"]))
texts = st.one_of(
    texts, texts.map(lambda text: node("casei", text)), texts.map(lambda text: node("accenti", text))
)
wholes = st.one_of(fields("integer"), st.sampled_from(POOLS["integer"]))
numbers = st.one_of(fields("number"), wholes, st.sampled_from(POOLS["number"]))
sums = st.one_of(
    numbers,
    st.tuples(st.sampled_from("+-*/"), numbers, numbers).map(lambda drawn: node(*drawn)),
    st.tuples(st.sampled_from(["div", "%"]), wholes, st.integers(-9, 9)).map(lambda drawn: node(*drawn)),
    st.tuples(st.just("^"), numbers, st.integers(0, 3)).map(lambda drawn: node(*drawn)),
)
days = st.one_of(fields("date"), st.sampled_from(POOLS["date"]).map(lambda day: {"date": day.isoformat()}))
moments = st.one_of(fields("moment"), st.sampled_from(POOLS["moment"]).map(written_time))
instants = st.one_of(days, moments)
ends = st.one_of(instants, st.just(".."))
intervals = (
    st.tuples(ends, ends)
    .filter(lambda drawn: drawn != ("..", ".."))
    .map(lambda drawn: {"interval": list(drawn)})
)
shapes = st.one_of(
    fields("geometry"),
    st.sampled_from(POOLS["geometry"]).map(lambda shape: json.loads(shapely.to_geojson(shape))),
    st.sampled_from([{"bbox": [0, 0, 4, 4]}, {"bbox": [-1, 1, 0, 9, 5, 9]}]),
)
scalars = (texts, sums, instants, fields("flag"))
of_two_spans = [name for name in KNOWN if name[:2] == "t_"]
of_instants = ["t_after", "t_before", "t_disjoint", "t_equals", "t_intersects"]
leaves = st.one_of(
    *(
        st.tuples(st.sampled_from(["=", "<>", "<", ">", "<=", ">="]), kind, kind).map(
            lambda drawn: node(*drawn)
        )
        for kind in scalars
    ),
    *(
        st.tuples(kind, st.lists(kind, min_size=1, max_size=4)).map(lambda drawn: node("in", *drawn))
        for kind in scalars
    ),
    st.tuples(sums, sums, sums).map(lambda drawn: node("between", *drawn)),
    st.tuples(texts, st.sampled_from(["%", "%o%", "_ike%", "F__", "a\\_b", "100\\%", ""])).map(
        lambda drawn: node("like", *drawn)
    ),
    st.one_of(*scalars, shapes, intervals).map(lambda each: node("isNull", each)),
    st.tuples(st.sampled_from(of_two_spans), intervals, intervals).map(lambda drawn: node(*drawn)),
    st.tuples(st.sampled_from(of_instants), st.one_of(instants, intervals), instants).map(
        lambda drawn: node(*drawn)
    ),
    st.tuples(st.sampled_from([name for name in KNOWN if name[:2] == "s_"]), shapes, shapes).map(
        lambda drawn: node(*drawn)
    ),
    fields("flag"),
    st.booleans(),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(lambda one: node("not", one)),
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=4)).map(
            lambda drawn: node(drawn[0], *drawn[1])
        ),
    ),
    max_leaves=8,
)


@given(tree=trees)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_filter_finds_the_rows_that_python_finds(reading, tables, tree):
    for table, rows in tables.items():
        assert found(reading, table, tree) == expected(rows, tree), table


def test_a_moment_among_dates_and_moments_is_compared_to_each_as_it_is(reading, tables):
    moment, of = {"property": "updated_at"}, {"property": "built"}
    for other in ("event_time", "starts_at"):
        mixed = node("in", moment, [of, {"property": other}])
        apart = node("or", node("=", moment, of), node("=", moment, {"property": other}))
        between = node("between", moment, of, {"property": other})
        for table, rows in tables.items():
            assert found(reading, table, mixed) == found(reading, table, apart) == expected(rows, mixed)
            assert found(reading, table, between) == expected(rows, between)


def test_whole_numbers_compare_to_the_last_digit(reading):
    names = {"n": Term("n", "integer", "n")}
    for text in (f"n = {2**53 + 1}", f"n > {2**53}", f"n - 1 = {2**53}", f"n IN (5, {2**53 + 1})"):
        asked = condition(read_text(text), names, CRS84, 2177)
        query = f"SELECT n FROM unnest(ARRAY[{2**53}, {2**53 + 1}]) AS n WHERE {asked.sql}".encode()
        assert reading.execute(query, asked.values).fetchall() == [(2**53 + 1,)], text


def test_case_folding_is_that_of_unicode_for_every_letter(reading):
    """Of letters every version knows; but for Cherokee, which ICU folds to small letters."""
    letters = [
        sign for sign in map(chr, range(1, 0x11000)) if is_letter(sign) and "CHEROKEE" not in name(sign)
    ]
    names = {each: Term(each, "text", each) for each in ("letter", "folded")}
    asked = condition(read_text("CASEI(letter) = folded"), names, CRS84, 2177)
    given = {"letters": letters, "folded": [KNOWN["casei"](letter) for letter in letters]}
    pairs = "unnest(%(letters)s::text[], %(folded)s::text[]) AS pairs(letter, folded)"
    same = reading.execute(f"SELECT letter FROM {pairs} WHERE {asked.sql}".encode(), asked.values | given)
    assert set(letters) - {letter for (letter,) in same} == set()
    assert len(letters) > 10_000


def is_letter(sign):
    return unicodedata.ucd_3_2_0.category(sign)[0] == "L"


def name(sign):
    return unicodedata.name(sign, "")
