"""The pygeoapi configuration, built from the declarations."""

from pathlib import Path
from typing import Any

from pygeoapi.api import API

from api import wording
from api.catalogues import compiled
from api.coordinates import offered
from api.heads import heads
from layers import all_layers, get_layer
from layers.collection import collection
from layers.declaration import Text
from mesip.settings import Settings
from mesip.settings import settings as current

HERE = Path(__file__).parent
ABOUT: Text = {
    "pl": "Rejestry miasta jako usługi OGC API: działki, budynki, sieci, drzewa.",
    "en": "The city's registers as OGC APIs: parcels, buildings, networks, trees.",
}


def pygeoapi(settings: Settings, url: str) -> API:
    """A pygeoapi that speaks of all layers at the address ``url``."""
    return API(configuration(settings, url), openapi={})


def configuration(settings: Settings, url: str) -> dict[str, Any]:
    """The configuration that pygeoapi otherwise reads from YAML."""
    known, crs = heads(), offered(settings.srid)
    extents = {name: known[name].extent if name in known else None for name in all_layers()}
    return frame(settings, url) | {
        "logging": {"level": "ERROR"},
        "metadata": _metadata(settings, url),
        "resources": {
            name: collection(layer, extents[name] or settings.extent, crs)
            for name, layer in all_layers().items()
        },
    }


def frame(settings: Settings, url: str) -> dict[str, Any]:
    """The part of the configuration that every page needs, and that needs no database.

    ``pages`` are the functions that templates call. They look at the state of the moment, because pygeoapi
    shows all templates the first configuration it has rendered in a process, whichever it was.
    """
    return {
        "server": {
            "bind": {"host": "127.0.0.1", "port": 0},
            "url": url,
            "mimetype": "application/json; charset=UTF-8",
            "encoding": "utf-8",
            "gzip": False,
            "languages": list(settings.languages),
            "locale_dir": str(compiled(settings.home)),
            "limits": {"default_items": 100, "max_items": 10_000},
            "templates": {"path": str(HERE / "templates")},
            "map": {"url": settings.base_map or "", "attribution": settings.base_map_credit},
        },
        "pages": {
            "city": lambda: current().city_name,
            "languages": lambda: current().languages,
            "language_name": wording.LANGUAGE_NAMES.get,
            "layers": wording.by_title,
            "layer": get_layer,
            "heads": heads,
            "value": wording.value,
            "unit": wording.unit,
            "number": wording.number,
            "day": wording.day,
            "duration": wording.duration,
            "name_of": wording.name_of,
            "address": wording.address,
        },
    }


def _metadata(settings: Settings, url: str) -> dict[str, Any]:
    title = {
        "pl": f"{settings.city_name} – system informacji przestrzennej",
        "en": f"{settings.city_name} – spatial information system",
    }
    return {
        "identification": {
            "title": title,
            "description": dict(ABOUT),
            "keywords": {"pl": ["miasto", "rejestry"], "en": ["city", "registers"]},
            "keywords_type": "theme",
            "terms_of_service": "https://creativecommons.org/licenses/by/4.0/",
            "url": url,
        },
        "license": {"name": "CC-BY-4.0", "url": "https://creativecommons.org/licenses/by/4.0/"},
        "provider": {"name": settings.city_name, "url": url},
        "contact": {"name": settings.city_name, "url": url},
    }
