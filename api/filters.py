"""The filter of a request: CQL2 as text or JSON, over what a layer lets be asked for."""

from collections.abc import Mapping
from typing import Any

import orjson

from api.coordinates import epsg, plain_sql
from api.cql2_sql import Condition, condition
from api.cql2_terms import Term
from api.cql2_text import read_text
from layers import Layer
from mesip.errors import UsageError

LANGUAGES = ("cql2-text", "cql2-json")
GEOMETRY_NAMES = ("geometry", "geom")
# When a version is valid; its end has no value while it goes on.
TIME_NAMES = ("valid_since", "valid_until")
LONGEST = 32_000


def read_filter(parameters: Mapping[str, str], layer: Layer, crs: str, srid: int) -> Condition | None:
    """The condition that ``filter`` states, in the language of ``filter-lang``; geometries are in ``crs``.

    Raises:
        UsageError: it is no filter, or asks for what this layer does not have.
    """
    language = parameters.get("filter-lang", _looks_like(parameters.get("filter", "")))
    if language not in LANGUAGES:
        raise UsageError(f"filter-lang is one of {', '.join(LANGUAGES)}, not {language[:40]!r}.")
    if (text := parameters.get("filter")) is None:
        return None
    if len(text) > LONGEST:
        raise UsageError(f"The filter has {len(text)} signs; at most {LONGEST} are read. Write it shorter.")
    tree = read_text(text) if language == "cql2-text" else _read_json(text)
    return condition(tree, queryables(layer, crs, srid), crs, srid)


def queryables(layer: Layer, crs: str, srid: int) -> dict[str, Term]:
    """What a filter can ask for: the fields, the geometry, and the valid time."""
    place = plain_sql(epsg(crs), srid)
    return (
        {field.name: Term(field.name, field.kind, field.name) for field in layer.fields}
        | {name: Term(place, "geometry", name) for name in GEOMETRY_NAMES}
        | {name: Term(name, "moment", name) for name in TIME_NAMES}
    )


def _looks_like(text: str) -> str:
    """The language of a filter that states none: JSON begins with a brace, which no text does."""
    return "cql2-json" if text.lstrip().startswith("{") else "cql2-text"


def _read_json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as cause:
        raise UsageError(f"The filter is no JSON: {cause.msg}, at character {cause.pos + 1}.") from cause
