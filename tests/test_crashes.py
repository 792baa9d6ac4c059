"""What a killed load leaves: the version before it, and nothing that stays after the next start."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa

from layers import all_layers
from mesip.errors import DatabaseDownError
from pipelines.load import Order, load
from pipelines.migrate import migrate
from pipelines.stage import copy_rows

HEADER = "stopId;stopName;latitude;longitude;zoneId;isForTram\n"
# Ends the process as kill -9 does, at the k-th statement after the run began; says how many there were.
KILLED = """
import os, signal, sys
from pathlib import Path
import sqlalchemy as sa
from mesip.database import Database
from mesip.settings import settings
from pipelines.load import Order, load
last, count = int(sys.argv[2]), 0
def step(*_):
    global count
    count += 1
    if count == last:
        os.kill(os.getpid(), signal.SIGKILL)
database = Database(settings().database_url, settings().home)
for event in ("before_cursor_execute", "commit"):
    sa.event.listen(database.engine, event, step)
load(Order("stops", (Path(sys.argv[1]),)), database, settings())
print(count)
"""


@pytest.fixture
def stops(tmp_path):
    """A delivery of stops with this name: ``stops("Rondo")``."""

    def written(name: str) -> Path:
        path = tmp_path / f"{name}.csv"
        path.write_text(HEADER + "".join(f"{n};{name} {n};52.4;16.9{n:04d};A;true\n" for n in range(1, 301)))
        os.utime(path, (1767225600, 1767225600))
        return path

    return written


@pytest.fixture
def served(rows):
    """The hash of what the API serves of the stops, whenever it was published."""
    stops = "SELECT (to_jsonb(stop) - 'recorded_since')::text AS stop FROM public_api.stops AS stop"
    return lambda: rows(f"SELECT md5(string_agg(stop, ',' ORDER BY stop)) FROM ({stops}) AS stops")


def killed_load(path: Path, step: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", KILLED, str(path), str(step)]
    root = Path(__file__).resolve().parents[1]
    return subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)


def test_a_load_killed_at_any_step_leaves_a_whole_version(database, node, rows, stops, served):
    old, new = stops("Rondo"), stops("Most")
    load(Order("stops", (old,)), database, node)
    before = served()
    done = killed_load(new, 0)
    assert done.returncode == 0, done.stderr
    steps, after = int(done.stdout), served()
    assert after != before
    for step in (2, steps // 4, steps // 2, 3 * steps // 4, steps - 2, steps):
        load(Order("stops", (old,)), database, node)
        assert served() == before
        assert killed_load(new, step).returncode == -signal.SIGKILL
        assert served() in (before, after)
        migrate(database, all_layers().values(), node.srid)
        assert rows("SELECT run FROM registry.run WHERE state = 'running'") == []
        assert rows("SELECT tablename FROM pg_tables WHERE schemaname = 'staging'") == []
        load(Order("stops", (new,)), database, node)
        assert served() == after


def test_a_session_that_ends_while_rows_are_copied_is_told(database):
    with pytest.raises(DatabaseDownError, match="cannot be used: "), database.transaction() as connection:
        session = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        with database.engine.begin() as other:
            other.exec_driver_sql("SELECT pg_terminate_backend(%s)", (session,))
        copy_rows(connection, "registry.issue", pa.table({"code": ["kind"]}))


def test_a_run_that_lives_is_left_alone(database, node, rows, stops):
    seen = []

    def look(*_: object) -> None:
        migrate(database, all_layers().values(), node.srid)
        seen.extend(rows("SELECT state FROM registry.run WHERE state = 'running'"))
        seen.extend(rows("SELECT count(*) FROM pg_tables WHERE schemaname = 'staging'"))

    load(Order("stops", (stops("Plac"),)), database, node, look)
    assert seen == [("running",), (1,)]


def test_no_session_holds_a_lock_after_a_load(database, node, stops):
    load(Order("stops", (stops("Brama"),)), database, node)
    with database.transaction() as connection:
        held = sa.text(
            "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database "
            "WHERE locktype = 'advisory' AND datname = current_database()"
        )
        assert connection.execute(held).scalar_one() == 0
