"""The files that jobs have made: kept under the home, up to a number of bytes and for some hours."""

import shutil
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from uuid import UUID

from api.shelf import Shelf
from mesip.settings import settings

MEGABYTE = 1_000_000
# What one result may take of the room for all.
SHARE = 0.25
MAKING = ".making"


def results() -> Shelf:
    """The results that this node keeps, each in a folder named after its job."""
    return _results(settings().home, settings().results_mb)


def most_bytes() -> int:
    """The bytes that one result may have."""
    return int(settings().results_mb * MEGABYTE * SHARE)


def drop(job: UUID) -> None:
    """Forget the results of a job."""
    shutil.rmtree(results().folder / str(job), ignore_errors=True)


def drop_file(job: UUID, worker: UUID) -> None:
    """Forget what a worker has made for a job."""
    shutil.rmtree(results().folder / str(job) / str(worker), ignore_errors=True)


def clear(hours: float) -> None:
    """Forget results that are so old, and what workers that were killed have left half made."""
    oldest = time.time() - hours * 3600
    for folder in (results().folder, results().folder / MAKING):
        for each in folder.iterdir() if folder.exists() else ():
            with suppress(FileNotFoundError):
                if each.name != MAKING and each.stat().st_mtime < oldest:
                    _remove(each)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@cache
def _results(home: Path, most_mb: int) -> Shelf:
    return Shelf(home / "results", most_mb * MEGABYTE)
