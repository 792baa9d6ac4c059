"""When a publication is refused, what the refusal says, and how it is lifted."""

import json
import sys
import time
from datetime import date

import pytest

from mesip import cli
from mesip.errors import GuardError
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
        "Absent by district: East 100, West 50.",
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


def test_a_delivery_wrong_throughout_stops_after_its_first_rows(database, node, rows, tmp_path):
    path = tmp_path / "stops.csv"
    with path.open("w") as file:
        file.write(HEADER)
        file.writelines(f"{number};;52.4;16.9;A;false\n" for number in range(1_000_000))
    began = time.monotonic()
    with pytest.raises(GuardError, match="--accept rejects") as refused:
        load(Order("stops", (path,), DAY), database, node)
    assert time.monotonic() - began < 3
    assert "stops: 2,000 of the first 2,000 rows are rejected, so the rest is not read." in str(refused.value)
    assert "name is not present (2,000 rows, first at line 2)" in str(refused.value)
    assert rows(f"SELECT count(*) FROM registry.reject WHERE run = {refused.value.run}") == [(2000,)]


def test_the_preflight_is_lifted_with_the_guard_of_rejects(deliver, rows):
    bad = [f"{number};;52.4;16.9;A;false" for number in range(1000, 3500)]
    outcome = deliver([*GOOD, *bad], "rejects")
    assert outcome.accounts["stops"].rows.rejected == 2500
