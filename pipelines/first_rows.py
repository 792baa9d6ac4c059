"""The first rows of a layer: the staging table becomes the table of the layer, so no row is written twice."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from layers import Layer
from layers.table import SCHEMA, indexes, table
from mesip.database import Database
from mesip.errors import LayerLockedError
from pipelines.publication import Publication
from pipelines.stage import staging_table

# What is the same in all rows of a publication is not written before it.
SAME = ("stand", "run", "recorded_since")
# Whoever reads the empty table meanwhile is not made to wait: we are, and ask again.
LOCK_WAIT, TRIES = "100ms", 50
LOCK_NOT_AVAILABLE = "55P03"


def is_empty(connection: sa.Connection, layer: Layer) -> bool:
    """Whether nothing of the layer was ever published."""
    tables = f"{SCHEMA}.{layer.name}", f"{SCHEMA}.{layer.name}_history"
    nothing = " AND ".join(f"NOT EXISTS (SELECT FROM {name})" for name in tables)
    head = "NOT EXISTS (SELECT FROM registry.head WHERE layer = %s)"
    return connection.exec_driver_sql(f"SELECT {nothing} AND {head}", (layer.name,)).scalar_one()


def make_successor(connection: sa.Connection, layer: Layer, run: int) -> None:
    """Make the empty staging table as the layer's own: logged, and the database computes what it computes."""
    connection.exec_driver_sql(
        f"CREATE TABLE {staging_table(layer, run)} "
        f"(LIKE {SCHEMA}.{layer.name} INCLUDING GENERATED INCLUDING COMMENTS)"
    )
    without = ", ".join(f"DROP COLUMN {name}" for name in SAME)
    connection.exec_driver_sql(
        f"ALTER TABLE {staging_table(layer, run)} {without}, "
        "ADD COLUMN ended timestamptz, ADD COLUMN origin text"
    )


def drop_archival(database: Database, this: Publication) -> None:
    """Take the versions that are over out of the staging table; they are in the history by now."""
    with database.transaction() as connection:
        connection.exec_driver_sql(f"DELETE FROM {this.staged} WHERE ended IS NOT NULL")


@contextmanager
def built(database: Database, this: Publication) -> Iterator[None]:
    """The key and the indexes of the staging table are built while the block runs, each by a session of its
    own; they are there when it ends.
    """
    wanted = indexes(this.layer) | {f"{this.layer.name}_pkey": f"({this.layer.key})"}
    with ThreadPoolExecutor(os.cpu_count()) as hands:
        under_way: list[Future] = [
            hands.submit(_build, database, this, name, definition) for name, definition in wanted.items()
        ]
        yield
        for each in under_way:
            each.result()


def succeed(connection: sa.Connection, this: Publication) -> None:
    """Put the staging table in the place of the empty one, under the views that read it.

    Raises:
        LayerLockedError: somebody holds the empty table for seconds.
    """
    views, run, name = _views(connection, this), connection.exec_driver_sql, this.layer.name
    _lock(connection, this, [view for view, _ in views])
    _complete(connection, this)
    run(f"ALTER TABLE {this.current} SET SCHEMA staging")
    run(f"ALTER TABLE staging.{name} RENAME TO {name}_empty")
    for index in (*indexes(this.layer), f"{name}_pkey"):
        run(f"ALTER INDEX IF EXISTS staging.{index} RENAME TO {index}_empty")
        run(f"ALTER INDEX staging.{index}_{this.run} RENAME TO {index}")
    run(f"ALTER TABLE {this.staged} RENAME TO {name}")
    run(f"ALTER TABLE staging.{name} SET SCHEMA {SCHEMA}")
    for view, definition in views:
        run(f"CREATE OR REPLACE VIEW {view} AS {definition}".replace("%", "%%"))
    run(f"DROP TABLE staging.{name}_empty")


def _build(database: Database, this: Publication, name: str, definition: str) -> None:
    kind = "UNIQUE INDEX" if name == f"{this.layer.name}_pkey" else "INDEX"
    with database.transaction() as connection:
        connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '256MB'")
        connection.exec_driver_sql(f"CREATE {kind} {name}_{this.run} ON {this.staged} {definition}")


def _lock(connection: sa.Connection, this: Publication, views: Iterable[str]) -> None:
    """Lock the table, and before it the views of it: whoever reads locks them in that order, too."""
    names = ", ".join([*views, this.current])
    usual = connection.exec_driver_sql("SHOW lock_timeout").scalar_one()
    for _ in range(TRIES):
        try:
            with connection.begin_nested():
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
                connection.exec_driver_sql(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{usual}'")
            return
        except OperationalError as cause:
            if getattr(cause.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
                raise
    raise LayerLockedError(this.layer.name)


def _views(connection: sa.Connection, this: Publication) -> list[tuple[str, str]]:
    """The views that read the table: their names and definitions."""
    found = connection.exec_driver_sql(
        """
        SELECT DISTINCT seen.oid::regclass::text, pg_get_viewdef(seen.oid) FROM pg_depend AS needed
        JOIN pg_rewrite AS rule ON rule.oid = needed.objid JOIN pg_class AS seen ON seen.oid = rule.ev_class
        WHERE needed.classid = 'pg_rewrite'::regclass AND needed.refobjid = %s::regclass
          AND seen.relkind = 'v'
        """,
        (this.current,),
    )
    return [(name, definition) for name, definition in found]


def _complete(connection: sa.Connection, this: Publication) -> None:
    """Take from the staging table what only a load needs, and add what is the same in all its rows."""
    run = connection.exec_driver_sql
    run(f"ALTER TABLE {this.staged} DROP COLUMN ended, DROP COLUMN origin")
    same = {"stand": this.stand, "run": this.run, "recorded_since": this.now.isoformat()}
    declared = table(this.layer, this.srid)
    for name, value in same.items():
        column = declared.columns[name]
        kind = column.type.compile(dialect=connection.dialect)
        # A default of a new column is kept beside the rows: no row is written for it.
        run(f"ALTER TABLE {this.staged} ADD COLUMN {name} {kind} NOT NULL DEFAULT '{value}'")
        run(f"ALTER TABLE {this.staged} ALTER COLUMN {name} DROP DEFAULT")
        run(f"COMMENT ON COLUMN {this.staged}.{name} IS '{column.comment}'")
    run(f"COMMENT ON TABLE {this.staged} IS '{declared.comment}'")
    run(
        f"ALTER TABLE {this.staged} ADD CONSTRAINT {this.layer.name}_pkey_{this.run} "
        f"PRIMARY KEY USING INDEX {this.layer.name}_pkey_{this.run}"
    )
