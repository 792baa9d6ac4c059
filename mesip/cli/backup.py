"""``mesip backup`` and ``mesip restore``: a node as a folder, and back."""

from pathlib import Path

import click

from layers import all_layers
from mesip.database import open_database
from mesip.settings import settings
from pipelines.backups import Done
from pipelines.backups import backup as run_backup
from pipelines.backups import restore as run_restore
from pipelines.migrate import migrate


@click.command()
@click.option(
    "-o", "--output", "folder", required=True, type=click.Path(path_type=Path), help="A new or empty folder."
)
def backup(folder: Path) -> None:
    """Write registers, history, registry and deliveries of this node to a folder.

    \b
    Example:
        mesip backup -o /mnt/backups/2026-01-01
    """
    database = open_database(settings())
    migrate(database, all_layers().values(), settings().srid)
    _report(run_backup(database, settings(), folder), f"Backed up to {folder}")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def restore(folder: Path) -> None:
    """Bring the backup in FOLDER back into an empty node, and check that it is whole.

    \b
    Example:
        MESIP_HOME=/srv/mesip mesip restore /mnt/backups/2026-01-01
    """
    done = run_restore(open_database(settings()), settings(), all_layers().values(), folder)
    _report(done, f"Restored from {folder}; every table has the rows and the content it had")


def _report(done: Done, sentence: str) -> None:
    click.echo(f"{sentence}:")
    for layer, rows in done.rows.items():
        click.echo(f"  {layer}: {rows:,} rows")
    click.echo(f"  deliveries: {done.deliveries}")
    for digest in done.absent:
        click.echo(f"  The delivery {digest} was not in the store, so the backup is without it.", err=True)
    for change in done.migrated:
        click.echo(f"  {change}")
