"""The OpenAPI document: whole in itself, stating just the parameters that are understood."""

from collections.abc import Iterable
from typing import Any

from api.asking import DEFAULT_LIMIT, MAX_LIMIT
from api.coordinates import offered
from api.documents import GEOJSON, HTML, JSON, MVT, OPENAPI, SCHEMA
from api.searching import DEFAULT_HITS, LONGEST, MOST_HITS
from api.shapes import feature_shape, page_shape, shapes
from api.tiles import MAX_ZOOM
from layers import Layer
from layers.declaration import Language
from layers.kinds import KINDS
from mesip.settings import Settings

VERSION = "3.0.3"
NUMBER, STRING = {"type": "number"}, {"type": "string"}


def openapi(layers: Iterable[Layer], settings: Settings, url: str, language: Language) -> dict[str, Any]:
    """The description of every path of this node."""
    declared = list(layers)
    paths = _fixed_paths()
    for layer in declared:
        paths |= _layer_paths(layer, language)
    return {
        "openapi": VERSION,
        "info": {
            "title": settings.city_name,
            "version": "1",
            "description": "OGC API – Features and Tiles of the city's registers.",
            "license": {"name": "CC-BY-4.0"},
        },
        "servers": [{"url": url}],
        # Without a key, what is public; with one, what its level may see.
        "security": [{}, {"key": []}],
        "tags": [{"name": layer.name, "description": layer.title[language]} for layer in declared],
        "paths": paths,
        "components": {
            "parameters": _shared_parameters(settings),
            "responses": _responses(),
            "schemas": shapes(declared, language),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _fixed_paths() -> dict[str, Any]:
    page = _document(HTML, "page")
    return {
        "/": _get("landing", "The landing page", _both("landingPage"), [*_PAGE]),
        "/conformance": _get("conformance", "Conformance classes", _both("conformance"), [*_PAGE]),
        "/collections": _get("collections", "The layers", _both("collections"), [*_PAGE]),
        "/openapi": _get("openapi", "This document", _document(OPENAPI, "any"), [*_DATA]),
        "/search": _get(
            "search", "Features by the beginning of a number or name", _document(GEOJSON, "found"), _search()
        ),
        "/health": _get("health", "Whether this node answers", _document(JSON, "health"), [*_DATA]),
        "/map": _get("map", "The web map", page),
        "/map/layers.json": _get("mapLayers", "What the web map shows", _document(JSON, "any"), [*_DATA]),
        "/docs": _get("docs", "This document for people", page),
    }


_LANG = {"$ref": "#/components/parameters/lang"}
_PAGE = ({"$ref": "#/components/parameters/f"}, _LANG)
_DATA = ({"$ref": "#/components/parameters/f-data"}, _LANG)


def _search() -> list[dict[str, Any]]:
    text = STRING | {"minLength": 1, "maxLength": LONGEST}
    limit = {"type": "integer", "minimum": 1, "maximum": MOST_HITS, "default": DEFAULT_HITS}
    return [
        _query("q", text, "What to look for", required=True),
        _query("limit", limit, f"Most hits; more than {MOST_HITS} is taken as {MOST_HITS}"),
        *_DATA,
    ]


def _layer_paths(layer: Layer, language: Language) -> dict[str, Any]:
    here, name = f"/collections/{layer.name}", layer.name
    crs = {"$ref": "#/components/parameters/crs"}
    quad = f"{here}/tiles/WebMercatorQuad"
    paths = {
        here: _get(name, layer.title[language], _both("collection"), [*_PAGE]),
        f"{here}/items": _get(
            f"{name}Items", layer.about[language], _both(page_shape(layer), GEOJSON), _items(layer, language)
        ),
        f"{here}/items/{{featureId}}": _get(
            f"{name}Item", "One feature", _both(feature_shape(layer), GEOJSON), [_ID, crs, *_PAGE]
        ),
        f"{here}/schema": _get(f"{name}Schema", "Schema", _both("any", SCHEMA), [*_PAGE]),
        f"{here}/queryables": _get(f"{name}Queryables", "Queryables", _both("any", SCHEMA), [*_PAGE]),
        f"{here}/tiles": _get(f"{name}Tilesets", "Tilesets", _document(JSON, "any"), [*_DATA]),
        quad: _get(f"{name}Tileset", "The tileset", _document(JSON, "any"), [*_DATA]),
        f"{quad}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}": _get(
            f"{name}Tile", "A vector tile", {MVT: {"schema": STRING | {"format": "binary"}}}, _tile()
        ),
    }
    for path in paths.values():
        path["get"]["tags"] = [name]
    return paths


_ID = {"name": "featureId", "in": "path", "required": True, "schema": STRING, "description": "The key"}


def _items(layer: Layer, language: Language) -> list[dict[str, Any]]:
    shared = ("limit", "bbox", "bbox-crs", "crs", "datetime", "after", "resulttype")
    own = [_query(field.name, _comparable(field), field.title[language]) for field in layer.fields]
    return [*_PAGE, *({"$ref": f"#/components/parameters/{name}"} for name in shared), *own]


def _tile() -> list[dict[str, Any]]:
    row = {"type": "integer", "minimum": 0}
    axes = {"tileMatrix": row | {"maximum": MAX_ZOOM}, "tileRow": row, "tileCol": row}
    placed = [{"name": name, "in": "path", "required": True, "schema": axis} for name, axis in axes.items()]
    return [*placed, _query("f", STRING | {"enum": ["mvt"]}, "Format of the tile")]


def _get(name: str, says: str, content: dict[str, Any], parameters: list | None = None) -> dict[str, Any]:
    faults = {str(status): {"$ref": "#/components/responses/problem"} for status in (400, 401, 404, 429, 503)}
    return {
        "get": {
            "operationId": name,
            "summary": says,
            "parameters": parameters or [],
            "responses": {"200": {"description": says, "content": content}} | faults,
        }
    }


def _document(type_: str, shape: str) -> dict[str, Any]:
    return {type_: {"schema": {"$ref": f"#/components/schemas/{shape}"}}}


def _both(shape: str, type_: str = JSON) -> dict[str, Any]:
    """What programs and what people get."""
    return _document(type_, shape) | _document(HTML, "page")


def _query(name: str, schema_: dict[str, Any], says: str, *, required: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": required,
        "schema": schema_,
        "description": says,
        "style": "form",
        "explode": False,
    }


def _comparable(field: Any) -> dict[str, Any]:
    return dict(KINDS[field.kind].schema)


def _shared_parameters(settings: Settings) -> dict[str, Any]:
    systems = STRING | {"enum": offered(settings.srid), "default": offered(settings.srid)[0], "format": "uri"}
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    page = f"Most features of one page; more than {MAX_LIMIT} is taken as {MAX_LIMIT}"
    box = {"type": "array", "items": NUMBER, "minItems": 4, "maxItems": 6}
    return {
        "f": _query("f", STRING | {"enum": ["json", "html"]}, "Format of the answer"),
        "f-data": _query("f", STRING | {"enum": ["json"]}, "Format of the answer"),
        "lang": _query("lang", STRING | {"enum": list(settings.languages)}, "Language of titles"),
        "limit": _query("limit", limit, page),
        "bbox": _query("bbox", box, "Lower corner, then upper, axes as in bbox-crs"),
        "bbox-crs": _query("bbox-crs", systems, "Coordinate system of bbox"),
        "crs": _query("crs", systems, "Coordinate system of the answer, axes in the order of its authority"),
        "datetime": _query("datetime", STRING, "Day, moment or interval (UTC) in which features are valid"),
        "after": _query("after", STRING, "Where the page before ended; taken from its `next` link"),
        "resulttype": _query(
            "resulttype", STRING | {"enum": ["results", "hits"]}, "Features, or their count only"
        ),
    }


def _responses() -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}
    return {"problem": {"description": "What is wrong, in a sentence", "content": content}}
