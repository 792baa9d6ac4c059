"""What a level sees of a layer's rows and of their two times, as SQL.

A version of a row may differ from the one before it in closed fields only. Who may not see those must not see
that there were two versions: they are told as one, in the only way that depends on the visible fields alone.
"""

from layers import Layer, Level
from layers.table import SCHEMA


def sees_all(layer: Layer, level: Level) -> bool:
    """Whether no field of the layer is closed to the level."""
    return len(layer.visible_fields(level)) == len(layer.fields)


def versions(layer: Layer, level: Level) -> str:
    """The versions of a layer's rows: visible columns, ``valid``, ``recorded``."""
    names = [field.name for field in layer.visible_fields(level)]
    every = _every(layer, ", ".join([*names, "geom", "lonlat"]))
    return every if sees_all(layer, level) else _merged(layer, names, every)


def current(layer: Layer, level: Level, versions_view: str) -> str:
    """The current rows: visible columns, ``valid_since``, ``recorded_since``.

    A row without history is its own only version, and that is most of them.
    """
    columns = ", ".join([*(field.name for field in layer.visible_fields(level)), "geom", "lonlat"])
    table, key = f"{SCHEMA}.{layer.name}", layer.key
    if sees_all(layer, level):
        return f"SELECT {columns}, valid_since, recorded_since FROM {table}"
    newest = f"FROM {versions_view} AS one WHERE one.{key} = now.{key}"
    newest += " AND upper_inf(valid) AND upper_inf(recorded)"
    alone = f"NOT EXISTS (SELECT FROM {table}_history AS over WHERE over.{key} = now.{key})"
    return f"""
        SELECT {columns},
            CASE WHEN {alone} THEN valid_since ELSE (SELECT lower(valid) {newest}) END AS valid_since,
            CASE WHEN {alone} THEN recorded_since ELSE (SELECT lower(recorded) {newest}) END AS recorded_since
        FROM {table} AS now
    """


def past(layer: Layer, level: Level, versions_view: str) -> str:
    """The versions that are not current: visible columns, ``valid``, ``recorded``."""
    if not sees_all(layer, level):
        return f"SELECT * FROM {versions_view} WHERE NOT (upper_inf(valid) AND upper_inf(recorded))"
    columns = ", ".join([*(field.name for field in layer.fields), "geom", "lonlat"])
    return f"SELECT {columns}, valid, recorded FROM {SCHEMA}.{layer.name}_history"


def _every(layer: Layer, columns: str) -> str:
    table = f"{SCHEMA}.{layer.name}"
    return f"""
        SELECT {columns}, tstzrange(valid_since, NULL) AS valid, tstzrange(recorded_since, NULL) AS recorded
        FROM {table} UNION ALL SELECT {columns}, valid, recorded FROM {table}_history
    """


def _merged(layer: Layer, names: list[str], every: str) -> str:
    """The versions ``every``, those that look the same told as one.

    The recorded time is cut where any of them begins or ends. In each of these slabs, spans of valid time
    that touch are joined; then each span is recorded as long as it stayed.
    """
    columns = ", ".join([layer.key, *(name for name in names if name != layer.key), "geom", "lonlat"])
    slabs = """
        SELECT tstzrange(at, lead(at) OVER (ORDER BY at)) AS slab FROM (
            SELECT lower(one) AS at FROM unnest(records) AS one
            UNION SELECT upper(one) FROM unnest(records) AS one WHERE NOT upper_inf(one)
        ) AS cuts
    """
    return f"""
        SELECT {", ".join([*names, "geom", "lonlat"])}, told.valid, told.recorded
        FROM (
            SELECT {columns}, count(*) AS times, array_agg(valid) AS spans, array_agg(recorded) AS records
            FROM ({every}) AS every GROUP BY {columns}
        ) AS same CROSS JOIN LATERAL (
            SELECT spans[1] AS valid, records[1] AS recorded WHERE times = 1
            UNION ALL
            SELECT span, recorded FROM (
                SELECT span, range_agg(slab) AS stayed FROM (
                    SELECT slab, range_agg(each.valid) AS joined
                    FROM ({slabs}) AS slabs
                    JOIN unnest(spans, records) AS each (valid, recorded) ON each.recorded @> slab
                    GROUP BY slab
                ) AS sections CROSS JOIN LATERAL unnest(joined) AS span GROUP BY span
            ) AS stays CROSS JOIN LATERAL unnest(stayed) AS recorded
            WHERE times > 1
        ) AS told
    """
