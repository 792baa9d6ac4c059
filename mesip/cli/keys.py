"""``mesip keys``: who may see more than the public."""

import sys
from datetime import UTC, datetime

import click
import orjson
from rich.console import Console
from rich.table import Table

from layers import LEVELS, Level, all_layers
from mesip.database import Database, open_database
from mesip.settings import settings
from pipelines.keys import keys as all_keys
from pipelines.keys import new_key
from pipelines.keys import revoke as revoke_key
from pipelines.migrate import migrate


@click.group()
def keys() -> None:
    """Give and revoke keys for readers of the API who may see more than the public.

    \b
    Example:
        mesip keys new --level partner --note "Aquanet, QGIS"
        curl -H "Authorization: Bearer KEY" http://127.0.0.1:5000/collections
    """


@keys.command("new")
@click.option("--level", required=True, type=click.Choice(LEVELS), help="What the key opens.")
@click.option("--note", default="", help="Whose key it is, or what for.")
@click.option("--days", type=click.IntRange(1, 36_500), help="How long it is valid; else until revoked.")
def new(level: Level, note: str, days: int | None) -> None:
    """Make a key and print it: this once, because only its hash is kept.

    \b
    Example:
        mesip keys new --level internal --note "Geodesy department" --days 365
    """
    made = new_key(_database(), level, note, days)
    click.echo(made.token)
    valid = f"for {days} days" if days else f"until `mesip keys revoke {made.id}`"
    click.echo(f"Keep it now, it is not shown again. It opens the level {level} {valid}.", err=True)


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def list_(as_json: bool) -> None:
    """List the keys that were made, without the keys themselves.

    \b
    Example:
        mesip keys list
    """
    now, found = datetime.now(UTC), all_keys(_database())
    if as_json:
        stated = [each._asdict() | {"state": each.state(now)} for each in found]
        click.echo(orjson.dumps(stated, option=orjson.OPT_INDENT_2).decode())
        return
    table = Table("key", "level", "state", "made", "valid until", "note")
    for each in found:
        until = f"{each.expires_at:%Y-%m-%d}" if each.expires_at else "revoked"
        table.add_row(each.id, each.level, each.state(now), f"{each.created_at:%Y-%m-%d}", until, each.note)
    Console(width=None if sys.stdout.isatty() else 160).print(table)


@keys.command("revoke")
@click.argument("key", metavar="ID")
def revoke(key: str) -> None:
    """End the key of number ID; it is refused within seconds.

    \b
    Example:
        mesip keys revoke 1a2b3c4d
    """
    revoke_key(_database(), key)
    click.echo(f"Key {key} opens nothing any more.")


def _database() -> Database:
    database = open_database(settings())
    migrate(database, all_layers().values(), settings().srid)
    return database
