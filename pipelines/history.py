"""Two times of every row: when it was so in the world, and when we said so."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from layers import Layer
from layers.table import SCHEMA, history_table
from pipelines.publication import Publication

POSTGRESQL = postgresql.dialect()


def keep_superseded(connection: sa.Connection, this: Publication, *, archival: bool) -> None:
    """Move current rows that change or go to the history, and tell there what is now known of their time.

    What a delivery tells of a key – its new current version, its archival ones, its end – replaces what was
    believed of just that time. Of any other time the belief stays. Nothing is forgotten: a replaced belief
    keeps its row, and its record ends. ``archival``: the delivery holds versions that are over.
    """
    _move_to_history(connection, this)
    _tell(connection, this)
    if archival:
        _tell_archival(connection, this)
    # Without it the planner takes the told keys for a few, and looks through them for each belief.
    connection.exec_driver_sql(f"ANALYZE {this.told}")
    _replace_beliefs(connection, this)
    if archival:
        add_archival(connection, this)


def at_function(layer: Layer, srid: int) -> str:
    """The SQL function ``city.<layer>_at(valid_at, known_at)``: rows valid then, as known then.

    ``infinity`` is the latest of either time.
    """
    kept = [
        column for column in history_table(layer, srid).columns if column.name not in ("valid", "recorded")
    ]
    names = ", ".join(column.name for column in kept)
    types = ", ".join(f"{column.name} {column.type.compile(dialect=POSTGRESQL)}" for column in kept)
    table = f"{SCHEMA}.{layer.name}"
    return f"""
        CREATE FUNCTION {table}_at(valid_at timestamptz, known_at timestamptz)
        RETURNS TABLE ({types}, valid tstzrange, recorded tstzrange)
        LANGUAGE sql STABLE PARALLEL SAFE AS $$
            SELECT {names}, tstzrange(valid_since, NULL), tstzrange(recorded_since, NULL) FROM {table}
            WHERE valid_since <= valid_at AND recorded_since <= known_at
            UNION ALL
            SELECT {names}, valid, recorded FROM {table}_history
            WHERE valid @> valid_at AND recorded @> known_at
        $$
    """


def _move_to_history(connection: sa.Connection, this: Publication) -> None:
    names, key = ", ".join(this.columns), this.layer.key
    this.execute(
        connection,
        f"""
        INSERT INTO {this.history} ({names}, stand, run, valid, recorded)
        SELECT {names}, stand, run, tstzrange(valid_since, NULL), tstzrange(recorded_since, NULL)
        FROM {this.current} WHERE {key} IN (SELECT key FROM {this.diff} WHERE op IN ('change', 'remove'))
        """,
    )


def _tell(connection: sa.Connection, this: Publication) -> None:
    """The spans of time the delivery speaks of, per key; ``hash``: of an archival version that fills one."""
    key = this.layer.key
    this.execute(
        connection,
        f"""
        CREATE TEMPORARY TABLE {this.told} ON COMMIT DROP AS
        SELECT new.{key} AS key, tstzrange(new.valid_since, NULL) AS span, NULL::uuid AS hash
        FROM {this.staged} AS new JOIN {this.diff} AS diff ON diff.key = new.{key} AND diff.op <> 'remove'
        WHERE new.ended IS NULL
        UNION ALL
        SELECT diff.key, tstzrange(GREATEST(COALESCE(over.ended, :begins), old.valid_since), NULL), NULL
        FROM {this.diff} AS diff JOIN {this.current} AS old ON old.{key} = diff.key
        LEFT JOIN (SELECT {key}, max(ended) AS ended FROM {this.staged} GROUP BY {key}) AS over
            ON over.{key} = diff.key
        WHERE diff.op = 'remove'
        """,
    )


def _tell_archival(connection: sa.Connection, this: Publication) -> None:
    told = f"SELECT {this.layer.key}, tstzrange(valid_since, until), hash FROM ({_archival(this)}) AS version"
    this.execute(connection, f"INSERT INTO {this.told} {told}")


def _archival(this: Publication) -> str:
    """Archival versions, each at most until the next one begins: of two that overlap, the later one holds."""
    key = this.layer.key
    return f"""
        SELECT * FROM (
            SELECT DISTINCT ON ({key}, valid_since) *, LEAST(ended, following) AS until FROM (
                SELECT *, min(valid_since) OVER (PARTITION BY {key} ORDER BY valid_since
                    RANGE BETWEEN '1 microsecond' FOLLOWING AND UNBOUNDED FOLLOWING) AS following
                FROM {this.staged}
            ) AS chain WHERE ended IS NOT NULL ORDER BY {key}, valid_since, ended DESC
        ) AS clipped WHERE until > valid_since
    """


def _replace_beliefs(connection: sa.Connection, this: Publication) -> None:
    """End the record of beliefs that the delivery contradicts, and keep saying what it did not speak of."""
    names = ", ".join(f"belief.{name}" for name in this.columns)
    spans = f"SELECT key, range_agg(span) AS spans FROM {this.told} GROUP BY key"
    key = this.layer.key
    same = f"SELECT FROM {this.told} AS told WHERE told.key = belief.{key} AND told.hash = belief.hash"
    doubted = f"""
        upper_inf(belief.recorded) AND told.key = belief.{key} AND told.spans && belief.valid
        AND NOT EXISTS ({same} AND told.span = belief.valid)
    """
    this.execute(
        connection,
        f"""
        WITH told AS ({spans}), doubted AS (
            SELECT belief.*, tstzmultirange(belief.valid) - told.spans AS left_over
            FROM {this.history} AS belief, told WHERE {doubted}
        )
        INSERT INTO {this.history} ({", ".join(this.columns)}, stand, run, valid, recorded)
        SELECT {names}, stand, run, part, tstzrange(:now, NULL)
        FROM doubted AS belief, unnest(left_over) AS part
        """,
    )
    this.execute(
        connection,
        f"""
        WITH told AS ({spans})
        UPDATE {this.history} AS belief SET recorded = tstzrange(lower(belief.recorded), :now)
        FROM told WHERE {doubted} AND lower(belief.recorded) < :now
        """,
    )


def add_archival(connection: sa.Connection, this: Publication) -> None:
    """Write down the versions that are over, unless that is what is believed already."""
    key, names = this.layer.key, ", ".join(this.columns)
    this.execute(
        connection,
        f"""
        INSERT INTO {this.history} ({names}, stand, run, valid, recorded)
        SELECT {names}, :stand, :run, tstzrange(valid_since, until), tstzrange(:now, NULL)
        FROM ({_archival(this)}) AS version WHERE NOT EXISTS (
            SELECT FROM {this.history} AS belief
            WHERE belief.{key} = version.{key} AND belief.hash = version.hash AND upper_inf(belief.recorded)
              AND belief.valid = tstzrange(version.valid_since, version.until))
        """,
    )
