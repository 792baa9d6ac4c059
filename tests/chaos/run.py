"""Loads among accidents: faults at every step, kills, crowds, full disks, cut lines; what stood after each.

    python tests/chaos/run.py [--seed N] [--short] [--only WORD]

Prints one table, and on stderr how far it is. The exit code is 1 if anything that must hold did not.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple

import crowds
import disks
import kills
import lines
import pyogrio
import steps
from deliveries import write_deliveries
from ground import Ground
from rich.console import Console
from trials import Load, Trial, Verdict, undisturbed

from mesip.database import open_database
from mesip.settings import settings
from pipelines.job import Order
from pipelines.rejects import write_rejects

DAY = date(2026, 1, 1)


class Loads(NamedTuple):
    """The loads that accidents happen to."""

    first: Load
    following: Load
    rivals: list[Load]
    resubmission: Load
    table: Load
    every_feed: list[Order]


class Extent(NamedTuple):
    """How much of each accident: every how many-th step, and how many trials of the others.

    ``command_s``: how long a command takes, if that shall not be measured.
    """

    next_steps: int
    other_steps: int
    loader_kills: int
    server_kills: int
    crowds: int
    rooms_kb: tuple[int, ...]
    full_logs: int
    cuts: int
    command_s: float | None = None


WHOLE = Extent(1, 2, 100, 20, 10, disks.ROOMS_KB, 6, 30)
SHORT = Extent(60, 200, 2, 2, 1, (0,), 0, 2, 1.0)


def main() -> None:
    """Run all, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--short", action="store_true", help="a handful of each")
    parser.add_argument("--only", default="", help="accidents whose name holds this word")
    wish = parser.parse_args()
    began = time.monotonic()
    with ExitStack() as stack:
        ground = Ground()
        stack.callback(ground.stop)
        loads, extent = prepared(ground), SHORT if wish.short else WHOLE
        commands = kills.Commands(ground, loads.following, extent.command_s)
        stack.callback(commands.close)
        happened = accidents(commands, loads, Random(wish.seed), extent)
        tables = [ledger(name, trials) for name, trials in happened.items() if wish.only in name]
    print(table(tables))
    trials = sum(len(each.verdicts) for each in tables)
    print(f"\nSeed {wish.seed}, {trials} trials in {time.monotonic() - began:.0f} s.")
    sys.exit(any(each.wrong for each in tables))


def prepared(ground: Ground) -> Loads:
    """The loads, each done once undisturbed to know what should come out."""
    files = write_deliveries(ground.home / "incoming")
    networks = {name: Order("gesut", (files[name],), DAY) for name in ("v1", "v2", "v3", "v4", "v5")}
    trees = {name: Order("trees", (files[name],), DAY) for name in ("trees1", "trees2")}
    ground.save("empty")
    first = undisturbed(ground, "first load", "empty", networks["v1"])
    ground.save("first")
    rivals = [
        undisturbed(ground, "next delivery", "first", networks[name]) for name in ("v5", "v4", "v3", "v2")
    ]
    ground.save("second")
    rejects = _corrected(ground, files["v2"].with_name("rejects.gpkg"))
    again = undisturbed(ground, "resubmission", "second", Order("gesut", (rejects,), resubmit=True))
    undisturbed(ground, "first trees", "empty", trees["trees1"])
    ground.save("trees")
    recognised = undisturbed(ground, "next table", "trees", trees["trees2"])
    others = [Order(feed, (files[feed],), DAY) for feed in ("egib", "stops", "districts")]
    return Loads(first, rivals[-1], rivals, again, recognised, [networks["v1"], trees["trees1"], *others])


def accidents(
    commands: kills.Commands, loads: Loads, rng: Random, extent: Extent
) -> dict[str, Iterator[Trial]]:
    """The trials of each accident, by its name."""
    ground = commands.ground
    stepwise, following, again = partial(steps.at_every_step, ground), loads.following, loads.resubmission
    found = {
        "exception, every step, next delivery": stepwise(following, "exception", extent.next_steps),
        "SIGKILL, every step, next delivery": stepwise(following, "SIGKILL", extent.next_steps),
        "exception, odd steps, first load": stepwise(loads.first, "exception", extent.other_steps),
        "SIGKILL, even steps, first load": stepwise(loads.first, "SIGKILL", extent.other_steps, 2),
        "exception, odd steps, resubmission": stepwise(again, "exception", extent.other_steps),
        "SIGKILL, even steps, resubmission": stepwise(again, "SIGKILL", extent.other_steps, 2),
        "exception, odd steps, next table": stepwise(loads.table, "exception", extent.other_steps),
        "SIGKILL, even steps, next table": stepwise(loads.table, "SIGKILL", extent.other_steps, 2),
        "session ended at each piece of COPY": steps.in_copy(ground, following, extent.next_steps),
        "line cut at a random byte": lines.cut_anywhere(ground, following, rng, extent.cuts),
        "kill -9 of the loader": kills.of_loader(commands, rng, extent.loader_kills),
        "kill -9 of PostgreSQL": kills.of_server(commands, rng, extent.server_kills),
        "4 loads of one layer at once": crowds.of_one_layer(ground, loads.rivals, extent.crowds),
        "4 loads of the same bytes at once": crowds.of_one_layer(ground, [following] * 4, extent.crowds),
        "loads of all feeds at once": crowds.of_many_layers(ground, "empty", loads.every_feed, extent.crowds),
    }
    if reason := disks.why_not():
        Console(stderr=True).print(f"No full disks: {reason}.")
        return found
    full = {"disk full": disks.full(ground, following, extent.rooms_kb)}
    if extent.full_logs:
        full["disk of the write-ahead log full"] = disks.full_log(ground, following, rng, extent.full_logs)
    return found | full


@dataclass
class Ledger:
    """What the trials of one accident showed."""

    name: str
    verdicts: list[Verdict] = field(default_factory=list)
    seconds: float = 0

    @property
    def wrong(self) -> int:
        """Trials in which something did not hold."""
        return sum(bool(verdict.wrong) for verdict in self.verdicts)

    def line(self) -> str:
        """Its line of the table."""
        stood = Counter(verdict.version for verdict in self.verdicts)
        answers = sum(len(verdict.answers) for verdict in self.verdicts)
        refusals = sum(verdict.refusals for verdict in self.verdicts)
        counts = (len(self.verdicts), stood["v"], stood["v+1"], answers, refusals, self.wrong)
        return f"| {self.name} | {' | '.join(f'{count:,}' for count in counts)} | {self.seconds:.0f} |"


def ledger(name: str, trials: Iterator[Trial]) -> Ledger:
    """Run the trials of one accident, and tell at once what is wrong."""
    kept, began, console = Ledger(name), time.monotonic(), Console(stderr=True)
    for number, trial in enumerate(trials, 1):
        kept.verdicts.append(verdict := trial.run())
        if console.is_terminal:
            console.print(f"\r{name}: {number}", end="", highlight=False)
        for sentence in dict.fromkeys(verdict.wrong):
            console.print(f"{trial.name}\n    {sentence}", highlight=False, markup=False, soft_wrap=True)
    kept.seconds = time.monotonic() - began
    said = f"{name}: {len(kept.verdicts)} trials in {kept.seconds:.0f} s, {kept.wrong} wrong"
    console.print(said, highlight=False)
    return kept


def table(ledgers: list[Ledger]) -> str:
    """All accidents, one line each."""
    lines = ["| accident | trials | then v | then v+1 | answers read | 503 | wrong | seconds |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    return "\n".join(lines + [each.line() for each in ledgers])


def _corrected(ground: Ground, path: Path) -> Path:
    """The rejects of the last run, the status of a line set right."""
    database = open_database(settings())
    write_rejects(database, ground.ask("SELECT max(run) FROM registry.reject")[0][0], path)
    database.engine.dispose()
    rejected = pyogrio.read_dataframe(path, layer="utility_lines")
    path.unlink()
    pyogrio.write_dataframe(rejected.assign(status="i"), path, layer="utility_lines")
    return path


if __name__ == "__main__":
    main()
