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
    ``options`` are settings of each session, as ``-c name=value``.

    A pool that reconnects in the background waits longer and longer between its attempts. Here a request that
    needs a connection makes one, so that the first one after the database is back is answered.
    """

    def __init__(self, url: str, most: int, patience: float, options: str = "") -> None:
        self.url, self.patience, self._options = url, patience, options
        self._free = threading.Semaphore(most)
        self._idle: list[psycopg.Connection[TupleRow]] = []
        self._used: list[psycopg.Connection[TupleRow]] = []

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
            self._used.append(connection)
            try:
                yield connection
            finally:
                self._used.remove(connection)
                if not connection.closed:
                    self._idle.append(connection)
        finally:
            self._free.release()

    def cancel(self) -> None:
        """Have the database end what runs on them now."""
        for connection in list(self._used):
            with suppress(psycopg.Error):
                connection.cancel_safe(timeout=CONNECT_SECONDS)

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
        options = f"-c timezone=UTC -c jit=off {self._options}"
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
