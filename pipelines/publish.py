"""Hop 6: staged rows become the current ones, in one transaction under the layer's lock."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from layers import Layer
from mesip.database import Database
from mesip.errors import LayerLockedError, PlatformError
from pipelines.first_rows import built, drop_archival, succeed
from pipelines.guards import Account
from pipelines.history import add_archival, keep_superseded
from pipelines.level_heads import changes_seen, move_level_heads
from pipelines.publication import Publication

LOCK_WAIT = "10s"
LOCK_NOT_AVAILABLE = "55P03"


def lock(connection: sa.Connection, layer: Layer) -> None:
    """Hold the layer until the transaction ends; wait a little for another writer.

    Raises:
        LayerLockedError: the other writer takes longer.
    """
    try:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"mesip {layer.name}",))
    except OperationalError as cause:
        if getattr(cause.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE:
            raise LayerLockedError(layer.name) from cause
        raise


def moment(connection: sa.Connection, layers: list[Layer]) -> datetime:
    """The moment a publication is recorded under: later than every earlier one of these layers.

    Asked under the locks: the clock when the transaction began may be before the last publication.
    """
    asked = sa.text("""
        SELECT GREATEST(clock_timestamp(), max(published_at) + interval '1 microsecond')
        FROM registry.head WHERE layer = ANY(:layers)
    """)
    return connection.execute(asked, {"layers": [layer.name for layer in layers]}).scalar_one()


def publish(connection: sa.Connection, database: Database, this: Publication, counted: Account) -> int:
    """Write the differences to the current rows, the history and the change log; return the new head.

    Raises:
        PlatformError: the table does not hold as many rows as the account says; nothing is published.
    """
    seen = changes_seen(connection, this, counted)
    if counted.fresh:
        head = _publish_first(connection, database, this, counted)
    else:
        if counted.touched:
            keep_superseded(connection, this, archival=counted.archival > 0)
            _write_rows(connection, this)
        head = _write_changes(connection, this, counted)
    move_level_heads(connection, this, seen)
    if not counted.touched:
        _confirm_head(connection, this)
    elif (rows := _move_head(connection, this, head)) != counted.current:
        raise PlatformError(
            f"{this.layer.name}: {counted.current} rows were to be published, but the table holds {rows}. "
            "Nothing is published. This is a fault of the program: please report it with the delivery."
        )
    return head


def _publish_first(connection: sa.Connection, database: Database, this: Publication, counted: Account) -> int:
    """The first rows of a layer: what is written of them beside the indexes is written meanwhile."""
    if counted.archival:
        add_archival(connection, this)
        drop_archival(database, this)
    with built(database, this):
        head = _write_changes(connection, this, counted)
    succeed(connection, this)
    return head


def _write_rows(connection: sa.Connection, this: Publication) -> None:
    key, names = this.layer.key, this.columns
    columns, staged = ", ".join(names), ", ".join(f"new.{name}" for name in names)
    updated = ", ".join(f"{name} = new.{name}" for name in names)
    new = f"FROM {this.staged} AS new JOIN {this.diff} AS diff ON diff.key = new.{key} AND new.ended IS NULL"
    this.execute(
        connection,
        f"DELETE FROM {this.current} AS old USING {this.diff} AS diff "
        f"WHERE diff.op = 'remove' AND old.{key} = diff.key",
    )
    this.execute(
        connection,
        f"UPDATE {this.current} AS old SET {updated}, stand = :stand, run = :run, "
        f"valid_since = new.valid_since, recorded_since = :now {new} AND diff.op = 'change' "
        f"WHERE old.{key} = new.{key}",
    )
    this.execute(
        connection,
        f"INSERT INTO {this.current} ({columns}, stand, run, valid_since, recorded_since) "
        f"SELECT {staged}, :stand, :run, new.valid_since, :now {new} AND diff.op = 'add'",
    )


def _write_changes(connection: sa.Connection, this: Publication, counted: Account) -> int:
    """Numbers follow on without a gap: the lock makes this the only writer."""
    current = f"FROM {this.staged} WHERE ended IS NULL"
    fresh = f"(SELECT {this.layer.key} AS key, hash, 'add' AS op, 'new' AS kind {current}) AS fresh"
    this.execute(
        connection,
        f"""
        INSERT INTO registry.change (layer, seq, op, kind, key, hash, run)
        SELECT :layer, COALESCE((SELECT seq FROM registry.head WHERE layer = :layer), 0)
               + row_number() OVER (), op, kind, key, hash, :run
        FROM {fresh if counted.fresh else this.diff}
        """,
    )
    before = sa.text("SELECT COALESCE(max(seq), 0) FROM registry.head WHERE layer = :layer")
    changes = counted.added + counted.changed + counted.removed
    return connection.execute(before, {"layer": this.layer.name}).scalar_one() + changes


def _move_head(connection: sa.Connection, this: Publication, head: int) -> int:
    """Write down what is published now; return how many rows there are."""
    moved = sa.text(f"""
        INSERT INTO registry.head (layer, seq, run, rows, stand, extent, published_at)
        SELECT :layer, :head, :run, rows, :stand,
               CASE WHEN box IS NULL THEN NULL
               ELSE ARRAY[ST_XMin(box), ST_YMin(box), ST_XMax(box), ST_YMax(box)] END, :now
        FROM (SELECT count(*) AS rows, ST_Extent(lonlat) AS box FROM {this.current}) AS whole
        ON CONFLICT (layer) DO UPDATE SET seq = excluded.seq, run = excluded.run, rows = excluded.rows,
            stand = {_stand(this)}, extent = excluded.extent, published_at = excluded.published_at
        RETURNING rows
    """)
    return connection.execute(moved, this.moments | {"head": head}).scalar_one()


def _confirm_head(connection: sa.Connection, this: Publication) -> None:
    """What is published stays; that it was said again, and of which day, is news."""
    confirmed = f"""
        INSERT INTO registry.head (layer, seq, run, rows, stand, published_at)
        VALUES (:layer, 0, :run, 0, :stand, :now) ON CONFLICT (layer) DO UPDATE
        SET run = excluded.run, stand = {_stand(this)}, published_at = excluded.published_at
    """
    this.execute(connection, confirmed)


def _stand(this: Publication) -> str:
    """SQL: rows that come back from quarantine may be of an earlier day than what is published."""
    return "GREATEST(head.stand, excluded.stand)" if this.partial else "excluded.stand"
