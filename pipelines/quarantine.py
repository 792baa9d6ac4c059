"""Rejected rows and issues, kept with the run that found them."""

import json
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import shapely
import sqlalchemy as sa
from geopandas import GeoDataFrame

from layers import Layer
from pipelines.conform import READER_COLUMNS, as_text
from pipelines.stage import copy_rows, staging_table

# What a row that comes back is called; the number is that of its first reject.
CAME_BACK = "reject "


class Batch(NamedTuple):
    """Rows of one run in the words of the source; the key each has or would have; which versions are over."""

    layer: Layer
    run: int
    source: GeoDataFrame
    keys: pd.Series
    over: pd.Series


def quarantine(connection: sa.Connection, batch: Batch, issues: pd.DataFrame) -> None:
    """Keep ``issues`` and the rows of the batch that have an error among them."""
    rejected = error_rows(issues)
    numbers = dict(zip(rejected, _new_numbers(connection, len(rejected)), strict=True))
    if len(issues):
        _keep_issues(connection, batch, issues, numbers)
    if rejected:
        _keep_rejects(connection, batch, numbers)


def error_rows(issues: pd.DataFrame) -> list[int]:
    """The labels of the rows that an error rejects, in order."""
    return sorted(set(issues.loc[issues["severity"].eq("error"), "row"]))


def reject_repeated(connection: sa.Connection, layer: Layer, run: int, fields: Iterable[str]) -> None:
    """Reject staged rows that share the value of one of ``fields``: nobody can say which is right.

    Their rejects are without the source's words until ``fill_rows``.
    """
    for field in dict.fromkeys(fields):
        connection.execute(_repeated(layer, run, field), {"run": run, "layer": layer.name, "field": field})


def empty_rows(connection: sa.Connection, layer: Layer, run: int) -> list[sa.Row]:
    """The rejects that await the source's words: number, origin, key."""
    asked = sa.text(
        "SELECT reject, origin, key FROM registry.reject "
        "WHERE run = :run AND layer = :layer AND row = '{}' ORDER BY reject"
    )
    return list(connection.execute(asked, {"run": run, "layer": layer.name}))


def fill_rows(connection: sa.Connection, source: GeoDataFrame, rejects: list[int]) -> None:
    """Write the source's words and geometry, one row per reject, into rejects that await them."""
    kept = {"reject": rejects, "row": _rows(source), "geom": _shapes(source)}
    connection.execute(
        sa.text(
            "UPDATE registry.reject SET row = CAST(:row AS jsonb), geom = CAST(:geom AS geometry) "
            "WHERE reject = :reject"
        ),
        [dict(zip(kept, row, strict=True)) for row in zip(*kept.values(), strict=True)],
    )


def _new_numbers(connection: sa.Connection, count: int) -> list[int]:
    asked = "SELECT nextval('registry.reject_reject_seq') FROM generate_series(1, %s)"
    return [number for (number,) in connection.exec_driver_sql(asked, (count,))]


def _keep_issues(
    connection: sa.Connection, batch: Batch, issues: pd.DataFrame, numbers: dict[int, int]
) -> None:
    rows = issues["row"]
    kept = {
        "run": pa.array([batch.run] * len(issues), pa.int64()),
        "layer": pa.array([batch.layer.name] * len(issues), pa.string()),
        "origin": _texts(batch.source["origin"].loc[rows]),
        "key": _texts(batch.keys.loc[rows]),
        "reject": pa.array([numbers.get(row) for row in rows], pa.int64()),
    }
    stated = {name: _texts(issues[name]) for name in ("code", "severity", "field", "value", "message")}
    copy_rows(connection, "registry.issue", pa.table(kept | stated))


def _keep_rejects(connection: sa.Connection, batch: Batch, numbers: dict[int, int]) -> None:
    rows = list(numbers)
    rejected = batch.source.loc[rows]
    kept = {
        "reject": numbers.values(),
        "origin": rejected["origin"],
        "key": batch.keys.loc[rows].astype("object").where(batch.keys.loc[rows].notna(), None),
        "archival": batch.over.loc[rows],
        "row": _rows(rejected),
        "geom": _shapes(rejected),
        "original": [_original(origin) for origin in rejected["origin"]],
    }
    connection.execute(
        sa.text(
            "INSERT INTO registry.reject (reject, run, layer, origin, key, archival, row, geom, original) "
            "VALUES (:reject, :run, :layer, :origin, :key, :archival, CAST(:row AS jsonb), "
            "CAST(:geom AS geometry), :original)"
        ),
        [
            {"run": batch.run, "layer": batch.layer.name} | dict(zip(kept, row, strict=True))
            for row in zip(*kept.values(), strict=True)
        ],
    )


def _original(origin: str) -> int | None:
    number = origin.removeprefix(CAME_BACK)
    return int(number) if number != origin and number.isdecimal() else None


def _rows(source: GeoDataFrame) -> list[str]:
    """The source's own columns as JSON, all of them text."""
    own = source.drop(columns=[name for name in READER_COLUMNS if name in source])
    texts = pd.DataFrame({name: as_text(own[name]).astype("object") for name in own}, index=own.index)
    return [_json(row) for row in texts.to_dict("records")]


def _shapes(source: GeoDataFrame) -> list[str | None]:
    return [_hex_ewkb(shape, _srid(source)) for shape in source.geometry]


def _srid(frame: GeoDataFrame) -> int:
    """The EPSG code of the frame, 0 if it has none; CRS84 is 4326 with longitude first, as PostGIS has it."""
    if frame.crs is None:
        return 0
    return 4326 if frame.crs == "OGC:CRS84" else frame.crs.to_epsg() or 0


def _hex_ewkb(shape: shapely.Geometry | None, srid: int) -> str | None:
    return (
        None if shape is None else shapely.to_wkb(shapely.set_srid(shape, srid), hex=True, include_srid=True)
    )


def _json(row: dict) -> str:
    # A NUL is legal in a source's text but not in jsonb.
    said = {name: None if pd.isna(value) else str(value).replace("\x00", "�") for name, value in row.items()}
    return json.dumps(said, ensure_ascii=False)


def _texts(values: pd.Series) -> pa.Array:
    shown = [None if pd.isna(value) else str(value).replace("\x00", "�") for value in values]
    return pa.array(shown, pa.string())


def _repeated(layer: Layer, run: int, field: str) -> sa.TextClause:
    staged = staging_table(layer, run)
    return sa.text(f"""
        WITH twice AS MATERIALIZED (
            SELECT {field} FROM {staged} WHERE {field} IS NOT NULL AND ended IS NULL
            GROUP BY {field} HAVING count(*) > 1
        ), repeated AS (
            SELECT {field}, string_agg(origin, ', ' ORDER BY length(origin), origin) AS places
            FROM {staged} JOIN twice USING ({field}) WHERE ended IS NULL GROUP BY {field}
        ), gone AS (
            DELETE FROM {staged} AS row USING repeated
            WHERE row.{field} = repeated.{field} AND row.ended IS NULL
            RETURNING row.*, repeated.places
        ), numbered AS MATERIALIZED (
            SELECT *, nextval('registry.reject_reject_seq') AS reject FROM gone
        ), kept AS (
            INSERT INTO registry.reject (reject, run, layer, origin, key, row, original)
            SELECT reject, :run, :layer, origin, {layer.key}, '{{}}', {first_reject("origin")} FROM numbered
        )
        INSERT INTO registry.issue (run, layer, origin, key, code, severity, field, value, message, reject)
        SELECT :run, :layer, origin, {layer.key}, 'repeated', 'error', :field, {field},
               format('%s %s stands in more than one row: %s. Leave the right one in the delivery.',
                      CAST(:field AS text), quote_literal({field}), left(places, 200)),
               reject
        FROM numbered
    """)


def first_reject(origin: str) -> str:
    """SQL: the number in the origin of a row that came back, else null."""
    return f"CAST(substring({origin} FROM '^{CAME_BACK}([0-9]+)$') AS bigint)"
