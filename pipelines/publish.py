"""Hop 6: staged rows become the current ones, in one transaction under the layer's lock."""

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from layers import Layer
from layers.table import SCHEMA
from mesip.errors import LayerLockedError, PlatformError
from mesip.settings import Extent
from pipelines.guards import Account
from pipelines.stage import staging_table

LOCK_WAIT = "10s"
LOCK_NOT_AVAILABLE = "55P03"


@dataclass(frozen=True)
class Publication:
    """One layer of one run: what is published, as of which day, for a city of which extent (degrees)."""

    layer: Layer
    run: int
    stand: date
    extent: Extent

    @property
    def staged(self) -> str:
        """The staging table."""
        return staging_table(self.layer, self.run)

    @property
    def current(self) -> str:
        """The table of current rows."""
        return f"{SCHEMA}.{self.layer.name}"

    @property
    def diff(self) -> str:
        """The temporary table of what differs."""
        return f"diff_{self.layer.name}"


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


def compare(connection: sa.Connection, this: Publication) -> dict[str, int]:
    """Compare staged with current rows by key and hash; return rows per kind of difference.

    A current row whose new version was rejected is not removed: it stays as it was.
    """
    key = this.layer.key
    connection.exec_driver_sql(f"ANALYZE {this.staged}")
    connection.execute(
        sa.text(f"""
            CREATE TEMPORARY TABLE {this.diff} ON COMMIT DROP AS
            SELECT COALESCE(new.{key}, old.{key}) AS key, new.hash AS hash, CASE
                WHEN old.{key} IS NULL THEN 'add' WHEN new.{key} IS NULL THEN 'remove'
                WHEN old.hash <> new.hash THEN 'change' ELSE 'confirm' END AS op
            FROM {this.staged} AS new FULL JOIN {this.current} AS old ON old.{key} = new.{key}
        """)
    )
    connection.exec_driver_sql(f"ANALYZE {this.diff}")
    connection.execute(
        sa.text(f"""
            DELETE FROM {this.diff} WHERE op = 'remove' AND key IN (
                SELECT key FROM registry.reject WHERE run = :run AND layer = :layer)
        """),
        {"run": this.run, "layer": this.layer.name},
    )
    counted = connection.exec_driver_sql(f"SELECT op, count(*) AS rows FROM {this.diff} GROUP BY op")
    return {row.op: row.rows for row in counted}


def account(connection: sa.Connection, this: Publication, read: int, archival: int) -> Account:
    """What the publication would do, counted.

    Raises:
        PlatformError: the sums disagree; nothing is published.
    """
    ops = compare(connection, this)
    counts = {name: ops.get(op, 0) for op, name in NAMES.items()}
    place = {"run": this.run, "layer": this.layer.name}

    def count(query: str) -> int:
        return connection.execute(
            sa.text(query), place | dict(zip("wsen", this.extent, strict=True))
        ).scalar_one()

    result = Account(
        read=read,
        archival=archival,
        rejected=count("SELECT count(*) FROM registry.reject WHERE run = :run AND layer = :layer"),
        warnings=count(
            "SELECT count(*) FROM registry.issue WHERE run = :run AND layer = :layer AND severity = 'warning'"
        ),
        previous=count(f"SELECT count(*) FROM {this.current}"),
        outside=count(
            f"SELECT count(*) FROM {this.staged} WHERE NOT geom && "
            f"ST_Transform(ST_MakeEnvelope(:w, :s, :e, :n, 4326), ST_SRID(geom))"
        ),
        **counts,
    )
    if read != (passed := result.added + result.changed + result.confirmed + result.rejected):
        raise PlatformError(
            f"{this.layer.name}: {read} rows were read, {passed} are accounted for; nothing is published. "
            "This is a fault of the program: please report it with the delivery."
        )
    return result


def publish(connection: sa.Connection, this: Publication, counted: Account) -> int:
    """Write the differences to the current rows and the change log, move the head; return the head.

    Raises:
        PlatformError: the table does not hold as many rows as the account says; nothing is published.
    """
    names = [field.name for field in this.layer.fields] + ["geom", "hash"]
    _write_rows(connection, this, names)
    head = _write_changes(connection, this)
    rows = connection.exec_driver_sql(f"SELECT count(*) FROM {this.current}").scalar_one()
    if rows != counted.current:
        raise PlatformError(
            f"{this.layer.name}: {counted.current} rows were to be published, but the table holds {rows}. "
            "Nothing is published. This is a fault of the program: please report it with the delivery."
        )
    _move_head(connection, this, head)
    return head


NAMES = {"add": "added", "change": "changed", "confirm": "confirmed", "remove": "removed"}


def _write_rows(connection: sa.Connection, this: Publication, names: list[str]) -> None:
    key, place = this.layer.key, {"stand": this.stand, "run": this.run}
    columns, staged = ", ".join(names), ", ".join(f"new.{name}" for name in names)
    updated = ", ".join(f"{name} = new.{name}" for name in names)

    def write(statement: str) -> None:
        connection.execute(sa.text(statement), place if ":run" in statement else {})

    write(
        f"DELETE FROM {this.current} AS old USING {this.diff} AS diff "
        f"WHERE diff.op = 'remove' AND old.{key} = diff.key"
    )
    write(
        f"UPDATE {this.current} AS old SET {updated}, stand = :stand, run = :run "
        f"FROM {this.staged} AS new JOIN {this.diff} AS diff ON diff.key = new.{key} AND diff.op = 'change' "
        f"WHERE old.{key} = new.{key}"
    )
    write(
        f"INSERT INTO {this.current} ({columns}, stand, run) SELECT {staged}, :stand, :run "
        f"FROM {this.staged} AS new JOIN {this.diff} AS diff ON diff.key = new.{key} AND diff.op = 'add'"
    )


def _write_changes(connection: sa.Connection, this: Publication) -> int:
    """Numbers follow on without a gap: the lock makes this the only writer."""
    place = {"layer": this.layer.name, "run": this.run}
    connection.execute(
        sa.text(f"""
            INSERT INTO registry.change (layer, seq, op, key, hash, run)
            SELECT :layer, COALESCE((SELECT seq FROM registry.head WHERE layer = :layer), 0)
                   + row_number() OVER (ORDER BY key), op, key, hash, :run
            FROM {this.diff} WHERE op <> 'confirm'
        """),
        place,
    )
    last = sa.text("SELECT COALESCE(max(seq), 0) FROM registry.change WHERE layer = :layer")
    return connection.execute(last, place).scalar_one()


def _move_head(connection: sa.Connection, this: Publication, head: int) -> None:
    connection.execute(
        sa.text(f"""
            INSERT INTO registry.head (layer, seq, run, rows, stand, extent)
            SELECT :layer, :head, :run, (SELECT count(*) FROM {this.current}), :stand,
                   CASE WHEN box IS NULL THEN NULL
                   ELSE ARRAY[ST_XMin(box), ST_YMin(box), ST_XMax(box), ST_YMax(box)] END
            FROM (SELECT ST_Extent(lonlat) AS box FROM {this.current}) AS whole
            ON CONFLICT (layer) DO UPDATE SET seq = excluded.seq, run = excluded.run, rows = excluded.rows,
                stand = excluded.stand, extent = excluded.extent, published_at = now()
        """),
        {"layer": this.layer.name, "head": head, "run": this.run, "stand": this.stand},
    )
