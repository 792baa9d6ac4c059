"""The OpenAPI document: whole in itself, stating just the parameters that are understood."""

from collections.abc import Iterable
from typing import Any

from api.asking import DEFAULT_LIMIT, MAX_LIMIT
from api.coordinates import offered
from api.documents import GEOJSON, JSON, MVT, SCHEMA
from api.searching import DEFAULT_HITS, LONGEST, MOST_HITS
from api.tiles import MAX_ZOOM
from layers import Layer
from layers.declaration import Language
from layers.kinds import KINDS
from layers.schema import GEOMETRY, schema
from mesip.settings import Settings

VERSION = "3.0.3"
NUMBER, STRING, OBJECT = {"type": "number"}, {"type": "string"}, {"type": "object"}
GEOJSON_NAMES = {
    "point": ["Point"],
    "linestring": ["LineString"],
    "polygon": ["Polygon"],
    "multipolygon": ["MultiPolygon"],
    "any": [
        "Point",
        "MultiPoint",
        "LineString",
        "MultiLineString",
        "Polygon",
        "MultiPolygon",
        "GeometryCollection",
    ],
}


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
        "tags": [{"name": layer.name, "description": layer.title[language]} for layer in declared],
        "paths": paths,
        "components": {
            "parameters": _shared_parameters(settings),
            "responses": _responses(),
            "schemas": _schemas() | {_feature_name(layer): _feature(layer, language) for layer in declared},
        },
    }


def _fixed_paths() -> dict[str, Any]:
    described = {
        "/": ("landing", "The landing page", "landingPage"),
        "/conformance": ("conformance", "Conformance classes", "conformance"),
        "/collections": ("collections", "The layers", "collections"),
    }
    paths = {
        path: _get(name, says, _document(JSON, shape), [*_PAGE])
        for path, (name, says, shape) in described.items()
    }
    paths["/openapi"] = _get(
        "openapi", "This document", _document("application/vnd.oai.openapi+json;version=3.0", "any")
    )
    paths["/search"] = _get(
        "search",
        "Features by the beginning of a number or name",
        _document(GEOJSON, "found"),
        [
            _query("q", STRING | {"minLength": 1, "maxLength": LONGEST}, "What to look for", required=True),
            _query(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": MOST_HITS, "default": DEFAULT_HITS},
                "Most hits",
            ),
        ],
    )
    paths["/health"] = _get("health", "Whether this node answers", _document(JSON, "health"))
    return paths


_PAGE = ({"$ref": "#/components/parameters/f"}, {"$ref": "#/components/parameters/lang"})


def _layer_paths(layer: Layer, language: Language) -> dict[str, Any]:
    here, tag = f"/collections/{layer.name}", [layer.name]
    shared = [
        {"$ref": f"#/components/parameters/{name}"}
        for name in ("limit", "bbox", "bbox-crs", "crs", "datetime", "after", "resulttype")
    ]
    own = [_query(field.name, _comparable(field), field.title[language]) for field in layer.public_fields]
    id_ = {"name": "featureId", "in": "path", "required": True, "schema": STRING, "description": "The key"}
    axes = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "integer", "minimum": 0} | most}
        for name, most in (("tileMatrix", {"maximum": MAX_ZOOM}), ("tileRow", {}), ("tileCol", {}))
    ]
    crs = {"$ref": "#/components/parameters/crs"}
    quad = f"{here}/tiles/WebMercatorQuad"
    return {
        here: _get(f"{layer.name}", layer.title[language], _document(JSON, "collection"), [*_PAGE], tag),
        f"{here}/items": _get(
            f"{layer.name}Items", layer.about[language], _features(layer), [*_PAGE, *shared, *own], tag
        ),
        f"{here}/items/{{featureId}}": _get(
            f"{layer.name}Item",
            "One feature",
            _document(GEOJSON, _feature_name(layer)),
            [id_, crs, *_PAGE],
            tag,
        ),
        f"{here}/schema": _get(f"{layer.name}Schema", "Schema", _document(SCHEMA, "any"), [*_PAGE], tag),
        f"{here}/queryables": _get(
            f"{layer.name}Queryables", "Queryables", _document(SCHEMA, "any"), [*_PAGE], tag
        ),
        f"{here}/tiles": _get(f"{layer.name}Tilesets", "Tilesets", _document(JSON, "any"), [*_PAGE], tag),
        quad: _get(f"{layer.name}Tileset", "The tileset", _document(JSON, "any"), [*_PAGE], tag),
        f"{quad}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}": _get(
            f"{layer.name}Tile", "A vector tile", {MVT: {"schema": STRING | {"format": "binary"}}}, axes, tag
        ),
    }


def _get(
    name: str,
    says: str,
    content: dict[str, Any],
    parameters: list | None = None,
    tags: list[str] | None = None,
) -> dict[str, Any]:
    faults = {str(status): {"$ref": "#/components/responses/problem"} for status in (400, 404, 503)}
    answer: dict[str, Any] = {
        "operationId": name,
        "summary": says,
        "parameters": parameters or [],
        "responses": {"200": {"description": says, "content": content}} | faults,
    }
    return {"get": answer | ({"tags": tags} if tags else {})}


def _document(type_: str, shape: str) -> dict[str, Any]:
    return {type_: {"schema": {"$ref": f"#/components/schemas/{shape}"}}}


def _features(layer: Layer) -> dict[str, Any]:
    one = {"$ref": f"#/components/schemas/{_feature_name(layer)}"}
    whole = {
        "type": "object",
        "required": ["type", "features"],
        "properties": {
            "type": {"type": "string", "enum": ["FeatureCollection"]},
            "features": {"type": "array", "items": one},
            "links": {"type": "array", "items": {"$ref": "#/components/schemas/link"}},
            "timeStamp": STRING | {"format": "date-time"},
            "numberMatched": {"type": "integer", "minimum": 0},
            "numberReturned": {"type": "integer", "minimum": 0},
        },
    }
    return {GEOJSON: {"schema": whole}}


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


def _feature_name(layer: Layer) -> str:
    return f"feature_{layer.name}"


def _feature(layer: Layer, language: Language) -> dict[str, Any]:
    properties = schema(layer, language)["properties"]
    properties.pop("geometry")
    return {
        "type": "object",
        "required": ["type", "geometry", "properties"],
        "properties": {
            "type": {"type": "string", "enum": ["Feature"]},
            "id": STRING,
            "geometry": _geometry(layer),
            "properties": {"type": "object", "properties": {n: _nullable(p) for n, p in properties.items()}},
            "links": {"type": "array", "items": {"$ref": "#/components/schemas/link"}},
        },
    }


def _nullable(stated: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI 3.0 knows neither `const` nor roles of other standards; a code list is an enum with null."""
    kept = {name: value for name, value in stated.items() if not name.startswith("x-") and name != "oneOf"}
    if codes := stated.get("oneOf"):
        kept["enum"] = [*(code["const"] for code in codes), None]
    return kept | {"nullable": True}


def _geometry(layer: Layer) -> dict[str, Any]:
    names = GEOJSON_NAMES[GEOMETRY[layer.geometry]]
    return {
        "type": "object",
        "required": ["type"],
        "properties": {
            "type": {"type": "string", "enum": names},
            "coordinates": {"type": "array", "items": {}},
        },
    }


def _shared_parameters(settings: Settings) -> dict[str, Any]:
    systems = STRING | {"enum": offered(settings.srid), "default": offered(settings.srid)[0], "format": "uri"}
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    box = {"type": "array", "items": NUMBER, "minItems": 4, "maxItems": 6}
    return {
        "f": _query("f", STRING | {"enum": ["json", "html"]}, "Format of the answer"),
        "lang": _query("lang", STRING | {"enum": list(settings.languages)}, "Language of titles"),
        "limit": _query("limit", limit, "Most features of one page"),
        "bbox": _query("bbox", box, "Lower corner, then upper, axes as in bbox-crs"),
        "bbox-crs": _query("bbox-crs", systems, "Coordinate system of bbox"),
        "crs": _query("crs", systems, "Coordinate system of the answer, axes in the order of its authority"),
        "datetime": _query("datetime", STRING, "Moment or interval in which features are valid"),
        "after": _query("after", STRING, "Where the page before ended; taken from its `next` link"),
        "resulttype": _query(
            "resulttype", STRING | {"enum": ["results", "hits"]}, "Features, or their count only"
        ),
    }


def _responses() -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}
    return {"problem": {"description": "What is wrong, in a sentence", "content": content}}


def _schemas() -> dict[str, Any]:
    links = {"type": "array", "items": {"$ref": "#/components/schemas/link"}}
    text = STRING
    return {
        "any": OBJECT,
        "link": {
            "type": "object",
            "required": ["href", "rel"],
            "properties": dict.fromkeys(("href", "rel", "type", "title"), text),
        },
        "landingPage": {
            "type": "object",
            "required": ["links"],
            "properties": {"title": text, "links": links},
        },
        "conformance": {
            "type": "object",
            "required": ["conformsTo"],
            "properties": {"conformsTo": {"type": "array", "items": text}},
        },
        "collection": {
            "type": "object",
            "required": ["id", "links"],
            "properties": {
                "id": text,
                "title": text,
                "description": text,
                "links": links,
                "extent": OBJECT,
                "itemType": text,
                "crs": {"type": "array", "items": text},
                "storageCrs": text,
            },
        },
        "collections": {
            "type": "object",
            "required": ["links", "collections"],
            "properties": {
                "links": links,
                "collections": {"type": "array", "items": {"$ref": "#/components/schemas/collection"}},
            },
        },
        "found": {
            "type": "object",
            "required": ["type", "features"],
            "properties": {"type": text, "features": {"type": "array", "items": OBJECT}},
        },
        "health": {"type": "object", "required": ["status"], "properties": {"status": text}},
        "problem": {
            "type": "object",
            "required": ["title", "status", "detail"],
            "properties": {"type": text, "title": text, "status": {"type": "integer"}, "detail": text},
        },
    }
