"""The pygeoapi configuration, built from the declarations."""

from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from pygeoapi.api import API

from api import wording
from api.availability import unavailable
from api.catalogues import compiled
from api.coordinates import offered
from api.exports import FORMATS
from api.heads import heads
from api.reading import Reader
from layers.collection import collection
from layers.declaration import Text
from mesip.settings import Settings
from mesip.settings import settings as current

HERE = Path(__file__).parent
# Who is shown the page that is being filled. It cannot stand in the configuration: pygeoapi shows all
# templates the first one that it has rendered in a process, whichever it was.
SHOWN_TO: ContextVar[Reader] = ContextVar("shown_to")
ABOUT: Text = {
    "pl": "Rejestry miasta jako usługi OGC API: działki, budynki, sieci, drzewa.",
    "en": "The city's registers as OGC APIs: parcels, buildings, networks, trees.",
}


def pygeoapi(reader: Reader, settings: Settings, url: str) -> API:
    """A pygeoapi that speaks of all layers that ``reader`` may see, at the address ``url``."""
    return API(configuration(reader, settings, url), openapi={})


def configuration(reader: Reader, settings: Settings, url: str) -> dict[str, Any]:
    """The configuration that pygeoapi otherwise reads from YAML: one for each level."""
    known, crs = heads(reader), offered(settings.srid)
    extents = {name: known[name].extent if name in known else None for name in reader.layers}
    return frame(settings, url) | {
        "logging": {"level": "ERROR"},
        "metadata": _metadata(settings, url),
        "resources": {
            name: collection(layer, reader.level, extents[name] or settings.extent, crs)
            for name, layer in reader.layers.items()
        },
    }


def shown_to[**P, R](reader: Reader, fill: Callable[P, R], *given: P.args, **named: P.kwargs) -> R:
    """What ``fill`` gives, while the functions that templates call speak to ``reader``."""
    before = SHOWN_TO.set(reader)
    try:
        return fill(*given, **named)
    finally:
        SHOWN_TO.reset(before)


def frame(settings: Settings, url: str) -> dict[str, Any]:
    """The part of the configuration that every page needs, and that needs no database.

    ``pages`` are the functions that templates call. They look at the state of the moment.
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
            "layers": lambda language: wording.by_title(SHOWN_TO.get().layers.values(), language),
            "layer": lambda name: SHOWN_TO.get().layer(name),
            "heads": lambda: heads(SHOWN_TO.get()),
            "broken": lambda: unavailable(SHOWN_TO.get()),
            "formats": lambda: [(ending, form.title) for ending, form in FORMATS.items()],
            "value": wording.value,
            "unit": wording.unit,
            "number": wording.number,
            "day": wording.day,
            "moment": wording.moment,
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
