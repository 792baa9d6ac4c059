"""Hop 2 behind a wall: a reader runs in a process of its own, with limits of memory, time and disk.

What comes from outside is parsed by large libraries. One file may make them crash or take all memory; then
only the process that reads it ends. Its rows come through a pipe, which holds it back while some are checked.
"""

import json
import os
import resource
import signal
import traceback
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pyarrow as pa

from mesip.errors import SourceError
from pipelines.arrow_frames import from_bytes, to_bytes, to_table
from pipelines.forked import CONTEXT, make_ready

# Readers write nothing; GDAL may keep small notes beside what it reads.
WRITABLE_BYTES = 16 << 20
# What is left to say that the memory is used up.
LAST_BYTES = 64 << 20

Batches = Iterator[Any]


@dataclass(frozen=True)
class Limits:
    """What one file may cost to read: memory in MB, and seconds of the processor or of silence."""

    memory_mb: int
    seconds: int


def confined(reader: Callable[..., Batches], limits: Limits, path: Path, *more: Any) -> Generator[pa.Table]:
    """What ``reader(path, *more)`` yields, as tables of Arrow, read in a process that ``limits`` confine.

    Args:
        reader: a function at the top of a module that yields tables, or frames with the names of their
            layers; what it is given must be possible to pickle.
        limits: beyond them the process ends.
        path: the file.
        more: what else the reader is given.

    Raises:
        SourceError: the reader raised it, exceeded a limit, or died.
    """
    make_ready()
    receiver, sender = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=_read, args=(sender, limits, reader, path, *more), daemon=True)
    process.start()
    sender.close()
    with ThreadPoolExecutor(1, "receiver") as executor:
        try:
            # While one table is looked at, the next one comes through the pipe.
            coming = executor.submit(_next, receiver, process, limits, path)
            while (table := coming.result()) is not None:
                coming = executor.submit(_next, receiver, process, limits, path)
                yield table
        finally:
            process.kill()  # which also ends what is waited for
    receiver.close()
    process.join()


def _next(receiver: Connection, process: ForkServerProcess, limits: Limits, path: Path) -> pa.Table | None:
    if not receiver.poll(limits.seconds):
        raise SourceError(_too_long(path, limits))
    try:
        message = receiver.recv_bytes()
    except (EOFError, OSError) as cause:
        process.join(5)
        raise SourceError(_why_dead(path, limits, process.exitcode)) from cause
    if not message.startswith(b"{"):
        return from_bytes(message)
    told = json.loads(message)
    if "source" in told:
        raise SourceError(told["source"])
    if "memory" in told:
        raise SourceError(_too_large(path, limits))
    if "fault" in told:
        raise RuntimeError(f"The reader of {path.name} failed.\n{told['fault']}")
    return None


def _read(sender: Connection, limits: Limits, reader: Callable[..., Batches], *given: Any) -> None:
    """In the other process: read, and send what was read, then how it ended."""
    told: dict[str, str] = {}
    try:
        with ThreadPoolExecutor(1) as executor:
            # While one table goes through the pipe, the next one is read. The thread begins before the
            # limits do: one that has no memory to begin with is waited for in vain.
            under_way: Future = executor.submit(bool)
            under_way.result()
            _confine(limits)
            for rows in reader(*given):
                message = to_bytes(rows if isinstance(rows, pa.Table) else to_table(*rows))
                under_way.result()
                under_way = executor.submit(sender.send_bytes, message)
            under_way.result()
    except BrokenPipeError:
        return
    except MemoryError:
        told = {"memory": ""}
    except SourceError as fault:
        told = {"memory": ""} if isinstance(fault.__cause__, MemoryError) else {"source": str(fault)}
    except Exception:  # noqa: BLE001 - the other side raises it again
        told = {"fault": traceback.format_exc()}
    _limit(resource.RLIMIT_DATA, resource.getrlimit(resource.RLIMIT_DATA)[1])
    with suppress(BrokenPipeError):
        sender.send_bytes(json.dumps(told).encode())


def _confine(limits: Limits) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who stops the load stops this process, too
    # Address space would count what libraries only reserve; data is what the process can fill.
    data = limits.memory_mb << 20
    _limit(resource.RLIMIT_DATA, data, data + LAST_BYTES)
    _limit(resource.RLIMIT_CPU, limits.seconds, limits.seconds + 5)
    _limit(resource.RLIMIT_FSIZE, WRITABLE_BYTES)
    _limit(resource.RLIMIT_CORE, 0)
    with suppress(OSError):  # when the machine is short of memory, this process is the one to end
        Path("/proc/self/oom_score_adj").write_text("1000")
    with suppress(OSError):  # no reader needs a network; only root can leave it
        os.unshare(os.CLONE_NEWNET)


def _limit(what: int, soft: int, hard: int | None = None) -> None:
    """Set a limit, but none above that which the process was started with."""
    allowed = resource.getrlimit(what)[1]
    if allowed != resource.RLIM_INFINITY:
        soft, hard = min(soft, allowed), min(hard or soft, allowed)
    resource.setrlimit(what, (soft, hard or soft))


def _why_dead(path: Path, limits: Limits, exit_code: int | None) -> str:
    if exit_code == -signal.SIGXCPU:
        return _too_long(path, limits)
    name = signal.Signals(-exit_code).name if exit_code and exit_code < 0 else f"exit code {exit_code}"
    return (
        f"{path.name}: its reader crashed ({name}). The file is damaged, was made to do harm, or needs more "
        f"memory than this machine or the limit of {limits.memory_mb} MB gives. Export it again, or in parts."
    )


def _too_large(path: Path, limits: Limits) -> str:
    return (
        f"{path.name} made its reader exceed {limits.memory_mb} MB of memory. Deliver it in parts, or, if "
        "you trust it, raise MESIP_READER_MEMORY_MB."
    )


def _too_long(path: Path, limits: Limits) -> str:
    return (
        f"{path.name} kept its reader busy for more than {limits.seconds} seconds. Deliver it in parts, or, "
        "if you trust it, raise MESIP_READER_SECONDS."
    )
