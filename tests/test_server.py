"""The server as it is run: two processes that answer, end when they are told to, and count together."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from pipelines.keys import new_key

ROOT = Path(__file__).resolve().parents[1]
ITEMS = "/collections/trees/items?limit=1"
PROGRAM = [sys.executable, "-c", "from mesip.cli import main; main()", "serve", "--workers", "2", "--port"]


class Serving:
    """A server and its port."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment = os.environ | {"MESIP_PUBLIC_URL": f"http://127.0.0.1:{self.port}"}
        self.process = subprocess.Popen(
            [*PROGRAM, str(self.port)], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
        )

    def get(self, path, headers=None):
        """Ask by a connection of its own: status, headers, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def workers(self):
        """The processes that answer."""
        below = psutil.Process(self.process.pid).children()
        alive = [each for each in below if each.status() != psutil.STATUS_ZOMBIE]
        return [each for each in alive if "resource_tracker" not in " ".join(each.cmdline())]

    def wait(self):
        """Until it answers."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if self.get("/health")[0] == 200:
                    return
            except OSError:
                time.sleep(0.1)
        pytest.fail("the server does not answer")


@pytest.fixture
def serving(loaded):
    server = Serving()
    try:
        server.wait()
        yield server
    finally:
        if server.process.poll() is None:
            server.process.terminate()
            server.process.wait(30)


def test_two_processes_answer_keep_connections_and_count_together(serving, loaded):
    assert len(serving.workers()) == 2
    connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=60)
    connection.connect()
    used = connection.sock
    for _ in range(50):
        connection.request("GET", ITEMS)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        assert connection.sock is used
        assert not {"server", "x-powered-by"} & {name.lower() for name in answer.headers}
    for _ in range(50):
        assert serving.get(ITEMS)[0] == 200
    key = {"Authorization": f"Bearer {new_key(loaded, 'internal', 'a test', None).token}"}
    for _ in range(4):
        told = serving.get("/metrics", key)[2].decode()
        counted = re.findall(r'^mesip_requests_total{.*items",status="200".*} (\S+)$', told, re.MULTILINE)
        assert sum(map(float, counted)) == 100


def waiting_statements(rows):
    """How many statements wait for somebody."""
    waiting = "datname = current_database() AND wait_event_type = 'Lock'"
    return rows(f"SELECT count(*) FROM pg_stat_activity WHERE {waiting}")[0][0]


def test_a_server_that_is_told_to_end_answers_what_it_was_asked(serving, loaded, rows):
    asked = 6
    with ThreadPoolExecutor(asked) as asking:
        with loaded.transaction() as holding:
            holding.exec_driver_sql("LOCK TABLE city.trees IN ACCESS EXCLUSIVE MODE")
            answers = [asking.submit(serving.get, ITEMS) for _ in range(asked)]
            deadline = time.monotonic() + 20
            while waiting_statements(rows) < asked:
                assert time.monotonic() < deadline
            serving.process.send_signal(signal.SIGTERM)
            time.sleep(1)
            assert serving.process.poll() is None
        assert [each.result()[0] for each in answers] == [200] * asked
    assert serving.process.wait(10) in (0, -signal.SIGTERM)
    with pytest.raises(ConnectionRefusedError):
        serving.get(ITEMS)


def test_an_idle_server_ends_at_once(serving):
    connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=60)
    connection.request("GET", ITEMS)
    assert connection.getresponse().read()
    began = time.monotonic()
    serving.process.send_signal(signal.SIGTERM)
    serving.process.wait(20)
    assert time.monotonic() - began < 5


def test_a_killed_process_is_replaced_and_the_other_answers_meanwhile(serving):
    killed = serving.workers()[0]
    killed.kill()
    deadline = time.monotonic() + 30
    while killed in serving.workers() or len(serving.workers()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for _ in range(20):
        assert serving.get(ITEMS)[0] == 200
