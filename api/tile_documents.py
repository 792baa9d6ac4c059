"""The documents that describe tiles: how they are cut, the tilesets of a layer, and TileJSON."""

import math
from typing import Any

from api.documents import JSON, MVT, link
from api.heads import Head
from api.tiles import EARTH_M, MAX_ZOOM, reach, tiled_fields, zooms
from layers import Layer
from layers.declaration import Language
from mesip.settings import settings

WEB_MERCATOR = "http://www.opengis.net/def/crs/EPSG/0/3857"
QUADS = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad"
TILING_SCHEME = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme"
TILEJSON = "3.0.0"
TILE_PIXELS, PIXEL_M = 256, 0.00028


def schemes(url: str) -> dict[str, Any]:
    """The schemes by which tiles are cut: one."""
    here = f"{url}/tileMatrixSets"
    known = {
        "id": "WebMercatorQuad",
        "title": "WebMercatorQuad",
        "uri": QUADS,
        "crs": WEB_MERCATOR,
        "links": [link("self", f"{here}/WebMercatorQuad", JSON, "WebMercatorQuad")],
    }
    return {"tileMatrixSets": [known], "links": [link("self", here, JSON, "This document")]}


def scheme() -> dict[str, Any]:
    """WebMercatorQuad: the world as a square, which each zoom cuts into four.

    Source: OGC 17-083r4, Annex D.1.
    """
    half = math.pi * EARTH_M
    return {
        "id": "WebMercatorQuad",
        "title": "WebMercatorQuad",
        "uri": QUADS,
        "crs": WEB_MERCATOR,
        "orderedAxes": ["X", "Y"],
        "wellKnownScaleSet": "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
        "tileMatrices": [
            {
                "id": str(z),
                "scaleDenominator": (cell := 2 * half / TILE_PIXELS / 2**z) / PIXEL_M,
                "cellSize": cell,
                "cornerOfOrigin": "topLeft",
                "pointOfOrigin": [-half, half],
                "tileWidth": TILE_PIXELS,
                "tileHeight": TILE_PIXELS,
                "matrixWidth": 2**z,
                "matrixHeight": 2**z,
            }
            for z in range(MAX_ZOOM + 1)
        ],
    }


def tilesets(layer: Layer, head: Head | None, here: str, language: Language) -> dict[str, Any]:
    """The tilesets of a layer: one."""
    return {
        "links": [link("self", f"{here}/tiles", JSON, "This document")],
        "tilesets": [tileset(layer, head, here, language)],
    }


def tileset(layer: Layer, head: Head | None, here: str, language: Language) -> dict[str, Any]:
    """The tileset of a layer in WebMercatorQuad, and where it has tiles."""
    quad = f"{here}/tiles/WebMercatorQuad"
    # Map libraries fetch the scheme, so it is one that we serve.
    tiling = f"{here.rpartition('/collections/')[0]}/tileMatrixSets/WebMercatorQuad"
    template = link("item", quad + "/{tileMatrix}/{tileRow}/{tileCol}", MVT, "Tiles") | {"templated": True}
    west, south, east, north = _box(head)
    return {
        "title": layer.title[language],
        "description": layer.about[language],
        "dataType": "vector",
        "crs": WEB_MERCATOR,
        "tileMatrixSetURI": QUADS,
        "tileMatrixSetLimits": [_limits(head, z) for z in zooms(layer)],
        "boundingBox": {"lowerLeft": [west, south], "upperRight": [east, north]},
        "layers": [{"id": layer.name, "title": layer.title[language], "dataType": "vector"}],
        "links": [
            link("self", quad, JSON, "This document"),
            link(TILING_SCHEME, tiling, JSON, "WebMercatorQuad"),
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
