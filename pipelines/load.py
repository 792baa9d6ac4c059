"""The main line: read, conform, check, stage and publish a delivery, and account for every row."""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import partial
from pathlib import Path

import pandas as pd
import sqlalchemy as sa
from geopandas import GeoDataFrame

from layers import Layer, all_feeds, layers_of
from mesip.database import Database
from mesip.errors import GuardError, PlatformError, SourceError
from mesip.settings import Settings
from pipelines import runs
from pipelines.check import check
from pipelines.confined import Limits, confined, make_ready
from pipelines.conform import conform, require_columns
from pipelines.deliveries import Delivery, opened, receive, workplace
from pipelines.explanations import explain, explanation
from pipelines.gml import read_gml
from pipelines.guards import GUARDS, refuse
from pipelines.issues import beside
from pipelines.job import Job, Order, Tally
from pipelines.leftovers import alive
from pipelines.place import check_place
from pipelines.preflight import ROWS as PREFLIGHT_ROWS
from pipelines.preflight import portions, preflight
from pipelines.publication import Publication
from pipelines.publish import account, lock, moment, publish
from pipelines.quarantine import Batch, error_rows, quarantine, reject_repeated
from pipelines.repeats import Told, fingerprint, remember, repeated
from pipelines.resubmission import close_rejects, original_stand, read_resubmitted, refuse_outdated
from pipelines.runs import LayerAccount, Outcome
from pipelines.second_reading import read_again
from pipelines.stage import Staged, drop_staging, make_staging, stage
from pipelines.tables import read_rows
from pipelines.versions import Lives, check_chains, lives, valid_since

log = logging.getLogger(__name__)

# Guards that judge a whole delivery say nothing of rows that come back.
WHOLE_ONLY = frozenset(GUARDS) - {"extent"}

Watcher = Callable[[str, int], None]


def load(order: Order, database: Database, settings: Settings, watch: Watcher = lambda *_: None) -> Outcome:
    """Load a delivery; ``watch(layer, rows)`` hears of each batch.

    Raises:
        SourceError: the delivery cannot be read, or is not what it claims to be.
        GuardError: the publication is refused; the previous version stays.
        LayerLockedError: another load publishes one of the layers.
        DatabaseDownError: the database cannot be reached.
    """
    layers = layers_of(order.feed)
    make_ready()
    deliveries = [receive(path, settings.delivery_store) for path in order.paths]
    stand = order.as_of or _stand(order, database)
    told = Told(order.feed, deliveries, stand, fingerprint(layers, settings, deliveries))
    if not (order.dry_run or order.accepted or order.resubmit) and (same := repeated(database, told, layers)):
        return same
    with workplace(settings.home) as work:
        copies = [opened(each, settings.delivery_store, work) for each in deliveries]
        return _load_copies(order, database, settings, told._replace(deliveries=copies), watch)


def _load_copies(order: Order, database: Database, settings: Settings, told: Told, watch: Watcher) -> Outcome:
    layers, deliveries, stand = layers_of(order.feed), told.deliveries, told.stand
    begin = partial(runs.begin, database, order.feed, deliveries, stand, order.accepted)
    with alive(database, begin) as run:
        if not order.resubmit:
            remember(database, run, told)
        job = Job(run, order, database, settings, stand, {layer.name: Tally() for layer in layers})
        try:
            accounts = _settle(job, layers, deliveries, watch)
        except BaseException as fault:
            runs.fail(database, run, fault)
            if isinstance(fault, GuardError):
                fault.run = run
            raise
        finally:
            _clear(job, layers)
        return runs.finish(database, run, deliveries, accounts, dry_run=order.dry_run)


def _stand(order: Order, database: Database) -> date:
    if order.resubmit:
        with database.transaction() as connection:
            return original_stand(connection, order.feed, order.paths)
    return max(date.fromtimestamp(path.stat().st_mtime) for path in order.paths)


def _settle(
    job: Job, layers: list[Layer], deliveries: list[Delivery], watch: Watcher
) -> dict[str, LayerAccount]:
    with job.database.transaction() as connection:
        for layer in layers:
            make_staging(connection, layer, job.run)
    _stage_all(job, layers, deliveries, watch)
    return _publish(job, _filled(job, layers), deliveries)


def _sources(job: Job, layers: list[Layer], deliveries: list[Delivery]) -> Iterator[tuple[str, GeoDataFrame]]:
    """Hop 2 for all files of the delivery; where there are several, each row's origin names its file."""
    for delivery in deliveries:
        for path in delivery.files:
            several = len(deliveries) + len(delivery.files) > 2 and not job.order.resubmit  # noqa: PLR2004
            try:
                for name, source in _batches(job, layers, path):
                    named = source.assign(origin=path.name + " " + source["origin"]) if several else source
                    yield name, named
            except SourceError as fault:
                raise SourceError(_as_delivered(str(fault), path, delivery)) from fault


def _as_delivered(message: str, path: Path, delivery: Delivery) -> str:
    """The message with the file called as it was delivered, not by the place where its copy is kept."""
    said = message.replace(str(path), path.name)
    return said if path.name == delivery.name else f"{delivery.name}: {said}"


def _stage_all(job: Job, layers: list[Layer], deliveries: list[Delivery], watch: Watcher) -> None:
    by_name = {layer.name: layer for layer in layers}
    began = time.monotonic()
    untried = "rejects" not in job.order.accepted and not job.order.resubmit
    for name, source in _sources(job, layers, deliveries):
        for rows in portions(source, job.tallies[name].seen):
            _stage_batch(job, by_name[name], rows)
            if job.tallies[name].seen == PREFLIGHT_ROWS and untried:
                preflight(job.database, job.run, by_name[name], job.tallies[name].rejected)
        now = time.monotonic()
        job.tallies[name].seconds += now - began
        began = now
        watch(name, job.tallies[name].read)


def _batches(job: Job, layers: list[Layer], path: Path) -> Iterator[tuple[str, GeoDataFrame]]:
    """Hop 2: the batches of one file, each where its coordinate system says."""
    order, limits = job.order, Limits(job.settings.reader_memory_mb, job.settings.reader_seconds)
    # Tables come from abroad too; who lifts the guard of the extent says that it is meant.
    anywhere = "extent" in order.accepted
    if order.resubmit:
        with job.database.transaction() as connection:
            yield from read_resubmitted(connection, path, layers, anywhere=anywhere)
        return
    if order.feed in all_feeds():
        classes = {class_: layer.name for layer in layers for class_ in layer.source.classes}
        for name, source in confined(read_gml, limits, path, classes, all_feeds()[order.feed].namespaces):
            yield name, check_place(source, path.name)
        return
    (layer,) = layers
    for number, (name, source) in enumerate(confined(read_rows, limits, path, layer.name)):
        if number == 0:
            require_columns(set(source.columns), layer, path.name)
        yield name, source if anywhere else check_place(source, path.name)


def _stage_batch(job: Job, layer: Layer, source: GeoDataFrame) -> None:
    """Hops 3 to 5 for one batch: every version ends up staged or in quarantine."""
    if source.empty:
        return
    ends, frame, issues = _examined(job, layer, source)
    tally = job.tallies[layer.name]
    tally.read += int((~ends.over).sum())
    tally.archival += int(ends.over.sum())
    tally.rejected += len(error_rows(issues))
    accepted = frame.drop(index=error_rows(issues))
    since = valid_since(accepted, layer, job.begins)
    rows = accepted.index
    with job.database.transaction() as connection:
        quarantine(connection, Batch(layer, job.run, source, frame[layer.key], ends.over), issues)
        stage(
            connection, layer, job.run, Staged(accepted, since, ends.ended[rows], source["origin"].loc[rows])
        )


def _examined(job: Job, layer: Layer, source: GeoDataFrame) -> tuple[Lives, GeoDataFrame, pd.DataFrame]:
    """When versions end, the rows in the words of the layer, and all their issues."""
    ends = lives(source, layer)
    frame, unsaid = conform(source, layer, job.settings.srid)
    return ends, frame, beside(beside(unsaid, ends.issues), check(frame, layer))


def _filled(job: Job, layers: list[Layer]) -> list[Layer]:
    """The layers that the delivery speaks of. Silence about a layer is no order to empty it.

    Raises:
        GuardError: it speaks of none.
    """
    filled = [layer for layer in layers if job.tallies[layer.name].read + job.tallies[layer.name].archival]
    if filled:
        return filled
    if "empty" in job.order.accepted:
        return layers
    if job.order.resubmit:
        return []
    names = ", ".join(str(path) for path in job.order.paths)
    raise GuardError(
        "empty", f"{names} holds no row of {', '.join(layer.name for layer in layers)}: 0 were read."
    )


def _publish(job: Job, layers: list[Layer], deliveries: list[Delivery]) -> dict[str, LayerAccount]:
    """Hop 6 for all layers of the delivery: all of them become current, or none."""
    accounts = {}
    ordered = sorted(layers, key=lambda each: each.name)
    with job.database.transaction() as connection:
        for layer in ordered:
            reject_repeated(connection, layer, job.run)
            if job.tallies[layer.name].archival:
                check_chains(connection, layer, job.run)
        _read_again(connection, job, ordered, deliveries)
    with job.database.transaction() as connection:
        for layer in ordered:
            lock(connection, layer)
        now = moment(connection, ordered)
        published = [_publication(job, layer, now) for layer in ordered]
        if job.order.resubmit:
            for this in published:
                refuse_outdated(connection, this)
            _read_again(connection, job, ordered, deliveries)
        for this in published:
            accounts[this.layer.name] = _publish_layer(connection, job, this)
        runs.record(connection, job.run, now)
        if job.order.dry_run:
            connection.rollback()
    return accounts


def _publication(job: Job, layer: Layer, now: datetime) -> Publication:
    place = (job.settings.extent, job.settings.srid)
    return Publication(layer, job.run, job.stand, job.begins, now, *place, partial=job.order.resubmit)


def _read_again(connection: sa.Connection, job: Job, layers: list[Layer], deliveries: list[Delivery]) -> None:
    def staged_keys(layer: Layer, rows: GeoDataFrame) -> pd.Series:
        ends, frame, issues = _examined(job, layer, rows)
        return frame[layer.key][~ends.over].drop(index=error_rows(issues), errors="ignore")

    read_again(connection, job.run, layers, _sources(job, layers, deliveries), staged_keys)


def _publish_layer(connection: sa.Connection, job: Job, this: Publication) -> LayerAccount:
    layer = this.layer
    tally, began = job.tallies[layer.name], time.monotonic()
    counted = account(connection, this, tally.read, tally.archival)
    accepted = job.order.accepted | (WHOLE_ONLY if this.partial else frozenset())
    refuse(layer, counted, accepted, lambda guard: explain(connection, this, guard))
    told = explanation(connection, this, counted) if job.order.dry_run else []
    head = publish(connection, this, counted)
    if this.partial:
        close_rejects(connection, this)
    seconds = tally.seconds + time.monotonic() - began
    done = LayerAccount(counted, head, round(seconds, 3), tuple(told))
    facts = {"run": job.run, "layer": layer.name, **done.stated()}
    log.info(
        "%s: %d rows read, head %d, %.2f s", layer.name, counted.read, head, seconds, extra={"facts": facts}
    )
    return done


def _clear(job: Job, layers: list[Layer]) -> None:
    """Drop the staging tables; when even that fails, the first fault is the one to hear of."""
    try:
        with job.database.transaction() as connection:
            for layer in layers:
                drop_staging(connection, layer, job.run)
    except PlatformError as fault:
        log.warning("The staging tables of run %d stay: %s", job.run, fault)
