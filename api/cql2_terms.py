"""The parts of a filter on their way to SQL: terms of a kind, and the values that are bound to them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from api.values import CITY_TIME
from layers.kinds import KINDS
from mesip.errors import UsageError

# Kinds that can be compared with one another.
FAMILIES = {
    "text": "text",
    "integer": "number",
    "number": "number",
    "date": "time",
    "moment": "time",
    "flag": "flag",
}
CASTS: dict[type, tuple[str, str]] = {
    bool: ("flag", "boolean"),
    int: ("integer", "bigint"),
    float: ("number", "double precision"),
    str: ("text", "text"),
    datetime: ("moment", "timestamptz"),
    date: ("date", "date"),
}
BIGGEST = 2**63
HOW_TIMES_ARE_WRITTEN = " A day is written DATE('2024-05-01'), a moment TIMESTAMP('2024-05-01T12:00:00Z')."


class Term(NamedTuple):
    """Something that has a value: its SQL, its kind (of a field, or geometry), and how a filter says it.

    ``written`` is the value itself where the filter states it: a text, or a geometry, easting first.
    """

    sql: str
    kind: str
    said: str
    written: Any = None


class Span(NamedTuple):
    """An interval: SQL of its first and its last day or moment, both included, infinite where it is open."""

    begin: str
    end: str
    kind: str
    said: str


@dataclass(frozen=True)
class Writing:
    """A filter being written as SQL: what its names mean, the values bound so far.

    Its geometries are in the system ``crs``; those of features are stored in ``srid``.
    """

    names: Mapping[str, Term]
    crs: str
    srid: int
    values: dict[str, Any] = field(default_factory=dict)

    def bind(self, value: Any) -> Term:
        """A term of a value that the filter states."""
        kind, cast = CASTS[type(value)]
        if type(value) is int and abs(value) >= BIGGEST:
            cast = "numeric"
        return Term(f"{self.parameter(value)}::{cast}", kind, _said(value), value)

    def parameter(self, value: Any) -> str:
        """The placeholder of a bound value."""
        name = f"filter_{len(self.values)}"
        self.values[name] = value
        return f"%({name})s"


def of_kind(term: Term | Span, wanted: str, role: str) -> Term:
    """The term, if it is of the wanted family.

    Raises:
        UsageError: it is not; ``role`` says where it stands.
    """
    if not isinstance(term, Term) or FAMILIES.get(term.kind, term.kind) != wanted:
        raise UsageError(f"In the filter, {role}, and {term.said} is {words(term)}.")
    return term


def of_some_kind(term: Term | Span) -> Term:
    """The term, if it can be compared at all.

    Raises:
        UsageError: it is a geometry or an interval.
    """
    if not isinstance(term, Term) or term.kind not in FAMILIES:
        raise UsageError(f"In the filter, {term.said} cannot be compared so: it is {words(term)}.")
    return term


def words(term: Term | Span) -> str:
    """What a term is, for people."""
    if isinstance(term, Span):
        return "an interval"
    return KINDS[term.kind].words if term.kind in KINDS else "a geometry"  # pyright: ignore[reportArgumentType] - asked just before


def alike(terms: Iterable[Term | Span]) -> list[Term]:
    """The terms, made comparable: where one is a day, moments count as their day in the city.

    Raises:
        UsageError: they are of different families.
    """
    first, *others = stated = [of_some_kind(term) for term in terms]
    kinds = {FAMILIES[term.kind] for term in stated}
    if len(kinds) > 1:
        other = next(term for term in others if FAMILIES[term.kind] != FAMILIES[first.kind])
        hint = HOW_TIMES_ARE_WRITTEN if "time" in kinds else ""
        raise UsageError(
            f"In the filter, {first.said} is {words(first)} and {other.said} is {words(other)}: "
            f"they cannot be compared.{hint}"
        )
    return [in_days(term) for term in stated] if any(term.kind == "date" for term in stated) else stated


def in_days(term: Term) -> Term:
    """A moment as its day in the city; other terms as they are."""
    if term.kind != "moment":
        return term
    return term._replace(sql=f"({term.sql} AT TIME ZONE '{CITY_TIME.key}')::date", kind="date")


def _said(value: Any) -> str:
    """A value as a filter states it, cut short."""
    return f"'{value[:40]}'" if isinstance(value, str) else str(value).lower()[:40]
