"""Connections of one database role: made when needed, shared by threads, kept while they work."""

import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg.rows import TupleRow, tuple_row

CONNECT_SECONDS = 3


class Connections:
    """At most ``most`` connections at a time; who finds none waits ``patience`` seconds.

    A pool that reconnects in the background waits longer and longer between its attempts. Here a request that
    needs a connection makes one, so that the first one after the database is back is answered.
    """

    def __init__(self, url: str, most: int, patience: float) -> None:
        self.url, self.patience = url, patience
        self._free = threading.Semaphore(most)
        self._idle: list[psycopg.Connection[TupleRow]] = []

    @contextmanager
    def one(self) -> Iterator[psycopg.Connection[TupleRow]]:
        """A connection for the time of the block.

        Raises:
            psycopg.OperationalError: none can be made, or none is free in time.
        """
        if not self._free.acquire(timeout=self.patience):
            raise psycopg.OperationalError("all connections are in use")
        try:
            connection = self._taken() or self._made()
            try:
                yield connection
            finally:
                if not connection.closed:
                    self._idle.append(connection)
        finally:
            self._free.release()

    def close(self) -> None:
        """Close those that are idle."""
        while self._idle:
            with suppress(IndexError):
                self._idle.pop().close()

    def _taken(self) -> psycopg.Connection[TupleRow] | None:
        while self._idle:
            with suppress(IndexError):
                if _quiet(connection := self._idle.pop()):
                    return connection
                connection.close()
        return None

    def _made(self) -> psycopg.Connection[TupleRow]:
        options = "-c timezone=UTC -c jit=off"
        return psycopg.connect(
            self.url,
            autocommit=True,
            row_factory=tuple_row,
            options=options,
            connect_timeout=CONNECT_SECONDS,
        )


def _quiet(connection: psycopg.Connection[TupleRow]) -> bool:
    """Whether the server has said nothing meanwhile. What it says to an idle connection is farewell."""
    ear = select.poll()
    ear.register(connection.fileno(), select.POLLIN)
    return not ear.poll(0)
