"""What a request for features asks: its parameters, checked, with nothing ignored."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from api import tokens
from api.coordinates import epsg, northing_first, offered
from api.cql2_sql import Condition
from api.filters import TIME_NAMES, read_filter
from api.sorting import Key, order
from api.times import CURRENT, Times, times
from api.tokens import Token
from api.values import numbers, page_size, value_of
from layers import Layer
from layers.collection import CRS84
from layers.kinds import KindName
from mesip.errors import UsageError

DEFAULT_LIMIT, MAX_LIMIT = 100, 10_000
UNIQUE_IDS = "versions-as-features-unique-ids"
PROFILES = (UNIQUE_IDS, "versions-as-features")
PROFILE_ADDRESS = "http://www.opengis.net/def/profile/OGC/0/"
SHOWN = ("f", "lang", "crs", "properties", "profile")
PAGED = ("limit", "after", "sortby", "resulttype")
NARROWING = ("bbox", "bbox-crs", "filter", "filter-lang", "filter-crs", "datetime", "known-at")

Bbox = tuple[float, float, float, float]


@dataclass(frozen=True)
class Asked:
    """A request for features of one layer.

    ``bbox`` is west, south, east, north in the system ``bbox_srid``. ``equals`` are fields and the value they
    have. ``properties``: the fields to be shown, in the order of the layer; None for all. ``question`` tells
    the token of another request; ``token``: where the page before ended.
    """

    limit: int = DEFAULT_LIMIT
    bbox: Bbox | None = None
    bbox_srid: int = 4326
    crs: str = CRS84
    times: Times = CURRENT
    equals: tuple[tuple[str, Any], ...] = ()
    filter: Condition | None = None
    order: tuple[Key, ...] = ()
    properties: tuple[str, ...] | None = None
    profile: str = PROFILES[0]
    hits: bool = False
    question: str = ""
    token: Token | None = None

    @property
    def narrowed(self) -> bool:
        """Whether not the whole layer as it is now is asked."""
        return bool(self.bbox or self.equals or self.filter or not self.times.current)


def asked(parameters: Mapping[str, str], layer: Layer, srid: int, dated: datetime | None = None) -> Asked:
    """Read the parameters of ``/items``; ``dated``: of a collection that is itself of a moment.

    Raises:
        UsageError: a parameter is unknown, stands twice, or has a value of another form; it is named.
    """
    kinds: dict[str, KindName] = {field.name: field.kind for field in layer.fields}
    kinds |= dict.fromkeys(TIME_NAMES, "moment")
    known = [name for name in (*SHOWN, *PAGED, *NARROWING) if name != "datetime" or dated is None]
    refuse_unknown(parameters, (*known, *kinds))
    bbox_crs, when = _crs(parameters, "bbox-crs", srid), times(parameters, dated)
    keys = order(layer, parameters.get("sortby"), several=when.several)
    question = tokens.question(parameters, f"{layer.name} {dated}")
    return Asked(
        limit=page_size(parameters.get("limit"), DEFAULT_LIMIT, MAX_LIMIT),
        bbox=_bbox(parameters.get("bbox"), bbox_crs),
        bbox_srid=epsg(bbox_crs),
        crs=_crs(parameters, "crs", srid),
        times=when,
        equals=tuple(
            (name, value_of(name, kinds[name], text)) for name, text in parameters.items() if name in kinds
        ),
        filter=read_filter(parameters, layer, _crs(parameters, "filter-crs", srid), srid),
        order=keys,
        properties=_properties(parameters.get("properties"), layer),
        profile=_profile(parameters),
        hits=_choice(parameters, "resulttype", ("results", "hits")) == "hits",
        question=question,
        token=tokens.read(parameters.get("after"), question, keys),
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


def with_parameters(url: str, parameters: Mapping[str, str], **changed: str) -> str:
    """``url`` with the request's parameters, some of them changed."""
    merged = {name: value for name, value in parameters.items() if name != "f"} | changed
    return f"{url}?{urlencode(merged)}" if merged else url


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


def _properties(text: str | None, layer: Layer) -> tuple[str, ...] | None:
    if text is None:
        return None
    wanted, known = {name.strip() for name in text.split(",")}, [field.name for field in layer.fields]
    if strange := sorted(wanted - set(known)):
        raise UsageError(f"properties names {strange[0][:60]!r}. The layer has {', '.join(known)}.")
    return tuple(name for name in known if name in wanted)


def _profile(parameters: Mapping[str, str]) -> str:
    """The profile, by name or by the address that the draft gives it."""
    name = parameters.get("profile", PROFILES[0]).removeprefix(PROFILE_ADDRESS)
    return _choice({"profile": name}, "profile", PROFILES)


def _choice(parameters: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    chosen = parameters.get(name, choices[0])
    if chosen not in choices:
        raise UsageError(f"{name} is one of {', '.join(choices)}, not {chosen[:40]!r}.")
    return chosen
