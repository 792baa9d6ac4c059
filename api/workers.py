"""The workers of a process of the server: threads that take jobs and run them."""

import logging
import threading
import time
from pathlib import Path

from api import jobs, results
from api.connections import Connections
from api.declared_processes import all_processes
from api.executions import read
from api.jobs import End, Taken
from api.process import Process, Work
from api.reading import PATIENCE_SECONDS, Reader, readers
from layers import LEVELS
from mesip.errors import (
    DatabaseDownError,
    LayerUnavailableError,
    NotWantedError,
    PlatformError,
    TooLongError,
    UsageError,
)
from mesip.settings import settings

log = logging.getLogger(__name__)

THREADS = 2
# Who asks for a job calls the workers of their own process; others look when those are busy or lost.
POLL_SECONDS, BEAT_SECONDS, CLEAR_SECONDS = 2.0, 1.0, 60.0
# A job may take so long, and a single query of it as well.
JOB_SECONDS = 1800
# A thread that writes a file cannot be stopped in the middle of a call; then its lease runs out.
STOP_SECONDS = 5.0
MEGABYTE = 1_000_000


class Workers:
    """The threads that run jobs."""

    def __init__(self) -> None:
        self._over, self._called = threading.Event(), threading.Event()
        self._threads = [
            threading.Thread(target=self._work_on, args=(number,), name=f"worker {number}", daemon=True)
            for number in range(THREADS)
        ]

    def begin(self) -> None:
        """Begin to take jobs."""
        for each in self._threads:
            each.start()

    def call(self) -> None:
        """Have somebody look now whether there is a job."""
        self._called.set()

    def end(self) -> None:
        """Give back what is running, and stop."""
        self._over.set()
        self._called.set()
        deadline = time.monotonic() + STOP_SECONDS
        for each in self._threads:
            each.join(max(0.0, deadline - time.monotonic()))

    def _work_on(self, turn: int) -> None:
        cleared = 0.0
        while not self._over.is_set():
            turn += 1
            try:
                if time.monotonic() - cleared > CLEAR_SECONDS:
                    _clear()
                    cleared = time.monotonic()
                found = self._work(turn)
            except PlatformError as fault:
                log.info("Workers wait for the database: %s", fault)
                found = False
            except Exception as fault:
                log.error("A worker failed, and goes on", exc_info=fault)
                found = False
            if not found:
                self._called.wait(POLL_SECONDS)
                self._called.clear()

    def _work(self, turn: int) -> bool:
        """Run one job, of each level in its turn; tell whether there was one."""
        at = turn % len(LEVELS)
        for level in (*LEVELS[at:], *LEVELS[:at]):
            if taken := jobs.take(readers()[level]):
                run(taken, self._over)
                return True
        return False


class Lease:
    """A job as long as it is ours: a thread keeps the lease, and ends the work when that is lost."""

    def __init__(self, taken: Taken, connections: Connections, over: threading.Event) -> None:
        self.taken, self._connections, self._over = taken, connections, over
        self.reader = readers()[taken.level]
        self.lost = self.late = False
        self._began = self._kept = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._keep_on, name=f"lease {taken.id}", daemon=True)

    def __enter__(self) -> "Lease":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    @property
    def ended(self) -> bool:
        """Whether the work is not wanted any more."""
        return self.lost or self.late or self._over.is_set()

    def check(self) -> None:
        """Raise an error when the work is not wanted any more."""
        if self.late:
            raise TooLongError(f"The job took longer than {JOB_SECONDS // 60} minutes. Ask for less.")
        if self.ended:
            raise NotWantedError(f"The job {self.taken.id} is not wanted any more.")

    def _keep_on(self) -> None:
        while not self._done.wait(BEAT_SECONDS):
            self._beat()
            if self.ended:
                self._connections.cancel()

    def _beat(self) -> None:
        self.late = time.monotonic() - self._began > JOB_SECONDS
        try:
            self.lost = self.lost or not jobs.keep(self.reader, self.taken)
            self._kept = time.monotonic()
        except Exception as fault:  # noqa: BLE001 - a thread that ends would lose the job
            # Nobody may have taken it yet, and nobody can until the database is back.
            log.info("The lease of the job %s is not kept: %s", self.taken.id, fault)
            self.lost = time.monotonic() - self._kept > jobs.LEASE_SECONDS


def run(taken: Taken, over: threading.Event) -> None:
    """Run a job as somebody of its level, and write down how it ended."""
    own = f"-c statement_timeout={JOB_SECONDS * 1000}"
    connections = Connections(readers()[taken.level].connections.url, 1, PATIENCE_SECONDS, own)
    try:
        with Lease(taken, connections, over) as lease:
            end = _end(lease, Reader(taken.level, connections))
        if end is None and over.is_set():
            jobs.release(lease.reader, taken)
        if end is None or not jobs.finish(lease.reader, taken, end) or end.state == "failed":
            results.drop_file(taken.id, taken.worker)
    except PlatformError as fault:
        log.warning("The job %s waits until its lease is over: %s", taken.id, fault)
    finally:
        connections.close()


def _end(lease: Lease, reader: Reader) -> End | None:
    """How the job ended; nothing if it has not, and somebody else is to do it, or nobody."""
    try:
        return _done(lease, reader)
    except DatabaseDownError:
        raise
    except PlatformError as fault:
        if lease.late:
            return _failed(fault)
        return None if lease.ended else _failed(fault)
    # One job's fault must not end the worker.
    except Exception as fault:
        log.error("The job %s failed", lease.taken.id, exc_info=fault)
        return End(
            "failed", "The server failed. It is not your fault; the operators see it in their log.", 500
        )


def _failed(fault: PlatformError) -> End:
    if isinstance(fault, UsageError | TooLongError):
        return End("failed", str(fault), UsageError.status)
    if isinstance(fault, LayerUnavailableError):
        return End("failed", str(fault), fault.status)
    log.error("A job failed: %s", fault, exc_info=fault)
    return End("failed", "The server failed. It is not your fault; the operators see it in their log.", 500)


def _done(lease: Lease, reader: Reader) -> End:
    taken = lease.taken
    process, asked = all_processes()[taken.process], read(taken.request)
    file = process.file(asked.inputs)
    # A worker that was thought lost may still write; each has a name of its own.
    name = f"{taken.id}/{taken.worker}/{file.name}"
    results.results().kept(name, lambda path: _write(lease, reader, process, path))
    lease.check()
    return End("successful", result=name, media_type=file.media_type)


def _write(lease: Lease, reader: Reader, process: Process, path: Path) -> None:
    most = results.most_bytes()

    def told(_: int) -> None:
        lease.check()
        if path.exists() and path.stat().st_size > most:
            raise UsageError(f"The result has more than {most // MEGABYTE} MB. Ask for less.")

    taken = lease.taken
    inputs = read(taken.request).inputs
    process.write(Work(reader, inputs, taken.language, settings().srid, told), path)
    told(0)


def _clear() -> None:
    hours = settings().results_hours
    results.clear(hours)
    for level in LEVELS:
        jobs.forget(readers()[level], hours)
