"""The shapes of the documents that the OpenAPI document refers to."""

from collections.abc import Iterable
from typing import Any

from layers import Layer
from layers.declaration import Language
from layers.schema import GEOMETRY, schema

STRING, OBJECT = {"type": "string"}, {"type": "object"}
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


def shapes(layers: Iterable[Layer], language: Language) -> dict[str, Any]:
    """Every shape by its name: those of the standard, and a feature and a page of features per layer."""
    own = [(layer, _feature(layer, language)) for layer in layers]
    return (
        _shared()
        | {feature_shape(layer): one for layer, one in own}
        | {page_shape(layer): _page(layer) for layer, _ in own}
    )


def feature_shape(layer: Layer) -> str:
    """The name of the shape of one feature of ``layer``."""
    return f"feature_{layer.name}"


def page_shape(layer: Layer) -> str:
    """The name of the shape of a page of features of ``layer``."""
    return f"features_{layer.name}"


def _page(layer: Layer) -> dict[str, Any]:
    one = {"$ref": f"#/components/schemas/{feature_shape(layer)}"}
    return {
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


def _feature(layer: Layer, language: Language) -> dict[str, Any]:
    properties = schema(layer, language)["properties"]
    properties.pop("geometry")
    return {
        "type": "object",
        "required": ["type", "geometry", "properties"],
        "properties": {
            "type": {"type": "string", "enum": ["Feature"]},
            "id": STRING,
            "time": {"type": "object", "required": ["interval"], "properties": {"interval": _interval()}},
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
        "nullable": True,
        "required": ["type"],
        "properties": {
            "type": {"type": "string", "enum": names},
            "coordinates": {"type": "array", "items": {}},
        },
    }


def _interval() -> dict[str, Any]:
    """Two moments; .. where it is open."""
    return {"type": "array", "items": STRING, "minItems": 2, "maxItems": 2}


def _version() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["valid", "recorded", "href"],
        "properties": {"valid": _interval(), "recorded": _interval(), "href": STRING},
    }


def _process(links: dict[str, Any]) -> dict[str, Any]:
    texts = {"type": "array", "items": STRING}
    return {
        "type": "object",
        "required": ["id", "version"],
        "properties": dict.fromkeys(("id", "title", "description", "version"), STRING)
        | {"jobControlOptions": texts, "outputTransmission": texts, "links": links}
        | dict.fromkeys(("inputs", "outputs", "example"), OBJECT),
    }


def _job(links: dict[str, Any]) -> dict[str, Any]:
    states = ["accepted", "running", "successful", "failed", "dismissed"]
    moments = ("created", "started", "finished", "updated")
    return {
        "type": "object",
        "required": ["jobID", "status", "type"],
        "properties": {
            "processID": STRING,
            "type": STRING | {"enum": ["process"]},
            "jobID": STRING,
            "status": STRING | {"enum": states},
            "message": STRING,
            "progress": {"type": "integer", "minimum": 0, "maximum": 100},
            "links": links,
        }
        | dict.fromkeys(moments, STRING | {"format": "date-time"}),
    }


def _shared() -> dict[str, Any]:
    links = {"type": "array", "items": {"$ref": "#/components/schemas/link"}}
    text = STRING
    return {
        "any": OBJECT,
        "page": text,
        "link": {
            "type": "object",
            "required": ["href", "rel"],
            "properties": dict.fromkeys(("href", "rel", "type", "title", "datetime"), text),
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
                "versioning": OBJECT,
                "state": text | {"enum": ["available", "empty", "unavailable"]},
                "why": text,
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
        "versions": {
            "type": "object",
            "required": ["links", "versions"],
            "properties": {"links": links, "versions": {"type": "array", "items": _version()}},
        },
        "process": _process(links),
        "processes": {
            "type": "object",
            "required": ["processes", "links"],
            "properties": {
                "processes": {"type": "array", "items": {"$ref": "#/components/schemas/process"}},
                "links": links,
            },
        },
        "job": _job(links),
        "jobs": {
            "type": "object",
            "required": ["jobs", "links"],
            "properties": {
                "jobs": {"type": "array", "items": {"$ref": "#/components/schemas/job"}},
                "links": links,
            },
        },
        "health": {
            "type": "object",
            "required": ["status"],
            "properties": {"status": text, "unavailable": OBJECT},
        },
        "problem": {
            "type": "object",
            "required": ["title", "status", "detail"],
            "properties": {"type": text, "title": text, "status": {"type": "integer"}, "detail": text},
        },
    }
