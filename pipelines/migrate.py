"""Bring the database to what the declarations say: tables grow, views and grants are rebuilt."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from layers import Field, Layer
from layers.kinds import KINDS
from layers.table import SCHEMA, column, history_indexes, history_table, indexes, table
from mesip.database import Database
from mesip.errors import KindChangedError
from pipelines.history import at_function
from pipelines.leftovers import settle
from pipelines.registry import make_registry
from pipelines.walls import raise_walls

POSTGRESQL = postgresql.dialect()
SCHEMAS = (SCHEMA, "registry", "staging")


def migrate(database: Database, declared: Iterable[Layer], srid: int) -> list[str]:
    """Make what is absent, add new fields, rebuild the views; return a sentence per change.

    Raises:
        KindChangedError: a declared field has another kind than its column; nothing is changed.
    """
    layers = list(declared)
    with database.transaction() as connection:
        # Two nodes starting at once would both find nothing and both make it.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('mesip migrate'))")
        connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS postgis")
        for schema in SCHEMAS:
            connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        make_registry(connection)
        done = [sentence for layer in layers for sentence in _grow(connection, layer, srid)]
        for layer in layers:
            connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {SCHEMA}.{layer.name}_at")
            connection.exec_driver_sql(at_function(layer, srid))
        raise_walls(connection, database, layers)
    settle(database)
    return done


def _grow(connection: sa.Connection, layer: Layer, srid: int) -> list[str]:
    present = {column["name"]: column for column in _columns(connection, layer)}
    # Either may have been dropped by hand.
    history_table(layer, srid).create(connection, checkfirst=True)
    if not present:
        table(layer, srid).create(connection)
        make_indexes(connection, layer)
        return [f"{layer.name}: table made."]
    for field in layer.fields:
        if field.name in present:
            _same_kind(layer, field, present[field.name]["type"])
    absent = [field for field in layer.fields if field.name not in present]
    for field in absent:
        _add(connection, layer, field)
    make_indexes(connection, layer)
    return [f"{layer.name}: field {field.name} added." for field in absent]


def make_indexes(connection: sa.Connection, layer: Layer) -> None:
    """Make the indexes that reads need, where they are absent."""
    for rows, wanted in ((layer.name, indexes(layer)), (f"{layer.name}_history", history_indexes(layer))):
        for name, definition in wanted.items():
            connection.exec_driver_sql(f"CREATE INDEX IF NOT EXISTS {name} ON {SCHEMA}.{rows} {definition}")


def _columns(connection: sa.Connection, layer: Layer) -> list:
    inspector = sa.inspect(connection)
    return inspector.get_columns(layer.name, SCHEMA) if inspector.has_table(layer.name, SCHEMA) else []


def _same_kind(layer: Layer, field: Field, found: sa.types.TypeEngine) -> None:
    expected = KINDS[field.kind].column
    if found.compile(dialect=POSTGRESQL) != expected.compile(dialect=POSTGRESQL):
        raise KindChangedError(
            layer.name,
            f"{layer.name}.{field.name} is declared as {field.kind}, but its column holds {found}. "
            "A change of kind is not made by itself: give the field a new name, or write a migration.",
        )


def _add(connection: sa.Connection, layer: Layer, field: Field) -> None:
    """A new field starts empty, so it cannot be NOT NULL before the next load."""
    type_ = column(layer, field).type.compile(dialect=connection.dialect)
    for name in (layer.name, f"{layer.name}_history"):
        connection.exec_driver_sql(f"ALTER TABLE {SCHEMA}.{name} ADD COLUMN {field.name} {type_}")
