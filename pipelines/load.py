"""The main line: read, conform, check, stage and publish a delivery, and account for every row."""

import logging
from datetime import date
from functools import partial
from typing import NamedTuple

from layers import Layer, layers_of
from mesip.database import Database
from mesip.errors import GuardError, PlatformError
from mesip.settings import Settings
from pipelines import runs
from pipelines.deliveries import opened, receive, workplace
from pipelines.first_rows import is_empty, make_successor
from pipelines.intake import Intake, Tally, Watcher
from pipelines.job import Job, Order, reader_limits
from pipelines.leftovers import alive
from pipelines.memories import keep_readings, tally
from pipelines.publish_all import publish_all
from pipelines.repeats import Told, fingerprint, remember, repeated
from pipelines.resubmission import original_stand
from pipelines.runs import LayerAccount, Outcome
from pipelines.stage import drop_staging, make_staging

__all__ = ["Order", "Watcher", "load"]

log = logging.getLogger(__name__)


class Way(NamedTuple):
    """Where a load goes, and who hears of each batch."""

    database: Database
    settings: Settings
    watch: Watcher


def load(order: Order, database: Database, settings: Settings, watch: Watcher = lambda *_: None) -> Outcome:
    """Load a delivery; ``watch(layer, rows)`` hears of each batch.

    Raises:
        SourceError: the delivery cannot be read, or is not what it claims to be.
        GuardError: the publication is refused; the previous version stays.
        LayerLockedError: another load publishes one of the layers.
        DatabaseDownError: the database cannot be reached.
    """
    layers = layers_of(order.feed)
    deliveries = [receive(path, settings.delivery_store) for path in order.paths]
    stand = order.as_of or _stand(order, database, settings)
    told = Told(order.feed, deliveries, stand, fingerprint(layers, settings, deliveries))
    plain = not (order.dry_run or order.accepted or order.resubmit)
    with workplace(settings.home) as work:
        if plain and (same := repeated(database, told, layers)):
            return same
        copies = [opened(each, settings.delivery_store, work) for each in deliveries]
        return _load_copies(order, told._replace(deliveries=copies), Way(database, settings, watch))


def _load_copies(order: Order, told: Told, way: Way) -> Outcome:
    layers = layers_of(order.feed)
    begin = partial(runs.begin, way.database, order.feed, told.deliveries, told.stand, order.accepted)
    with alive(way.database, begin) as run:
        if not order.resubmit:
            remember(way.database, run, told)
        job = Job(run, order, way.database, way.settings, told.stand)
        try:
            accounts = _settle(_intake(job, layers, told, way.watch))
        except BaseException as fault:
            runs.fail(way.database, run, fault)
            if isinstance(fault, GuardError):
                fault.run = run
            raise
        finally:
            _clear(job, layers)
        return runs.finish(way.database, run, told.deliveries, accounts, dry_run=order.dry_run)


def _stand(order: Order, database: Database, settings: Settings) -> date:
    if order.resubmit:
        with database.transaction() as connection:
            return original_stand(connection, order.feed, order.paths, reader_limits(settings))
    return max(date.fromtimestamp(path.stat().st_mtime) for path in order.paths)


def _intake(job: Job, layers: list[Layer], told: Told, watch: Watcher) -> Intake:
    """Rows of a plain table can be recognised. A national delivery tells the past of its objects as well,
    which is understood from all their versions together.
    """
    plain = all(layer.source.feed is None for layer in layers) and not job.order.resubmit
    understood = f"{told.declarations} {'extent' in job.order.accepted}" if plain else None
    tallies = {layer.name: tally(job, layer) if plain else Tally() for layer in layers}
    return Intake(job, layers, told.deliveries, tallies, understood, watch)


def _settle(intake: Intake) -> dict[str, LayerAccount]:
    _make_ready(intake)
    intake.take()
    accounts = publish_all(intake)
    keep_readings(intake, accounts)
    return accounts


def _make_ready(intake: Intake) -> None:
    order = intake.job.order
    with intake.job.database.transaction() as connection:
        for layer in intake.layers:
            first = is_empty(connection, layer) and not (order.dry_run or order.resubmit)
            intake.tallies[layer.name].whole = first
            (make_successor if first else make_staging)(connection, layer, intake.job.run)


def _clear(job: Job, layers: list[Layer]) -> None:
    """Drop the staging tables; when even that fails, the first fault is the one to hear of."""
    try:
        with job.database.transaction() as connection:
            for layer in layers:
                drop_staging(connection, layer, job.run)
    except PlatformError as fault:
        log.warning("The staging tables of run %d stay: %s", job.run, fault)
