"""A layer as one file of tiles (PMTiles), for maps without a server."""

import gzip
from collections.abc import Iterator
from pathlib import Path

from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from api.exports import Export
from api.tile_documents import tilejson
from api.tiles import Place, reach, tile, zooms
from layers import Layer
from mesip.settings import Extent

ENDING = "pmtiles"
E7 = 10_000_000


def write_tiles(export: Export, path: Path) -> None:
    """Write every tile of the layer that is not empty; ``told`` hears of tiles looked at."""
    layer, box = export.layer, export.head.extent if export.head else None
    with path.open("wb") as file:
        writer = Writer(file)
        for at in places(layer, box) if box else ():
            if drawn := tile(export.reader, layer, export.wish.times, at):
                writer.write_tile(zxy_to_tileid(*at), gzip.compress(drawn, mtime=0))
            export.told(1)
        west, south, east, north = (round(edge * E7) for edge in box or (-180, -85, 180, 85))
        header = {
            "tile_type": TileType.MVT,
            "tile_compression": Compression.GZIP,
            "min_lon_e7": west,
            "min_lat_e7": south,
            "max_lon_e7": east,
            "max_lat_e7": north,
            "center_zoom": layer.style.min_zoom,
            "center_lon_e7": (west + east) // 2,
            "center_lat_e7": (south + north) // 2,
        }
        writer.finalize(header, tilejson(layer, export.head, "", export.language) | export.about)


def places(layer: Layer, box: Extent) -> Iterator[Place]:
    """The tiles that meet a box in degrees, in the order in which the file holds them."""
    for z in zooms(layer):
        columns, rows = reach(box, z)
        found = [Place(z, x, y) for x in columns for y in rows]
        yield from sorted(found, key=lambda at: zxy_to_tileid(*at))


def count(layer: Layer, box: Extent) -> int:
    """How many tiles those are."""
    return sum(len(columns) * len(rows) for columns, rows in (reach(box, z) for z in zooms(layer)))
