"""The describing documents: landing page, conformance, collections, schema, queryables, tilesets, map."""

from collections.abc import Collection
from typing import Any

from api.coordinates import offered
from api.exports import FORMATS
from api.filters import TIME_NAMES
from api.heads import Head
from api.tiles import zooms
from layers import Layer
from layers.collection import CRS84
from layers.declaration import Language, Text
from layers.kinds import UNITS
from layers.schema import schema
from layers.style import legend, style
from mesip.settings import Extent, Settings

JSON, HTML, GEOJSON = "application/json", "text/html", "application/geo+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
SCHEMA = "application/schema+json"
MVT = "application/vnd.mapbox-vector-tile"
REL = "http://www.opengis.net/def/rel/ogc/1.0/"

# Just what works.
CONFORMANCE = (
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables-query-parameters",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
    "http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/case-insensitive-comparison",
    "http://www.opengis.net/spec/cql2/1.0/conf/accent-insensitive-comparison",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions-plus",
    "http://www.opengis.net/spec/cql2/1.0/conf/spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/temporal-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/property-property",
    "http://www.opengis.net/spec/cql2/1.0/conf/arithmetic",
    "http://www.opengis.net/spec/ogcapi-features-5/1.0/conf/schemas",
    "http://www.opengis.net/spec/ogcapi-features-5/1.0/conf/returnables-and-receivables",
    "http://www.opengis.net/spec/ogcapi-features-5/1.0/conf/core-roles-features",
    "http://www.opengis.net/spec/ogcapi-features-5/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-features-5/1.0/conf/sortables",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tileset",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/mvt",
    "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/record-core",
    "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/record-collection",
    "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/record-core-query-parameters",
    "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/ogc-process-description",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/dismiss",
)


# The time axis that the draft of Versioned Features knows, and the one that it leaves out.
VERSIONING = {
    "timeAxis": "validity-time",
    "secondAxis": {"timeAxis": "transaction-time", "parameter": "known-at"},
}
VALID_TITLES: tuple[Text, Text] = (
    {"pl": "Obowiązuje od", "en": "Valid since"},
    {"pl": "Obowiązuje do", "en": "Valid until"},
)


def link(rel: str, href: str, type_: str, title: str) -> dict[str, str]:
    """A link as OGC APIs write it."""
    return {"rel": rel, "type": type_, "title": title, "href": href}


def landing(settings: Settings, url: str, language: Language, about: Text) -> dict[str, Any]:
    """The landing page."""
    return {
        "title": settings.city_name,
        "description": about[language],
        "links": [
            link("self", f"{url}/", JSON, "This document"),
            link("alternate", f"{url}/?f=html", HTML, "This document as HTML"),
            link("service-desc", f"{url}/openapi", OPENAPI, "The API definition"),
            link("service-doc", f"{url}/docs", HTML, "The API documentation"),
            link("conformance", f"{url}/conformance", JSON, "Conformance classes"),
            link("data", f"{url}/collections", JSON, "The layers"),
            link(f"{REL}ogc-catalog", f"{url}/collections/catalogue", JSON, "The catalogue of the layers"),
            link(f"{REL}tiling-schemes", f"{url}/tileMatrixSets", JSON, "How tiles are cut"),
            link(f"{REL}processes", f"{url}/processes", JSON, "Processes"),
            link(f"{REL}job-list", f"{url}/jobs", JSON, "Your jobs"),
            link("related", f"{url}/map", HTML, "The map"),
        ],
    }


def conformance() -> dict[str, Any]:
    """The conformance classes."""
    return {"conformsTo": list(CONFORMANCE)}


def collections(described: list[dict[str, Any]], url: str) -> dict[str, Any]:
    """The list of layers."""
    links = [
        link("self", f"{url}/collections", JSON, "This document"),
        link("alternate", f"{url}/collections?f=html", HTML, "This document as HTML"),
        link(f"{REL}ogc-catalog", f"{url}/collections/catalogue", JSON, "The catalogue of the layers"),
    ]
    return {"collections": described, "links": links}


def collection(
    layer: Layer, head: Head | None, settings: Settings, here: str, language: Language
) -> dict[str, Any]:
    """One layer: what it is, where it lies, in which systems it is offered, how fresh it is.

    ``here`` is its address, whose last part names it: the layer, or the layer at a moment.
    """
    name = here.rpartition("/")[2]
    moment = f" ({name.partition('@')[2]})" if "@" in name else ""
    box: Extent = (head.extent if head else None) or settings.extent
    return {
        "id": name,
        "title": layer.title[language] + moment,
        "description": layer.about[language],
        "license": layer.licence,
        "attribution": layer.owner,
        "itemType": "feature",
        "extent": {"spatial": {"bbox": [list(box)], "crs": CRS84}},
        "crs": offered(settings.srid),
        "storageCrs": CRS84,
        "stand": head.stand.isoformat() if head else None,
        "features": head.rows if head else 0,
        "versioning": dict(VERSIONING),
        "links": [
            link("self", here, JSON, "This document"),
            link("alternate", f"{here}?f=html", HTML, "This document as HTML"),
            # GDAL puts a feature's id behind this address, so it must hold no query.
            link("items", f"{here}/items", GEOJSON, "Features"),
            link("items", f"{here}/items?f=html", HTML, "Features as HTML"),
            link(f"{REL}schema", f"{here}/schema", SCHEMA, "Schema of the features"),
            link(f"{REL}queryables", f"{here}/queryables", SCHEMA, "What can be asked for"),
            link(f"{REL}sortables", f"{here}/sortables", SCHEMA, "What can be sorted by"),
            link(f"{REL}tilesets-vector", f"{here}/tiles", JSON, "Vector tiles"),
            *exports(here),
        ],
    }


def exports(here: str) -> list[dict[str, str]]:
    """Links to the whole of a collection as a file, in every format."""
    return [
        link("enclosure", f"{here}/export.{ending}", form.media_type, f"The whole layer as {form.title}")
        for ending, form in FORMATS.items()
    ]


def returnables(layer: Layer, here: str, language: Language) -> dict[str, Any]:
    """The schema of what a feature of the collection at ``here`` holds.

    Its valid time is told where a request is of times: as JSON-FG does, in ``time``.
    """
    stated = schema(layer, language)
    told = {name: one | {"readOnly": True} for name, one in _valid_time(language).items()}
    return {"$id": f"{here}/schema"} | stated | {"properties": _without_interval(stated) | told}


def queryables(layer: Layer, here: str, language: Language) -> dict[str, Any]:
    """The schema of what can stand in a filter: the fields, the geometry, the valid time."""
    stated = schema(layer, language)
    stated.pop("required")
    asked_for = {"properties": _without_interval(stated) | _valid_time(language)}
    return {"$id": f"{here}/queryables"} | stated | asked_for | {"additionalProperties": False}


def sortables(layer: Layer, here: str, language: Language) -> dict[str, Any]:
    """The schema of what can be sorted by: the fields."""
    stated = schema(layer, language)
    fields = {name: one for name, one in stated["properties"].items() if name != "geometry"}
    stated = {name: one for name, one in stated.items() if name != "required"} | {"properties": fields}
    return {"$id": f"{here}/sortables"} | stated | {"additionalProperties": False}


def _valid_time(language: Language) -> dict[str, Any]:
    """When a version is valid, as Part 5 describes it."""
    moment = {"type": "string", "format": "date-time"}
    return {
        name: moment | {"title": title[language], "x-ogc-role": f"primary-interval-{end}"}
        for name, title, end in zip(TIME_NAMES, VALID_TITLES, ("start", "end"), strict=True)
    }


def _without_interval(stated: dict[str, Any]) -> dict[str, Any]:
    """The properties; that a field dates a version is told by the valid time, and of one interval only."""
    return {
        name: {key: part for key, part in one.items() if not str(part).startswith("primary-interval")}
        for name, one in stated["properties"].items()
    }


def standing(head: Head | None, why: Text | None, language: Language) -> dict[str, Any]:
    """Whether a layer can be read, and ``why`` it cannot."""
    if why:
        return {"state": "unavailable", "why": why[language]}
    return {"state": _state(head)}


def _state(head: Head | None) -> str:
    return "available" if head and head.rows else "empty"


def map_layers(
    layers: list[Layer], known: dict[str, Head], broken: Collection[str], settings: Settings
) -> dict[str, Any]:
    """What the web map needs to know: the city, and each layer in drawing order, lowest first."""
    west, south, east, north = settings.extent
    boxes = [head.extent for head in known.values() if head.extent]
    bounds = (
        [
            *(min(box[axis] for box in boxes) for axis in (0, 1)),
            *(max(box[axis] for box in boxes) for axis in (2, 3)),
        ]
        if boxes
        else [west, south, east, north]
    )
    return {
        "city": {"name": settings.city_name, "bounds": bounds},
        "languages": list(settings.languages),
        "baseMap": {"url": settings.base_map, "credit": settings.base_map_credit},
        "layers": [
            _map_layer(layer, known.get(layer.name))
            | ({"state": "unavailable"} if layer.name in broken else {})
            for layer in sorted(layers, key=lambda x: x.style.order)
        ],
    }


def _map_layer(layer: Layer, head: Head | None) -> dict[str, Any]:
    here = f"/collections/{layer.name}"
    return {
        "name": layer.name,
        "title": dict(layer.title),
        "about": dict(layer.about),
        "geometry": layer.geometry,
        "owner": layer.owner,
        "licence": layer.licence,
        "stand": head.stand.isoformat() if head else None,
        "count": head.rows if head else 0,
        "bounds": head.extent if head else None,
        "state": _state(head),
        "shown": layer.style.shown,
        "tiles": f"{here}/tiles/WebMercatorQuad/{{z}}/{{y}}/{{x}}",
        "items": f"{here}/items",
        "key": layer.key,
        "label": layer.label,
        "search": list(layer.search),
        "minzoom": layer.style.min_zoom,
        "maxzoom": zooms(layer)[-1],
        "style": [
            {name: value for name, value in drawn.items() if not name.startswith("source")}
            for drawn in style(layer)
        ],
        "legend": legend(layer),
        "fields": [_map_field(field) for field in layer.fields],
    }


def _map_field(field: Any) -> dict[str, Any]:
    return {
        "name": field.name,
        "title": dict(field.title),
        "unit": (UNITS[field.unit].symbol or None) if field.unit else None,
        "kind": field.kind,
        "codes": {code.value: dict(code.title) for code in field.codes} or None,
    }
