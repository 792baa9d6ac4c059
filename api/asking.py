"""What a request for features asks: its parameters, checked, with nothing ignored."""

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from api.coordinates import epsg, northing_first, offered
from layers import Field, Layer
from layers.collection import CRS84
from mesip.errors import UsageError

DEFAULT_LIMIT, MAX_LIMIT = 100, 10_000
LARGEST_INTEGER = 2**63 - 1
MAX_TEXT = 1000
KNOWN = ("f", "lang", "limit", "after", "bbox", "bbox-crs", "crs", "datetime", "resulttype")

Bbox = tuple[float, float, float, float]


@dataclass(frozen=True)
class Asked:
    """A request for features of one layer.

    ``bbox`` is west, south, east, north in the system ``bbox_srid``. ``after`` is the key of the last feature
    of the page before, ``matched`` the count that page stated. ``equals`` are fields and the value they have.
    """

    limit: int = DEFAULT_LIMIT
    after: Any = None
    matched: int | None = None
    bbox: Bbox | None = None
    bbox_srid: int = 4326
    crs: str = CRS84
    since: str | None = None
    until: str | None = None
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
    fields = {field.name: field for field in layer.public_fields}
    refuse_unknown(parameters, (*KNOWN, *fields))
    crs = _crs(parameters, "crs", srid)
    bbox_crs = _crs(parameters, "bbox-crs", srid)
    since, until = _interval(parameters.get("datetime"))
    after, matched = _cursor(parameters.get("after"))
    return Asked(
        limit=_limit(parameters.get("limit")),
        after=after,
        matched=matched,
        bbox=_bbox(parameters.get("bbox"), bbox_crs),
        bbox_srid=epsg(bbox_crs),
        crs=crs,
        since=since,
        until=until,
        equals=tuple(
            (name, _value(fields[name], text)) for name, text in parameters.items() if name in fields
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
    return base64.urlsafe_b64encode(orjson.dumps([key, matched])).decode().rstrip("=")


def with_parameters(url: str, parameters: Mapping[str, str], **changed: str) -> str:
    """``url`` with the request's parameters, some of them changed."""
    merged = {name: value for name, value in parameters.items() if name != "f"} | changed
    return f"{url}?{urlencode(merged)}" if merged else url


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not text.isascii() or not text.isdigit() or int(text[:20]) < 1:
        raise UsageError(f"limit is a whole number from 1 to {MAX_LIMIT}, not {text[:40]!r}.")
    return min(int(text[:20]), MAX_LIMIT)


def _cursor(text: str | None) -> tuple[Any, int | None]:
    if text is None:
        return None, None
    try:
        key, matched = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, TypeError) as cause:
        raise UsageError(
            "after is a token from a `next` link. Follow that link instead of writing it."
        ) from cause
    if not isinstance(key, str | int) or not isinstance(matched, int | None) or "\x00" in str(key):
        raise UsageError("after is a token from a `next` link. Follow that link instead of writing it.")
    return key, matched


def _crs(parameters: Mapping[str, str], name: str, srid: int) -> str:
    uri = parameters.get(name, CRS84)
    if uri not in offered(srid):
        raise UsageError(f"{name} is one of {', '.join(offered(srid))}, not {uri[:80]!r}.")
    return uri


def _bbox(text: str | None, crs: str) -> Bbox | None:
    if text is None:
        return None
    numbers = _numbers(text)
    if len(numbers) == 6:  # noqa: PLR2004 - a box with heights, of which we keep the plane
        numbers = [numbers[0], numbers[1], numbers[3], numbers[4]]
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):  # noqa: PLR2004
        raise UsageError(f"bbox is four finite numbers with commas between, not {text[:80]!r}.")
    first, second, third, fourth = numbers
    west, south, east, north = (second, first, fourth, third) if northing_first(crs) else numbers
    if south > north or (west > east and epsg(crs) != 4326):  # noqa: PLR2004
        raise UsageError(
            f"bbox {text[:80]!r} is upside down: it is the lower corner, then the upper, axes as in {crs}."
        )
    return west, south, east, north


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        return []


def _interval(text: str | None) -> tuple[str | None, str | None]:
    """An instant is an interval of one moment; `..` or nothing is an open end."""
    if text is None:
        return None, None
    ends = text.split("/")
    if len(ends) > 2 or all(end in ("", "..") for end in ends):  # noqa: PLR2004
        raise UsageError(
            f"datetime is a moment or two with / between, as in 2024-05-01/.., not {text[:80]!r}."
        )
    since, until = (_moment(end) for end in (ends[0], ends[-1]))
    if since and until and _comparable(since) > _comparable(until):
        raise UsageError(f"datetime {text[:80]!r} ends before it begins.")
    return since, until


def _moment(text: str) -> str | None:
    if text in ("", ".."):
        return None
    try:
        return text if date.fromisoformat(text[:10]) and datetime.fromisoformat(text) else None
    except ValueError as cause:
        raise UsageError(f"{text[:40]!r} is no moment. Write 2024-05-01 or 2024-05-01T12:00:00Z.") from cause


def _comparable(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return (
        moment
        if moment.tzinfo
        else moment.replace(tzinfo=datetime.fromisoformat("2000-01-01T00:00:00Z").tzinfo)
    )


def _choice(parameters: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    chosen = parameters.get(name, choices[0])
    if chosen not in choices:
        raise UsageError(f"{name} is one of {', '.join(choices)}, not {chosen[:40]!r}.")
    return chosen


def _value(field: Field, text: str) -> Any:
    """The value a field is compared with, of the field's kind."""
    try:
        return VALUES[field.kind](text)
    except ValueError as cause:
        raise UsageError(f"{field.name} is {field.kind}, and {text[:40]!r} is not.") from cause


def _text(text: str) -> str:
    if "\x00" in text or len(text) > MAX_TEXT:
        raise ValueError(text)
    return text


def _integer(text: str) -> int:
    if abs(number := int(text[:30])) > LARGEST_INTEGER:
        raise ValueError(text)
    return number


def _number(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(text)
    return number


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


VALUES = {
    "text": _text,
    "integer": _integer,
    "number": _number,
    "date": date.fromisoformat,
    "moment": datetime.fromisoformat,
    "flag": _flag,
}
