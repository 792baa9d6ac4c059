"""Vector tiles: WebMercatorQuad, drawn by the database from declared fields, thinned until they are small."""

import math
import re
from typing import NamedTuple

from api.reading import Reader
from api.times import Times, sources
from layers import Layer
from mesip.errors import NotFoundError
from mesip.settings import Extent

MAX_ZOOM = 22
# The web map asks for no tile that is deeper, but of layers that it shows closer only.
DEEPEST = 16
HIGHEST = 85.0511  # degrees of latitude
EARTH_M = 6_378_137  # the radius of the sphere of Web Mercator
NUMBER = re.compile("[0-9]{1,9}")
TILE_UNITS, MARGIN_UNITS = 4096, 64
# A tile is at most so large before it is compressed: what does not fit is thinned out.
MOST_BYTES, MOST_FEATURES = 500_000, 20_000
# From this zoom on all is drawn that fits; below, features smaller than a pixel are one where they meet.
WHOLE_FROM = 14
# A pixel of a tile that is shown 512 pixels wide.
PIXEL_UNITS = TILE_UNITS // 512
# Where features are thinned, they lose corners that are off the line by less than this part of a cell.
SIMPLER_BY = 1 / 4


class Place(NamedTuple):
    """Which tile."""

    z: int
    x: int
    y: int

    @property
    def box(self) -> Extent:
        """West, south, east, north in degrees, without the margin."""
        return (
            self._longitude(self.x),
            self._latitude(self.y + 1),
            self._longitude(self.x + 1),
            self._latitude(self.y),
        )

    def _longitude(self, column: int) -> float:
        return column / 2**self.z * 360 - 180

    def _latitude(self, row: int) -> float:
        return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / 2**self.z))))


def zooms(layer: Layer) -> range:
    """The zooms at which the layer is drawn from tiles of its own; closer, the deepest are enlarged."""
    return range(layer.style.min_zoom, max(layer.style.min_zoom, DEEPEST) + 1)


def reach(box: Extent, z: int) -> tuple[range, range]:
    """The columns and rows of the tiles of a zoom that meet a box: west, south, east, north in degrees."""
    west, south, east, north = box
    return range(_column(west, z), _column(east, z) + 1), range(_row(north, z), _row(south, z) + 1)


def _column(longitude: float, z: int) -> int:
    return min(max(int((longitude + 180) / 360 * 2**z), 0), 2**z - 1)


def _row(latitude: float, z: int) -> int:
    up = math.asinh(math.tan(math.radians(min(max(latitude, -HIGHEST), HIGHEST)))) / math.pi
    return min(max(int((1 - up) / 2 * 2**z), 0), 2**z - 1)


def place(z: str, x: str, y: str) -> Place:
    """The tile of these numbers.

    Raises:
        NotFoundError: the tile matrix set has no such tile.
    """
    if not (_below(z, MAX_ZOOM + 1) and _below(x, 2 ** int(z)) and _below(y, 2 ** int(z))):
        named = f"{z[:10]}/{y[:10]}/{x[:10]}"
        raise NotFoundError(
            f"WebMercatorQuad has no tile {named}: zoom 0 to {MAX_ZOOM}, rows and columns below 2^z."
        )
    return Place(int(z), int(x), int(y))


def tile(reader: Reader, layer: Layer, when: Times, at: Place) -> bytes:
    """The Mapbox Vector Tile of ``layer`` at a place and a time; its one layer is named so.

    Of features smaller than a cell, each cell keeps one. Cells grow until the tile is small enough.
    """
    cell = 0.0 if at.z >= WHOLE_FROM else PIXEL_UNITS
    while cell <= TILE_UNITS:
        drawn, features = _drawn(reader, layer, when, at, cell)
        if len(drawn) <= MOST_BYTES and features <= MOST_FEATURES:
            return drawn
        # As many cells as features of this size fit; of large features the cells take few away, so go on.
        fitting = TILE_UNITS * math.sqrt(len(drawn) / features / MOST_BYTES)
        cell = max(fitting * 1.1, 2 * cell)
    return b""


def tiled_fields(layer: Layer) -> list[str]:
    """The fields that tiles carry: the key, the name and what the style looks at."""
    wanted = dict.fromkeys((layer.key, layer.label, layer.style.by, *layer.search))
    return [name for name in wanted if name]


def _below(text: str, most: int) -> bool:
    return NUMBER.fullmatch(text) is not None and int(text) < most


def _drawn(reader: Reader, layer: Layer, when: Times, at: Place, cell: float) -> tuple[bytes, int]:
    """The tile, and how many features are in it; one more than there may be is enough to know."""
    west, south, east, north = at.box
    width, height = (east - west) / TILE_UNITS * cell, (north - south) / TILE_UNITS * cell
    asked = at._asdict() | {"width": width, "height": height}
    found = reader.rows(_tile_sql(layer, when, at, cell), when.values | asked)
    return bytes(found[0][0] or b""), found[0][1]


def _tile_sql(layer: Layer, when: Times, at: Place, cell: float) -> str:
    fields, envelope = ", ".join(tiled_fields(layer)), "ST_TileEnvelope(%(z)s, %(x)s, %(y)s)"
    met = _met_sql(layer, when, fields)
    chosen = _thinned_sql(layer, when, fields, met) if cell else met
    shape = "ST_Transform(lonlat, 3857)"
    if cell and layer.geometry != "Point":
        shape = f"ST_Simplify({shape}, {_unit(at.z) * cell * SIMPLER_BY}, true)"
    return f"""
        SELECT ST_AsMVT(drawn, '{layer.name}', {TILE_UNITS}, 'place'), count(*) FROM (
            SELECT {fields}, ST_AsMVTGeom({shape}, {envelope}, {TILE_UNITS}, {MARGIN_UNITS}) AS place
            FROM ({chosen} LIMIT {MOST_FEATURES + 1}) AS chosen ORDER BY {_order(layer)}
        ) AS drawn WHERE place IS NOT NULL
    """


def _met_sql(layer: Layer, when: Times, fields: str) -> str:
    """The features that meet the tile and its margin."""
    place_ = "%(z)s, %(x)s, %(y)s"
    with_margin = f"ST_TileEnvelope({place_}, margin => {MARGIN_UNITS / TILE_UNITS})"
    met = f"lonlat && ST_Transform({with_margin}, 4326)"
    return " UNION ALL ".join(
        f"SELECT {fields}, lonlat, valid_since FROM {source.table} WHERE {' AND '.join([*source.said, met])}"
        for source in sources(layer, when)
    )


def _thinned_sql(layer: Layer, when: Times, fields: str, met: str) -> str:
    """Of small features, one for each cell; a point is small, whatever the cell."""
    cells = "floor(ST_XMin(lonlat) / %(width)s), floor(ST_YMin(lonlat) / %(height)s)"
    if layer.geometry == "Point" and when.current:
        # The same choice as below; grouping is several times faster than sorting.
        chosen = f"SELECT min({layer.key}) FROM ({met}) AS met GROUP BY {cells}"
        return f"SELECT {fields}, lonlat, valid_since FROM {layer.name} WHERE {layer.key} IN ({chosen})"
    if layer.geometry == "Point":
        return f"SELECT DISTINCT ON ({cells}) * FROM ({met}) AS met ORDER BY {cells}, {_order(layer)}"
    shown = f"{fields}, lonlat, valid_since"
    small = "ST_XMax(lonlat) - ST_XMin(lonlat) < %(width)s AND ST_YMax(lonlat) - ST_YMin(lonlat) < %(height)s"
    return f"""
        WITH met AS MATERIALIZED (SELECT *, {small} AS small FROM ({met}) AS all_met)
        SELECT {shown} FROM met WHERE NOT small UNION ALL
        (SELECT DISTINCT ON ({cells}) {shown} FROM met WHERE small ORDER BY {cells}, {_order(layer)})
    """


def _order(layer: Layer) -> str:
    """The order of features, and of versions of one: that of the table tells of changes that are hidden."""
    return f"{layer.key}, valid_since"


def _unit(z: int) -> float:
    """Metres of the projection per unit of a tile."""
    return 2 * math.pi * EARTH_M / 2**z / TILE_UNITS
