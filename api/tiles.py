"""Vector tiles: WebMercatorQuad, drawn by the database from declared fields only."""

from api.reading import rows
from layers import Layer
from mesip.errors import NotFoundError

MAX_ZOOM = 22
TILE_UNITS, MARGIN_UNITS = 4096, 64
# A tile with more features than this is unreadable anyway, and would be megabytes.
MAX_FEATURES = 20_000


def tile(layer: Layer, z: int, x: int, y: int) -> bytes:
    """The Mapbox Vector Tile ``z/x/y`` of ``layer``; its one layer is called as the layer is.

    Raises:
        NotFoundError: the tile matrix set has no such tile.
    """
    if not (0 <= z <= MAX_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z):
        raise NotFoundError(
            f"WebMercatorQuad has no tile {z}/{y}/{x}: zoom 0 to {MAX_ZOOM}, rows and columns below 2^z."
        )
    found = rows(_tile_sql(layer), {"z": z, "x": x, "y": y})
    return bytes(found[0][0] or b"")


def tiled_fields(layer: Layer) -> list[str]:
    """The fields that tiles carry: the key, the name and what the style looks at."""
    public = {field.name for field in layer.public_fields}
    wanted = dict.fromkeys((layer.key, layer.label, layer.style.by, *layer.search))
    return [name for name in wanted if name in public]


def _tile_sql(layer: Layer) -> str:
    fields = ", ".join(tiled_fields(layer))
    place = "%(z)s, %(x)s, %(y)s"
    with_margin = f"ST_TileEnvelope({place}, margin => {MARGIN_UNITS / TILE_UNITS})"
    return f"""
        SELECT ST_AsMVT(drawn, '{layer.name}', {TILE_UNITS}, 'place') FROM (
            SELECT {fields}, ST_AsMVTGeom(ST_Transform(lonlat, 3857), ST_TileEnvelope({place}),
                                          {TILE_UNITS}, {MARGIN_UNITS}) AS place
            FROM public_api.{layer.name}
            WHERE lonlat && ST_Transform({with_margin}, 4326)
            LIMIT {MAX_FEATURES}
        ) AS drawn WHERE place IS NOT NULL
    """
