"""A load in a process of its own, with a fault at its k-th step.

A step is an exchange with the database (a statement, a piece of COPY, the end of a transaction, a connection
being made) or a change to a file under the node's home. Faults happen just before the step.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pyarrow as pa

from mesip.database import open_database
from mesip.settings import settings
from pipelines import load as loading
from pipelines import sources
from pipelines.arrow_frames import to_table
from pipelines.confined import Batches, Limits
from pipelines.job import Order

# The server that forks the loads looks for what it imports beforehand there, not in the path of its parent.
os.environ["PYTHONPATH"] = str(Path(__file__).parent)
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["loader", "pipelines.gml", "pipelines.tables"])
FILE_EVENTS = frozenset({"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate"})
PATIENCE_S = 120
EXCHANGE, CONNECT = psycopg.Connection.wait, psycopg.Connection.connect


class Fault(NamedTuple):
    """What happens, and just before which step (from 1; 0: never)."""

    kind: str
    step: int


NO_FAULT = Fault("none", 0)


class Told(NamedTuple):
    """What a load said when it ended: its state or its error, and its steps in words."""

    outcome: str
    steps: list[str]


class InjectedError(Exception):
    """What nobody foresaw."""


@dataclass
class Steps:
    """The steps so far, in words."""

    fault: Fault
    names: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, name: str, connection: psycopg.Connection | None = None) -> None:
        """Count a step; when it is the one, the fault happens."""
        with self.lock:
            self.names.append(name)
            if len(self.names) != self.fault.step:
                return
        HAPPENINGS[self.fault.kind](connection)


class Attempt:
    """A load under way in a process of its own."""

    def __init__(
        self, order: Order, fault: Fault = NO_FAULT, environment: dict[str, str] | None = None
    ) -> None:
        self._receiver, sender = CONTEXT.Pipe(duplex=False)
        self._process = CONTEXT.Process(target=_load, args=(order, fault, environment or {}, sender))
        self._process.start()
        sender.close()

    def end(self) -> Told:
        """Wait until it ends; what a killed one said is the signal."""
        self._process.join(PATIENCE_S)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
            return Told(f"still running after {PATIENCE_S} seconds", [])
        if self._process.exitcode < 0:
            return Told(signal.Signals(-self._process.exitcode).name, [])
        return Told(*self._receiver.recv())


def _load(order: Order, fault: Fault, environment: dict[str, str], sender: Connection) -> None:
    os.environ.update(environment)
    settings.cache_clear()
    with (settings().home / "loads.log").open("ab") as log:
        os.dup2(log.fileno(), sys.stderr.fileno())
    steps = Steps(fault)
    _watch(steps, settings().home)
    # Each load would start a server of readers, a second of imports. A reader takes no step that counts here.
    loading.make_ready, sources.confined = lambda: None, _read_here
    try:
        outcome = loading.load(order, open_database(settings()), settings()).state
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is told
        outcome = f"{type(error).__name__}: {error}"
    told = list(steps.names)
    sender.send((outcome, told))


def _read_here(reader: Callable[..., Batches], _: Limits, path: Path, *more: Any) -> Iterator[pa.Table]:
    return (rows if isinstance(rows, pa.Table) else to_table(*rows) for rows in reader(path, *more))


def _watch(steps: Steps, home: Path) -> None:
    """Have every step counted from now on."""

    def exchange(connection: psycopg.Connection, gen: Generator, *more: Any, **named: Any) -> Any:
        steps.take(_described(gen), connection)
        return EXCHANGE(connection, gen, *more, **named)

    def connect(_: type, *given: Any, **named: Any) -> psycopg.Connection:
        steps.take("connect")
        return CONNECT(*given, **named)

    def file_event(event: str, given: tuple) -> None:
        if event in FILE_EVENTS and str(given[0]).startswith(str(home)) and not _only_reads(event, given):
            steps.take(f"{event} {Path(str(given[0])).relative_to(home)}")

    psycopg.Connection.wait = exchange  # pyright: ignore[reportAttributeAccessIssue]
    psycopg.Connection.connect = classmethod(connect)  # pyright: ignore[reportAttributeAccessIssue]
    sys.addaudithook(file_event)


def _only_reads(event: str, given: tuple) -> bool:
    return event == "open" and not given[2] & (os.O_WRONLY | os.O_RDWR)


def _described(gen: Generator) -> str:
    frame = getattr(gen, "gi_frame", None)
    query = str(frame.f_locals.get("query") or frame.f_locals.get("statement") or "") if frame else ""
    name = getattr(gen, "__name__", "exchange")
    return f"{name} {' '.join(query.split())[:70]}".strip()


def _raise(_: psycopg.Connection | None) -> None:
    raise InjectedError("a fault on purpose")


def _kill(_: psycopg.Connection | None) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _disconnect(connection: psycopg.Connection | None) -> None:
    """The server ends the session of this exchange."""
    if connection is None:
        return
    with CONNECT(connection.info.dsn, password=connection.info.password, autocommit=True) as other:
        EXCHANGE(
            other, other.cursor()._execute_gen(f"SELECT pg_terminate_backend({connection.info.backend_pid})")
        )


HAPPENINGS: dict[str, Callable[[psycopg.Connection | None], None]] = {
    "exception": _raise,
    "SIGKILL": _kill,
    "connection lost": _disconnect,
}
