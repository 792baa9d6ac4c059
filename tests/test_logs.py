"""What a process says of itself on stderr."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mesip import logs
from mesip.settings import Settings


@pytest.fixture
def mesip(node):
    """Run a command in a process of its own with this form of log; return its stderr, line by line."""

    def run(form: str, *words: str) -> list[str]:
        command = [sys.executable, "-c", "from mesip.cli import main; main()", *words]
        done = subprocess.run(
            command,
            env=os.environ | {"MESIP_LOG": form},
            cwd=Path(logs.__file__).parents[1],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stderr.splitlines()

    return run


@pytest.fixture
def stops(tmp_path):
    path = tmp_path / "stops.csv"
    path.write_text("stopId;stopName;latitude;longitude;zoneId;isForTram\n1;Rondo;52.4;16.9;A;true\n")
    return path


def test_json_has_a_line_per_layer_and_run_with_counts_and_seconds(mesip, stops):
    events = [json.loads(line) for line in mesip("json", "load", "stops", str(stops))]
    layer = next(each for each in events if each.get("layer") == "stops")
    run = next(each for each in events if each.get("state") == "published")
    assert (layer["read"], layer["added"], layer["rejected"], layer["head"]) == (1, 1, 0, 1)
    assert layer["level"] == run["level"] == "info"
    assert run["run"] == layer["run"]
    assert run["seconds"] >= 0
    assert all(each["at"].endswith("+00:00") for each in events)


def test_a_text_log_says_nothing_when_nobody_need_act(mesip, stops):
    assert mesip("text", "load", "stops", str(stops)) == []


def test_passwords_in_addresses_are_masked():
    said = logs.without_secrets("cannot reach postgresql+psycopg://loader:s3cret@db:5432/city today")
    assert said == "cannot reach postgresql+psycopg://loader:***@db:5432/city today"


def test_another_form_is_refused():
    with pytest.raises(ValueError, match="'text' or 'json'"):
        Settings(log="xml")  # pyright: ignore[reportCallIssue, reportArgumentType]
