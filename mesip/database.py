"""The database of a node: where it is, as whom we come, and what is said when it is not there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from mesip import cluster
from mesip.errors import DatabaseDownError
from mesip.passwords import password
from mesip.settings import Settings


@dataclass(frozen=True)
class Database:
    """One node's database: ``url`` is the loader's, who owns everything."""

    url: str
    home: Path

    def __reduce__(self) -> tuple:
        """Another process gets the address, and makes one engine for all that is sent to it."""
        return _received, (self.url, self.home)

    @cached_property
    def engine(self) -> sa.Engine:
        """The loader's engine."""
        return sa.create_engine(self.url, connect_args={"connect_timeout": 10})

    def role(self, level: str) -> str:
        """The role that sees the schema ``<level>_api`` and nothing else, named after the database."""
        return f"{sa.make_url(self.url).database}_{level}"

    def level_url(self, level: str) -> str:
        """The address for a level of access, with its own role and password."""
        role = self.role(level)
        url = sa.make_url(self.url).set(
            drivername="postgresql", username=role, password=password(self.home, role)
        )
        return url.render_as_string(hide_password=False)

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """A connection whose changes are kept only if the block ends well.

        Raises:
            DatabaseDownError: the server cannot be reached, or went away.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except OperationalError as cause:
            raise DatabaseDownError(_why(self.url, cause.orig)) from cause
        # COPY goes past SQLAlchemy to the driver, and so do its errors.
        except psycopg.OperationalError as cause:
            raise DatabaseDownError(_why(self.url, cause)) from cause


def open_database(settings: Settings) -> Database:
    """The database of the settings: the user's own, or the private one, which is started if need be.

    Raises:
        DatabaseDownError: it cannot be started.
    """
    return Database(settings.database_url or cluster.start(settings.home).url, settings.home)


@cache
def _received(url: str, home: Path) -> Database:
    return Database(url, home)


def _why(url: str, cause: BaseException | None) -> str:
    where = sa.make_url(url).render_as_string(hide_password=True)
    first = (str(cause).strip().splitlines() or ["no answer"])[0] if cause else "no answer"
    if getattr(cause, "sqlstate", None) == "53100":
        return f"The disk of the database {where} is full: {first}. Free some room and run it again."
    return f"The database {where} cannot be used: {first}. Run `mesip doctor` to see what is wrong."
