"""``mesip export``: a layer as a file."""

import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.asking import asked
from api.exports import FORMATS, Export, write
from api.heads import heads
from api.reading import readers
from api.tile_files import ENDING, count, write_tiles
from layers import LEVELS, Level
from layers.declaration import Language
from mesip.errors import UsageError
from mesip.settings import settings


@click.command()
@click.argument("layer")
@click.option(
    "-o", "output", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file."
)
@click.option(
    "--level", type=click.Choice(LEVELS), default="public", show_default=True, help="Who may see the file."
)
def export(layer: str, output: Path, level: Level) -> None:
    """Write the layer LAYER, as it is now, to a file; its name ends in gpkg, parquet, fgb, geojson.gz or
    pmtiles.

    \b
    Example:
        mesip export trees -o trees.gpkg
        mesip export parcels -o parcels.parquet --level internal
        mesip export trees -o trees.pmtiles
    """
    ending, reader = _ending(output), readers()[level]
    shown = reader.layer(layer)
    head = heads(reader).get(layer)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as progress:
        total = (
            count(shown, head.extent)
            if ending == ENDING and head and head.extent
            else head.rows
            if head
            else 0
        )
        rows = progress.add_task(f"{layer} → {output.name}", total=total)
        language = cast(Language, settings().languages[0])
        told = partial(progress.advance, rows)
        wanted = Export(
            reader, shown, head, settings().srid, language, asked({}, shown, settings().srid), told
        )
        _write(wanted, output, ending)
    click.echo(f"{output}: {head.rows if head else 0:,} features, {output.stat().st_size:,} bytes.")


def _write(wanted: Export, output: Path, ending: str) -> None:
    """The file appears when it is whole; one that was there before stays until then."""
    if not output.parent.is_dir():
        raise UsageError(f"There is no folder {output.parent}. Make it first.")
    with TemporaryDirectory(dir=output.parent, prefix=".mesip-export-") as folder:
        fresh = Path(folder) / output.name
        write_tiles(wanted, fresh) if ending == ENDING else write(wanted, fresh, ending)
        fresh.replace(output)


def _ending(output: Path) -> str:
    for ending in (*FORMATS, ENDING):
        if output.name.endswith(f".{ending}"):
            return ending
    raise UsageError(f"{output.name} is no known kind of file. Files end in {', '.join((*FORMATS, ENDING))}.")
