"""The JSON Schema of a layer's features (OGC API Features, Part 5)."""

from typing import Any

from layers.declaration import Field, Language, Layer
from layers.kinds import KINDS, UNITS


def schema(layer: Layer, language: Language = "en") -> dict[str, Any]:
    """The schema of the properties of ``layer``, titles in ``language``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "title": layer.title[language],
        "description": layer.about[language],
        "required": [field.name for field in layer.fields if field.required],
        "properties": {field.name: _property(layer, field, language) for field in layer.fields}
        | {"geometry": {"x-ogc-role": "primary-geometry", "format": f"geometry-{GEOMETRY[layer.geometry]}"}},
    }


GEOMETRY = {
    "Point": "point",
    "LineString": "linestring",
    "Polygon": "polygon",
    "MultiPolygon": "multipolygon",
    "Geometry": "any",
}


def field_schema(field: Field, language: Language = "en") -> dict[str, Any]:
    """The schema of one field's values: type, title, unit, bounds, codes with their labels."""
    lowest, highest = field.bounds
    stated: dict[str, Any] = KINDS[field.kind].schema | {"title": field.title[language]}
    if field.unit and field.unit != "1":
        stated |= {"x-ogc-unit": UNITS[field.unit].ucum, "x-ogc-unitLang": "UCUM"}
    if lowest is not None:
        stated["minimum"] = lowest
    if highest is not None:
        stated["maximum"] = highest
    if field.codes:
        stated["oneOf"] = [{"const": code.value, "title": code.title[language]} for code in field.codes]
    return stated


def _property(layer: Layer, field: Field, language: Language) -> dict[str, Any]:
    roles = {
        layer.key: "id",
        layer.valid_from: "primary-interval-start",
        layer.valid_to: "primary-interval-end",
    }
    role = roles.get(field.name)
    return field_schema(field, language) | ({"x-ogc-role": role} if role else {})
