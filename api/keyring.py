"""The keys of requests: which level a key opens, remembered for a moment."""

import hashlib
import time
from collections import OrderedDict
from typing import NamedTuple

from api.reading import Reader
from layers import Level
from mesip.errors import KeyRefusedError

# So long a revoked key may go on. Unknown keys are not remembered, so that a new one works at once.
REMEMBERED_SECONDS = 2.0
MOST_REMEMBERED = 10_000
SCHEME, LONGEST = "bearer", 200


class Key(NamedTuple):
    """A valid key: its number, and the level that it opens."""

    id: str
    level: Level


class Keyring:
    """The keys that were used last in this process."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, tuple[Key, float]] = OrderedDict()

    def remembered(self, authorization: str) -> Key | None:
        """The key of an ``Authorization`` header if it was asked for a moment ago."""
        found = self._known.get(_digest(authorization))
        return found[0] if found and time.monotonic() < found[1] else None

    def key(self, authorization: str, reader: Reader) -> Key:
        """The key of an ``Authorization`` header.

        Raises:
            KeyRefusedError: it is unknown, revoked or expired, or no key at all.
        """
        digest = _digest(authorization)
        found = reader.rows("SELECT id, level FROM key_of(%(digest)s)", {"digest": digest})
        if not found:
            self._known.pop(digest, None)
            raise KeyRefusedError(
                "This key is unknown, revoked or expired. Ask for a new one, or ask without a key."
            )
        key = Key(*found[0])
        self._known[digest] = key, time.monotonic() + REMEMBERED_SECONDS
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)
        return key


def _digest(authorization: str) -> bytes:
    """The hash of the key in a header; a key has 256 random bits, so a plain hash keeps it secret.

    Raises:
        KeyRefusedError: the header holds something else.
    """
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != SCHEME or not token.strip() or len(token) > LONGEST:
        raise KeyRefusedError("A key is sent as `Authorization: Bearer KEY`.")
    return hashlib.sha256(token.strip().encode()).digest()
