"""Hop 6 for all layers of a delivery: all of them become current, or none."""

import logging
import time
from datetime import datetime

import pandas as pd
import sqlalchemy as sa
from geopandas import GeoDataFrame

from layers import Layer
from mesip.errors import GuardError, LayerLockedError
from pipelines import runs
from pipelines.account import account
from pipelines.explanations import explain, explanation
from pipelines.guards import GUARDS, refuse
from pipelines.intake import Intake
from pipelines.memories import state_of
from pipelines.portion import examined
from pipelines.publication import Publication
from pipelines.publish import lock, moment, publish
from pipelines.quarantine import error_rows, reject_repeated
from pipelines.resubmission import close_rejects, refuse_outdated
from pipelines.runs import LayerAccount
from pipelines.second_reading import read_again
from pipelines.sources import portions
from pipelines.stage import staging_table
from pipelines.versions import check_chains

log = logging.getLogger(__name__)

# Guards that judge a whole delivery say nothing of rows that come back.
WHOLE_ONLY = frozenset(GUARDS) - {"extent"}


def publish_all(intake: Intake) -> dict[str, LayerAccount]:
    """Publish what the intake has staged; the account of each layer that the delivery speaks of.

    Raises:
        GuardError: a publication is refused; the previous version stays.
        LayerLockedError: another load publishes one of the layers.
    """
    accounts, job = {}, intake.job
    layers = sorted(_filled(intake), key=lambda each: each.name)
    with job.database.transaction() as connection:
        for layer in layers:
            _judge_staged(connection, intake, layer)
        _read_again(connection, intake, layers)
    with job.database.transaction() as connection:
        for layer in layers:
            lock(connection, layer)
        now = moment(connection, layers)
        published = [_publication(connection, intake, layer, now) for layer in layers]
        if job.order.resubmit:
            for this in published:
                refuse_outdated(connection, this)
            _read_again(connection, intake, layers)
        for this in published:
            accounts[this.layer.name] = _publish_layer(connection, intake, this)
        runs.record(connection, job.run, now)
        if job.order.dry_run:
            connection.rollback()
    return accounts


def _filled(intake: Intake) -> list[Layer]:
    """The layers that the delivery speaks of. Silence about a layer is no order to empty it.

    Raises:
        GuardError: it speaks of none.
    """
    filled = [layer for layer in intake.layers if intake.tallies[layer.name].given]
    if filled:
        return filled
    if "empty" in intake.job.order.accepted:
        return intake.layers
    if intake.job.order.resubmit:
        return []
    names = ", ".join(str(path) for path in intake.job.order.paths)
    layers = ", ".join(layer.name for layer in intake.layers)
    raise GuardError("empty", f"{names} holds no row of {layers}: 0 were read.")


def _judge_staged(connection: sa.Connection, intake: Intake, layer: Layer) -> None:
    """What can only be said of rows when all of them are there."""
    tally = intake.tallies[layer.name]
    wanted = layer.unique if tally.keys_are_distinct else (layer.key, *layer.unique)
    reject_repeated(connection, layer, intake.job.run, wanted)
    if tally.archival:
        check_chains(connection, layer, intake.job.run)
    connection.exec_driver_sql(f"ANALYZE {staging_table(layer, intake.job.run)}")


def _publication(connection: sa.Connection, intake: Intake, layer: Layer, now: datetime) -> Publication:
    job, tally = intake.job, intake.tallies[layer.name]
    if tally.known and tally.state != state_of(connection, layer):
        raise LayerLockedError(layer.name)
    place = (job.settings.extent, job.settings.srid)
    how = {"partial": job.order.resubmit, "known": tally.known, "whole": tally.whole}
    how["accepted"] = job.order.accepted
    return Publication(layer, job.run, job.stand, job.begins, now, *place, **how)


def _read_again(connection: sa.Connection, intake: Intake, layers: list[Layer]) -> None:
    def staged_keys(layer: Layer, rows: GeoDataFrame) -> pd.Series:
        ends, frame, issues = examined(intake.job, layer, rows)
        return frame[layer.key][~ends.over].drop(index=error_rows(issues), errors="ignore")

    read = portions(intake.job, intake.layers, intake.deliveries)
    read_again(connection, intake.job.run, layers, read, staged_keys)


def _publish_layer(connection: sa.Connection, intake: Intake, this: Publication) -> LayerAccount:
    layer, order = this.layer, intake.job.order
    tally, began = intake.tallies[layer.name], time.monotonic()
    counted = account(connection, this, tally.read, tally.archival)
    accepted = order.accepted | (WHOLE_ONLY if this.partial else frozenset())
    refuse(layer, counted, accepted, lambda guard: explain(connection, this, guard))
    told = explanation(connection, this, counted) if order.dry_run else []
    head = publish(connection, intake.job.database, this, counted)
    if this.partial:
        close_rejects(connection, this)
    seconds = tally.seconds + time.monotonic() - began
    done = LayerAccount(counted, head, round(seconds, 3), tuple(told))
    facts = {"run": this.run, "layer": layer.name, **done.stated()}
    log.info(
        "%s: %d rows read, head %d, %.2f s", layer.name, counted.read, head, seconds, extra={"facts": facts}
    )
    return done
