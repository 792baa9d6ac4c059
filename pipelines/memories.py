"""The readings of the layers of a node: kept in its cache, each with the state of the layer that it tells."""

# pyarrow makes its compute functions when it is imported, where no checker sees them.
# pyright: reportAttributeAccessIssue=false

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from layers import Layer
from pipelines.intake import Intake, Tally
from pipelines.job import Job
from pipelines.recognition import MOST_ROWS, Reading, remember, remembered
from pipelines.runs import LayerAccount


def tally(job: Job, layer: Layer) -> Tally:
    """Nothing read yet; with what the published rows looked like at their source, if that is remembered."""
    with job.database.transaction() as connection:
        state = state_of(connection, layer)
    return Tally(known=remembered(_path(job, layer), state) if state else None, state=state)


def state_of(connection: sa.Connection, layer: Layer) -> str:
    """The state of a layer, another one after each publication; nothing before the first."""
    asked = sa.text(
        "SELECT concat_ws(' ', current_database(), layer, run, seq, rows, published_at) "
        "FROM registry.head WHERE layer = :layer"
    )
    return connection.execute(asked, {"layer": layer.name}).scalar() or ""


def keep_readings(intake: Intake, accounts: dict[str, LayerAccount]) -> None:
    """Remember how the source wrote the rows that are published now, where that is known of every row."""
    job = intake.job
    if intake.understood is None or job.order.dry_run:
        return
    for layer in (each for each in intake.layers if each.name in accounts):
        with job.database.transaction() as connection:
            state, unread = state_of(connection, layer), _unread(connection, layer, job.run)
        readings = _published(intake.tallies[layer.name], unread)
        rows = sum(len(each.keys) for each in readings)
        if rows == accounts[layer.name].rows.current <= MOST_ROWS:
            remember(_path(job, layer), state, readings)


def _published(read: Tally, unread: pa.Array) -> list[Reading]:
    """The readings of the rows that are published: of ``unread`` ones it is not known how they are."""
    readings = [read.known.kept()] if read.known else []
    for each in read.readings:
        staged = ~np.asarray(pc.is_in(each.keys, unread)) if len(unread) else np.ones(len(each.keys), bool)
        readings.append(Reading(each.keys.filter(pa.array(staged)), each.hashes[staged]))
    return [*readings, Reading(unread, np.zeros((len(unread), 2), np.uint64))]


def _unread(connection: sa.Connection, layer: Layer, run: int) -> pa.Array:
    """The keys of published rows of which this delivery holds none that was accepted."""
    kept = (
        f"SELECT {layer.key}::text FROM city.{layer.name} WHERE {layer.key}::text IN ("
        "SELECT key FROM registry.reject WHERE run = %s AND layer = %s)"
    )
    return pa.array(connection.exec_driver_sql(kept, (run, layer.name)).scalars().all(), pa.string())


def _path(job: Job, layer: Layer) -> Path:
    return job.settings.home / "cache" / "readings" / f"{layer.name}.arrow"
