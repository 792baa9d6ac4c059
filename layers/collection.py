"""The pygeoapi collection of a layer."""

from typing import Any

from layers.access import Level
from layers.declaration import Layer
from mesip.settings import Extent

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


def collection(layer: Layer, level: Level, extent: Extent, crs: list[str]) -> dict[str, Any]:
    """The pygeoapi resource of ``layer`` as ``level`` sees it, in the coordinate systems ``crs`` (URIs).

    ``extent`` is west, south, east, north in degrees. The storage system is stated as CRS84, longitude first,
    because pygeoapi reads the northing-first systems of Poland the wrong way round.
    """
    return {
        "type": "collection",
        "title": dict(layer.title),
        "description": dict(layer.about),
        "keywords": {"pl": [layer.title["pl"]], "en": [layer.title["en"]]},
        "links": [],
        "extents": {"spatial": {"bbox": list(extent), "crs": CRS84}},
        "providers": [
            {
                "type": "feature",
                "name": "api.provider.LayerProvider",
                "data": layer.name,
                "level": level,
                "id_field": layer.key,
                "title_field": layer.label or layer.key,
                "crs": crs,
                "storage_crs": CRS84,
            }
        ],
    }
