"""The OpenAPI document: whole in itself, stating just the parameters that are understood."""

from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST

from api.asking import DEFAULT_LIMIT, MAX_LIMIT, NARROWING, PAGED, PROFILES, SHOWN
from api.coordinates import offered
from api.documents import GEOJSON, HTML, JSON, MVT, OPENAPI, SCHEMA
from api.exports import FORMATS
from api.filters import LANGUAGES, TIME_NAMES
from api.filters import LONGEST as LONGEST_FILTER
from api.mementos import LINK_FORMAT
from api.openapi_processes import process_paths
from api.records import JSONLD
from api.searching import DEFAULT_HITS, LONGEST, MOST_HITS
from api.shapes import feature_shape, page_shape, shapes
from api.tiles import MAX_ZOOM
from layers import Layer
from layers.declaration import Language
from layers.kinds import KINDS
from mesip.settings import Settings

VERSION = "3.0.3"
MANUAL = Path(__file__).parent / "manual"
NUMBER, STRING = {"type": "number"}, {"type": "string"}
DAY, HOUR = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", "([01][0-9]|2[0-3]):[0-5][0-9]"
MOMENT = f"{DAY}([Tt]{HOUR}(:[0-5][0-9]([.][0-9]+)?)?([Zz]|[+-]{HOUR})?)?"
SPAN = f"({MOMENT}|[.][.])?/({MOMENT}|[.][.])?"


def openapi(layers: Iterable[Layer], settings: Settings, url: str, language: Language) -> dict[str, Any]:
    """The description of every path of this node."""
    declared = list(layers)
    paths = _fixed_paths() | process_paths(declared, settings.srid, language)
    for layer in declared:
        paths |= _layer_paths(layer, language)
    return {
        "openapi": VERSION,
        "info": {
            "title": settings.city_name,
            "version": "1",
            "description": (MANUAL / f"{language}.md").read_text("utf-8"),
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
        "/collections/catalogue": _get("catalogue", "The catalogue", _record_forms(JSON), _RECORDS),
        "/collections/catalogue/items": _get(
            "records", "What there is to know about the layers", _record_forms(GEOJSON), _records()
        ),
        "/collections/catalogue/items/{recordId}": _get(
            "record", "One layer", _record_forms(GEOJSON), [*_RECORDS, _RECORD]
        ),
        "/tileMatrixSets": _get("tileSchemes", "How tiles are cut", _document(JSON, "any"), [*_DATA]),
        "/tileMatrixSets/WebMercatorQuad": _get(
            "tileScheme", "WebMercatorQuad", _document(JSON, "any"), [*_DATA]
        ),
        "/openapi": _get("openapi", "This document", _document(OPENAPI, "any"), [*_DATA]),
        "/search": _get(
            "search", "Features by the beginning of a number or name", _document(GEOJSON, "found"), _search()
        ),
        "/health": _get("health", "Whether the data can be read", _document(JSON, "health"), [*_DATA]),
        "/health/live": _get("alive", "Whether this process answers", _document(JSON, "health"), [*_DATA]),
        "/metrics": _get("metrics", "What operators watch", {CONTENT_TYPE_LATEST: {"schema": STRING}}),
        "/map": _get("map", "The web map", page),
        "/map/layers.json": _get("mapLayers", "What the web map shows", _document(JSON, "any"), [*_DATA]),
        "/docs": _get("docs", "This document for people", page),
    }


_LANG = {"$ref": "#/components/parameters/lang"}
_PAGE = ({"$ref": "#/components/parameters/f"}, _LANG)
_DATA = ({"$ref": "#/components/parameters/f-data"}, _LANG)


_RECORD = {"name": "recordId", "in": "path", "required": True, "schema": STRING, "description": "The layer"}
_RECORDS = [{"$ref": "#/components/parameters/f-records"}, _LANG]


def _record_forms(type_: str) -> dict[str, Any]:
    return _document(type_, "any") | _document(JSONLD, "any") | _document(HTML, "page")


def _records() -> list[dict[str, Any]]:
    text = _query("q", STRING | {"maxLength": LONGEST}, "Words that stand in titles and descriptions")
    after = _query("after", STRING, "Where the page before ended; taken from its `next` link")
    return [text, *_shared("bbox", "limit"), after, *_RECORDS]


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
    one = [_ID, *_shared("crs", "moment", "known-at"), _properties(layer), *_PAGE]
    quad = f"{here}/tiles/WebMercatorQuad"
    paths = {
        here: _get(name, layer.title[language], _both("collection"), [*_PAGE]),
        f"{here}/items": _get(
            f"{name}Items", layer.about[language], _both(page_shape(layer), GEOJSON), _items(layer, language)
        ),
        f"{here}/items/{{featureId}}": _get(
            f"{name}Item", "One feature", _both(feature_shape(layer), GEOJSON), one, gone=True
        ),
        f"{here}/items/{{featureId}}/versions": _get(
            f"{name}Versions", "All versions of a feature", _time_map(), [_ID, *_of_versions()]
        ),
        f"{here}/schema": _get(f"{name}Schema", "Schema", _both("any", SCHEMA), [*_PAGE]),
        f"{here}/queryables": _get(f"{name}Queryables", "Queryables", _both("any", SCHEMA), [*_PAGE]),
        f"{here}/sortables": _get(f"{name}Sortables", "Sortables", _both("any", SCHEMA), [*_PAGE]),
        f"{here}/export.{{ending}}": _get(
            f"{name}Export", "The layer as a file", _files(), _export(layer, language)
        ),
        f"{here}/tiles": _get(f"{name}Tilesets", "Tilesets", _document(JSON, "any"), [*_DATA]),
        quad: _get(f"{name}Tileset", "The tileset", _document(JSON, "any"), [*_DATA]),
        f"{quad}/metadata": _get(f"{name}TileJson", "TileJSON", _document(JSON, "any"), [*_DATA]),
        f"{quad}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}": _get(
            f"{name}Tile", "A vector tile", {MVT: {"schema": STRING | {"format": "binary"}}}, _tile()
        ),
    }
    for path in paths.values():
        path["get"]["tags"] = [name]
    return paths


_ID = {"name": "featureId", "in": "path", "required": True, "schema": STRING, "description": "The key"}


def _items(layer: Layer, language: Language) -> list[dict[str, Any]]:
    names = [field.name for field in layer.fields]
    own = [_listed("sortby", [f"{sign}{name}" for name in names for sign in ("", "-")]), _properties(layer)]
    own += _equals(layer, language)
    shared = [name for name in (*SHOWN, *PAGED, *NARROWING) if name not in ("f", "lang", *LISTED)]
    return [*_PAGE, *_shared(*shared), *own]


def _equals(layer: Layer, language: Language) -> list[dict[str, Any]]:
    own = [_query(field.name, _comparable(field), field.title[language]) for field in layer.fields]
    return own + [
        _query(name, dict(KINDS["moment"].schema), "When the version is valid") for name in TIME_NAMES
    ]


LISTED = {
    "sortby": "Fields to sort by, - before those that descend; + may stand before those that ascend",
    "properties": "Fields to be told; all, when left out",
}


def _properties(layer: Layer) -> dict[str, Any]:
    return _listed("properties", [field.name for field in layer.fields])


def _listed(name: str, choices: list[str]) -> dict[str, Any]:
    items = STRING | {"enum": choices}
    return _query(name, {"type": "array", "items": items, "minItems": 1}, LISTED[name])


def _shared(*names: str) -> list[dict[str, str]]:
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _of_versions() -> list[dict[str, Any]]:
    forms = STRING | {"enum": ["json", "link"]}
    return [_query("f", forms, "Format of the answer"), _LANG, *_shared("known-at")]


def _time_map() -> dict[str, Any]:
    return _document(JSON, "versions") | {LINK_FORMAT: {"schema": STRING}}


def _export(layer: Layer, language: Language) -> list[dict[str, Any]]:
    ending = {"name": "ending", "in": "path", "required": True, "schema": STRING | {"enum": list(FORMATS)}}
    return [ending, _LANG, *_shared(*NARROWING), *_equals(layer, language)]


def _files() -> dict[str, Any]:
    return {form.media_type: {"schema": STRING | {"format": "binary"}} for form in FORMATS.values()}


def _tile() -> list[dict[str, Any]]:
    row = {"type": "integer", "minimum": 0}
    axes = {"tileMatrix": row | {"maximum": MAX_ZOOM}, "tileRow": row, "tileCol": row}
    placed = [{"name": name, "in": "path", "required": True, "schema": axis} for name, axis in axes.items()]
    form = _query("f", STRING | {"enum": ["mvt"]}, "Format of the tile")
    return [*placed, form, *_shared("datetime", "known-at")]


def _get(
    name: str,
    says: str,
    content: dict[str, Any],
    parameters: list | None = None,
    *,
    gone: bool = False,
) -> dict[str, Any]:
    statuses = (400, 401, 404, 410, 429, 503)
    faults = {
        str(status): {"$ref": "#/components/responses/problem"}
        for status in statuses
        if gone or status != HTTPStatus.GONE
    }
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
    moment, span = (STRING | {"pattern": f"^{form}$"} for form in (MOMENT, f"({MOMENT}|{SPAN})"))
    languages = STRING | {"enum": list(LANGUAGES), "default": LANGUAGES[0]}
    box = {"type": "array", "items": NUMBER, "minItems": 4, "maxItems": 6}
    return {
        "f": _query("f", STRING | {"enum": ["json", "html"]}, "Format of the answer"),
        "f-records": _query("f", STRING | {"enum": ["json", "jsonld", "html"]}, "Format of the answer"),
        "f-data": _query("f", STRING | {"enum": ["json"]}, "Format of the answer"),
        "lang": _query("lang", STRING | {"enum": list(settings.languages)}, "Language of titles"),
        "limit": _query("limit", limit, page),
        "bbox": _query("bbox", box, "Lower corner, then upper, axes as in bbox-crs"),
        "bbox-crs": _query("bbox-crs", systems, "Coordinate system of bbox"),
        "crs": _query("crs", systems, "Coordinate system of the answer, axes in the order of its authority"),
        "moment": _query("datetime", moment, "Day or moment in which the version is valid"),
        "datetime": _query("datetime", span, "Day, moment or interval in which versions are valid"),
        "known-at": _query("known-at", moment, "Day or moment: versions as they were published then"),
        "profile": _query("profile", STRING | {"enum": list(PROFILES)}, "Identifiers of several versions"),
        "filter": _query("filter", STRING | {"maxLength": LONGEST_FILTER}, "A condition in CQL2"),
        "filter-lang": _query("filter-lang", languages, "How the filter is written"),
        "filter-crs": _query("filter-crs", systems, "Coordinate system of geometries in the filter"),
        "after": _query("after", STRING, "Where the page before ended; taken from its `next` link"),
        "resulttype": _query(
            "resulttype", STRING | {"enum": ["results", "hits"]}, "Features, or their count only"
        ),
    }


def _responses() -> dict[str, Any]:
    content = _document("application/problem+json", "problem") | _document(HTML, "page")
    content |= {"text/plain": {"schema": STRING}}
    says = "What is wrong, in a sentence; in plain text if the address is longer than 64 kB"
    return {"problem": {"description": says, "content": content}}
