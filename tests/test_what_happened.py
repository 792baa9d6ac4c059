"""What happened: runs, issues, rejects and differences, as the command line tells them."""

import json
import re
from pathlib import Path

import geopandas as gpd
import pytest

import pipelines
from layers.catalogue import ROOMS
from pipelines.issue_codes import CODES

HEADER = "stopId,stopName,zoneId,isForTram,longitude,latitude"
RONDO, MOST = "1,Rondo,A,true,16.9,52.4", "2,Most,A,false,16.91,52.4"


@pytest.fixture(autouse=True)
def empty(database):
    """Each test begins with nothing published."""
    tables = "city.stops, city.stops_history, registry.change, registry.head, registry.reject, registry.issue"
    with database.transaction() as connection:
        connection.exec_driver_sql(f"TRUNCATE {tables}")


@pytest.fixture
def deliver(run, tmp_path):
    """Load lines of stops of a day; return the number of the run."""

    def publish(*lines: str, day: str = "2026-01-01") -> str:
        path = tmp_path / "stops.csv"
        path.write_text("\n".join((HEADER, *lines)) + "\n")
        code, out, err = run("load", "stops", str(path), "--as-of", day, "--accept", "rejects", "--json")
        assert code == 0, err
        return str(json.loads(out)["run"])

    return publish


def test_runs_are_listed_with_state_stand_and_rows(run, deliver):
    number = deliver(RONDO, MOST)
    code, out, _ = run("runs")
    assert code == 0
    line = next(line for line in out.splitlines() if f"│ {number} " in line)
    assert all(word in line for word in ("stops", "published", "2026-01-01", "stops 2"))


def test_one_run_is_shown_whole(run, deliver):
    number = deliver(RONDO, MOST)
    told = json.loads(run("runs", number, "--json")[1])
    assert told["deliveries"] == ["stops.csv"]
    assert told["layers"]["stops"]["added"] == 2
    assert "recorded_at: " in run("runs", number)[1]


def test_refused_and_failed_runs_stay_with_their_reason(run, deliver, tmp_path):
    deliver(RONDO)
    path = tmp_path / "stops.csv"
    path.write_text(HEADER + "\n")
    assert run("load", "stops", str(path), "--as-of", "2026-01-02")[0] == 4
    path.write_text("a,b\n1,2\n")
    assert run("load", "stops", str(path))[0] == 3
    failed, refused = json.loads(run("runs", "--json")[1])[:2]
    assert (failed["state"], refused["state"]) == ("failed", "refused")
    assert "lacks the column" in failed["message"] or "tells no place" in failed["message"]
    assert "0 were read" in refused["message"]


def test_an_unknown_run_is_wrong_usage(run, tmp_path):
    for words in (
        ("runs", "999999"),
        ("issues", "999999"),
        ("rejects", "999999", "-o", str(tmp_path / "x.gpkg")),
        ("diff", "stops", "999999"),
    ):
        code, _, err = run(*words)
        assert code == 2
        assert "There is no run 999999" in err


def test_issues_name_who_is_to_mend_them_and_how_many_are_open(run, deliver):
    number = deliver(RONDO, "2,,A,maybe,16.91,52.4")
    told = {each["code"]: each for each in json.loads(run("issues", number, "--json")[1])}
    assert told["required"]["responsible"] == "supplier"
    assert told["codes"]["responsible"] == "operator"
    assert (told["required"]["rows"], told["required"]["open"]) == (1, 1)
    _, out, err = run("issues", number)
    assert "supplier" in out
    assert CODES["required"].en in err


def test_rejects_are_written_corrected_and_resubmitted(run, deliver, tmp_path):
    number, path = deliver(RONDO, "2,,A,false,16.91,52.4"), tmp_path / "rejected.gpkg"
    code, _, err = run("rejects", number, "-o", str(path))
    assert code == 0
    assert "--resubmit" in err
    frame = gpd.read_file(path).assign(stopName="Most")
    path.unlink()
    frame.to_file(path, layer="stops")
    code, out, err = run("load", "stops", str(path), "--resubmit", "--json")
    assert (code, json.loads(out)["layers"]["stops"]["added"]) == (0, 1), err
    told = json.loads(run("issues", number, "--json")[1])
    assert [each["open"] for each in told] == [0]


def test_without_rejects_no_file_is_written(run, deliver, tmp_path):
    path = tmp_path / "rejected.gpkg"
    code, out, err = run("rejects", deliver(RONDO), "-o", str(path))
    assert (code, out) == (0, "")
    assert "no open rejected row" in err
    assert not path.exists()


def test_rows_that_come_back_keep_their_day(run, tmp_path):
    code, _, err = run("load", "stops", "x.gpkg", "--resubmit", "--as-of", "2026-01-01")
    assert code == 2
    assert "keep the day of their delivery" in err


def test_a_difference_tells_kind_fields_and_metres(run, deliver):
    deliver(RONDO, MOST, "3,Rynek,A,true,16.92,52.4")
    number = deliver("1,Rondo,B,true,16.9,52.401", MOST, "4,Nowy,A,true,16.9,52.41", day="2026-02-01")
    told = json.loads(run("diff", "stops", number, "--json")[1])
    assert told["summary"] == {"new": 1, "real": 1, "gone": 1}
    real = next(each for each in told["changes"] if each["kind"] == "real")
    assert real["fields"] == {"zone": ["A", "B"]}
    assert real["moved_m"] == pytest.approx(111.25, abs=0.1)
    assert (real["key"], real["label"]) == ("1", "Rondo")
    gone = next(each for each in told["changes"] if each["kind"] == "gone")
    assert (gone["label"], gone["fields"], gone["moved_m"]) == ("Rynek", {}, None)


def test_a_difference_is_of_its_run_even_when_more_followed(run, deliver):
    deliver(RONDO)
    second = deliver("1,Rondo,B,true,16.9,52.4", day="2026-02-01")
    deliver("1,Rondo,C,true,16.9,52.4", day="2026-03-01")
    (change,) = json.loads(run("diff", "stops", second, "--json")[1])["changes"]
    assert change["fields"] == {"zone": ["A", "B"]}
    assert change["moved_m"] == 0


def test_a_difference_is_drawn_with_what_is_gone(run, deliver, tmp_path):
    deliver(RONDO, MOST)
    number, path = deliver("1,Rondo,B,true,16.9,52.4", day="2026-02-01"), tmp_path / "changed.gpkg"
    code, out, _ = run("diff", "stops", number, "-o", str(path))
    assert code == 0
    assert out.index("rows") < out.index("zone: A → B")
    drawn = gpd.read_file(path).set_index("key")
    assert str(drawn.crs) == "EPSG:2177"
    assert drawn.loc["2", "kind"] == "gone"
    assert drawn.loc["1", "changes"] == "zone: A → B"
    assert not drawn.geometry.is_empty.any()


def test_every_code_in_the_source_is_in_the_table_and_every_one_there_is_used():
    pattern = re.compile(
        r"(?:Check|Issue)\(\s*\"([a-z.]+)\""
        r"|'(versions\.[a-z]+|removal\.withheld|repeated|resubmitted)'"
        r"|\"((?:geometry|row)\.[a-z]+|resubmitted)\""
    )
    root = Path(pipelines.__file__).parents[1]
    files = [path for room in ("pipelines", *ROOMS) for path in sorted((root / room).rglob("*.py"))]
    found = {
        code
        for path in files
        if path.name != "issue_codes.py"
        for groups in pattern.findall(path.read_text())
        for code in groups
        if code
    }
    assert found == set(CODES)
