"""Hop 5: accepted rows go by binary COPY to the staging table of the run."""

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd
import pgpq
import pyarrow as pa
import sqlalchemy as sa
from geopandas import GeoDataFrame

from layers import Layer
from layers.kinds import KINDS
from layers.table import SCHEMA
from pipelines.content import arrow_columns, content_hashes, wkb

MOMENT = KINDS["moment"].arrow


def staging_table(layer: Layer, run: int) -> str:
    """The name of the staging table of one layer in one run."""
    return f"staging.{layer.name}_{run}"


def make_staging(connection: sa.Connection, layer: Layer, run: int) -> None:
    """Make the empty staging table: the layer's columns, without keys, and each row's origin.

    It is not logged: a crash of the database loses it, and the run with it, but never a published row.
    """
    names = ", ".join(field.name for field in layer.fields)
    connection.exec_driver_sql(
        f"CREATE UNLOGGED TABLE {staging_table(layer, run)} AS "
        f"SELECT {names}, geom, hash, valid_since, valid_since AS ended, ''::text AS origin "
        f"FROM {SCHEMA}.{layer.name} LIMIT 0"
    )


def drop_staging(connection: sa.Connection, layer: Layer, run: int) -> None:
    """Remove the staging table, if it is there."""
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {staging_table(layer, run)}")


class Staged(NamedTuple):
    """Accepted rows of one batch: conformed; since when each is valid, when it ended, where it stood."""

    frame: GeoDataFrame
    valid_since: pd.Series
    ended: pd.Series
    origins: pd.Series


def stage(connection: sa.Connection, layer: Layer, run: int, batch: Staged) -> None:
    """Copy the accepted rows of one batch into the staging table."""
    frame = batch.frame
    srid = frame.crs.to_epsg() if frame.crs else None
    if srid is None:
        raise ValueError(f"{layer.name}: a conformed frame has a coordinate system of the EPSG")
    columns = arrow_columns(frame, layer)
    shapes = frame.geometry.to_numpy()
    rows = pa.table(
        columns
        | {
            # geometry_recv reads EWKB, so COPY BINARY needs no ST_GeomFromWKB.
            "geom": wkb(shapes, srid),
            "hash": content_hashes(columns, shapes),
            "valid_since": pa.Array.from_pandas(batch.valid_since, type=MOMENT),
            "ended": pa.Array.from_pandas(batch.ended, type=MOMENT),
            "origin": pa.array(batch.origins.to_numpy(), pa.string()),
        }
    )
    copy_rows(connection, staging_table(layer, run), rows)


def copy_rows(connection: sa.Connection, into: str, rows: pa.Table) -> None:
    """Binary COPY of an Arrow table into a table that has columns of the same names."""
    driver = connection.connection.driver_connection
    assert driver is not None
    names = ", ".join(f'"{name}"' for name in rows.column_names)
    with driver.cursor() as cursor, cursor.copy(f"COPY {into} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
        for part in _encoded(rows):
            copy.write(part)


def _encoded(rows: pa.Table) -> Iterable[bytes]:
    encoder = pgpq.ArrowToPostgresBinaryEncoder(rows.schema)
    yield bytes(encoder.write_header())
    for batch in rows.to_batches():
        yield bytes(encoder.write_batch(batch))
    yield bytes(encoder.finish())
