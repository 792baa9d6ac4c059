"""CQL2 text is read as the standard's own examples say, and what is none is refused at once."""

import json
import time

import pytest
import shapely

from api.cql2_sql import condition
from api.cql2_terms import Term
from api.cql2_text import read_text
from layers.collection import CRS84
from mesip.errors import UsageError

NAMES = {"a": Term("a", "integer", "a"), "name": Term("name", "text", "name")}


def plain(node):
    """A tree with all numbers alike and geometries as GeoJSON."""
    if isinstance(node, shapely.Geometry):
        return plain(json.loads(shapely.to_geojson(node)))
    if isinstance(node, dict):
        return {name: moment(part) if name == "timestamp" else plain(part) for name, part in node.items()}
    if isinstance(node, list | tuple):
        return [plain(moment(part)) for part in node]
    return float(node) if type(node) is int else node


def moment(text):
    """A fraction of a second that is nothing can be left out."""
    return text.replace(".000000Z", "Z") if isinstance(text, str) else text


def test_every_example_of_the_standard_reads_as_its_json_form_says(shared):
    texts = sorted((shared / "ogc" / "cql2" / "text").glob("*.txt"))
    trees = {path.stem: path for path in (shared / "ogc" / "cql2" / "json").glob("*.json")}
    assert (len(texts), len(trees)) == (120, 109)
    for path in texts:
        official = json.loads(trees[path.stem.removesuffix("-alt01")].read_text("utf-8"))
        assert plain(read_text(path.read_text("utf-8"))) == plain(official), path.name


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("NOT a=1 AND a=2 OR a=3", "((NOT (a=1)) AND a=2) OR a=3"),
        ("a - 1 - 2 * 3 ^ 2 = -a", "((a - 1) - (2 * (3 ^ 2))) = (-1 * a)"),
        ("a BETWEEN 1 AND 2 AND name = 'x'", "(a BETWEEN 1 AND 2) AND (name = 'x')"),
        ("a not in (1,2) or not name like 'x%'", "(NOT a IN (1, 2)) OR (NOT (name LIKE 'x%'))"),
        ('"a" = .5e1', "a=5.0"),
        ("casei(name) = CaseI('X')", "CASEI(name)=casei('X')"),
        ("NOT(a IS NULL)", "a is not null"),
        ("a=1\u00a0and\n(a=2)", "a=1 AND a=2"),
    ],
)
def test_operators_bind_as_in_the_grammar_whatever_the_case_and_the_blanks(text, same):
    assert plain(read_text(text)) == plain(read_text(same))


def test_quotes_stand_in_texts_as_the_grammar_says():
    assert read_text(r"name = 'Via dell''Avvento'")["args"][1] == "Via dell'Avvento"
    assert read_text(r"name = 'dell\'Avvento'")["args"][1] == "dell'Avvento"
    assert read_text(r"name LIKE '50\% \_'")["args"][1] == r"50\% \_"


def test_a_whole_number_keeps_all_its_digits():
    assert read_text("a = 9007199254740993")["args"][1] == 9007199254740993


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "at its end"),
        ("a =", "at its end"),
        ("a == 1", "before '= 1'"),
        ("a = 1; DROP TABLE trees", "before '; DROP TABLE trees'"),
        ("a = 'x", 'before "\'x"'),
        ("a > 1 > 2", "before '> 2'"),
        ("S_INTERSECTS(geometry, POLYGON((1 2)", "before '2)'"),
        ("a = \x00", "before '\\x00'"),
    ],
)
def test_what_is_no_cql2_is_refused_with_its_place(text, place):
    with pytest.raises(UsageError, match="stops being CQL2") as refusal:
        read_text(text)
    assert place in str(refusal.value)


LONG = 20_000
HOSTILE = {
    "brackets": "(" * (LONG // 2) + "a=1" + ")" * (LONG // 2),
    "open brackets": "(" * LONG,
    "brackets around what is wrong": "(" * (LONG // 2) + "a=" + ")" * (LONG // 2),
    "lists": "a IN (" * (LONG // 6),
    "negations": "NOT " * (LONG // 4) + "a=1",
    "minuses": "a=" + "-" * LONG + "1",
    "functions": "casei(" * (LONG // 7) + "name" + ")" * (LONG // 7) + "='x'",
    "sums": "a=1" + "+1" * (LONG // 2),
    "alternatives": "a=1" + " OR a=1" * (LONG // 7),
    "quotes": "name='" + "'" * LONG,
    "backslashes": "name='" + "\\'" * (LONG // 2),
    "open polygons": "S_INTERSECTS(geometry,POLYGON" + "(" * LONG,
    "polygons": "POLYGON(" * (LONG // 8),
    "points": "S_INTERSECTS(geometry,MULTIPOINT(" + "1 2," * (LONG // 4) + "1 2))",
    "names": '"' * LONG,
    "digits": "a=" + "9" * LONG,
    "zeros": "a=0." + "0" * LONG,
    "exponents": "a=1e" + "9" * LONG,
}


def seconds_of_reading(text):
    """What the processor works, so that a busy machine makes no filter slow."""
    began = time.thread_time()
    try:
        condition(read_text(text), NAMES, CRS84, 2177)
    except UsageError as refusal:
        assert len(str(refusal)) < 1000
    return time.thread_time() - began


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_filter_takes_long_to_read_or_breaks_the_reader(text):
    assert seconds_of_reading(text) < 1


@pytest.mark.parametrize("part", ["+1", " OR a=1", "*a", "-(a)", " AND a IN (1,2)", "+(1-(a+1))"])
def test_reading_takes_time_in_proportion_to_the_length(part):
    """Eight times the length would take 64 times as long, were reading not linear."""
    seconds_of_reading("a=1" + part)
    short, long = (
        min(seconds_of_reading("a=1" + part * (length // len(part))) for _ in range(3))
        for length in (5_000, 40_000)
    )
    assert long < 24 * short


@pytest.mark.parametrize("depth", [98, 100, 10_000])
def test_a_filter_is_not_nested_deeper_than_a_person_could_mean(depth):
    tree = {"op": "=", "args": [{"property": "a"}, 1]}
    for _ in range(depth):
        tree = {"op": "not", "args": [tree]}
    if depth < 100:
        assert condition(tree, NAMES, CRS84, 2177).sql.count("NOT") == depth
        return
    with pytest.raises(UsageError, match="nested more than 100 deep"):
        condition(tree, NAMES, CRS84, 2177)
