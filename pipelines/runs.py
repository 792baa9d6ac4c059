"""The record of a run: begun, finished or failed, with its account of every row."""

import hashlib
import logging
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by, insert

from mesip.database import Database
from mesip.errors import GuardError, PlatformError
from pipelines.deliveries import Delivery
from pipelines.guards import Account
from pipelines.registry import ACCOUNT, DELIVERY, ISSUE, RUN

log = logging.getLogger(__name__)

COUNTS = ("read", "added", "changed", "confirmed", "removed", "rejected", "warnings", "archival")


class LayerAccount(NamedTuple):
    """What a run did to one layer: rows per outcome, the head after it, seconds spent.

    ``explanation``: of a dry run, sentences about the rows that would vanish, were rejected or lie outside.
    """

    rows: Account
    head: int
    seconds: float
    explanation: tuple[str, ...] = ()

    def stated(self) -> dict[str, Any]:
        """The account as it is printed and kept."""
        counts = {name: getattr(self.rows, name) for name in COUNTS}
        return counts | {"head": self.head, "seconds": self.seconds}


@dataclass(frozen=True)
class Outcome:
    """What a load did: ``state`` is published, unchanged or dry."""

    run: int
    delivery: str
    state: str
    accounts: dict[str, LayerAccount]

    def stated(self) -> dict[str, Any]:
        """The outcome as ``--json`` prints it."""
        layers = {
            name: account.stated() | {"explanation": list(account.explanation)}
            for name, account in self.accounts.items()
        }
        return {"run": self.run, "delivery": self.delivery, "state": self.state, "layers": layers}


def begin(
    database: Database, feed: str, deliveries: list[Delivery], stand: date, accepted: frozenset[str]
) -> int:
    """Write down the deliveries and that a run began; return its number."""
    with database.transaction() as connection:
        for delivery in deliveries:
            connection.execute(
                insert(DELIVERY)
                .values(sha256=delivery.sha256, name=delivery.name, bytes=delivery.bytes)
                .on_conflict_do_nothing()
            )
        begun = sa.insert(RUN).values(
            feed=feed,
            deliveries=[delivery.sha256 for delivery in deliveries],
            stand=stand,
            state="running",
            accepted=sorted(accepted),
        )
        return connection.execute(begun.returning(RUN.c.run)).scalar_one()


def finish(
    database: Database,
    run: int,
    deliveries: list[Delivery],
    accounts: dict[str, LayerAccount],
    *,
    dry_run: bool,
) -> Outcome:
    """Write down the accounts and how the run ended."""
    touched = any(each.rows.added + each.rows.changed + each.rows.removed for each in accounts.values())
    state = "dry" if dry_run else "published" if touched else "unchanged"
    with database.transaction() as connection:
        for name, account in accounts.items():
            connection.execute(sa.insert(ACCOUNT).values(run=run, layer=name, **account.stated()))
        _end(connection, run, state, None)
    _tell(run, state, accounts)
    return Outcome(run, delivery_id(deliveries), state, accounts)


def _tell(run: int, state: str, accounts: dict[str, LayerAccount]) -> None:
    read = sum(account.rows.read for account in accounts.values())
    seconds = round(sum(account.seconds for account in accounts.values()), 3)
    facts = {"run": run, "state": state, "read": read, "seconds": seconds}
    log.info("run %d: %s, %d rows read, %.2f s", *facts.values(), extra={"facts": facts})


def record(connection: sa.Connection, run: int, now: datetime) -> None:
    """Write down the moment under which the run's publication is recorded."""
    connection.execute(sa.update(RUN).where(RUN.c.run == run).values(recorded_at=now))


def fail(database: Database, run: int, fault: BaseException) -> None:
    """Write down that the run was refused or failed, if the database still answers."""
    state = "refused" if isinstance(fault, GuardError) else "failed"
    message = str(fault) if isinstance(fault, PlatformError) else type(fault).__name__
    log.info("run %d: %s: %s", run, state, message, extra={"facts": {"run": run, "state": state}})
    try:
        with database.transaction() as connection:
            _end(connection, run, state, message)
    except PlatformError:
        # The fault that is already on its way says what is wrong.
        return


def issue_summary(database: Database, run: int) -> list[dict[str, Any]]:
    """The issues of a run, one line per layer, field and code: how many rows, the first of them in words."""
    columns = (ISSUE.c.layer, ISSUE.c.severity, ISSUE.c.field, ISSUE.c.code)
    query = (
        sa.select(
            *columns,
            sa.func.count().label("rows"),
            _first(ISSUE.c.origin).label("origin"),
            _first(ISSUE.c.message).label("message"),
        )
        .where(ISSUE.c.run == run)
        .group_by(*columns)
        .order_by(ISSUE.c.severity, sa.desc("rows"))
    )
    with database.transaction() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def delivery_id(deliveries: list[Delivery]) -> str:
    """The hash of a delivery: of its file, or of the hashes of its files."""
    if len(deliveries) == 1:
        return deliveries[0].sha256
    return hashlib.sha256("".join(delivery.sha256 for delivery in deliveries).encode()).hexdigest()


def _first(column: sa.Column) -> sa.ColumnElement:
    return sa.func.array_agg(aggregate_order_by(column, ISSUE.c.issue), type_=ARRAY(sa.Text))[1]


def _end(connection: sa.Connection, run: int, state: str, message: str | None) -> None:
    connection.execute(
        sa.update(RUN).where(RUN.c.run == run).values(state=state, message=message, finished_at=sa.func.now())
    )
