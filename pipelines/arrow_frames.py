"""A batch of rows as Arrow IPC bytes and back: geometry as WKB, with its coordinate system and its layer."""

import json
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from geopandas import GeoDataFrame
from pyproj import CRS

KEY = b"mesip"


def to_bytes(layer: str, frame: GeoDataFrame) -> pa.Buffer:
    """``frame`` of ``layer`` as one stream of Arrow IPC; columns that Arrow cannot type travel as text."""
    geometry = str(frame.geometry.name)
    columns: dict[str, Any] = {str(name): _column(frame[name]) for name in frame if name != geometry}
    shapes = pa.array(shapely.to_wkb(frame.geometry.to_numpy(), output_dimension=4), pa.binary())
    told = {
        "layer": layer,
        "crs": None if frame.crs is None else frame.crs.srs,
        "geometry": geometry,
        "first": int(frame.index[0]) if len(frame) else 0,
        "objects": [name for name in columns if pd.api.types.is_object_dtype(frame[name])],
    }
    table = pa.table(columns | {geometry: shapes}).replace_schema_metadata({KEY: json.dumps(told).encode()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def from_bytes(message: bytes) -> tuple[str, GeoDataFrame]:
    """The layer and the frame that ``to_bytes`` wrote; the index counts on from where it began."""
    with pa.ipc.open_stream(message) as stream:
        table = stream.read_all()
    told = json.loads((table.schema.metadata or {})[KEY])
    shapes = shapely.from_wkb(table[told["geometry"]].to_numpy())
    table = table.drop_columns([told["geometry"]])
    columns = {name: table[name].to_pandas() for name in table.column_names if name not in told["objects"]}
    columns |= {name: _objects(table[name]) for name in told["objects"]}
    index = pd.RangeIndex(told["first"], told["first"] + len(shapes))
    frame = pd.DataFrame({name: columns[name].set_axis(index) for name in table.column_names}, index)
    return told["layer"], GeoDataFrame(frame, geometry=shapes, crs=_crs(told["crs"]))


def _column(values: pd.Series) -> pa.Array | pa.ChunkedArray:
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array(values.astype("str").where(values.notna()), pa.string(), from_pandas=True)


def _objects(column: pa.ChunkedArray) -> pd.Series:
    """Python objects as they were, None where there is none: `to_pandas` would make another kind of text."""
    if pa.types.is_string(column.type) or pa.types.is_null(column.type):
        return pd.Series(np.asarray(column.to_numpy(), dtype=object), dtype=object)
    return column.to_pandas()


@cache
def _crs(told: str | None) -> CRS | None:
    return None if told is None else CRS(told)
