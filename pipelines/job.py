"""A load under way: what was asked, what it writes where, and what it has read so far."""

from dataclasses import dataclass
from datetime import date, datetime
from datetime import time as time_of_day
from pathlib import Path
from zoneinfo import ZoneInfo

from mesip.database import Database
from mesip.settings import Settings
from pipelines.casts import OFFICE
from pipelines.confined import Limits


@dataclass(frozen=True)
class Order:
    """What a load is asked to do. ``as_of`` is the day the delivery speaks of, if its supplier said so.

    ``resubmit``: the paths hold rejected rows that come back corrected. ``scheduler``: the address of a Dask
    scheduler whose workers conform, check and stage the rows; else this process does.
    """

    feed: str
    paths: tuple[Path, ...]
    as_of: date | None = None
    accepted: frozenset[str] = frozenset()
    dry_run: bool = False
    resubmit: bool = False
    scheduler: str | None = None


@dataclass(frozen=True)
class Job:
    """One load under way: its number, and where it writes. It can be sent to other machines."""

    run: int
    order: Order
    database: Database
    settings: Settings
    stand: date

    @property
    def begins(self) -> datetime:
        """The moment the delivery's day begins in the office that wrote it."""
        return datetime.combine(self.stand, time_of_day.min, ZoneInfo(OFFICE))

    @property
    def limits(self) -> Limits:
        """What reading one file may cost."""
        return reader_limits(self.settings)


def reader_limits(settings: Settings) -> Limits:
    """What reading one file may cost, as the node is set."""
    return Limits(settings.reader_memory_mb, settings.reader_seconds)
