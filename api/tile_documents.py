"""The documents that describe tiles: the tilesets of a layer, and TileJSON."""

from typing import Any

from api.documents import JSON, MVT, link
from api.heads import Head
from api.tiles import reach, tiled_fields, zooms
from layers import Layer
from layers.declaration import Language
from mesip.settings import settings

QUADS = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad"
TILEJSON = "3.0.0"


def tilesets(layer: Layer, head: Head | None, here: str, language: Language) -> dict[str, Any]:
    """The tilesets of a layer: one."""
    return {
        "links": [link("self", f"{here}/tiles", JSON, "This document")],
        "tilesets": [tileset(layer, head, here, language)],
    }


def tileset(layer: Layer, head: Head | None, here: str, language: Language) -> dict[str, Any]:
    """The tileset of a layer in WebMercatorQuad, and where it has tiles."""
    quad = f"{here}/tiles/WebMercatorQuad"
    template = link("item", quad + "/{tileMatrix}/{tileRow}/{tileCol}", MVT, "Tiles") | {"templated": True}
    west, south, east, north = _box(head)
    return {
        "title": layer.title[language],
        "description": layer.about[language],
        "dataType": "vector",
        "crs": "http://www.opengis.net/def/crs/EPSG/0/3857",
        "tileMatrixSetURI": QUADS,
        "tileMatrixSetLimits": [_limits(head, z) for z in zooms(layer)],
        "boundingBox": {"lowerLeft": [west, south], "upperRight": [east, north]},
        "layers": [{"id": layer.name, "title": layer.title[language], "dataType": "vector"}],
        "links": [
            link("self", quad, JSON, "This document"),
            link("http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme", QUADS, JSON, "WebMercatorQuad"),
            link("describedby", f"{quad}/metadata", JSON, "TileJSON"),
            template,
        ],
    }


def tilejson(layer: Layer, head: Head | None, here: str, language: Language) -> dict[str, Any]:
    """The same as map libraries read it."""
    zoom = zooms(layer)
    fields = {name: layer.field(name).title[language] for name in tiled_fields(layer)}
    return {
        "tilejson": TILEJSON,
        "tiles": [f"{here}/tiles/WebMercatorQuad/{{z}}/{{y}}/{{x}}"],
        "name": layer.title[language],
        "description": layer.about[language],
        "attribution": layer.owner,
        "bounds": list(_box(head)),
        "minzoom": zoom[0],
        "maxzoom": zoom[-1],
        "vector_layers": [
            {"id": layer.name, "fields": fields, "minzoom": zoom[0], "maxzoom": zoom[-1]},
        ],
    }


def _limits(head: Head | None, z: int) -> dict[str, Any]:
    columns, rows = reach(_box(head), z)
    return {
        "tileMatrix": str(z),
        "minTileRow": rows[0],
        "maxTileRow": rows[-1],
        "minTileCol": columns[0],
        "maxTileCol": columns[-1],
    }


def _box(head: Head | None) -> tuple[float, float, float, float]:
    return (head.extent if head else None) or settings().extent
