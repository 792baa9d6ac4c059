"""Vector tiles: WebMercatorQuad, drawn by the database from declared fields only."""

import re

from api.reading import Reader
from api.times import Times, sources
from layers import Layer
from mesip.errors import NotFoundError

MAX_ZOOM = 22
NUMBER = re.compile("[0-9]{1,9}")
TILE_UNITS, MARGIN_UNITS = 4096, 64
# A tile with more features than this is unreadable anyway, and would be megabytes.
MAX_FEATURES = 20_000


def tile(reader: Reader, layer: Layer, when: Times, place: tuple[str, str, str]) -> bytes:
    """The Mapbox Vector Tile of ``layer`` at a place (z, x, y) and a time; its one layer is named so.

    Raises:
        NotFoundError: the tile matrix set has no such tile.
    """
    z, x, y = place
    if not (_below(z, MAX_ZOOM + 1) and _below(x, 2 ** int(z)) and _below(y, 2 ** int(z))):
        named = f"{z[:10]}/{y[:10]}/{x[:10]}"
        raise NotFoundError(
            f"WebMercatorQuad has no tile {named}: zoom 0 to {MAX_ZOOM}, rows and columns below 2^z."
        )
    found = reader.rows(_tile_sql(layer, when), when.values | {"z": int(z), "x": int(x), "y": int(y)})
    return bytes(found[0][0] or b"")


def _below(text: str, most: int) -> bool:
    return NUMBER.fullmatch(text) is not None and int(text) < most


def tiled_fields(layer: Layer) -> list[str]:
    """The fields that tiles carry: the key, the name and what the style looks at."""
    wanted = dict.fromkeys((layer.key, layer.label, layer.style.by, *layer.search))
    return [name for name in wanted if name]


def _tile_sql(layer: Layer, when: Times) -> str:
    fields = ", ".join(tiled_fields(layer))
    place = "%(z)s, %(x)s, %(y)s"
    with_margin = f"ST_TileEnvelope({place}, margin => {MARGIN_UNITS / TILE_UNITS})"
    met = f"lonlat && ST_Transform({with_margin}, 4326)"
    first = f"ORDER BY {layer.key} LIMIT {MAX_FEATURES}"
    parts = " UNION ALL ".join(
        f"(SELECT {fields}, lonlat FROM {source.table} WHERE {' AND '.join([*source.said, met])} {first})"
        for source in sources(layer, when)
    )
    return f"""
        SELECT ST_AsMVT(drawn, '{layer.name}', {TILE_UNITS}, 'place') FROM (
            SELECT {fields}, ST_AsMVTGeom(ST_Transform(lonlat, 3857), ST_TileEnvelope({place}),
                                          {TILE_UNITS}, {MARGIN_UNITS}) AS place
            FROM ({parts}) AS met {first}
        ) AS drawn WHERE place IS NOT NULL
    """
