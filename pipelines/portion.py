"""Hops 3 to 5 for a portion of a delivery: every version ends up staged or in quarantine."""

from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from geopandas import GeoDataFrame

from layers import Layer, get_layer
from pipelines.arrow_frames import number_of_first
from pipelines.check import check
from pipelines.conform import conform
from pipelines.issues import beside
from pipelines.job import Job
from pipelines.quarantine import Batch, error_rows, quarantine
from pipelines.recognition import Reading
from pipelines.sources import Portion
from pipelines.stage import Staged, stage
from pipelines.versions import Lives, lives, valid_since


class Counted(NamedTuple):
    """What became of a portion: current versions and archival ones, and how many of both were rejected.

    ``reading`` is what the staged rows can be recognised by, if that is to be remembered.
    """

    read: int
    archival: int
    rejected: int
    reading: Reading | None


def stage_portion(job: Job, number: int, portion: Portion) -> Counted:
    """Conform and check the rows; stage those that pass, and keep the others with their issues.

    ``number`` is the portion's own: a worker that takes over from a killed one writes nothing a second time.

    Raises:
        SourceError: the rows are not where their coordinate system says.
    """
    layer, source = get_layer(portion.layer), portion.frame()
    ends, frame, issues = examined(job, layer, source)
    rejected = error_rows(issues)
    accepted = frame.drop(index=rejected) if rejected else frame
    rows = accepted.index
    since = valid_since(accepted, layer, job.begins)
    staged = Staged(accepted, since, ends.ended[rows], source["origin"].loc[rows])
    with job.database.transaction() as connection:
        # What a crash of the database loses of it ends the run as well.
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
        if _first_time(connection, job, number):
            quarantine(connection, Batch(layer, job.run, source, frame[layer.key], ends.over), issues)
            stage(connection, layer, job.run, staged)
    current, archival = int((~ends.over).sum()), int(ends.over.sum())
    return Counted(current, archival, len(rejected), _reading(portion, accepted[layer.key], issues["row"]))


def examined(job: Job, layer: Layer, source: GeoDataFrame) -> tuple[Lives, GeoDataFrame, pd.DataFrame]:
    """When versions end, the rows in the words of the layer, and all their issues."""
    ends = lives(source, layer)
    frame, unsaid = conform(source, layer, job.settings.srid)
    return ends, frame, beside(beside(unsaid, ends.issues), check(frame, layer))


def portion_table(job: Job) -> str:
    """The table of the portions that workers have staged, if others may take over from them."""
    return f"staging.portion_{job.run}"


def _reading(portion: Portion, keys: pd.Series, said: pd.Series) -> Reading | None:
    """The staged rows and how the source wrote them; of those of which something is to be said, no more."""
    if portion.hashes is None:
        return None
    first = 0 if keys.empty else number_of_first(portion.rows)
    hashes = portion.hashes[keys.index.to_numpy() - first].copy()
    hashes[keys.index.isin(said)] = 0
    return Reading(pa.array(keys.astype("str"), pa.string()), hashes)


def _first_time(connection: sa.Connection, job: Job, number: int) -> bool:
    """Whether the portion is not staged yet. Here nobody takes over, so nothing needs to be kept of it."""
    if job.order.scheduler is None:
        return True
    kept = f"INSERT INTO {portion_table(job)} VALUES (%s) ON CONFLICT DO NOTHING"
    return connection.exec_driver_sql(kept, (number,)).rowcount == 1
