"""The node that things happen to: its private server, its API in a process, and what its state is."""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx2
import orjson
import psycopg

from layers import all_layers
from mesip import cluster
from mesip.database import open_database
from mesip.errors import DatabaseDownError
from mesip.settings import settings
from pipelines.migrate import migrate

OURS = "chaos"
# What two loads of the same delivery rightly differ by: numbers and clocks.
VOLATILE = {
    *("run", "reject", "issue", "original", "closed_by", "recorded", "recorded_since", "recorded_at"),
    *("published_at", "received_at", "started_at", "finished_at", "seconds"),
}
# What is told of them all the same, by the end of a table's name.
TOLD = {"_history": "upper_inf(recorded)", ".reject": "closed_by IS NULL", ".issue": "closed_by IS NULL"}
# The order of changes within a publication is free.
FREE = {"registry.change": {"seq"}}
# What a run leaves that failed is not part of the state.
OF_PUBLISHED = "WHERE run IN (SELECT run FROM registry.run WHERE state IN ('published', 'unchanged'))"
ABOUT_RUNS = {"registry.run", "registry.account"}
SERVE = "import sys; from mesip.cli import main; sys.argv = ['mesip', 'serve', '--port', sys.argv[1]]; main()"
OK, WHOLE_LAYER = 200, 10_000
PATIENCE_S = 60

State = dict[str, str]


class Ground:
    """A node in a home of its own, and its API on a port of loopback."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="mesip-chaos-"))
        self.home.chmod(0o755)
        os.environ["MESIP_HOME"] = str(self.home)
        os.environ.pop("MESIP_DATABASE_URL", None)
        settings.cache_clear()
        self._connection: psycopg.Connection | None = None
        (self.home / "cache").mkdir()
        self.start()
        self.api, url = _served(self.home / "api.log")
        self.client = httpx2.Client(base_url=url, timeout=30)

    def start(self) -> None:
        """What every command does first: the server runs, and what killed loads left is settled."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            database = open_database(settings())
            try:
                migrate(database, all_layers().values(), settings().srid)
            except DatabaseDownError:
                # It is reading its log after a crash; a command says so, and is called again.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return
            finally:
                database.engine.dispose()

    def stop(self) -> None:
        """Remove it all."""
        self.client.close()
        self.api.terminate()
        self.api.wait(30)
        cluster.stop(self.home)
        for folder in ((self.home / "postgres").resolve(), self.home):
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def address(self) -> str:
        """The address of the server that runs now, for psycopg."""
        running = cluster.running(self.home)
        if running is None:
            raise RuntimeError("the private server does not run")
        return running.url.replace("+psycopg", "")

    def ask(self, query: str, *given: object) -> list[tuple]:
        """The rows that a query of the owner gives, if it gives any."""
        try:
            return self._asked(query, given)
        except psycopg.OperationalError:
            self._connection = None
            return self._asked(query, given)

    def served(self, layer: str) -> tuple[int, str]:
        """The status of the API's answer, and the hash of the layer's features in it."""
        answer = self.client.get(f"/collections/{layer}/items", params={"limit": WHOLE_LAYER})
        if answer.status_code != OK:
            return answer.status_code, answer.text[:200]
        features = orjson.dumps(orjson.loads(answer.content)["features"])
        return OK, hashlib.sha256(features).hexdigest()

    def save(self, name: str) -> None:
        """Keep the whole state under a name, what is remembered in the cache included."""
        shutil.copytree(self.home / "cache", self.home / name, dirs_exist_ok=True)
        self.ask(f"DROP SCHEMA IF EXISTS {name} CASCADE")
        self.ask(f"CREATE SCHEMA {name}")
        for table, columns in self._tables().items():
            kept = f"{name}.{table.replace('.', '_')}"
            self.ask(f"CREATE TABLE {kept} AS SELECT {', '.join(columns)} FROM {table}")

    def restore(self, name: str) -> None:
        """Bring a kept state back, with no delivery in the store."""
        tables = self._tables()
        statements = [f"DELETE FROM {table}" for table in tables]
        statements += [
            f"INSERT INTO {table} ({', '.join(columns)}) OVERRIDING SYSTEM VALUE "
            f"SELECT {', '.join(columns)} FROM {name}.{table.replace('.', '_')}"
            for table, columns in tables.items()
        ]
        self.ask("; ".join(["BEGIN", *statements, "COMMIT"]))
        for folder in ("deliveries", "cache"):
            shutil.rmtree(self.home / folder, ignore_errors=True)
        shutil.copytree(self.home / name, self.home / "cache")

    def state(self) -> State:
        """A hash per table of all that does not rightly differ from load to load."""
        parts = []
        for table, columns in self._tables().items():
            told = [name for name in columns if name not in VOLATILE | FREE.get(table, set())]
            told += [expression for ending, expression in TOLD.items() if table.endswith(ending)]
            which = OF_PUBLISHED if table in ("registry.reject", "registry.issue") else ""
            parts.append(
                f"SELECT '{table}', md5(COALESCE(string_agg(t::text, '|' ORDER BY t::text), '')) "
                f"FROM (SELECT DISTINCT {', '.join(told)} FROM {table} {which}) AS t"
            )
        found = self.ask(" UNION ALL ".join(parts))
        return {table: hashed for table, hashed in found if table not in ABOUT_RUNS}

    def _tables(self) -> dict[str, list[str]]:
        """The columns of each table that can be written."""
        found = self.ask("""
            SELECT table_schema || '.' || table_name, array_agg(column_name::text ORDER BY column_name)
            FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
            WHERE table_schema IN ('city', 'registry') AND table_type = 'BASE TABLE'
              AND is_generated = 'NEVER' GROUP BY 1 ORDER BY 1
        """)
        return dict(found)

    def _asked(self, query: str, given: tuple) -> list[tuple]:
        if self._connection is None:
            self._connection = psycopg.connect(self.address, autocommit=True, application_name=OURS)
        cursor = self._connection.execute(query.encode(), given or None)
        return cursor.fetchall() if cursor.description else []


def _served(log: Path) -> tuple[subprocess.Popen, str]:
    """`mesip serve` in a process of its own, and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with log.open("wb") as file:
        command = [sys.executable, "-c", SERVE, str(port)]
        api = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 60
    while time.monotonic() < deadline and api.poll() is None:
        try:
            httpx2.get(f"{url}/health", timeout=5)
        except httpx2.TransportError:
            time.sleep(0.05)
        else:
            return api, url
    raise RuntimeError(f"the API does not start: {log.read_text()[-2000:]}")
