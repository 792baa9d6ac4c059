"""Identity and life of registered objects: local identifier, start, start and end of the version."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.random import Generator

EGIB, GESUT = "PL.PZGiK.3064.EGiB", "PL.PZGiK.3064.GESUT"
FIRST, LAST = np.datetime64("1995-01-02"), np.datetime64("2025-11-28")
CHANGED = 0.4  # share of objects whose present version is not their first


@dataclass(frozen=True)
class Stamp:
    """What the base part of every object says, moments as ``2005-03-12T14:25:58``."""

    space: str  # przestrzenNazw
    local: str  # lokalnyId
    started: str  # startObiekt
    version: str  # startWersjaObiekt
    ended: str = ""  # koniecWersjaObiekt

    @property
    def gml_id(self) -> str:
        """The identifier of this version within a file."""
        return f"{self.space}_{self.local}_{self.version.replace(':', '-')}"


UNSTAMPED = Stamp("", "", "", "")


def stamps(space: str, count: int, stand: date, rng: Generator) -> list[Stamp]:
    """``count`` new identities, all begun before ``stand``."""
    digits = rng.bytes(16 * count).hex()
    locals_ = [_local(digits[at : at + 32]) for at in range(0, 32 * count, 32)]
    span = int((LAST - FIRST).astype(int))
    started = rng.integers(0, span - 365, count)
    changed = np.where(rng.random(count) < CHANGED, rng.integers(started + 30, span), started)
    seconds = rng.integers(7 * 3600, 15 * 3600, count)
    begun, renewed = (_moments(days, seconds, stand) for days in (started, changed))
    return [Stamp(space, *row) for row in zip(locals_, begun, renewed, strict=True)]


def _moments(days: np.ndarray, seconds: np.ndarray, stand: date) -> list[str]:
    latest = np.datetime64(stand) - np.timedelta64(1, "D")
    moments = np.minimum(FIRST + days.astype("timedelta64[D]"), latest).astype("datetime64[s]")
    return list(np.datetime_as_string(moments + seconds.astype("timedelta64[s]")))


def _local(digits: str) -> str:
    """A universally unique identifier of the kind made from names."""
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
