"""What a publication would do, counted, before anything is written."""

from datetime import date

import pyarrow as pa
import sqlalchemy as sa

from layers import Layer
from layers.kinds import KINDS
from mesip.errors import PlatformError
from pipelines.guards import Account
from pipelines.publication import Publication
from pipelines.stage import copy_rows

# What a second survey of the same thing may differ by, in metres, when everything else is the same.
REDIGITISED_M = 0.5


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
    withheld = 0 if fresh else _withhold_removals(connection, this, ops.get("remove", 0))
    added, changed = ops.get("add", 0), ops.get("change", 0)
    result = Account(
        read=read + this.recognised,
        archival=archival,
        added=added,
        changed=changed,
        confirmed=this.recognised + counts["staged"] - added - changed,
        removed=ops.get("remove", 0) - withheld,
        rejected=counts["rejected"],
        warnings=counts["warnings"] + bool(withheld),
        previous=counts["previous"],
        outside=counts["outside"],
        withheld=withheld,
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


def _counts(connection: sa.Connection, this: Publication) -> dict[str, int]:
    ours = "WHERE run = :run AND layer = :layer"
    # The city's box is transformed once, not per row.
    box = "(SELECT ST_Transform(ST_MakeEnvelope(:west, :south, :east, :north, 4326), :srid))"
    beyond = f"FILTER (WHERE NOT geom && {box})"
    queries = {
        "staged, outside": f"SELECT count(*), count(*) {beyond} FROM {this.staged} WHERE ended IS NULL",
        "previous, published outside": _published(this, beyond),
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


def _published(this: Publication, beyond: str) -> str:
    """How many rows are published, and how many of them outside: the head of the layer tells both, where
    rows were recognised and the box around them lies in the city.
    """
    counted = f"SELECT count(*), count(*) {beyond} FROM {this.current}"
    if not this.known:
        return counted
    inside = "extent[1] >= :west AND extent[2] >= :south AND extent[3] <= :east AND extent[4] <= :north"
    return (
        f"SELECT COALESCE(max(rows), (SELECT count(*) FROM {this.current})), "
        f"CASE WHEN bool_and({inside}) THEN 0 ELSE (SELECT count(*) {beyond} FROM {this.current}) END "
        "FROM registry.head WHERE layer = :layer"
    )


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
    this.execute(
        connection,
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
    this.execute(
        connection,
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


def _withhold_removals(connection: sa.Connection, this: Publication, removals: int) -> int:
    """Take all removals back if a rejected row has no key: it may be any of them. Return how many."""
    if not removals or "removals" in this.accepted:
        return 0
    told = sa.text("""
        WITH nameless AS (
            SELECT count(*) AS rows, min(origin) AS origin FROM registry.reject
            WHERE run = :run AND layer = :layer AND NOT archival AND key IS NULL
        )
        INSERT INTO registry.issue (run, layer, origin, code, severity, field, value, message)
        SELECT :run, :layer, origin, 'removal.withheld', 'warning', :key, rows,
               format('%s published rows are absent from the delivery, but nobody can read the %s of %s '
                      'rejected rows, which may be some of them: nothing was removed. Correct those rows '
                      'and deliver again, or say with --accept removals that what is absent is gone.',
                      CAST(:removals AS text), CAST(:key AS text), rows)
        FROM nameless WHERE rows > 0
    """)
    asked = {"run": this.run, "layer": this.layer.name, "key": this.layer.key, "removals": removals}
    if not connection.execute(told, asked).rowcount:
        return 0
    return connection.exec_driver_sql(f"DELETE FROM {this.diff} WHERE op = 'remove'").rowcount


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
