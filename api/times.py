"""The two times of a request: when something was so in the world, and when it was published."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from api.values import ends, moment_of
from layers import Layer

TIMES = ("datetime", "known-at")


class Span(NamedTuple):
    """An interval, both ends included; None where it is open."""

    since: datetime | None
    until: datetime | None


@dataclass(frozen=True)
class Times:
    """Versions that were ``valid`` then, as ``known`` then. Without either: what is current."""

    valid: datetime | Span | None = None
    known: datetime | None = None

    @property
    def several(self) -> bool:
        """Whether a feature can be there in several versions."""
        return isinstance(self.valid, Span)

    @property
    def current(self) -> bool:
        """Whether just the current rows are meant."""
        return self.valid is None and self.known is None

    @property
    def values(self) -> dict[str, Any]:
        """The values bound in the conditions of ``sources``."""
        span = self.valid if isinstance(self.valid, Span) else Span(None, None)
        valid = None if isinstance(self.valid, Span) else self.valid
        known = self.known or "infinity"
        return {"valid": valid or "infinity", "known": known, "since": span.since, "until": span.until}


CURRENT = Times()


class Source(NamedTuple):
    """Rows of a layer: where they are, and the conditions that choose them."""

    table: str
    said: tuple[str, ...] = ()


def times(parameters: Mapping[str, str], dated: datetime | None = None) -> Times:
    """The times that a request states; ``dated``: of a collection that is itself of a moment.

    Raises:
        UsageError: one is no time.
    """
    valid, known = parameters.get("datetime"), parameters.get("known-at")
    return Times(
        _valid(valid) if valid is not None else dated, moment_of(known) if known is not None else None
    )


def sources(layer: Layer, asked: Times) -> list[Source]:
    """Where the rows of ``asked`` are; each table has ``valid_since`` and ``valid_until``."""
    current = f"(SELECT *, NULL::timestamptz AS valid_until FROM {layer.name}) AS {layer.name}"
    if asked.current:
        return [Source(current)]
    past = (
        f"(SELECT *, lower(valid) AS valid_since, upper(valid) AS valid_until FROM {layer.name}_past) AS past"
    )
    known_now, known_then = "recorded_since <= %(known)s::timestamptz", "recorded @> %(known)s::timestamptz"
    if not isinstance(asked.valid, Span):
        now, then = "valid_since <= %(valid)s::timestamptz", "valid @> %(valid)s::timestamptz"
    else:
        now = "valid_since <= COALESCE(%(until)s::timestamptz, 'infinity')"
        # A version is valid up to its end, that included: one that ends as the span begins is in it.
        since = "%(since)s::timestamptz - interval '1 microsecond'"
        then = f"valid && tstzrange({since}, %(until)s::timestamptz, '[]')"
    return [Source(current, (now, known_now)), Source(past, (then, known_then))]


def _valid(text: str) -> datetime | Span:
    return Span(*ends(text)) if "/" in text else moment_of(text)
