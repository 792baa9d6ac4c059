"""Keys of the API: made, listed and revoked; the database keeps only their hashes."""

import getpass
import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from layers import Level
from mesip.database import Database
from mesip.errors import UsageError
from pipelines.registry import API_KEY, AUDIT

ID_BYTES, SECRET_BYTES = 4, 32


class NewKey(NamedTuple):
    """A key as it is given away, once, and the number by which it is known."""

    id: str
    token: str


class KeptKey(NamedTuple):
    """What is known of a key afterwards."""

    id: str
    level: Level
    note: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def state(self, now: datetime) -> str:
        """Whether it opens anything: valid, expired or revoked."""
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at and self.expires_at <= now else "valid"


def new_key(database: Database, level: Level, note: str, days: int | None) -> NewKey:
    """Make a key of ``level`` that is valid for so many days, or until it is revoked."""
    id_ = secrets.token_hex(ID_BYTES)
    token = f"mesip_{id_}_{secrets.token_urlsafe(SECRET_BYTES)}"
    now = datetime.now(UTC)
    kept = {
        "id": id_,
        "hash": hashlib.sha256(token.encode()).digest(),
        "level": level,
        "note": note,
        "created_at": now,
        "expires_at": now + timedelta(days=days) if days else None,
    }
    with database.transaction() as connection:
        connection.execute(API_KEY.insert(), kept)
        _note(connection, "keys new", id_, level)
    return NewKey(id_, token)


def keys(database: Database) -> list[KeptKey]:
    """Every key that was ever made, oldest first."""
    columns = [API_KEY.c[name] for name in KeptKey._fields]
    with database.transaction() as connection:
        found = connection.execute(sa.select(*columns).order_by(API_KEY.c.created_at, API_KEY.c.id))
        return [KeptKey(*row) for row in found]


def revoke(database: Database, id_: str) -> None:
    """End a key; what goes on with it is refused within seconds.

    Raises:
        UsageError: there is no such key, or it is revoked already.
    """
    with database.transaction() as connection:
        ended = API_KEY.update().where(API_KEY.c.id == id_, API_KEY.c.revoked_at.is_(None))
        level = connection.execute(
            ended.values(revoked_at=datetime.now(UTC)).returning(API_KEY.c.level)
        ).scalar()
        if level is None:
            raise UsageError(f"There is no key {id_!r} that could be revoked. See `mesip keys list`.")
        _note(connection, "keys revoke", id_, level)


def _note(connection: sa.Connection, command: str, id_: str, level: Level) -> None:
    noted = {"at": datetime.now(UTC), "actor": getpass.getuser(), "key": id_, "level": level}
    connection.execute(AUDIT.insert(), noted | {"method": command})
