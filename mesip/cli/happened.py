"""``mesip runs``, ``issues``, ``rejects`` and ``diff``: what happened."""

import sys
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

from layers import all_layers, get_layer
from mesip.database import Database, open_database
from mesip.settings import settings
from pipelines.differences import Difference, by_kind, differences, write_differences
from pipelines.issue_codes import CODES
from pipelines.migrate import migrate
from pipelines.rejects import write_rejects
from pipelines.told_runs import RunTold, one_run, told_issues, told_runs

SHOWN = 100
# The headers of the table of issues, and what stands below each.
COLUMNS = {
    name: name.replace("first at", "origin")
    for name in ("layer", "severity", "code", "field", "rows", "open", "responsible", "first at", "message")
}
AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


@click.command()
@click.argument("run", required=False, type=int)
@AS_JSON
def runs(run: int | None, as_json: bool) -> None:
    """List all runs, or show the one of number RUN; failed and refused ones with their reason.

    \b
    Example:
        mesip runs
        mesip runs 12 --json
    """
    found = told_runs(_database()) if run is None else [one_run(_database(), run)]
    if as_json:
        _say_json([each.stated() for each in found] if run is None else found[0].stated())
    elif run is None:
        _list_runs(found)
    else:
        _show_run(found[0])


@click.command()
@click.argument("run", type=int)
@AS_JSON
def issues(run: int, as_json: bool) -> None:
    """Show what was wrong in RUN: by code, who is to mend it, and how many rows are still open.

    \b
    Example:
        mesip issues 12
    """
    database = _database()
    one_run(database, run)
    found = told_issues(database, run)
    if as_json:
        _say_json(found)
        return
    table = Table(*COLUMNS)
    for each in found:
        table.add_row(*(str(each[name]) for name in COLUMNS.values()))
    _console().print(table)
    for code in dict.fromkeys(each["code"] for each in found):
        click.echo(f"{code}: {CODES[code].en if code in CODES else 'of an earlier version.'}", err=True)
    if not found:
        click.echo(f"Run {run} found nothing wrong.", err=True)


@click.command()
@click.argument("run", type=int)
@click.option(
    "-o", "--output", "path", required=True, type=click.Path(path_type=Path), help="FILE.gpkg to write."
)
@AS_JSON
def rejects(run: int, path: Path, as_json: bool) -> None:
    """Write the open rejected rows of RUN as a GeoPackage, to be corrected and resubmitted.

    \b
    Example:
        mesip rejects 12 -o rejected.gpkg
        mesip load trees rejected.gpkg --resubmit
    """
    database = _database()
    told = one_run(database, run)
    written = write_rejects(database, run, path)
    if as_json:
        _say_json({"run": run, "file": str(path) if written else None, "layers": written})
    for layer, rows in written.items():
        click.echo(f"{layer}: {rows:,} rows.", err=True)
    if written:
        click.echo(f"Correct them, then: mesip load {told.feed} {path} --resubmit", err=True)
    else:
        click.echo(f"Run {run} has no open rejected row; no file is written.", err=True)


@click.command()
@click.argument("layer")
@click.argument("run", type=int)
@click.option(
    "-o", "--output", "path", type=click.Path(path_type=Path), help="FILE.gpkg to write, with geometry."
)
@AS_JSON
def diff(layer: str, run: int, path: Path | None, as_json: bool) -> None:
    """Show what RUN changed in LAYER: a summary by kind, then row by row.

    \b
    Example:
        mesip diff trees 12
        mesip diff trees 12 -o changed.gpkg
    """
    changed = get_layer(layer)
    found = differences(_database(), changed, run)
    if path:
        write_differences(found, changed, settings().srid, path)
    if as_json:
        changes = [each.stated() for each in found]
        _say_json({"layer": layer, "run": run, "summary": by_kind(found), "changes": changes})
        return
    _console().print(_kinds(by_kind(found)))
    if found:
        _console().print(_changes(found[:SHOWN]))
    if len(found) > SHOWN:
        click.echo(f"and {len(found) - SHOWN:,} more: see them all with --json or -o FILE.gpkg.", err=True)


def _database() -> Database:
    database = open_database(settings())
    migrate(database, all_layers().values(), settings().srid)
    return database


def _list_runs(found: list[RunTold]) -> None:
    table = Table("run", "feed", "state", "stand", "when", "rows")
    for each in found:
        rows = ", ".join(f"{name} {account['read']:,}" for name, account in each.layers.items())
        when = f"{each.started_at:%Y-%m-%d %H:%M}"
        table.add_row(str(each.run), each.feed, each.state, str(each.stand), when, rows or each.message or "")
    _console().print(table)


def _show_run(told: RunTold) -> None:
    for name, value in told.stated().items():
        if name != "layers":
            click.echo(f"{name}: {', '.join(value) if isinstance(value, list) else value}")
    if told.layers:
        names = list(next(iter(told.layers.values())))
        table = Table("layer", *names)
        for layer, account in told.layers.items():
            table.add_row(layer, *(str(account[name]) for name in names))
        _console().print(table)


def _kinds(summary: dict[str, int]) -> Table:
    table = Table("kind", "rows")
    for kind, rows in summary.items():
        table.add_row(kind, f"{rows:,}")
    return table


def _changes(found: list[Difference]) -> Table:
    table = Table("kind", "key", "label", "changes", "moved [m]")
    for each in found:
        changes = "; ".join(f"{name}: {old} → {new}" for name, (old, new) in each.fields.items())
        moved = "" if each.moved_m is None else f"{each.moved_m:g}"
        table.add_row(each.kind, each.key, each.label or "", changes, moved)
    return table


def _say_json(document: Any) -> None:
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2, default=str).decode())


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 160)
