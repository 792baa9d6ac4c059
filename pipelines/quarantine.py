"""Rejected rows and issues, kept with the run that found them."""

import json
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import shapely
import sqlalchemy as sa
from geopandas import GeoDataFrame

from layers import Layer
from pipelines.conform import READER_COLUMNS
from pipelines.stage import copy_rows, staging_table


class Batch(NamedTuple):
    """Rows of one run in the words of the source; the key each has or would have; which versions are over."""

    layer: Layer
    run: int
    source: GeoDataFrame
    keys: pd.Series
    over: pd.Series


def quarantine(connection: sa.Connection, batch: Batch, issues: pd.DataFrame) -> None:
    """Keep ``issues`` and the rows of the batch that have an error among them."""
    if len(issues):
        _keep_issues(connection, batch, issues)
    if rejected := error_rows(issues):
        _keep_rejects(connection, batch, rejected)


def error_rows(issues: pd.DataFrame) -> list:
    """The labels of the rows that an error rejects, in order."""
    return sorted(set(issues.loc[issues["severity"].eq("error"), "row"]))


def reject_repeated(connection: sa.Connection, layer: Layer, run: int) -> None:
    """Reject staged rows that share a key, or a value that must be unique: nobody can say which is right."""
    for field in dict.fromkeys((layer.key, *layer.unique)):
        connection.execute(_repeated(layer, run, field), {"run": run, "layer": layer.name, "field": field})


def _keep_issues(connection: sa.Connection, batch: Batch, issues: pd.DataFrame) -> None:
    rows = issues["row"]
    kept = {
        "run": pa.array([batch.run] * len(issues), pa.int64()),
        "layer": pa.array([batch.layer.name] * len(issues), pa.string()),
        "origin": _texts(batch.source["origin"].loc[rows]),
        "key": _texts(batch.keys.loc[rows]),
    }
    stated = {name: _texts(issues[name]) for name in ("code", "severity", "field", "value", "message")}
    copy_rows(connection, "registry.issue", pa.table(kept | stated))


def _keep_rejects(connection: sa.Connection, batch: Batch, rows: list) -> None:
    rejected = batch.source.loc[rows]
    own = rejected.drop(columns=[name for name in READER_COLUMNS if name in rejected])
    kept = {
        "origin": rejected["origin"],
        "key": batch.keys.loc[rows].astype("object").where(batch.keys.loc[rows].notna(), None),
        "archival": batch.over.loc[rows],
        "row": [_json(row) for row in own.to_dict("records")],
        "geom": [_hex_ewkb(shape, _srid(rejected)) for shape in rejected.geometry],
    }
    connection.execute(
        sa.text(
            "INSERT INTO registry.reject (run, layer, origin, key, archival, row, geom) "
            "VALUES (:run, :layer, :origin, :key, :archival, CAST(:row AS jsonb), CAST(:geom AS geometry))"
        ),
        [
            {"run": batch.run, "layer": batch.layer.name} | dict(zip(kept, row, strict=True))
            for row in zip(*kept.values(), strict=True)
        ],
    )


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
            SELECT {field}, string_agg(origin, ', ' ORDER BY origin) AS places
            FROM {staged} JOIN twice USING ({field}) WHERE ended IS NULL GROUP BY {field}
        ), gone AS (
            DELETE FROM {staged} AS row USING repeated
            WHERE row.{field} = repeated.{field} AND row.ended IS NULL
            RETURNING row.*, repeated.places
        ), kept AS (
            INSERT INTO registry.reject (run, layer, origin, key, row, geom)
            SELECT :run, :layer, origin, {layer.key},
                   to_jsonb(gone) - '{{geom,hash,places,origin,valid_since,ended}}'::text[], geom
            FROM gone
        )
        INSERT INTO registry.issue (run, layer, origin, key, code, severity, field, value, message)
        SELECT :run, :layer, origin, {layer.key}, 'repeated', 'error', :field, {field},
               format('%s %s stands in more than one row: %s. Leave the right one in the delivery.',
                      CAST(:field AS text), quote_literal({field}), left(places, 200))
        FROM gone
    """)
