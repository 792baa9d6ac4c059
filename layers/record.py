"""The metadata record of a layer (OGC API Records, Part 1)."""

from typing import Any

from layers.declaration import Language, Layer
from layers.kinds import UNITS


def record(layer: Layer, language: Language = "en") -> dict[str, Any]:
    """What a catalogue says of ``layer``: who keeps it, under which licence, how often, with which fields."""
    return {
        "id": layer.name,
        "type": "Feature",
        "conformsTo": ["http://www.opengis.net/spec/ogcapi-records-1/1.0/req/record-core"],
        "geometry": None,
        "properties": {
            "type": "dataset",
            "title": layer.title[language],
            "description": layer.about[language],
            "language": {"code": language},
            "license": layer.licence,
            "contacts": [{"organization": layer.owner, "roles": ["publisher"]}],
            "updateFrequency": layer.cadence,
            "fields": [_described(field, language) for field in layer.fields],
        },
        "links": [],
    }


def _described(field: Any, language: Language) -> dict[str, Any]:
    return {
        "name": field.name,
        "title": field.title[language],
        "unit": UNITS[field.unit].symbol if field.unit else None,
        "sources": list(field.sources),
    }
