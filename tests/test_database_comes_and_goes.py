"""While the database is away, requests are told so at once; when it is back, they are answered at once."""

import os
import shutil
import signal
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from starlette.testclient import TestClient

from api.app import application
from api.jobs import LEASE_SECONDS
from layers import all_layers
from mesip import cluster
from mesip.database import Database
from mesip.settings import settings
from pipelines.keys import new_key
from pipelines.migrate import migrate

ITEMS = "/collections/stops/items"
REQUESTS = 30


@pytest.fixture(scope="module")
def home():
    """A home with a database of its own, which the tests may end."""
    folder = Path(tempfile.mkdtemp(prefix="mesip-comes-"))
    folder.chmod(0o755)
    data = cluster.start(folder).data
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MESIP_HOME", str(folder))
        patch.setenv("MESIP_RATE_PER_SECOND", "0")
        settings.cache_clear()
        yield folder
    settings.cache_clear()
    cluster.stop(folder)
    shutil.rmtree(data, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def database(home):
    opened = Database(cluster.start(home).url, home)
    migrate(opened, all_layers().values(), settings().srid)
    yield opened
    opened.engine.dispose()


@pytest.fixture(scope="module")
def client(database):
    with TestClient(application(), base_url="http://testserver", raise_server_exceptions=False) as asking:
        yield asking


def crowd(client):
    """What many who ask at once are told, and how long the slowest waited, seconds."""
    began = time.monotonic()
    with ThreadPoolExecutor(REQUESTS) as asking:
        answers = list(asking.map(lambda _: client.get(ITEMS), range(REQUESTS)))
    return {answer.status_code for answer in answers}, time.monotonic() - began


def stop(home):
    cluster.stop(home)


def kill(home):
    pid = int((home / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("end", [stop, kill])
def test_an_outage_is_told_at_once_and_ends_with_it(client, home, end):
    assert crowd(client)[0] == {200}
    end(home)
    # Backends of a killed server take a moment to notice.
    began = time.monotonic()
    while crowd(client)[0] != {503}:
        assert time.monotonic() - began < 3
    for _ in range(3):
        told, seconds = crowd(client)
        assert told == {503}
        assert seconds < 3
    refused = client.get(ITEMS)
    assert refused.headers["retry-after"] == "5"
    assert refused.headers["content-type"] == "application/problem+json"
    cluster.start(home)
    began = time.monotonic()
    while client.get(ITEMS).status_code != 200:
        assert time.monotonic() - began < 1
    told, seconds = crowd(client)
    assert told == {200}
    assert seconds < 3


@pytest.mark.parametrize("end", [stop, kill])
def test_a_job_that_was_running_is_done_when_the_database_is_back(client, database, home, end):
    inputs = {"layer": "stops", "format": "geojson.gz"}
    with suppress(psycopg.OperationalError), psycopg.connect(database.url.replace("+psycopg", "")) as holding:
        holding.execute("LOCK TABLE city.stops IN ACCESS EXCLUSIVE MODE")
        headers = {"Prefer": "respond-async"}
        asked = client.post("/processes/extract/execution", json={"inputs": inputs}, headers=headers)
        address = asked.headers["location"]
        while client.get(address).json()["status"] != "running":
            time.sleep(0.05)
        end(home)
    began = time.monotonic()
    while client.get(address).status_code != 503:
        assert time.monotonic() - began < 3
    cluster.start(home)
    began = time.monotonic()
    while (status := client.get(address).json()["status"]) != "successful":
        assert status in ("running", "accepted")
        assert time.monotonic() - began < LEASE_SECONDS + 10
        time.sleep(0.1)
    export = client.get("/collections/stops/export.geojson.gz").content
    assert client.get(f"{address}/results").content == export


def test_what_was_read_with_a_key_before_an_outage_is_written_down_after_it(client, database, home):
    database.engine.dispose()
    key = new_key(database, "internal", "", None)
    header = {"Authorization": f"Bearer {key.token}"}
    assert client.get(ITEMS, headers=header).status_code == 200
    stop(home)
    time.sleep(1)
    cluster.start(home)
    database.engine.dispose()
    deadline = time.monotonic() + 5
    query = "SELECT count(*) FROM registry.audit WHERE key = %s AND path = %s"
    while time.monotonic() < deadline:
        with database.transaction() as connection:
            if connection.exec_driver_sql(query, (key.id, ITEMS)).scalar_one():
                return
        time.sleep(0.1)
    pytest.fail("the read is not in the audit")
