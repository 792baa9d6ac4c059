"""kill -9 at random moments: of `mesip load`, of PostgreSQL's postmaster, of one of its backends."""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

from ground import Ground
from trials import Load, Trial, tried

from pipelines.job import Order

# Imports everything, waits for a line, and is `mesip load` from then on.
PROGRAM = """
import sys
import pipelines.load
from mesip.cli import main
from pipelines.confined import make_ready
make_ready()
sys.stdin.readline()
sys.argv = ["mesip", *sys.argv[1:]]
main()
"""
READY_S, PATIENCE_S = 3, 90
FAULT_OF_OURS = 1


class Command:
    """`mesip load` in a process and session of its own, its imports done, not yet told to begin."""

    def __init__(self, order: Order, environment: dict[str, str] | None = None) -> None:
        words = ["load", order.feed, *map(str, order.paths)]
        words += ["--as-of", str(order.as_of)] if order.as_of else []
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=os.environ | (environment or {}),
            start_new_session=True,
            text=True,
        )

    def go(self) -> None:
        """Begin."""
        stdin = self.process.stdin
        assert stdin is not None
        stdin.write("\n")
        stdin.flush()

    def end(self) -> tuple[int, str]:
        """Wait; the exit code, and what it said on stderr."""
        try:
            _, said = self.process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return FAULT_OF_OURS, f"it was still running after {PATIENCE_S} seconds"
        return self.process.returncode, said.strip()

    def orphans(self) -> list[str]:
        """The processes that it started and that outlive it; they have a moment to end."""
        deadline = time.monotonic() + 10
        while (found := _in_session(self.process.pid)) and time.monotonic() < deadline:
            time.sleep(0.05)
        return [f"process {pid} outlives the load" for pid in found]


class Commands:
    """Commands of one load; the next is made ready while the trial before is looked at."""

    def __init__(self, ground: Ground, load: Load, seconds: float | None = None) -> None:
        self.ground, self.load, self._seconds = ground, load, seconds
        self._next: Command | None = None

    @property
    def seconds(self) -> float:
        """How long the command takes from its beginning: the median of three."""
        if self._seconds is None:
            self._seconds = statistics.median(self._measured() for _ in range(3))
        return self._seconds

    def take(self) -> Command:
        """One that is ready, or soon."""
        taken, self._next = self._next or Command(self.load.order), Command(self.load.order)
        return taken

    def close(self) -> None:
        """End the one that nobody took."""
        if self._next:
            self._next.process.kill()
            self._next.end()

    def _measured(self) -> float:
        self.ground.restore(self.load.before)
        command = self.take()
        time.sleep(READY_S)
        began = time.monotonic()
        command.go()
        code, said = command.end()
        if code:
            raise RuntimeError(f"an undisturbed command ended with {code}: {said}")
        return time.monotonic() - began


def of_loader(commands: Commands, rng: Random, times: int) -> Iterator[Trial]:
    """The command is killed at a random moment of its life."""
    for _ in range(times):
        moment = rng.uniform(0, commands.seconds)
        happening = partial(_kill_loader, commands, moment)
        label = f"{commands.load.name}, killed after {moment:.3f} s"
        yield Trial(label, partial(tried, commands.ground, commands.load, happening))


def of_server(commands: Commands, rng: Random, times: int) -> Iterator[Trial]:
    """The postmaster and, in turn, a backend is killed at a random moment of the command's life."""
    ground, load = commands.ground, commands.load
    for number in range(times):
        moment, victim = rng.uniform(0, commands.seconds), (_postmaster, _backend)[number % 2]
        happening = partial(_kill_server, commands, moment, partial(victim, ground, rng))
        label = f"{load.name},{victim.__name__.replace('_', ' ')} killed after {moment:.3f} s"
        yield Trial(label, partial(tried, ground, load, happening, may_be_down=True))


def _kill_loader(commands: Commands, moment: float) -> list[str]:
    command = commands.take()
    command.go()
    time.sleep(moment)
    command.process.kill()
    command.end()
    return command.orphans()


def _kill_server(commands: Commands, moment: float, victim: Callable[[], int]) -> list[str]:
    command = commands.take()
    command.go()
    time.sleep(moment)
    os.kill(victim(), signal.SIGKILL)
    code, said = command.end()
    commands.ground.start()
    wrong = [] if code in (0, 6) else [f"the load ended with exit code {code}: {said[-500:]}"]
    return wrong + command.orphans()


def _postmaster(ground: Ground, _: Random) -> int:
    return int((ground.home / "postgres" / "postmaster.pid").read_text().split()[0])


def _backend(ground: Ground, rng: Random) -> int:
    """One of those that serve the load; one that serves the API where there is none."""
    asked = (
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename = {} "
        "AND pid <> pg_backend_pid() ORDER BY pid"
    )
    loads = ground.ask(asked.format("current_user")) or ground.ask(asked.format("'mesip_public'"))
    return rng.choice(loads)[0]


def _in_session(session: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found
