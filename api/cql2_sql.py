"""CQL2 as SQL: names that are declared, functions that are listed, values that are bound; nothing else."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import shapely

from api.cql2_operators import OPERATORS
from api.cql2_places import place
from api.cql2_terms import Span, Term, Writing, of_kind
from api.cql2_times import OPEN, instant, span
from mesip.errors import UsageError

DEEPEST = 100
LITERALS = (bool, int, float, str)


@dataclass(frozen=True)
class Condition:
    """A condition of SQL, and the values bound in it by name."""

    sql: str
    values: Mapping[str, Any]


def condition(tree: Any, names: Mapping[str, Term], crs: str, srid: int) -> Condition:
    """The condition that a filter states.

    Args:
        tree: the filter as CQL2 JSON writes it.
        names: what can be asked for; geometries in the system ``crs``, easting or longitude first.
        crs: URI of the system of the filter's geometries, axes in the order of its authority.
        srid: EPSG code of the system in which geometry is stored.

    Raises:
        UsageError: it is no condition, names what is not there, or compares what cannot be compared.
    """
    if _deeper(tree, 2 * DEEPEST):
        raise UsageError(f"The filter is nested more than {DEEPEST} deep. Write it flatter.")
    this = Writing(names, crs, srid)
    whole = of_kind(_term(this, tree), "flag", "the whole is a condition")
    return Condition(whole.sql, this.values)


def _deeper(tree: Any, most: int) -> bool:
    """Whether objects and lists stand in one another more than ``most`` times; it takes no stack itself."""
    parts = [tree]
    for _ in range(most):
        parts = [part for each in parts if isinstance(each, dict | list) for part in _inside(each)]
    return bool(parts)


def _inside(node: dict | list) -> Iterable[Any]:
    return node.values() if isinstance(node, dict) else node


def _term(this: Writing, node: Any) -> Term | Span:
    """The term of any part of a filter."""
    if type(node) in LITERALS:
        return _literal(this, node)
    if isinstance(node, shapely.Geometry):
        return place(this, node)
    if isinstance(node, dict):
        for member, write in WRITERS.items():
            if member in node:
                return write(this, node)
    raise UsageError(f"In the filter, {str(node)[:60]!r} stands where a value or a condition is meant.")


def _literal(this: Writing, value: Any) -> Term:
    if isinstance(value, str) and "\x00" in value:
        raise UsageError("In the filter, a text holds the sign of code 0, which no text holds.")
    return this.bind(value)


def _property(this: Writing, node: Mapping[str, Any]) -> Term:
    name = node["property"]
    if not isinstance(name, str) or name not in this.names:
        known = ", ".join(this.names)
        raise UsageError(f"The filter asks for {str(name)[:60]!r}. What can be asked for: {known}.")
    return this.names[name]


def _call(this: Writing, node: Mapping[str, Any]) -> Term:
    name, arguments = node["op"], node.get("args")
    operator = OPERATORS.get(name) if isinstance(name, str) else None
    if operator is None:
        known = ", ".join(each.upper() for each in OPERATORS if each.replace("_", "").isalpha())
        raise UsageError(f"Filters know no function {str(name)[:60]!r}. They know {known}.")
    if not isinstance(arguments, list) or not operator.least <= len(arguments) <= operator.most:
        raise UsageError(f"In the filter, {name} does not have as many parts as it takes.")
    if name == "in":
        return operator.write(this, name, _term(this, arguments[0]), _choices(this, arguments[1]))
    return operator.write(this, name, *(_term(this, each) for each in arguments))


def _choices(this: Writing, node: Any) -> list[Term | Span]:
    if not isinstance(node, list) or not node:
        raise UsageError("In the filter, IN is followed by no list of values in brackets.")
    return [_term(this, each) for each in node]


def _instant(this: Writing, node: Mapping[str, Any]) -> Term:
    kind = "date" if "date" in node else "timestamp"
    return instant(this, kind, node[kind])


def _interval(this: Writing, node: Mapping[str, Any]) -> Span:
    ends = node["interval"]
    if not isinstance(ends, list) or len(ends) != 2:  # noqa: PLR2004
        raise UsageError("In the filter, an interval does not have two ends: INTERVAL('2024-05-01', '..').")
    first, last = (_end(this, each) for each in ends)
    return span(first, last)


def _end(this: Writing, node: Any) -> Term | None:
    if node == OPEN:
        return None
    if isinstance(node, str):
        return instant(this, "timestamp" if "T" in node.upper() else "date", node)
    term = _term(this, node)
    return of_kind(term, "time", "an interval goes from a time to a time")


WRITERS: Mapping[str, Callable[[Writing, Mapping[str, Any]], Term | Span]] = {
    "property": _property,
    "op": _call,
    "date": _instant,
    "timestamp": _instant,
    "interval": _interval,
    "type": place,
    "bbox": place,
}
