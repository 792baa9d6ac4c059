"""The disk is full: a small one under the tables, the temporary ones, the log, the deliveries, the copies."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random

from ground import Ground
from loader import Attempt
from trials import PUBLISHED, Load, Trial, tried

from layers import layers_of
from mesip import cluster

SIZE_MB, WAL_MB = 48, 160
ROOMS_KB = (0, 8, 24, 64, 128, 256, 512)
SEGMENT = 16 << 20


def why_not() -> str | None:
    """Why no small disk can be made here."""
    try:
        with _small_disk(1):
            return None
    except (OSError, subprocess.CalledProcessError) as fault:
        return f"no small disk can be mounted here ({fault})"


def full(ground: Ground, load: Load, rooms_kb: tuple[int, ...] = ROOMS_KB) -> Iterator[Trial]:
    """Trials of each place of data, with more and more room left."""
    with _small_disk(SIZE_MB) as disk:
        space = disk / "tables"
        space.mkdir()
        data = (ground.home / "postgres").resolve().stat()
        os.chown(space, data.st_uid, data.st_gid)
        ground.ask(f"CREATE TABLESPACE small LOCATION '{space}'")
        for place, (prepare, restore) in _places(ground, load, disk).items():
            prepare()
            for room in rooms_kb:
                environment = {"MESIP_DELIVERIES": str(disk / "deliveries")} if place == "deliveries" else {}
                happening = partial(_load_on_full_disk, load, disk, room, environment)
                yield Trial(f"{load.name}, {place}: {room} kB left", partial(tried, ground, load, happening))
            restore()
        ground.ask("DROP TABLESPACE small")


def full_log(ground: Ground, load: Load, rng: Random, times: int) -> Iterator[Trial]:
    """Trials in which the disk of PostgreSQL's write-ahead log is full at a random moment."""
    with _small_disk(WAL_MB) as disk, _log_moved(ground, disk):
        ground.restore(load.before)
        before = ground.ask("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")[0][0]
        Attempt(load.order).end()
        written = int(ground.ask("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")[0][0] - before)
        for _ in range(times):
            room = rng.randrange(written)
            happening = partial(_load_on_full_log, ground, load, disk, room)
            label = f"{load.name}, write-ahead log: {room >> 10} kB left"
            yield Trial(label, partial(tried, ground, load, happening, may_be_down=True))


def _places(ground: Ground, load: Load, disk: Path) -> dict[str, tuple[Callable, Callable]]:
    tables = [f"city.{layer.name}{end}" for layer in layers_of(load.order.feed) for end in ("", "_history")]
    tables += ["registry.change", "registry.issue", "registry.reject"]

    def moved(space: str) -> None:
        for table in tables:
            ground.ask(f"ALTER TABLE {table} SET TABLESPACE {space}")

    def elsewhere() -> None:
        shutil.rmtree(ground.home / "work", ignore_errors=True)
        (ground.home / "work").symlink_to(disk)

    role = "ALTER ROLE CURRENT_USER"
    return {
        "staging": (
            partial(ground.ask, f"{role} SET default_tablespace = small"),
            partial(ground.ask, f"{role} RESET default_tablespace"),
        ),
        "temporary tables": (
            partial(ground.ask, f"{role} SET temp_tablespaces = small"),
            partial(ground.ask, f"{role} RESET temp_tablespaces"),
        ),
        "published tables": (partial(moved, "small"), partial(moved, "pg_default")),
        "deliveries": (lambda: None, lambda: None),
        "copies to read": (elsewhere, (ground.home / "work").unlink),
    }


def _load_on_full_disk(load: Load, disk: Path, room_kb: int, environment: dict[str, str]) -> list[str]:
    with _filled(disk, room_kb << 10):
        return _refused_politely(Attempt(load.order, environment=environment).end().outcome)


def _load_on_full_log(ground: Ground, load: Load, disk: Path, room: int) -> list[str]:
    with _filled(disk, 0):
        _use_up_log(ground, room)
        outcome = Attempt(load.order).end().outcome
    ground.start()
    return _refused_politely(outcome)


def _refused_politely(outcome: str) -> list[str]:
    told = outcome.startswith(("DatabaseDownError", "PlatformError"))
    return [] if told or outcome in PUBLISHED else [f"the load ended with {outcome}"]


def _use_up_log(ground: Ground, room: int) -> None:
    """Write to the log until ``room`` bytes of the files that are there are left."""
    last, position = ground.ask("""
        SELECT max(name) COLLATE "C", pg_walfile_name(pg_current_wal_insert_lsn()) FROM pg_ls_waldir()
        WHERE name ~ '^[0-9A-F]{24}$'
    """)[0]
    at = int(ground.ask("SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint %% %s", SEGMENT)[0][0])
    left = (_number(last) - _number(position) + 1) * SEGMENT - at - room
    while left > 0:
        ground.ask("SELECT pg_logical_emit_message(false, 'chaos', repeat('x', %s))", min(left, 1 << 20))
        left -= 1 << 20


def _number(segment: str) -> int:
    """The number of a file of 16 MB in the log."""
    return int(segment[8:16], 16) * 256 + int(segment[16:24], 16)


@contextmanager
def _small_disk(size_mb: int) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="mesip-chaos-disk-"))
    folder.chmod(0o755)
    try:
        options = ["-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)]
        subprocess.run(["mount", *options], check=True, capture_output=True, text=True)
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
    finally:
        folder.rmdir()


@contextmanager
def _filled(disk: Path, room: int) -> Iterator[None]:
    """The disk has no more than ``room`` bytes left."""
    filler = disk / "filler"
    with suppress(OSError), filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(shutil.disk_usage(disk).free - room, 1))
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def _log_moved(ground: Ground, disk: Path) -> Iterator[None]:
    """PostgreSQL keeps its log on ``disk``."""
    log = (ground.home / "postgres").resolve() / "pg_wal"
    cluster.stop(ground.home)
    subprocess.run(["cp", "-a", log, disk], check=True)
    shutil.rmtree(log)
    log.symlink_to(disk / "pg_wal")
    ground.start()
    try:
        yield
    finally:
        # A server that crashed may be ending.
        ground.start()
        cluster.stop(ground.home)
        log.unlink()
        subprocess.run(["cp", "-a", disk / "pg_wal", log.parent], check=True)
        ground.start()
