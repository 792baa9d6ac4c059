"""What a node keeps because it was made once: under which name, and until when it holds."""

import hashlib
from functools import cache
from pathlib import Path

from api.heads import Head, heads
from api.reading import Reader
from api.shelf import Shelf
from api.tiles import MARGIN_UNITS, TILE_UNITS, Place, tile
from api.times import Times
from layers import Layer, Level, layers_for
from mesip.settings import Extent, settings

MEGABYTE = 1_000_000


def shelf() -> Shelf:
    """The files that this node keeps."""
    return _shelf(settings().home, settings().cache_mb)


def state(reader: Reader, layer: Layer, head: Head | None) -> str:
    """A name for what the layer holds and how it is declared: another one when either changes."""
    told = hashlib.sha256(f"{declared(reader.level, layer.name)} {head!r}".encode()).hexdigest()[:16]
    return f"{head.seq if head else 0}-{told}"


def kept_tile(
    reader: Reader, layer: Layer, when: Times, at: Place, known: str = ""
) -> tuple[bytes | None, str | None]:
    """A tile, and its entity tag; tiles of other times than now are made anew and have none.

    No tile is given to who has it by the tags that are ``known``.
    """
    if not when.current:
        return tile(reader, layer, when, at), None
    head = heads(reader).get(layer.name)
    if (named := state(reader, layer, head)) in known:
        return None, f'"{named}"'
    if head is None or head.extent is None or not _meet(at, head.extent):
        return b"", f'"{named}"'
    kept = shelf().kept(
        f"{reader.level}/{layer.name}/{named}/{at.z}/{at.x}/{at.y}.mvt",
        lambda path: path.write_bytes(tile(reader, layer, when, at)),
    )
    return kept.read_bytes(), f'"{named}"'


def _meet(at: Place, extent: Extent) -> bool:
    """Whether the tile and its margin meet the extent, in degrees."""
    west, south, east, north = at.box
    across, up = ((end - begin) * MARGIN_UNITS / TILE_UNITS for begin, end in ((west, east), (south, north)))
    return (
        extent[0] <= east + across
        and extent[2] >= west - across
        and extent[1] <= north + up
        and extent[3] >= south - up
    )


@cache
def _shelf(home: Path, most_mb: int) -> Shelf:
    return Shelf(home / "cache", most_mb * MEGABYTE)


@cache
def declared(level: Level, name: str) -> str:
    """A name for how a layer is declared, as the level sees it."""
    return hashlib.sha256(repr(layers_for(level)[name]).encode()).hexdigest()
