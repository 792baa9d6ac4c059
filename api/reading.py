"""Reading the database as somebody of a level: that level's role sees its own schema and nothing else."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import tuple_row
from psycopg_pool import ConnectionPool, PoolTimeout

from layers import LEVELS, Layer, Level, layers_for
from mesip.database import open_database
from mesip.errors import DatabaseDownError, UnknownLayerError, UsageError
from mesip.settings import settings

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 5


class Size(NamedTuple):
    """How many connections a worker keeps open, and how many it opens at most."""

    least: int
    most: int


SIZES: dict[Level, Size] = {"public": Size(1, 8), "partner": Size(0, 4), "internal": Size(0, 4)}


@dataclass(frozen=True)
class Reader:
    """Somebody who asks: their level, and connections of its role.

    Tables in a query have no schema: ``FROM trees`` is what the level sees of the trees.
    """

    level: Level
    pool: ConnectionPool

    @property
    def layers(self) -> dict[str, Layer]:
        """The layers that the level may see, as it sees them."""
        return layers_for(self.level)

    def layer(self, name: str) -> Layer:
        """The layer of this name, as the level sees it.

        Raises:
            UnknownLayerError: nobody declares it, or it is closed to the level.
        """
        if name not in self.layers:
            raise UnknownLayerError(name, list(self.layers))
        return self.layers[name]

    def rows(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple]:
        """The rows of a query.

        Raises:
            DatabaseDownError: no connection is to be had.
            UsageError: the query takes too long; what was asked is too much at once.
        """
        try:
            with self.pool.connection() as connection:
                return connection.execute(query.encode(), parameters).fetchall()
        except psycopg.errors.QueryCanceled as cause:
            raise UsageError("This takes too long. Ask for less: a smaller limit or bbox.") from cause
        except (psycopg.OperationalError, PoolTimeout) as cause:
            log.warning("The database does not answer: %s", cause)
            raise DatabaseDownError(
                "The data cannot be read at the moment. Try again in a few seconds."
            ) from cause


@cache
def readers() -> dict[Level, Reader]:
    """The readers of this process, one per level."""
    database = open_database(settings())
    return {level: Reader(level, _pool(database.level_url(level), SIZES[level])) for level in LEVELS}


def close_readers() -> None:
    """Close the connections of this process."""
    if readers.cache_info().currsize:
        for each in readers().values():
            each.pool.close()
        readers.cache_clear()


def _pool(url: str, size: Size) -> ConnectionPool:
    return ConnectionPool(
        url,
        min_size=size.least,
        max_size=size.most,
        timeout=PATIENCE_SECONDS,
        open=True,
        kwargs={"autocommit": True, "row_factory": tuple_row, "options": "-c timezone=UTC -c jit=off"},
    )
