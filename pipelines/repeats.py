"""The same delivery once more, under the same declarations: nothing to read, nothing to change."""

import hashlib
import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePath
from typing import Any, NamedTuple

import sqlalchemy as sa

from layers import Layer
from mesip.database import Database
from mesip.settings import Settings
from pipelines import runs
from pipelines.deliveries import Delivery
from pipelines.guards import Account
from pipelines.publish import moment
from pipelines.registry import ACCOUNT, HEAD, RUN
from pipelines.runs import LayerAccount, Outcome, delivery_id

log = logging.getLogger(__name__)


class Told(NamedTuple):
    """What a load is about: the feed, the deliveries, the day they speak of, and how they are understood."""

    feed: str
    deliveries: list[Delivery]
    stand: date
    declarations: str


def fingerprint(layers: list[Layer], settings: Settings, deliveries: Iterable[Delivery] = ()) -> str:
    """The SHA-256 of all that decides what bytes become: declarations, place, program, the files' endings."""
    place = (settings.srid, settings.extent, settings.teryt)
    endings = [PurePath(delivery.name).suffix.lower() for delivery in deliveries]
    text = "\n".join(_spelled(each) for each in (_program(), place, endings, *sorted(layers, key=_name)))
    return hashlib.sha256(text.encode()).hexdigest()


def remember(database: Database, run: int, told: Told) -> None:
    """Keep with the run how its delivery was understood."""
    with database.transaction() as connection:
        connection.execute(sa.update(RUN).where(RUN.c.run == run).values(declarations=told.declarations))


def repeated(database: Database, told: Told, layers: list[Layer]) -> Outcome | None:
    """The outcome if the feed's last run was told the same and is still what is published; it is recorded.

    None: the delivery must be read.
    """
    with database.transaction() as connection:
        last = _last_run(connection, told)
        accounts = _accounts(connection, last) if last else {}
    if last is None or not accounts:
        return None
    run = runs.begin(database, told.feed, told.deliveries, told.stand, frozenset())
    remember(database, run, told)
    with database.transaction() as connection:
        runs.record(connection, run, moment(connection, layers))
    log.info("run %d: the same delivery as run %d, nothing to read", run, last)
    runs.finish(database, run, told.deliveries, accounts, dry_run=False)
    return Outcome(run, delivery_id(told.deliveries), "unchanged", accounts)


def _last_run(connection: sa.Connection, told: Told) -> int | None:
    """The feed's last run that published or confirmed, if it was told the same."""
    query = (
        sa.select(RUN.c.run, RUN.c.deliveries, RUN.c.stand, RUN.c.declarations)
        .where(RUN.c.feed == told.feed, RUN.c.state.in_(("published", "unchanged")))
        .order_by(RUN.c.run.desc())
        .limit(1)
    )
    last = connection.execute(query).one_or_none()
    same = ([delivery.sha256 for delivery in told.deliveries], told.stand, told.declarations)
    return last.run if last and (last.deliveries, last.stand, last.declarations) == same else None


def _accounts(connection: sa.Connection, run: int) -> dict[str, LayerAccount]:
    """What reading the delivery of ``run`` again would tell; nothing if a layer has moved on since."""
    joined = ACCOUNT.outerjoin(HEAD, HEAD.c.layer == ACCOUNT.c.layer)
    query = sa.select(ACCOUNT, HEAD.c.seq, HEAD.c.rows).select_from(joined).where(ACCOUNT.c.run == run)
    found = connection.execute(query).all()
    if any(row.seq != row.head for row in found):
        return {}
    return {row.layer: _confirmed(row) for row in found}


def _confirmed(row: sa.Row) -> LayerAccount:
    rows = Account(
        read=row.read,
        added=0,
        changed=0,
        confirmed=row.read - row.rejected,
        removed=0,
        rejected=row.rejected,
        warnings=row.warnings,
        archival=row.archival,
        previous=row.rows,
        outside=0,
    )
    return LayerAccount(rows, row.head, 0.0)


def _program() -> str:
    try:
        return version("mesip")
    except PackageNotFoundError:
        return "not installed"


def _name(layer: Layer) -> str:
    return layer.name


def _spelled(value: Any) -> str:
    """A declaration as text that is the same in every process; of a function, its source."""
    if is_dataclass(value):
        told = {each.name: getattr(value, each.name) for each in fields(value)}
        return f"{type(value).__name__}{_spelled(told)}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_spelled(value[key])}" for key in value) + "}"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_spelled(each) for each in value) + "]"
    return _source(value) if callable(value) else repr(value)


def _source(function: Callable) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return repr(function)
