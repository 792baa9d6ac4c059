"""Reading as the public level: a pool of connections of the role that sees nothing else."""

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any

import psycopg
from psycopg.rows import tuple_row
from psycopg_pool import ConnectionPool, PoolTimeout

from mesip.database import open_database
from mesip.errors import DatabaseDownError, UsageError
from mesip.settings import settings

log = logging.getLogger(__name__)

POOL_SIZE = 8
PATIENCE_SECONDS = 5


@cache
def pool() -> ConnectionPool:
    """The pool of this process."""
    return ConnectionPool(
        open_database(settings()).public_url,
        min_size=1,
        max_size=POOL_SIZE,
        timeout=PATIENCE_SECONDS,
        open=True,
        kwargs={"autocommit": True, "row_factory": tuple_row, "options": "-c timezone=UTC -c jit=off"},
    )


def rows(query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple]:
    """The rows of a query.

    Raises:
        DatabaseDownError: no connection is to be had.
        UsageError: the query takes too long; what was asked is too much at once.
    """
    try:
        with pool().connection() as connection:
            return connection.execute(query.encode(), parameters).fetchall()
    except psycopg.errors.QueryCanceled as cause:
        raise UsageError("This takes too long. Ask for less: a smaller limit or bbox.") from cause
    except (psycopg.OperationalError, PoolTimeout) as cause:
        log.warning("The database does not answer: %s", cause)
        raise DatabaseDownError(
            "The data cannot be read at the moment. Try again in a few seconds."
        ) from cause
