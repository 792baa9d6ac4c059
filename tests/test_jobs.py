"""Jobs: run once by whoever is there, seen and ended by their owners only, kept for a while."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from api import jobs, results, workers
from api.app import application
from api.declared_processes import all_processes
from api.jobs import End
from api.reading import readers
from api.workers import Workers
from layers import LEVELS
from mesip.errors import NoSuchJobError, TooManyJobsError
from pipelines.keys import new_key, revoke

ROOT = Path(__file__).resolve().parents[1]
TREES = {"layer": "trees", "format": "geojson.gz"}
ASYNC = {"Prefer": "respond-async"}
# A process of the machine that takes jobs, and can be killed.
PROGRAM = (
    "import time\nfrom api.workers import Workers\nWorkers().begin()\nprint(flush=True)\ntime.sleep(600)"
)


@pytest.fixture
def asking(vaulted):
    """Somebody who asks a node; its own workers run the jobs."""
    with TestClient(application(), base_url="http://testserver", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def idle(vaulted):
    """A node whose workers do nothing: jobs wait."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Workers, "begin", lambda _: None)
        patch.setattr(Workers, "end", lambda _: None)
        with TestClient(application(), base_url="http://testserver", raise_server_exceptions=False) as client:
            yield client


@pytest.fixture(autouse=True)
def no_jobs(vaulted):
    """As if no job had ever been asked for."""
    with vaulted.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM registry.job")


@pytest.fixture(scope="module")
def keys(vaulted):
    return {level: header(new_key(vaulted, level, "a test", None)) for level in LEVELS}


def header(key):
    return {"Authorization": f"Bearer {key.token}"}


def order(client, inputs=TREES, headers=None):
    """Have an extract made; the address of the job."""
    answer = client.post(
        "/processes/extract/execution", json={"inputs": inputs}, headers=ASYNC | (headers or {})
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["status"] == "accepted"
    assert answer.headers["location"].endswith(f"/jobs/{answer.json()['jobID']}")
    return answer.headers["location"]


def state(client, address, headers=None):
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["status"]


def wait(client, address, wanted="successful", seconds=30.0, headers=None):
    """Wait until a job has come so far."""
    deadline = time.monotonic() + seconds
    while (found := state(client, address, headers)) != wanted:
        assert time.monotonic() < deadline, f"{found}: {client.get(address, headers=headers).text}"
        time.sleep(0.05)
    return client.get(address, headers=headers).json()


@contextmanager
def trees_held(database):
    """Whoever reads trees meanwhile waits."""
    with database.transaction() as connection:
        connection.exec_driver_sql("LOCK TABLE city.trees IN ACCESS EXCLUSIVE MODE")
        yield


def id_of(address):
    return uuid.UUID(address.rpartition("/")[2])


def submitted(level="public", inputs=TREES, owner=None, counted="somebody"):
    """A job as a row, asked for by nobody who waits."""
    request = json.dumps([inputs, True, False])
    return jobs.submit(readers()[level], jobs.Caller(owner, counted), "extract", request, "en")


# A job and its result


def test_a_job_waits_runs_and_ends_with_its_file(asking):
    address = order(asking)
    ended = wait(asking, address)
    assert ended["processID"] == "extract"
    assert ended["progress"] == 100
    assert ended["created"] <= ended["started"] <= ended["finished"]
    export = asking.get("/collections/trees/export.geojson.gz").content
    assert asking.get(f"{address}/results").content == export
    (file,) = [each["href"] for each in ended["links"] if each["rel"] == "enclosure"]
    answer = asking.get(file, headers={"Range": "bytes=2-5"})
    assert (answer.status_code, answer.content) == (206, export[2:6])
    assert asking.get(file + "x").status_code == 404


def test_results_of_a_job_that_goes_on_are_not_ready(idle):
    answer = idle.get(f"{order(idle)}/results")
    assert answer.status_code == 404
    assert answer.json()["type"].endswith("/result-not-ready")


def test_a_job_that_cannot_be_done_says_why(asking):
    address = order(asking, TREES | {"filter": "girth_cm ^ girth_cm ^ girth_cm > 1"})
    failed = wait(asking, address, "failed")
    assert "calculates what has no result" in failed["message"]
    answer = asking.get(f"{address}/results")
    assert answer.status_code == 400
    assert answer.json()["detail"] == failed["message"]


def test_a_fault_of_ours_is_told_as_one_and_the_worker_goes_on(asking, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("api.processes.extract.write", lambda *_: 1 / 0)
        address = order(asking)
        assert "ZeroDivision" not in str(wait(asking, address, "failed"))
    assert asking.get(f"{address}/results").status_code == 500
    wait(asking, order(asking))


def test_a_result_that_is_too_large_is_given_up(asking, monkeypatch):
    monkeypatch.setattr(results, "SHARE", 1e-6)
    address = order(asking)
    assert "Ask for less" in wait(asking, address, "failed")["message"]
    assert not list((results.results().folder / str(id_of(address))).rglob("*.gz"))


# Whose it is


def test_a_job_is_seen_by_its_owner_only(idle, keys, vaulted):
    stranger = header(new_key(vaulted, "partner", "another", None))
    mine = order(idle, headers=keys["partner"])
    nobodys = order(idle)
    for address, owner in ((mine, keys["partner"]), (nobodys, None)):
        assert idle.get(address, headers=owner).status_code == 200
        for other in (None, stranger, *keys.values()):
            if other != owner:
                for path in (address, f"{address}/results", f"{address}/results/trees.geojson.gz"):
                    answer = idle.get(path, headers=other)
                    assert answer.status_code == 404
                    assert answer.json()["type"].endswith("/no-such-job")
                assert idle.delete(address, headers=other).status_code == 404
        assert state(idle, address, owner) == "accepted"


def test_jobs_are_listed_for_their_owner_and_those_of_nobody_never(idle, keys):
    mine = [order(idle, headers=keys["partner"]) for _ in range(3)]
    order(idle)
    listed = idle.get("/jobs", headers=keys["partner"]).json()["jobs"]
    assert [each["links"][0]["href"] for each in listed] == mine[::-1]
    assert len(idle.get("/jobs?limit=2", headers=keys["partner"]).json()["jobs"]) == 2
    assert idle.get("/jobs").json()["jobs"] == []
    assert idle.get("/jobs", headers=keys["internal"]).json()["jobs"] == []


def test_an_unknown_job_is_told_as_one_of_somebody_else(idle):
    unknown = uuid.uuid4()
    for named in (str(unknown), str(unknown).upper(), unknown.hex, "1", "%00", "x" * 300):
        answer = idle.get(f"/jobs/{named}")
        assert answer.status_code == 404
        assert answer.json()["type"].endswith("/no-such-job")


@pytest.mark.parametrize("level", LEVELS)
def test_a_job_reads_what_its_level_may_see(asking, keys, level):
    owner = keys[level]
    address = order(asking, {"layer": "benches", "format": "geojson.gz"}, owner)
    wait(asking, address, headers=owner)
    answer = asking.get(f"{address}/results", headers=owner)
    export = asking.get("/collections/benches/export.geojson.gz", headers=owner)
    assert answer.content == export.content


@pytest.mark.parametrize(
    "inputs",
    [
        {"layer": "proceedings", "format": "gpkg"},
        {"layer": "benches", "format": "gpkg", "filter": "donor LIKE 'A%'"},
    ],
)
def test_what_is_closed_cannot_be_asked_for(idle, keys, inputs):
    def ask(headers, given):
        return idle.post("/processes/extract/execution", json={"inputs": given}, headers=ASYNC | headers)

    refused = ask({}, inputs)
    told = json.dumps(inputs).replace("proceedings", "nonsense").replace("donor", "nonsense")
    nonsense = ask({}, json.loads(told))
    assert (refused.status_code, nonsense.status_code) == (400, 400)
    assert refused.json()["detail"].replace("donor", "nonsense") == nonsense.json()["detail"]
    assert ask(keys["internal"], inputs).status_code == 201


def test_a_layer_closed_after_a_job_was_asked_for_stays_closed_to_it(vaulted):
    """The database is the wall: a job that names what its level may not see fails, whoever wrote it down."""
    for inputs in (
        {"layer": "proceedings", "format": "gpkg"},
        {"layer": "benches", "format": "gpkg", "filter": "donor LIKE 'A%'"},
    ):
        job = submitted(inputs=inputs)
        workers.run(jobs.take(readers()["public"]), threading.Event())
        ended = jobs.job_of(readers()["public"], None, job.id)
        assert ended.state == "failed"
        assert ended.result is None


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_reaches_jobs_of_its_own_only(vaulted, level):
    others = [submitted(other, {"layer": "stops", "format": "gpkg"}) for other in LEVELS if other != level]
    reader = readers()[level]
    assert jobs.take(reader) is None
    for job in others:
        with pytest.raises(NoSuchJobError):
            jobs.dismiss(reader, None, job.id)
    jobs.forget(reader, -1)
    told = [
        jobs.job_of(readers()[other], None, job.id).state
        for other, job in zip([other for other in LEVELS if other != level], others, strict=True)
    ]
    assert told == ["accepted", "accepted"]
    with psycopg.connect(vaulted.level_url(level), autocommit=True) as connection:
        for statement in ("SELECT * FROM registry.job", "UPDATE registry.job SET level = 'public'"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_jobs_of_a_revoked_key_are_not_run(idle, vaulted):
    key = new_key(vaulted, "internal", "a test", None)
    address = order(idle, headers=header(key))
    revoke(vaulted, key.id)
    assert jobs.take(readers()["internal"]) is None
    told = jobs.job_of(readers()["internal"], key.id, id_of(address))
    assert (told.state, told.message) == ("dismissed", "The key of this job is revoked or expired.")


def test_the_network_of_a_caller_is_not_kept(idle, rows):
    order(idle)
    assert "testclient" not in str(rows("SELECT * FROM registry.job"))


# How many


def test_nobody_has_more_unfinished_jobs_than_ten(idle, keys):
    for owner in (None, keys["public"], keys["partner"]):
        addresses = [order(idle, headers=owner) for _ in range(jobs.MOST_OF_CALLER)]
        refused = idle.post(
            "/processes/extract/execution", json={"inputs": TREES}, headers=ASYNC | (owner or {})
        )
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == str(jobs.WAIT_SECONDS)
        assert "dismiss one" in refused.json()["detail"]
        idle.delete(addresses[0], headers=owner)
        order(idle, headers=owner)


def test_many_who_ask_at_once_get_no_more_than_the_bound(vaulted):
    def ask(_):
        try:
            return submitted(counted="one")
        except TooManyJobsError as fault:
            return fault

    with ThreadPoolExecutor(8) as asking:
        told = Counter(type(each).__name__ for each in asking.map(ask, range(40)))
    assert told == {"Job": jobs.MOST_OF_CALLER, "TooManyJobsError": 40 - jobs.MOST_OF_CALLER}


def test_a_full_queue_takes_on_no_more(idle, keys, monkeypatch):
    monkeypatch.setattr(jobs, "MOST", 5)
    for number in range(5):
        submitted(counted=f"somebody {number}")
    refused = idle.post("/processes/extract/execution", json={"inputs": TREES}, headers=ASYNC)
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "5"
    # What others of another level have waiting is not to be learnt from this.
    order(idle, headers=keys["partner"])


# Ended before its end


def test_a_waiting_job_that_is_dismissed_is_never_run(idle):
    address = order(idle)
    answer = idle.delete(address)
    assert (answer.status_code, answer.json()["status"]) == (200, "dismissed")
    assert jobs.take(readers()["public"]) is None
    assert idle.get(f"{address}/results").status_code == 410
    assert idle.delete(address).json()["status"] == "dismissed"


def test_a_running_job_that_is_dismissed_ends_its_statement(asking, vaulted, rows):
    running = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND wait_event_type = 'Lock' AND query ILIKE '%trees%'"
    )
    with trees_held(vaulted):
        address = order(asking)
        wait(asking, address, "running")
        deadline = time.monotonic() + 5
        while rows(running) == [(0,)]:
            assert time.monotonic() < deadline
        assert asking.delete(address).json()["status"] == "dismissed"
        deadline = time.monotonic() + 3 * workers.BEAT_SECONDS
        while rows(running) != [(0,)]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert state(asking, address) == "dismissed"
    assert not (results.results().folder / str(id_of(address))).exists()


def test_a_dismissed_result_is_gone(asking):
    address = order(asking)
    wait(asking, address)
    folder = results.results().folder / str(id_of(address))
    assert list(folder.rglob("*.gz"))
    asking.delete(address)
    assert not folder.exists()
    assert asking.get(f"{address}/results").status_code == 410


def test_a_job_that_takes_too_long_is_given_up(asking, vaulted, monkeypatch):
    monkeypatch.setattr(workers, "JOB_SECONDS", 1)
    with trees_held(vaulted):
        failed = wait(asking, order(asking), "failed", seconds=6)
    assert "Ask for less" in failed["message"]


# Workers that are lost


@pytest.fixture
def worker(vaulted):
    """Start a process of the machine that takes jobs; all are ended after the test."""
    started = []

    def start():
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE
        )
        started.append(process)
        assert process.stdout.readline()
        return process

    yield start
    for each in started:
        each.kill()
        each.wait()


def test_the_job_of_a_killed_worker_is_done_by_another(idle, vaulted, worker, rows):
    address = order(idle)
    with trees_held(vaulted):
        lost = worker()
        wait(idle, address, "running")
        lost.send_signal(signal.SIGKILL)
        lost.wait()
        worker()
        time.sleep(1)
        assert state(idle, address) == "running"
    began = time.monotonic()
    wait(idle, address, seconds=jobs.LEASE_SECONDS + 10)
    assert time.monotonic() - began < jobs.LEASE_SECONDS + 8
    assert rows("SELECT attempts FROM registry.job") == [(2,)]
    assert idle.get(f"{address}/results").content == idle.get("/collections/trees/export.geojson.gz").content


def test_a_worker_that_was_thought_lost_writes_nothing_down(vaulted):
    job = submitted()
    reader = readers()["public"]
    first = jobs.take(reader)
    assert jobs.take(reader) is None
    lapse(vaulted)
    second = jobs.take(reader)
    assert (first.id, second.id) == (job.id, job.id)
    assert not jobs.keep(reader, first)
    assert not jobs.finish(reader, first, End("failed", "late", 500))
    assert not jobs.release(reader, first)
    assert jobs.finish(reader, second, End("successful", result="x", media_type="y"))
    assert jobs.job_of(reader, None, job.id).state == "successful"


def lapse(database):
    """The leases of all jobs are over."""
    with database.transaction() as connection:
        connection.execute(sa.text("UPDATE registry.job SET lease_until = now() - interval '1 second'"))


def test_a_job_that_loses_every_worker_fails_with_a_sentence(vaulted):
    job, reader = submitted(), readers()["public"]
    for _ in range(jobs.MOST_ATTEMPTS):
        assert jobs.take(reader).id == job.id
        lapse(vaulted)
    assert jobs.take(reader) is None
    told = jobs.job_of(reader, None, job.id)
    assert (told.state, told.fault) == ("failed", 500)
    assert told.message.startswith("Each of 3 workers was lost over this job.")


def test_a_server_that_stops_gives_its_job_back(vaulted, rows):
    with TestClient(application(), base_url="http://testserver") as asking, trees_held(vaulted):
        address = order(asking)
        wait(asking, address, "running")
        began = time.monotonic()
        asking.app.state.workers.end()
        assert time.monotonic() - began < workers.STOP_SECONDS
        assert state(asking, address) == "accepted"
    assert rows("SELECT attempts FROM registry.job") == [(0,)]


def test_four_workers_run_each_of_many_jobs_once(idle, vaulted, worker, rows, monkeypatch):
    monkeypatch.setattr(jobs, "MOST_OF_CALLER", 1000)
    level = {number: LEVELS[number % 3] for number in range(120)}
    for number in range(120):
        submitted(level[number], {"layer": "stops", "format": "geojson.gz"})
    for _ in range(2):
        worker()
    deadline = time.monotonic() + 60
    while rows("SELECT count(*) FROM registry.job WHERE state <> 'successful'") != [(0,)]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert rows("SELECT count(*), min(attempts), max(attempts) FROM registry.job") == [(120, 1, 1)]
    made = Counter(path.parents[1].name for path in results.results().folder.rglob("stops.geojson.gz"))
    ours = {str(each) for (each,) in rows("SELECT job FROM registry.job")}
    assert {name: made[name] for name in ours} == dict.fromkeys(ours, 1)


# For a while


def test_a_job_and_its_result_are_kept_for_so_long(asking, vaulted, monkeypatch):
    address = order(asking)
    wait(asking, address)
    folder = results.results().folder / str(id_of(address))
    workers._clear()
    assert folder.exists()
    with vaulted.transaction() as connection:
        connection.exec_driver_sql("UPDATE registry.job SET finished_at = now() - interval '25 hours'")
    old = time.time() - 25 * 3600
    os.utime(folder, (old, old))
    workers._clear()
    assert asking.get(address).status_code == 404
    assert not folder.exists()


def test_the_oldest_results_make_room_and_are_told_to_be_gone(asking):
    address = order(asking)
    wait(asking, address)
    for path in (results.results().folder / str(id_of(address))).rglob("*.gz"):
        path.unlink()
    answer = asking.get(f"{address}/results")
    assert answer.status_code == 410
    assert "Run it again" in answer.json()["detail"]


def test_of_too_many_finished_jobs_the_last_are_remembered(vaulted, monkeypatch):
    reader, ended = readers()["public"], []
    for number in range(5):
        job = submitted(counted=f"somebody {number}")
        jobs.finish(reader, jobs.take(reader), End("failed", "A test.", 500))
        ended.append(job.id)
    waiting = submitted()
    monkeypatch.setattr(jobs, "MOST_FINISHED", 2)
    jobs.forget(reader, 1)
    for id_ in ended[:3]:
        with pytest.raises(NoSuchJobError):
            jobs.job_of(reader, None, id_)
    for id_ in (*ended[3:], waiting.id):
        assert jobs.job_of(reader, None, id_)


def test_every_process_has_a_file_and_a_name_of_its_own():
    files = [path.stem for path in (ROOT / "api" / "processes").glob("*.py") if path.stem != "__init__"]
    assert sorted(all_processes()) == sorted(files)
