"""What was read with keys, written down in the database a moment later, in batches."""

import logging
import threading
from collections import deque
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

import orjson

from api.reading import readers
from layers import LEVELS, Level
from mesip.errors import PlatformError

log = logging.getLogger(__name__)

PAUSE_SECONDS, BATCH = 0.5, 1000
# While the database is away, so many wait; then nothing closed is read any more.
MOST_WAITING = 20_000


class Read(NamedTuple):
    """One request with a key: when, by whom, what, how it ended, how many rows it gave if that is known."""

    at: datetime
    key: str
    level: Level
    method: str
    path: str
    query: str
    status: int
    rows: int | None


class Audit:
    """The reads of one process that wait to be written, and the thread that writes them."""

    def __init__(self) -> None:
        self._waiting: deque[Read] = deque()
        self._over = threading.Event()
        self._writer = threading.Thread(target=self._write_on, name="audit", daemon=True)

    @property
    def full(self) -> bool:
        """Whether so much waits that no more may be read."""
        return len(self._waiting) >= MOST_WAITING

    def note(self, read: Read) -> None:
        """Have a read written down."""
        self._waiting.append(read)

    def begin(self) -> None:
        """Begin to write."""
        self._writer.start()

    def end(self) -> None:
        """Write what still waits, and stop."""
        self._over.set()
        self._writer.join()

    def _write_on(self) -> None:
        while not self._over.wait(PAUSE_SECONDS):
            self._write()
        self._write()
        if self._waiting:
            log.error("The audit of %d reads with keys could not be written.", len(self._waiting))

    def _write(self) -> None:
        while batch := list(islice(self._waiting, BATCH)):
            try:
                for level in LEVELS:
                    _hand_over(level, [read._asdict() for read in batch if read.level == level])
            except PlatformError as fault:
                log.warning("The audit waits: %s", fault)
                return
            for _ in batch:
                self._waiting.popleft()


def _hand_over(level: Level, reads: list[dict[str, Any]]) -> None:
    if reads:
        document = orjson.dumps(reads).decode()
        readers()[level].rows("SELECT note_reads(%(reads)s::jsonb)", {"reads": document})
