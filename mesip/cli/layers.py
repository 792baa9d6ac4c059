"""``mesip layers`` and ``mesip layer``: the catalogue."""

import sys

import click
import orjson
from rich.console import Console
from rich.table import Table

from layers import Field, all_layers, get_layer
from layers.catalogue import room_of
from layers.kinds import UNITS
from layers.record import record
from layers.schema import schema


@click.command()
def layers() -> None:
    """List every declared layer.

    \b
    Example:
        mesip layers
    """
    table = Table("layer", "title", "geometry", "feed", "room")
    for each in all_layers().values():
        titles = f"{each.title['en']} – {each.title['pl']}"
        table.add_row(each.name, titles, each.geometry, each.source.feed or each.name, room_of(each))
    _console().print(table)


@click.group()
def layer() -> None:
    """Look at one layer.

    \b
    Example:
        mesip layer show trees
    """


@layer.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Record and schema as one JSON document.")
def show(name: str, as_json: bool) -> None:
    """Show the declaration of the layer NAME: fields, units, codes, rules.

    \b
    Example:
        mesip layer show parcels
    """
    shown = get_layer(name)
    if as_json:
        document = {"record": record(shown), "schema": schema(shown)}
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return
    console = _console()
    console.print(f"{shown.name}: {shown.title['en']} – {shown.title['pl']}", style="bold")
    about = (shown.owner, shown.licence, shown.geometry, f"key {shown.key}", shown.access)
    console.print(f"{shown.about['en']}\n{' · '.join(about)}")
    table = Table("field", "kind", "unit", "title", "in the source", "promises", "access")
    for field in shown.fields:
        unit = UNITS[field.unit].symbol if field.unit else ""
        titles = f"{field.en} – {field.pl}"
        table.add_row(
            field.name, field.kind, unit, titles, ", ".join(field.sources), _promises(field), field.access
        )
    console.print(table)
    for rule in shown.rules:
        console.print(f"{rule.severity}: {rule.field} {rule.promise}.")


def _promises(field: Field) -> str:
    lowest, highest = field.bounds
    said = ["required"] if field.required else ["expected"] if field.expected else []
    said += [f"≥ {lowest:g}"] if lowest is not None else []
    said += [f"≤ {highest:g}"] if highest is not None else []
    said += [f"{len(field.codes)} codes"] if field.codes else []
    return ", ".join(said)


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 160)
