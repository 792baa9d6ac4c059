"""The main line: read, conform, check, stage and publish a delivery, and account for every row."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from datetime import time as time_of_day
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from geopandas import GeoDataFrame

from layers import Layer, all_feeds, layers_of
from mesip.database import Database
from mesip.errors import GuardError, PlatformError, SourceError
from mesip.settings import Settings
from pipelines import runs
from pipelines.casts import OFFICE
from pipelines.check import check
from pipelines.conform import conform, require_columns
from pipelines.deliveries import Delivery, receive
from pipelines.gml import read_gml
from pipelines.guards import refuse
from pipelines.issues import beside
from pipelines.place import check_place
from pipelines.publication import Publication
from pipelines.publish import account, lock, moment, publish
from pipelines.quarantine import Batch, error_rows, quarantine, reject_repeated
from pipelines.runs import LayerAccount, Outcome
from pipelines.stage import Staged, drop_staging, make_staging, stage
from pipelines.tables import read_table
from pipelines.versions import check_chains, lives, valid_since

log = logging.getLogger(__name__)

Watcher = Callable[[str, int], None]


@dataclass(frozen=True)
class Order:
    """What a load is asked to do. ``as_of`` is the day the delivery speaks of, if its supplier said so."""

    feed: str
    paths: tuple[Path, ...]
    as_of: date | None = None
    accepted: frozenset[str] = frozenset()
    dry_run: bool = False


@dataclass
class Tally:
    """What was read of one layer so far: current versions, archival ones, seconds."""

    read: int = 0
    archival: int = 0
    seconds: float = 0


@dataclass(frozen=True)
class Job:
    """One load under way: its number, where it writes, and what it has read per layer."""

    run: int
    order: Order
    database: Database
    settings: Settings
    stand: date
    tallies: dict[str, Tally] = field(default_factory=dict)

    @property
    def begins(self) -> datetime:
        """The moment the delivery's day begins in the office that wrote it."""
        return datetime.combine(self.stand, time_of_day.min, ZoneInfo(OFFICE))


def load(order: Order, database: Database, settings: Settings, watch: Watcher = lambda *_: None) -> Outcome:
    """Load a delivery; ``watch(layer, rows)`` hears of each batch.

    Raises:
        SourceError: the delivery cannot be read, or is not what it claims to be.
        GuardError: the publication is refused; the previous version stays.
        LayerLockedError: another load publishes one of the layers.
        DatabaseDownError: the database cannot be reached.
    """
    layers = layers_of(order.feed)
    deliveries = [receive(path, settings.home / "deliveries") for path in order.paths]
    stand = order.as_of or max(date.fromtimestamp(path.stat().st_mtime) for path in order.paths)
    run = runs.begin(database, order.feed, deliveries, stand, order.accepted)
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


def _settle(
    job: Job, layers: list[Layer], deliveries: list[Delivery], watch: Watcher
) -> dict[str, LayerAccount]:
    with job.database.transaction() as connection:
        for layer in layers:
            make_staging(connection, layer, job.run)
    for delivery in deliveries:
        for path in delivery.files:
            several = len(deliveries) + len(delivery.files) > 2  # noqa: PLR2004
            try:
                _stage_file(job, layers, path, several=several, watch=watch)
            except SourceError as fault:
                raise SourceError(_as_delivered(str(fault), path, delivery)) from fault
    return _publish(job, _filled(job, layers))


def _as_delivered(message: str, path: Path, delivery: Delivery) -> str:
    """The message with the file called as it was delivered, not by the place where its copy is kept."""
    said = message.replace(str(path), path.name)
    return said if path.name == delivery.name else f"{delivery.name}: {said}"


def _stage_file(job: Job, layers: list[Layer], path: Path, *, several: bool, watch: Watcher) -> None:
    by_name = {layer.name: layer for layer in layers}
    began = time.monotonic()
    for name, source in _batches(job.order, layers, path):
        if several:
            source = source.assign(origin=path.name + " " + source["origin"])  # noqa: PLW2901
        _stage_batch(job, by_name[name], source)
        now = time.monotonic()
        job.tallies[name].seconds += now - began
        began = now
        watch(name, job.tallies[name].read)


def _batches(order: Order, layers: list[Layer], path: Path) -> Iterator[tuple[str, GeoDataFrame]]:
    """Hop 2: the batches of one file, each where its coordinate system says."""
    if order.feed in all_feeds():
        classes = {class_: layer.name for layer in layers for class_ in layer.source.classes}
        for name, source in read_gml(path, classes, all_feeds()[order.feed].namespaces):
            yield name, check_place(source, path.name)
        return
    (layer,) = layers
    for number, source in enumerate(read_table(path, layer)):
        if number == 0:
            require_columns(set(source.columns), layer, path.name)
        # Tables come from abroad too; who lifts the guard of the extent says that it is meant.
        yield layer.name, source if "extent" in order.accepted else check_place(source, path.name)


def _stage_batch(job: Job, layer: Layer, source: GeoDataFrame) -> None:
    """Hops 3 to 5 for one batch: every version ends up staged or in quarantine."""
    if source.empty:
        return
    ends = lives(source, layer)
    tally = job.tallies[layer.name]
    tally.read += int((~ends.over).sum())
    tally.archival += int(ends.over.sum())
    frame, unsaid = conform(source, layer, job.settings.srid)
    issues = beside(beside(unsaid, ends.issues), check(frame, layer))
    accepted = frame.drop(index=error_rows(issues))
    since = valid_since(accepted, layer, job.begins)
    rows = accepted.index
    with job.database.transaction() as connection:
        quarantine(connection, Batch(layer, job.run, source, frame[layer.key], ends.over), issues)
        stage(
            connection, layer, job.run, Staged(accepted, since, ends.ended[rows], source["origin"].loc[rows])
        )


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
    names = ", ".join(str(path) for path in job.order.paths)
    raise GuardError(
        "empty", f"{names} holds no row of {', '.join(layer.name for layer in layers)}: 0 were read."
    )


def _publish(job: Job, layers: list[Layer]) -> dict[str, LayerAccount]:
    """Hop 6 for all layers of the delivery: all of them become current, or none."""
    accounts = {}
    ordered = sorted(layers, key=lambda each: each.name)
    with job.database.transaction() as connection:
        for layer in ordered:
            reject_repeated(connection, layer, job.run)
            if job.tallies[layer.name].archival:
                check_chains(connection, layer, job.run)
    with job.database.transaction() as connection:
        for layer in ordered:
            lock(connection, layer)
        now = moment(connection, ordered)
        for layer in ordered:
            accounts[layer.name] = _publish_layer(connection, job, layer, now)
        runs.record(connection, job.run, now)
        if job.order.dry_run:
            connection.rollback()
    return accounts


def _publish_layer(connection: sa.Connection, job: Job, layer: Layer, now: datetime) -> LayerAccount:
    tally, began = job.tallies[layer.name], time.monotonic()
    this = Publication(layer, job.run, job.stand, job.begins, now, job.settings.extent, job.settings.srid)
    counted = account(connection, this, tally.read, tally.archival)
    refuse(layer, counted, job.order.accepted)
    head = publish(connection, this, counted)
    seconds = tally.seconds + time.monotonic() - began
    log.info("%s: %d rows read, head %d, %.2f s", layer.name, counted.read, head, seconds)
    return LayerAccount(counted, head, round(seconds, 3))


def _clear(job: Job, layers: list[Layer]) -> None:
    """Drop the staging tables; when even that fails, the first fault is the one to hear of."""
    try:
        with job.database.transaction() as connection:
            for layer in layers:
                drop_staging(connection, layer, job.run)
    except PlatformError as fault:
        log.warning("The staging tables of run %d stay: %s", job.run, fault)
