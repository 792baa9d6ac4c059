"""Who conforms, checks and stages the portions of a delivery: threads here, or workers of a cluster."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from mesip.errors import PlatformError, UsageError
from pipelines.job import Job
from pipelines.portion import Counted, portion_table, stage_portion
from pipelines.sources import Portion

# While the rows of one portion are copied into the database, the next one is conformed.
THREADS = 2
# Portions that wait for a hand, beside those in hand; memory is bounded by them, not by the file.
WAITING = 1


class _Executor(Protocol):
    def submit(self, fn, /, *args) -> Future: ...


@dataclass
class Hands:
    """Takes portions, a few at a time, and gives back what became of each in the order they came."""

    job: Job
    executor: _Executor
    most: int
    _under_way: deque[tuple[Portion, "Future[Counted]"]] = field(default_factory=deque)
    _given: int = 0

    def give(self, portion: Portion) -> Iterator[tuple[Portion, Counted]]:
        """Hand over a portion; the outcomes of those that had to be awaited before."""
        while len(self._under_way) >= self.most:
            yield self._oldest()
        self._given += 1
        self._under_way.append((portion, self.executor.submit(stage_portion, self.job, self._given, portion)))

    def rest(self) -> Iterator[tuple[Portion, Counted]]:
        """The outcomes of all that is under way."""
        while self._under_way:
            yield self._oldest()

    def drop(self) -> None:
        """Give up what is under way, and wait until nothing is written any more."""
        for _, future in self._under_way:
            future.cancel()
        for _, future in self._under_way:
            if not future.cancelled():
                future.exception()
        self._under_way.clear()

    def _oldest(self) -> tuple[Portion, Counted]:
        portion, future = self._under_way.popleft()
        return portion, future.result()


@contextmanager
def hands(job: Job) -> Iterator[Hands]:
    """Those of this process, or of the cluster that the order names.

    Raises:
        UsageError: no cluster answers at the address.
    """
    with _here(job) if job.order.scheduler is None else _cluster(job, job.order.scheduler) as found:
        try:
            yield found
        finally:
            found.drop()


@contextmanager
def _here(job: Job) -> Iterator[Hands]:
    with ThreadPoolExecutor(THREADS, "portion") as executor:
        yield Hands(job, executor, THREADS + WAITING)


@contextmanager
def _cluster(job: Job, address: str) -> Iterator[Hands]:
    from distributed import Client, KilledWorker  # noqa: PLC0415 - it takes half a second to import

    try:
        client = Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as cause:
        raise UsageError(
            f"No Dask scheduler answers at {address[:100]!r}. Start one with `dask scheduler`, or leave out "
            "--scheduler."
        ) from cause
    with client, _portions_kept(job):
        threads = sum(worker["nthreads"] for worker in client.scheduler_info()["workers"].values())
        try:
            yield Hands(job, client.get_executor(pure=False), max(threads, 1) * 2)
        except KilledWorker as cause:
            raise PlatformError(
                "Several workers of the cluster ended over the same rows; nothing is published. "
                "See the logs of the workers."
            ) from cause


@contextmanager
def _portions_kept(job: Job) -> Iterator[None]:
    """While the block runs, there is a table of the portions that are staged."""
    with job.database.transaction() as connection:
        connection.exec_driver_sql(f"CREATE UNLOGGED TABLE {portion_table(job)} (number int PRIMARY KEY)")
    yield
    with job.database.transaction() as connection:
        connection.exec_driver_sql(f"DROP TABLE {portion_table(job)}")
