"""Hops 2 to 5 for a whole delivery: each of its rows is staged, in quarantine, or known already."""

# pyarrow makes its compute functions when it is imported, where no checker sees them.
# pyright: reportAttributeAccessIssue=false

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from layers import Layer, get_layer
from layers.table import SCHEMA
from pipelines.deliveries import Delivery
from pipelines.hands import Hands, hands
from pipelines.job import Job
from pipelines.portion import Counted
from pipelines.preflight import ROWS as PREFLIGHT_ROWS
from pipelines.preflight import apart, preflight
from pipelines.recognition import Reading, source_hashes
from pipelines.sources import Portion, portions
from pipelines.stage import staging_table

FEW_ROWS = 20_000

Watcher = Callable[[str, int], None]
Choice = Callable[[Portion], Portion]


@dataclass
class Tally:
    """What was read of one layer so far: rows given, current and archival versions, rejects, seconds.

    ``known`` is the last reading, if rows of the layer may be recognised, and ``state`` that of the layer
    which it tells; ``readings`` are those of now. ``whole``: the staging table can become that of the layer.
    """

    given: int = 0
    read: int = 0
    archival: int = 0
    rejected: int = 0
    seconds: float = 0
    known: Reading | None = None
    state: str = ""
    whole: bool = False
    readings: list[Reading] = field(default_factory=list)

    @property
    def recognised(self) -> int:
        """Rows that are as they were."""
        return int(self.known.confirmed.sum()) if self.known else 0

    @property
    def keys_are_distinct(self) -> bool:
        """Whether it is known that no two staged rows have the same key."""
        keys = pa.chunked_array([each.keys for each in self.readings], pa.string())
        return len(keys) == self.read - self.rejected and pc.count_distinct(keys).as_py() == len(keys)

    def count(self, counted: Counted) -> None:
        """Add what became of a portion."""
        self.read += counted.read
        self.archival += counted.archival
        self.rejected += counted.rejected
        if counted.reading:
            self.readings.append(counted.reading)


@dataclass(frozen=True)
class Intake:
    """A delivery on its way in. ``understood`` is the fingerprint of how its rows are understood, if they may
    be recognised, and remembered for the next time.
    """

    job: Job
    layers: list[Layer]
    deliveries: list[Delivery]
    tallies: dict[str, Tally]
    understood: str | None
    watch: Watcher

    def take(self) -> None:
        """Read the delivery to its end.

        Raises:
            SourceError: a file cannot be read, or is not what it claims to be.
            GuardError: most of the first rows are rejected.
        """
        with hands(self.job) as workers:
            self._stage(self._gathered(self._read()), workers)
            if self._doubts():
                again = map(self._doubtful, portions(self.job, self.layers, self.deliveries))
                self._stage(self._gathered(again), workers)

    def _read(self) -> Iterator[Portion]:
        """The portions without the rows that are known; the first rows of each layer apart."""
        for whole in portions(self.job, self.layers, self.deliveries):
            tally = self.tallies[whole.layer]
            for portion in apart(whole, tally.given):
                tally.given += len(portion.rows)
                yield self._unknown(portion)
                self.watch(whole.layer, tally.read + tally.recognised)

    def _gathered(self, read: Iterable[Portion]) -> Iterator[Portion]:
        """The portions; few rows wait for more of their kind, since each portion has a cost of its own."""
        waiting: Portion | None = None
        for portion in read:
            if waiting and not waiting.goes_with(portion):
                yield waiting
                waiting = None
            waiting = waiting.with_more(portion) if waiting else portion
            if len(waiting.rows) >= FEW_ROWS or self.tallies[portion.layer].given == PREFLIGHT_ROWS:
                yield waiting
                waiting = None
        if waiting:
            yield waiting

    def _stage(self, given: Iterable[Portion], workers: Hands) -> None:
        began = time.monotonic()
        for portion in given:
            tally = self.tallies[portion.layer]
            if len(portion.rows):
                self._count(workers.give(portion))
            if tally.given == PREFLIGHT_ROWS:
                self._count(workers.rest())
                self._preflight(portion.layer)
            now = time.monotonic()
            tally.seconds += now - began
            began = now
        self._count(workers.rest())

    def _count(self, outcomes: Iterable[tuple[Portion, Counted]]) -> None:
        for portion, counted in outcomes:
            self.tallies[portion.layer].count(counted)

    def _preflight(self, name: str) -> None:
        order = self.job.order
        if "rejects" not in order.accepted and not order.resubmit:
            preflight(self.job.database, self.job.run, get_layer(name), self.tallies[name].rejected)

    def _unknown(self, portion: Portion) -> Portion:
        """The rows that are not as the last delivery had them."""
        known = self.tallies[portion.layer].known
        if self.understood is None or (hashes := source_hashes(portion.rows, self.understood)) is None:
            return portion
        return portion.only(~known.meet(hashes) if known else np.ones(len(hashes), bool), hashes)

    def _doubts(self) -> bool:
        """Whether recognised rows must be looked at: they, their keys or their unique values came twice."""
        told = [(layer, known) for layer in self.layers if (known := self.tallies[layer.name].known)]
        for layer, known in told:
            with self.job.database.transaction() as connection:
                known.doubt(pa.array(_rivals(connection, layer, self.job.run), pa.string()))
        return any((known.met > 1).any() for _, known in told)

    def _doubtful(self, portion: Portion) -> Portion:
        known = self.tallies[portion.layer].known
        if known is None or self.understood is None:
            return portion.part(0, 0)
        hashes = source_hashes(portion.rows, self.understood)
        return portion.part(0, 0) if hashes is None else portion.only(known.doubtful(hashes), hashes)


def _rivals(connection: sa.Connection, layer: Layer, run: int) -> list[str]:
    """The keys of current rows that share their key, or a value that must be unique, with a staged row."""
    staged, current = staging_table(layer, run), f"{SCHEMA}.{layer.name}"
    shared = [
        f"SELECT old.{layer.key}::text FROM {staged} AS new JOIN {current} AS old USING ({name})"
        for name in dict.fromkeys((layer.key, *layer.unique))
    ]
    return list(connection.exec_driver_sql(" UNION ".join(shared)).scalars())
