"""When a publication is refused, what the refusal says, and how it is lifted."""

import gzip
import json
import sys
import time
from datetime import date

import pytest
import shapely
from geopandas import GeoDataFrame

from layers import get_layer
from mesip import cli
from mesip.errors import GuardError, SourceError
from pipelines.guards import GUARDS, Account, refuse
from pipelines.load import Order, load

DAY = date(2026, 1, 1)
HEADER = "stopId;stopName;latitude;longitude;zoneId;isForTram\n"
# Two hundred in the west, one hundred in the east.
GOOD = [f"{number};Rondo;52.4;16.{8 if number <= 200 else 9}{number:04d};A;false" for number in range(1, 301)]
BAD = {
    "rejects": [
        "1;;52.4;16.8;A;false",
        *(f"{number};;52.4;16.82;A;false" for number in range(2, 101)),
        *GOOD[100:],
    ],
    "extent": [line.replace(";52.4;", ";54.4;") for line in GOOD],
    "removals": GOOD[:150],
    "older": GOOD,
    "empty": [],
}
SAID = {
    "rejects": [
        "stops: 100 of 300 rows are rejected, more than the 20% this layer tolerates.",
        "The commonest reasons: name is not present (100 rows, first at line 2).",
        "Rejected by district: West 100.",
    ],
    "extent": ["stops: 300 of 300 rows lie outside the city", "By district: in no district 300."],
    "removals": [
        "stops: 150 of 300 published rows are absent from the delivery",
        "more than 100 rows and 5%. Is the delivery whole?",
        "Absent by district: East 100, West 50.",
        "By mode: bus 150.",
    ],
    "older": [
        "stops: the delivery speaks of 2025-12-31, but what is published speaks of 2026-01-01 already."
    ],
    "empty": ["holds no row of stops: 0 were read."],
}


@pytest.fixture
def deliver(database, node, tmp_path):
    """Load stops from lines of CSV, as of ``DAY``."""

    def load_lines(lines: list[str], *accepted: str, stand: date = DAY, dry_run: bool = False):
        path = tmp_path / "stops.csv"
        path.write_text(HEADER + "\n".join(lines))
        return load(Order("stops", (path,), stand, frozenset(accepted), dry_run), database, node)

    return load_lines


@pytest.fixture(autouse=True)
def two_districts(database, deliver):
    """Three hundred stops, and two districts that meet at 16.85 degrees east."""
    with database.transaction() as connection:
        for table in ("city.stops", "city.districts", "registry.head", "registry.change", "registry.run"):
            connection.exec_driver_sql(f"TRUNCATE {table}")
        for name, west, east in (("West", 16.7, 16.85), ("East", 16.85, 17.0)):
            box = f"ST_Multi(ST_Transform(ST_MakeEnvelope({west}, 52.3, {east}, 52.5, 4326), 2177))"
            connection.exec_driver_sql(
                "INSERT INTO city.districts (name, geom, hash, stand, run, valid_since, recorded_since) "
                f"SELECT '{name}', {box}, gen_random_uuid(), '2026-01-01', 0, now(), now()"
            )
    deliver(GOOD)


def stand_of(guard: str) -> date:
    return date(2025, 12, 31) if guard == "older" else DAY


@pytest.mark.parametrize("guard", BAD)
def test_a_doubtful_delivery_is_refused_with_an_explanation(deliver, rows, guard):
    before = rows("SELECT stop_id, hash FROM city.stops ORDER BY stop_id")
    with pytest.raises(GuardError, match=f"--accept {guard}") as refused:
        deliver(BAD[guard], stand=stand_of(guard))
    for sentence in SAID[guard]:
        assert sentence in str(refused.value)
    assert rows("SELECT stop_id, hash FROM city.stops ORDER BY stop_id") == before
    assert rows("SELECT state FROM registry.run ORDER BY run DESC LIMIT 1") == [("refused",)]


@pytest.mark.parametrize("guard", BAD)
def test_a_lifted_guard_lets_it_pass_and_is_recorded(deliver, rows, guard):
    more = ("removals",) if guard == "empty" else ()
    deliver(BAD[guard], guard, *more, stand=stand_of(guard))
    (last,) = rows("SELECT state, accepted FROM registry.run ORDER BY run DESC LIMIT 1")
    assert last == ("unchanged" if guard in ("older", "rejects") else "published", sorted([guard, *more]))


@pytest.mark.parametrize("format", ["csv.gz", "geojson", "gpkg", "parquet"])
def test_a_source_that_broke_off_changes_nothing_and_no_guard_lifts_it(
    database, node, rows, tmp_path, format
):
    whole = tmp_path / f"whole.{format}"
    points = shapely.points([float(line.split(";")[3]) for line in GOOD], 52.4)
    names = {"stopId": range(1, 301), "stopName": "Rondo", "zoneId": "A", "isForTram": "false"}
    frame = GeoDataFrame(names, geometry=points, crs=4326)
    if format == "csv.gz":
        whole.write_bytes(gzip.compress((HEADER + "\n".join(GOOD)).encode()))
    elif format == "parquet":
        frame.to_parquet(whole)
    else:
        frame.to_file(whole)
    assert (
        load(Order("stops", (whole,), DAY, dry_run=True), database, node).accounts["stops"].rows.read == 300
    )
    before = rows("SELECT stop_id, hash FROM city.stops ORDER BY stop_id")
    broken = tmp_path / f"broken.{format}"
    broken.write_bytes(whole.read_bytes()[: whole.stat().st_size * 9 // 10])
    with pytest.raises(
        SourceError, match=rf"broken\.{format}.*broke off.*(Fetch|Export|fetch|export) it again"
    ):
        load(Order("stops", (broken,), DAY, frozenset({"removals", "empty", "rejects"})), database, node)
    assert rows("SELECT stop_id, hash FROM city.stops ORDER BY stop_id") == before
    assert rows("SELECT state FROM registry.run ORDER BY run DESC LIMIT 1") == [("failed",)]


@pytest.mark.parametrize(
    ("guard", "counts", "is_refused"),
    [
        ("removals", {"removed": 101, "previous": 2_000}, True),
        ("removals", {"removed": 100, "previous": 150}, False),
        ("removals", {"removed": 101, "previous": 2_020}, False),
        ("removals", {"removed": 102, "previous": 2_020}, True),
        ("rejects", {"read": 1_000, "rejected": 200}, False),
        ("rejects", {"read": 1_000, "rejected": 201}, True),
        ("extent", {"added": 600, "confirmed": 400, "outside": 10}, False),
        ("extent", {"added": 600, "confirmed": 400, "outside": 11}, True),
        ("older", {"stand": DAY, "published_stand": DAY}, False),
        ("older", {"stand": DAY, "published_stand": date(2026, 1, 2)}, True),
    ],
)
def test_a_guard_holds_from_its_limit_on(guard, counts, is_refused):
    none = dict.fromkeys(Account._fields[:10], 0)
    if is_refused:
        with pytest.raises(GuardError, match=f"--accept {guard}"):
            refuse(get_layer("stops"), Account(**none | counts), frozenset())
    refuse(get_layer("stops"), Account(**none | counts), frozenset({guard} if is_refused else ()))


def test_every_guard_of_a_publication_is_tried_here():
    assert set(BAD) == {*GUARDS, "empty"}


def test_a_delivery_of_the_same_day_is_not_older(deliver):
    assert deliver(GOOD[1:]).state == "published"


@pytest.mark.parametrize(("name", "told"), [("306401_1.0051.AR_1.5", True), ("Rondo", False)])
def test_without_districts_the_rows_are_told_by_the_cadastral_number_they_carry(
    database, deliver, name, told
):
    with database.transaction() as connection:
        connection.exec_driver_sql("TRUNCATE city.districts")
    with pytest.raises(GuardError) as refused:
        deliver([line.replace("Rondo", name) for line in BAD["extent"]])
    assert ("By district: 306401_1.0051 300." in str(refused.value)) == told
    assert ("By district" in str(refused.value)) == told


def test_classes_are_told_by_their_labels(database, node, city, tmp_path):
    load(Order("trees", (city["trees"],), DAY), database, node)
    header, *lines = city["trees"].read_text(encoding="cp1250").splitlines()
    half = tmp_path / "trees.csv"
    half.write_text("\n".join([header, *lines[: len(lines) // 2]]), encoding="cp1250")
    with pytest.raises(GuardError) as refused:
        load(Order("trees", (half,), DAY), database, node)
    assert "Absent by district: " in str(refused.value)
    assert "By vitality: " in str(refused.value) or "By condition: " in str(refused.value)


def test_a_dry_run_explains_what_it_would_do_without_publishing(deliver, rows):
    outcome = deliver([*GOOD[:250], "301;;52.4;16.8;A;false"], dry_run=True)
    told = outcome.stated()["layers"]["stops"]["explanation"]
    assert "Absent by district: East 50." in told
    assert "Rejected by district: West 1." in told
    assert rows("SELECT count(*) FROM city.stops") == [(300,)]


def kept(rows) -> dict[str, list]:
    """All that a publication writes."""
    named = rows(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'city' OR "
        "(schemaname = 'registry' AND tablename IN ('head', 'change')) ORDER BY 1"
    )
    return {name: rows(f"SELECT to_jsonb(told) FROM {name} AS told ORDER BY 1") for (name,) in named}


def test_a_dry_run_says_what_the_load_then_does_and_publishes_nothing(deliver, rows):
    lines = [
        *GOOD[:250],
        GOOD[250].replace("Rondo", "Most"),
        "301;;52.4;16.8;A;false",
        "302;Nowe;52.4;16.9;B;true",
    ]
    before, told = kept(rows), []
    for dry_run in (True, False):
        outcome = deliver(lines, dry_run=dry_run)
        said = outcome.stated()["layers"]["stops"]
        issues = rows(
            f"SELECT origin, key, code, message FROM registry.issue WHERE run = {outcome.run} ORDER BY 1"
        )
        rejects = rows(f"SELECT origin, key, row FROM registry.reject WHERE run = {outcome.run} ORDER BY 1")
        counts = {name: said[name] for name in said if name not in ("seconds", "explanation", "head")}
        told.append((counts, issues, rejects))
        assert (kept(rows) == before) == dry_run
    assert told[0] == told[1]
    counts, issues, rejects = told[0]
    assert [counts[name] for name in ("read", "added", "changed", "confirmed", "removed", "rejected")] == [
        *(253, 1, 1, 250, 49, 1)
    ]
    assert (len(issues), len(rejects)) == (1, 1)


@pytest.mark.parametrize("guard", BAD)
def test_a_dry_run_is_refused_with_the_same_words(deliver, rows, guard):
    before, said = kept(rows), []
    for dry_run in (True, False):
        with pytest.raises(GuardError) as refused:
            deliver(BAD[guard], stand=stand_of(guard), dry_run=dry_run)
        said.append(str(refused.value))
    assert said[0] == said[1]
    assert kept(rows) == before


def test_the_command_prints_the_explanation(deliver, tmp_path, monkeypatch, capsys):
    deliver(GOOD[:250], dry_run=True)
    for more in (("--json",), ()):
        words = ["mesip", "load", "stops", str(tmp_path / "stops.csv"), "--as-of", "2026-01-01", "--dry-run"]
        monkeypatch.setattr(sys, "argv", [*words, *more])
        cli.main()
    said = capsys.readouterr().out
    document, end = json.JSONDecoder().raw_decode(said)
    assert document["layers"]["stops"]["explanation"] == ["Absent by district: East 50.", "By mode: bus 50."]
    assert "stops: Absent by district: East 50." in said[end:]


def crowd() -> float:
    """How many times longer than alone this machine takes now for work that never waits; 1 if it is idle."""
    began, used = time.monotonic(), time.process_time()
    while time.process_time() - used < 0.3:
        pass
    return (time.monotonic() - began) / 0.3


def test_a_delivery_wrong_throughout_stops_after_its_first_rows(database, node, rows, tmp_path):
    path = tmp_path / "stops.csv"
    with path.open("w") as file:
        file.write(HEADER)
        file.writelines(f"{number};;52.4;16.9;A;false\n" for number in range(1_000_000))
    crowded, began = crowd(), time.monotonic()
    with pytest.raises(GuardError, match="--accept rejects") as refused:
        load(Order("stops", (path,), DAY), database, node)
    seconds = time.monotonic() - began
    print(f"refused after {seconds:.2f} s, on a machine that is {crowded:.1f} times as slow as alone")
    assert seconds < 3 * max(crowded, crowd())
    assert "stops: 2,000 of the first 2,000 rows are rejected, so the rest is not read." in str(refused.value)
    assert "name is not present (2,000 rows, first at line 2)" in str(refused.value)
    assert rows(f"SELECT count(*) FROM registry.reject WHERE run = {refused.value.run}") == [(2000,)]


def test_the_preflight_is_lifted_with_the_guard_of_rejects(deliver, rows):
    bad = [f"{number};;52.4;16.9;A;false" for number in range(1000, 3500)]
    outcome = deliver([*GOOD, *bad], "rejects")
    assert outcome.accounts["stops"].rows.rejected == 2500
