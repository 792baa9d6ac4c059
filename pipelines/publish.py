"""Hop 6: staged rows become the current ones, in one transaction under the layer's lock."""

from datetime import date, datetime

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from layers import Layer
from layers.kinds import KINDS
from mesip.database import Database
from mesip.errors import LayerLockedError, PlatformError
from pipelines.first_rows import built, drop_archival, succeed
from pipelines.guards import Account
from pipelines.history import add_archival, keep_superseded
from pipelines.level_heads import changes_seen, move_level_heads
from pipelines.publication import Publication
from pipelines.stage import copy_rows

LOCK_WAIT = "10s"
LOCK_NOT_AVAILABLE = "55P03"
# What a second survey of the same thing may differ by, in metres, when everything else is the same.
REDIGITISED_M = 0.5


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


def account(connection: sa.Connection, this: Publication, read: int, archival: int) -> Account:
    """What the publication would do, counted; the differences are in the table ``this.diff`` afterwards.

    Raises:
        PlatformError: the sums disagree; nothing is published.
    """
    # Sorting and hashing a city's keys in memory; the publication is the only one of its layer.
    connection.exec_driver_sql("SET LOCAL work_mem = '256MB'")
    connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '512MB'")
    if this.known:
        _tell_open(connection, this, this.known.absent)
    counts = _counts(connection, this)
    fresh = this.whole and counts["previous"] == counts["remembered"] == 0
    ops = {"add": counts["staged"]} if fresh else _compare(connection, this)
    added, changed = ops.get("add", 0), ops.get("change", 0)
    result = Account(
        read=read + this.recognised,
        archival=archival,
        added=added,
        changed=changed,
        confirmed=this.recognised + counts["staged"] - added - changed,
        removed=ops.get("remove", 0),
        rejected=counts["rejected"],
        warnings=counts["warnings"],
        previous=counts["previous"],
        outside=counts["outside"],
        fresh=fresh,
        stand=this.stand,
        published_stand=_published_stand(connection, this),
    )
    if read != (passed := counts["staged"] + result.rejected):
        raise PlatformError(
            f"{this.layer.name}: {read} rows were read, {passed} are accounted for; nothing is published. "
            "This is a fault of the program: please report it with the delivery."
        )
    return result


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


def _counts(connection: sa.Connection, this: Publication) -> dict[str, int]:
    ours = "WHERE run = :run AND layer = :layer"
    # The city's box is transformed once, not per row.
    box = "(SELECT ST_Transform(ST_MakeEnvelope(:west, :south, :east, :north, 4326), :srid))"
    beyond = f"FILTER (WHERE NOT geom && {box})"
    queries = {
        "staged, outside": f"SELECT count(*), count(*) {beyond} FROM {this.staged} WHERE ended IS NULL",
        "previous, published outside": f"SELECT count(*), count(*) {beyond} FROM {this.current}",
        "remembered": f"SELECT count(*) FROM (SELECT FROM {this.history} LIMIT 1) AS any_row",
        "rejected": f"SELECT count(*) FROM registry.reject {ours} AND NOT archival",
        "warnings": f"SELECT count(*) FROM registry.issue {ours} AND severity = 'warning'",
    }
    west, south, east, north = this.extent
    place = {"west": west, "south": south, "east": east, "north": north, "srid": this.srid}
    asked = this.moments | place
    found = {names: connection.execute(sa.text(query), asked).one() for names, query in queries.items()}
    counts = {name: n for names, row in found.items() for name, n in zip(names.split(", "), row, strict=True)}
    if this.known and counts["published outside"]:
        same = f"SELECT count(*) FROM {this.recognised_rows} WHERE NOT geom && {box}"
        counts["outside"] += connection.execute(sa.text(same), asked).scalar_one()
    return counts


def _published_stand(connection: sa.Connection, this: Publication) -> date | None:
    """The day the published rows speak of. Rows that come back from quarantine are of any day."""
    if this.partial:
        return None
    stand = sa.text("SELECT stand FROM registry.head WHERE layer = :layer")
    return connection.execute(stand, {"layer": this.layer.name}).scalar()


def _compare(connection: sa.Connection, this: Publication) -> dict[str, int]:
    """Write down what differs between staged and current rows, by key and hash; return rows per difference.

    A current row whose new version was rejected is not removed: it stays as it was.
    """
    key = this.layer.key
    _run(
        connection,
        this,
        f"""
        CREATE TEMPORARY TABLE {this.diff} ON COMMIT DROP AS
        SELECT COALESCE(new.{key}, old.{key}) AS key, new.hash AS hash,
               CASE WHEN old.{key} IS NULL THEN 'add' WHEN new.{key} IS NULL THEN 'remove'
                    ELSE 'change' END AS op,
               CASE WHEN old.{key} IS NULL THEN 'new' WHEN new.{key} IS NULL THEN 'gone'
                    ELSE 'real' END AS kind
        FROM (SELECT {key}, hash FROM {this.staged} WHERE ended IS NULL) AS new
        FULL JOIN ({_compared(this)}) AS old ON old.{key} = new.{key}
        WHERE old.hash IS DISTINCT FROM new.hash AND NOT (new.{key} IS NULL
              AND ({this.partial} OR old.{key} IN (
            SELECT key FROM registry.reject
            WHERE run = :run AND layer = :layer AND NOT archival AND key IS NOT NULL)))
        """,
    )
    _run(
        connection,
        this,
        f"""
        UPDATE {this.diff} AS diff
        SET kind = CASE WHEN {_redigitised(this.layer)} THEN 'redigitised' ELSE 'correction' END
        FROM {this.staged} AS new, {this.current} AS old
        WHERE diff.op = 'change' AND new.{key} = diff.key AND new.ended IS NULL AND old.{key} = diff.key
          AND (old.valid_since = new.valid_since OR {_redigitised(this.layer)})
        """,
    )
    connection.exec_driver_sql(f"ANALYZE {this.diff}")
    counted = connection.exec_driver_sql(f"SELECT op, count(*) AS rows FROM {this.diff} GROUP BY op")
    return {row.op: row.rows for row in counted}


def _compared(this: Publication) -> str:
    """The current rows that the staged ones are compared with: without those that were recognised."""
    key = this.layer.key
    joined = f"JOIN {this.open} AS open ON open.key = current.{key}" if this.known else ""
    return f"SELECT current.{key}, current.hash FROM {this.current} AS current {joined}"


def _tell_open(connection: sa.Connection, this: Publication, keys: pa.Array) -> None:
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE {this.open} ON COMMIT DROP AS SELECT {this.layer.key} AS key "
        f"FROM {this.current} LIMIT 0"
    )
    kind = KINDS[this.layer.field(this.layer.key).kind].arrow
    copy_rows(connection, this.open, pa.table({"key": keys.cast(kind)}))
    connection.exec_driver_sql(f"ANALYZE {this.open}")


def _redigitised(layer: Layer) -> str:
    """The same thing measured again: only its geometry differs, and not by much."""
    names = [field.name for field in layer.fields if field.name != layer.valid_from]
    old, new = (", ".join(f"{side}.{name}" for name in names) for side in ("old", "new"))
    near = f"ST_HausdorffDistance(old.geom, new.geom) <= {REDIGITISED_M}"
    return f"(({old}) IS NOT DISTINCT FROM ({new}) AND {near})"


def _write_rows(connection: sa.Connection, this: Publication) -> None:
    key, names = this.layer.key, this.columns
    columns, staged = ", ".join(names), ", ".join(f"new.{name}" for name in names)
    updated = ", ".join(f"{name} = new.{name}" for name in names)
    new = f"FROM {this.staged} AS new JOIN {this.diff} AS diff ON diff.key = new.{key} AND new.ended IS NULL"
    _run(
        connection,
        this,
        f"DELETE FROM {this.current} AS old USING {this.diff} AS diff "
        f"WHERE diff.op = 'remove' AND old.{key} = diff.key",
    )
    _run(
        connection,
        this,
        f"UPDATE {this.current} AS old SET {updated}, stand = :stand, run = :run, "
        f"valid_since = new.valid_since, recorded_since = :now {new} AND diff.op = 'change' "
        f"WHERE old.{key} = new.{key}",
    )
    _run(
        connection,
        this,
        f"INSERT INTO {this.current} ({columns}, stand, run, valid_since, recorded_since) "
        f"SELECT {staged}, :stand, :run, new.valid_since, :now {new} AND diff.op = 'add'",
    )


def _write_changes(connection: sa.Connection, this: Publication, counted: Account) -> int:
    """Numbers follow on without a gap: the lock makes this the only writer."""
    current = f"FROM {this.staged} WHERE ended IS NULL"
    fresh = f"(SELECT {this.layer.key} AS key, hash, 'add' AS op, 'new' AS kind {current}) AS fresh"
    _run(
        connection,
        this,
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
    _run(connection, this, confirmed)


def _stand(this: Publication) -> str:
    """SQL: rows that come back from quarantine may be of an earlier day than what is published."""
    return "GREATEST(head.stand, excluded.stand)" if this.partial else "excluded.stand"


def _run(connection: sa.Connection, this: Publication, statement: str) -> None:
    connection.execute(sa.text(statement), this.moments)
