"""The order of features, and where in it a page goes on."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from layers import Layer
from mesip.errors import UsageError

# The Polish alphabet: ą after a, ł after l. Every PostgreSQL with ICU has it.
ALPHABET = '"pl-x-icu"'


class Key(NamedTuple):
    """What is sorted by: a column, how texts of it compare, which way, and whether values can be absent."""

    column: str
    kind: str
    collated: str
    descending: bool = False
    optional: bool = True

    @property
    def sql(self) -> str:
        """The key with its direction. What has no value comes last, whichever way the order goes."""
        return f"{self.collated} {'DESC' if self.descending else 'ASC'} NULLS LAST"


def order(layer: Layer, sortby: str | None, *, several: bool) -> tuple[Key, ...]:
    """The order that ``sortby`` states, the layer's key last; ``several``: by the begin of versions besides.

    Raises:
        UsageError: a field is unknown, or stands twice.
    """
    names = [name.strip() for name in sortby.split(",")] if sortby is not None else []
    keys = [_key(layer, name) for name in names]
    columns = [key.column for key in keys]
    if len(set(columns)) < len(columns):
        raise UsageError(f"sortby names each field once, and not as in {sortby!s:.80}.")
    if layer.key not in columns:
        keys.append(Key(layer.key, layer.field(layer.key).kind, layer.key, optional=False))
    if several:
        keys.append(Key("valid_since", "moment", "valid_since", optional=False))
    return tuple(keys)


def order_sql(keys: Iterable[Key]) -> str:
    """What follows ORDER BY."""
    return ", ".join(key.sql for key in keys)


def beyond_sql(keys: Sequence[Key], values: Sequence[Any]) -> str:
    """The condition of what comes after the row that has ``values``, bound as ``last_0`` and so on."""
    if len(keys) == 1:
        return _after(keys[0], values[0], 0)
    parts = []
    for at, key in enumerate(keys):
        same = [_same(each, values[number], number) for number, each in enumerate(keys[:at])]
        parts.append(" AND ".join([*same, _after(key, values[at], at)]))
    return f"({' OR '.join(f'({part})' for part in parts)})"


def _key(layer: Layer, name: str) -> Key:
    descending, plain = name.startswith("-"), name.removeprefix("-").removeprefix("+")
    for field in layer.fields:
        if field.name == plain:
            collated = f"{plain} COLLATE {ALPHABET}" if field.kind == "text" else plain
            return Key(plain, field.kind, collated, descending, not field.required)
    known = ", ".join(field.name for field in layer.fields)
    raise UsageError(f"sortby names {plain[:60]!r}. What can be sorted by, with - before it or not: {known}.")


def _after(key: Key, value: Any, number: int) -> str:
    if value is None:
        return "false"
    beyond = f"{key.collated} {'<' if key.descending else '>'} %(last_{number})s"
    return f"({beyond} OR {key.column} IS NULL)" if key.optional else beyond


def _same(key: Key, value: Any, number: int) -> str:
    return f"{key.column} IS NULL" if value is None else f"{key.column} = %(last_{number})s"
