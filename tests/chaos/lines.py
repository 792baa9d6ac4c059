"""The line to the database is cut after a random number of bytes, by a proxy between it and the load."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from random import Random
from urllib.parse import urlsplit

from ground import Ground
from loader import Attempt
from trials import PUBLISHED, Load, Trial, tried

CHUNK_BYTES = 4096


class Line:
    """A proxy to the server; after ``last`` bytes from clients it ends all connections."""

    def __init__(self, address: str, last: int | None = None) -> None:
        there = urlsplit(address)
        self.there, self.last, self.sent = (there.hostname, there.port), last, 0
        self._lock, self._open = threading.Lock(), []
        self._ear = socket.create_server(("127.0.0.1", 0))
        own = f"{there.username}:{there.password}@127.0.0.1:{self._ear.getsockname()[1]}"
        self.url = f"postgresql+psycopg://{own}{there.path}"
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        """Answer no more."""
        self._ear.close()
        self._cut()

    def _listen(self) -> None:
        while True:
            try:
                near, _ = self._ear.accept()
                far = socket.create_connection(self.there)
            except OSError:
                return
            self._open += [near, far]
            for pump in (partial(self._pump, near, far, counted=True), partial(self._pump, far, near)):
                threading.Thread(target=pump, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, *, counted: bool = False) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK_BYTES):
                target.sendall(self._admitted(data) if counted else data)
        for each in (source, target):
            _end(each)

    def _admitted(self, data: bytes) -> bytes:
        with self._lock:
            left = None if self.last is None else max(self.last - self.sent, 0)
            self.sent += len(data)
        if left is not None and left < len(data):
            self._cut()
            raise ConnectionResetError
        return data

    def _cut(self) -> None:
        for each in self._open:
            _end(each)


def cut_anywhere(ground: Ground, load: Load, rng: Random, times: int) -> Iterator[Trial]:
    """One trial per random byte of all that the load sends."""
    ground.restore(load.before)
    whole = Line(ground.address)
    outcome = Attempt(load.order, environment={"MESIP_DATABASE_URL": whole.url}).end().outcome
    whole.close()
    if outcome != "published":
        raise RuntimeError(f"an undisturbed load through the proxy ended with {outcome}")
    for _ in range(times):
        last = rng.randrange(whole.sent)
        label = f"{load.name}, the line is cut after {last:,} of {whole.sent:,} bytes"
        yield Trial(label, partial(tried, ground, load, partial(_cut, ground, load, last)))


def _cut(ground: Ground, load: Load, last: int) -> list[str]:
    line = Line(ground.address, last)
    outcome = Attempt(load.order, environment={"MESIP_DATABASE_URL": line.url}).end().outcome
    line.close()
    fitting = outcome in PUBLISHED or outcome.startswith("DatabaseDownError")
    return [] if fitting else [f"the load ended with {outcome}"]


def _end(each: socket.socket) -> None:
    """Shut it down first: a socket that is closed while a thread waits for it stays open."""
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
