"""Which layers cannot be read at the moment, and why: one that is broken leaves the others as they are."""

from functools import cache

from sqlalchemy.dialects import postgresql

from api.reading import Reader
from layers import Layer
from layers.declaration import Text
from layers.kinds import KINDS, KindName

ABSENT: Text = {
    "pl": "Warstwy nie ma teraz w bazie danych. Operatorzy przywrócą ją poleceniem `mesip migrate`.",
    "en": "The layer is not in the database at the moment. Operators bring it back with `mesip migrate`.",
}
CHANGED: Text = {
    "pl": "Warstwa w bazie danych różni się od deklaracji. Operatorów pouczy polecenie `mesip migrate`.",
    "en": "The layer in the database differs from its declaration. `mesip migrate` tells operators how.",
}
COLUMNS = """
    SELECT relname, attname, format_type(atttypid, NULL)
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = %(here)s AND relname = ANY(%(names)s) AND attnum > 0 AND NOT attisdropped
        AND has_table_privilege(attrelid, 'SELECT')
"""


def unavailable(reader: Reader) -> dict[str, Text]:
    """The layers that the reader may see, but cannot read as declared; with the reason."""
    asked = {"here": f"{reader.level}_api", "names": list(reader.layers)}
    present: dict[str, set[tuple[str, str]]] = {}
    for name, column, type_ in reader.rows(COLUMNS, asked):
        present.setdefault(name, set()).add((column, type_))
    told = {name: _why(layer, present.get(name)) for name, layer in reader.layers.items()}
    return {name: why for name, why in told.items() if why}


def _why(layer: Layer, present: set[tuple[str, str]] | None) -> Text | None:
    if present is None:
        return ABSENT
    declared = {(field.name, _type(field.kind)) for field in layer.fields}
    return None if declared <= present else CHANGED


@cache
def _type(kind: KindName) -> str:
    """The type of a column as PostgreSQL calls it."""
    return str(KINDS[kind].column.compile(dialect=postgresql.dialect())).lower()
