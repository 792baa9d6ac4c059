"""What a request for features asks: its parameters, checked, with nothing ignored."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from api.coordinates import epsg, northing_first, offered
from api.values import ends, numbers, page_size, value_of
from layers import Layer
from layers.collection import CRS84
from mesip.errors import UsageError

DEFAULT_LIMIT, MAX_LIMIT = 100, 10_000
KNOWN = ("f", "lang", "limit", "after", "bbox", "bbox-crs", "crs", "datetime", "resulttype")

Bbox = tuple[float, float, float, float]


@dataclass(frozen=True)
class Asked:
    """A request for features of one layer.

    ``bbox`` is west, south, east, north in the system ``bbox_srid``. ``after`` is the key of the last feature
    of the page before, ``matched`` the count that page stated. ``since`` and ``until`` are in UTC, both
    included. ``equals`` are fields and the value they have.
    """

    limit: int = DEFAULT_LIMIT
    after: Any = None
    matched: int | None = None
    bbox: Bbox | None = None
    bbox_srid: int = 4326
    crs: str = CRS84
    since: datetime | None = None
    until: datetime | None = None
    equals: tuple[tuple[str, Any], ...] = ()
    hits: bool = False

    @property
    def narrowed(self) -> bool:
        """Whether not the whole layer is asked."""
        return bool(self.bbox or self.equals or self.since or self.until)


def asked(parameters: Mapping[str, str], layer: Layer, srid: int) -> Asked:
    """Read the parameters of ``/items``.

    Raises:
        UsageError: a parameter is unknown, stands twice, or has a value of another form; it is named.
    """
    fields = {field.name: field for field in layer.fields}
    refuse_unknown(parameters, (*KNOWN, *fields))
    crs = _crs(parameters, "crs", srid)
    bbox_crs = _crs(parameters, "bbox-crs", srid)
    since, until = ends(parameters["datetime"]) if "datetime" in parameters else (None, None)
    after, matched = _cursor(parameters.get("after"), layer)
    return Asked(
        limit=page_size(parameters.get("limit"), DEFAULT_LIMIT, MAX_LIMIT),
        after=after,
        matched=matched,
        bbox=_bbox(parameters.get("bbox"), bbox_crs),
        bbox_srid=epsg(bbox_crs),
        crs=crs,
        since=since,
        until=until,
        equals=tuple(
            (name, value_of(fields[name], text)) for name, text in parameters.items() if name in fields
        ),
        hits=_choice(parameters, "resulttype", ("results", "hits")) == "hits",
    )


def refuse_unknown(parameters: Mapping[str, str], known: tuple[str, ...]) -> None:
    """Refuse what nobody asked us to understand: a misspelt filter must not return everything.

    Raises:
        UsageError: names the parameter and those that are known.
    """
    pairs = parameters.multi_items() if hasattr(parameters, "multi_items") else list(parameters.items())  # pyright: ignore[reportAttributeAccessIssue] - Starlette's
    for name, _ in pairs:
        if name not in known:
            raise UsageError(f"There is no parameter {name[:60]!r} here. Known ones: {', '.join(known)}.")
    names = [name for name, _ in pairs]
    if twice := {name for name in names if names.count(name) > 1}:
        raise UsageError(f"The parameter {', '.join(sorted(twice))} stands more than once. Give it once.")


def cursor(key: Any, matched: int | None) -> str:
    """The token that asks for the features after ``key``."""
    return base64.urlsafe_b64encode(orjson.dumps([str(key), matched])).decode().rstrip("=")


def with_parameters(url: str, parameters: Mapping[str, str], **changed: str) -> str:
    """``url`` with the request's parameters, some of them changed."""
    merged = {name: value for name, value in parameters.items() if name != "f"} | changed
    return f"{url}?{urlencode(merged)}" if merged else url


def _cursor(text: str | None, layer: Layer) -> tuple[Any, int | None]:
    if text is None:
        return None, None
    try:
        key, matched = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, TypeError):
        key, matched = None, None
    if not isinstance(key, str) or not (matched is None or (type(matched) is int and matched >= 0)):
        raise UsageError("after is a token from a `next` link. Follow that link instead of writing it.")
    return value_of(layer.field(layer.key), key), matched


def _crs(parameters: Mapping[str, str], name: str, srid: int) -> str:
    uri = parameters.get(name, CRS84)
    if uri not in offered(srid):
        raise UsageError(f"{name} is one of {', '.join(offered(srid))}, not {uri[:80]!r}.")
    return uri


def _bbox(text: str | None, crs: str) -> Bbox | None:
    if text is None:
        return None
    corners = numbers(text)
    if len(corners) == 6:  # noqa: PLR2004 - a box with heights, of which we keep the plane
        corners = [corners[0], corners[1], corners[3], corners[4]]
    if len(corners) != 4:  # noqa: PLR2004
        raise UsageError(f"bbox is four finite numbers with commas between, not {text[:80]!r}.")
    first, second, third, fourth = corners
    west, south, east, north = (second, first, fourth, third) if northing_first(crs) else corners
    if south > north or (west > east and epsg(crs) != 4326):  # noqa: PLR2004
        raise UsageError(
            f"bbox {text[:80]!r} is upside down: it is the lower corner, then the upper, axes as in {crs}."
        )
    return west, south, east, north


def _choice(parameters: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    chosen = parameters.get(name, choices[0])
    if chosen not in choices:
        raise UsageError(f"{name} is one of {', '.join(choices)}, not {chosen[:40]!r}.")
    return chosen
