"""Hop 2 for a whole delivery: the rows of all its files, as tables of Arrow in the words of the source."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from geopandas import GeoDataFrame

from layers import Layer, all_feeds
from mesip.errors import SourceError
from pipelines.arrow_frames import layer_of, part, to_frame, to_table
from pipelines.confined import confined
from pipelines.conform import require_columns
from pipelines.deliveries import Delivery
from pipelines.gml import read_gml
from pipelines.job import Job
from pipelines.place import check_place
from pipelines.recognition import Hashes, Truths
from pipelines.resubmission import read_resubmitted
from pipelines.tables import read_rows


@dataclass(frozen=True)
class File:
    """One file of a delivery: its copy, the name it was delivered under, and whether it is one of several."""

    path: Path
    delivered: str
    several: bool

    @contextmanager
    def named(self) -> Iterator[None]:
        """A fault inside calls the file as it was delivered, not by the place where its copy is kept."""
        try:
            yield
        except SourceError as fault:
            said = str(fault).replace(str(self.path), self.path.name)
            told = said if self.path.name == self.delivered else f"{self.delivered}: {said}"
            raise SourceError(told) from fault


@dataclass(frozen=True)
class Portion:
    """Rows of one layer out of one file, that are conformed, checked and staged at once.

    ``anywhere``: their coordinates need not be where their coordinate system is used in Poland. ``hashes``
    tell how the source wrote each row, shape (n, 2), if that is to be remembered.
    """

    rows: pa.Table
    file: File
    anywhere: bool
    hashes: Hashes | None = None

    @property
    def layer(self) -> str:
        """The name of the layer."""
        return layer_of(self.rows)

    def part(self, start: int, length: int | None = None) -> "Portion":
        """Some of the rows, which keep their numbers."""
        return replace(self, rows=part(self.rows, start, length))

    def only(self, chosen: Truths, hashes: Hashes) -> "Portion":
        """The chosen rows of a portion of these hashes; they get new numbers."""
        if chosen.all():
            return replace(self, hashes=hashes)
        return replace(self, rows=self.rows.filter(pa.array(chosen)), hashes=hashes[chosen])

    def frame(self) -> GeoDataFrame:
        """The rows as a frame; where there are several files, each row's origin names its file.

        Raises:
            SourceError: the rows are not where their coordinate system says.
        """
        with self.file.named():
            frame = to_frame(self.rows)
            placed = frame if self.anywhere else check_place(frame, self.file.path.name)
        if not self.file.several:
            return placed
        return placed.assign(origin=f"{self.file.path.name} " + placed["origin"])

    def goes_with(self, other: "Portion") -> bool:
        """Whether the rows of both can be treated as one portion."""
        told, other_told = (
            (each.file, each.anywhere, each.layer, each.hashes is None) for each in (self, other)
        )
        return told == other_told and self.rows.schema.equals(other.rows.schema)

    def with_more(self, other: "Portion") -> "Portion":
        """The rows of both; they get new numbers."""
        hashes = (
            None if self.hashes is None or other.hashes is None else np.vstack([self.hashes, other.hashes])
        )
        return replace(self, rows=pa.concat_tables([self.rows, other.rows]), hashes=hashes)


def portions(job: Job, layers: list[Layer], deliveries: list[Delivery]) -> Iterator[Portion]:
    """The rows of all files of the delivery, batch by batch.

    Raises:
        SourceError: a file cannot be read, or is not what it claims to be.
    """
    # Tables come from abroad too; who lifts the guard of the extent says that it is meant.
    anywhere = job.order.resubmit or ("extent" in job.order.accepted and job.order.feed not in all_feeds())
    for delivery in deliveries:
        for path in delivery.files:
            several = len(deliveries) + len(delivery.files) > 2 and not job.order.resubmit  # noqa: PLR2004
            file = File(path, delivery.name, several)
            with file.named():
                for rows in _batches(job, layers, path):
                    yield Portion(rows, file, anywhere)


def _batches(job: Job, layers: list[Layer], path: Path) -> Iterator[pa.Table]:
    order = job.order
    if order.resubmit:
        with job.database.transaction() as connection:
            frames = read_resubmitted(job, connection, path, layers)
            yield from (to_table(name, frame) for name, frame in frames)
    elif order.feed in all_feeds():
        classes = {class_: layer.name for layer in layers for class_ in layer.source.classes}
        yield from confined(read_gml, job.limits, path, classes, all_feeds()[order.feed].namespaces)
    else:
        (layer,) = layers
        for number, rows in enumerate(confined(read_rows, job.limits, path, layer.name)):
            if number == 0:
                require_columns(set(rows.column_names), layer, path.name)
            yield rows
