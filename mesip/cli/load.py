"""``mesip load``: a delivery becomes the current rows."""

import sys
from datetime import datetime
from pathlib import Path
from typing import TextIO

import click
import orjson
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from layers import all_layers, feed_names
from mesip.database import Database, open_database
from mesip.errors import GuardError
from mesip.settings import settings
from pipelines.guards import GUARDS
from pipelines.load import Order, Watcher
from pipelines.load import load as run_load
from pipelines.migrate import migrate
from pipelines.runs import COUNTS, Outcome, issue_summary

SHOWN_ISSUES = 12


@click.command()
@click.argument("feed")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Day the delivery speaks of; else the file's own day."
)
@click.option("--dry-run", is_flag=True, help="Do everything but the publication.")
@click.option("--accept", multiple=True, type=click.Choice(["empty", *GUARDS]), help="Lift this guard.")
@click.option("--resubmit", is_flag=True, help="PATH holds rejected rows that were corrected.")
@click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler whose workers check and stage the rows.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def load(  # noqa: PLR0913, PLR0917 - one parameter per option of the command
    feed: str,
    paths: tuple[Path, ...],
    as_of: datetime | None,
    dry_run: bool,
    accept: tuple[str, ...],
    resubmit: bool,
    scheduler: str | None,
    as_json: bool,
) -> None:
    """Load a delivery of FEED: egib, gesut, or the name of a layer for a plain table.

    \b
    Example:
        mesip load egib delivery.gml
        mesip load trees trees.csv --as-of 2026-01-01
        mesip load trees rejected.gpkg --resubmit
        mesip load trees trees.parquet --scheduler tcp://127.0.0.1:8786
    """
    if feed not in feed_names():
        raise click.BadParameter(f"there is no feed {feed!r}. Known feeds: {', '.join(feed_names())}.")
    if resubmit and as_of:
        raise click.UsageError("Rows that come back keep the day of their delivery: leave out --as-of.")
    day = as_of.date() if as_of else None
    order = Order(feed, paths, day, frozenset(accept), dry_run, resubmit, scheduler)
    database = open_database(settings())
    migrate(database, all_layers().values(), settings().srid)
    try:
        outcome = watched(order, database)
    except GuardError as refused:
        if refused.run:
            state_issues(issue_summary(database, refused.run), Console(stderr=True, width=_width(sys.stderr)))
        raise
    if as_json:
        click.echo(orjson.dumps(outcome.stated(), option=orjson.OPT_INDENT_2).decode())
    else:
        report(outcome, issue_summary(database, outcome.run))


def watched(order: Order, database: Database) -> Outcome:
    """Run the load with a line of progress per layer, if somebody looks."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,.0f} rows"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as progress:
        return run_load(order, database, settings(), _watcher(progress))


def report(outcome: Outcome, issues: list[dict]) -> None:
    """Print what became of every row, and what is wrong with those that were rejected."""
    table = Table(title=f"Run {outcome.run}: {outcome.state}", title_justify="left")
    table.add_column("layer")
    for name in (*COUNTS, "seconds"):
        table.add_column(name, justify="right")
    for name, account in outcome.accounts.items():
        stated = account.stated()
        table.add_row(name, *(f"{stated[count]:,}" for count in COUNTS), f"{account.seconds:.1f}")
    console = Console(width=_width(sys.stdout))
    console.print(table)
    state_issues(issues, console)
    for name, account in outcome.accounts.items():
        for sentence in account.explanation:
            console.print(f"{name}: {sentence}", highlight=False, markup=False)
    if any(account.rows.rejected for account in outcome.accounts.values()):
        console.print(
            "Rejected rows are kept with their reasons; what was published of them before stays. "
            f"Correct them at the source and load again, or see `mesip rejects {outcome.run} -o FILE.gpkg`."
        )


def state_issues(issues: list[dict], console: Console) -> None:
    """Print a line for each kind of issue: how many rows, where the first is, and what is wrong with it."""
    for issue in issues[:SHOWN_ISSUES]:
        places = f"{issue['layer']}, {issue['rows']:,} rows, first at {issue['origin']}"
        colour = "red" if issue["severity"] == "error" else "yellow"
        sentence = f"{issue['severity']}: {places}: {issue['message']}"
        console.print(sentence, style=colour, highlight=False, markup=False)
    if len(issues) > SHOWN_ISSUES:
        console.print(f"and {len(issues) - SHOWN_ISSUES} more kinds of issues.")


def _width(stream: TextIO) -> int | None:
    """The width of the terminal; in a file or a pipe, room for the table."""
    return None if stream.isatty() else 140


def _watcher(progress: Progress) -> Watcher:
    tasks: dict = {}

    def watch(layer: str, rows: int) -> None:
        if layer not in tasks:
            tasks[layer] = progress.add_task(layer, total=None)
        progress.update(tasks[layer], completed=rows)

    return watch
