"""Reading the database as somebody of a level: that level's role sees its own schema and nothing else."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import psycopg

from api.connections import Connections
from layers import Layer, Level, layers_for
from mesip.database import open_database
from mesip.errors import DatabaseDownError, LayerUnavailableError, TooLongError, UnknownLayerError, UsageError
from mesip.settings import settings

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 5
NOT_AS_DECLARED = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.InsufficientPrivilege,
)


# Per worker, so that a handful of workers stay below the hundred that PostgreSQL allows by default.
MOST_CONNECTIONS: dict[Level, int] = {"public": 8, "partner": 4, "internal": 4}


@dataclass(frozen=True)
class Reader:
    """Somebody who asks: their level, and connections of its role.

    Tables in a query have no schema: ``FROM trees`` is what the level sees of the trees.
    """

    level: Level
    connections: Connections

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
            LayerUnavailableError: what is read is not there as declared.
            TooLongError: the query takes too long; what was asked is too much at once.
            UsageError: the values of a row do not permit what is asked.
        """
        with _in_sentences(), self.connections.one() as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    def portions(self, query: str, parameters: Mapping[str, Any], size: int) -> Iterator[list[tuple]]:
        """The rows of a query, ``size`` at a time, all as they were when the first was read.

        Raises:
            DatabaseDownError: no connection is to be had, or it breaks.
            TooLongError: a portion takes too long.
            UsageError: the values of a row do not permit what is asked.
        """
        with (
            _in_sentences(),
            self.connections.one() as connection,
            connection.transaction(),
            connection.cursor("portions", binary=True) as cursor,
        ):
            cursor.execute(query.encode(), parameters)
            while rows := cursor.fetchmany(size):
                yield rows


@contextmanager
def _in_sentences() -> Iterator[None]:
    """Say what keeps the database from answering."""
    try:
        yield
    except psycopg.errors.QueryCanceled as cause:
        raise TooLongError("This takes too long. Ask for less: a smaller limit or bbox.") from cause
    except (psycopg.DataError, psycopg.InternalError) as cause:
        # What no look at the question could tell: the number or geometry of some row does not permit it.
        log.info("The values do not permit it: %s", cause)
        raise UsageError(
            "The filter calculates what has no result for some feature: too large a number, a root of a "
            "negative one, a geometry that cannot be compared. Leave such features out first."
        ) from cause
    except NOT_AS_DECLARED as cause:
        log.error("A layer cannot be read as declared: %s", cause)
        raise LayerUnavailableError(
            "This layer cannot be read at the moment: the database does not hold it as declared. Others can."
        ) from cause
    except psycopg.OperationalError as cause:
        log.warning("The database does not answer: %s", cause)
        raise DatabaseDownError(
            "The data cannot be read at the moment. Try again in a few seconds."
        ) from cause


@cache
def readers() -> dict[Level, Reader]:
    """The readers of this process, one per level."""
    database = open_database(settings())
    return {
        level: Reader(level, Connections(database.level_url(level), most, PATIENCE_SECONDS))
        for level, most in MOST_CONNECTIONS.items()
    }


def close_readers() -> None:
    """Close the connections of this process."""
    if readers.cache_info().currsize:
        for each in readers().values():
            each.connections.close()
        readers.cache_clear()
