"""A batch of rows as an Arrow table: geometry as WKB, beside it its coordinate system and its layer."""

# pyarrow makes its compute functions when it is imported, where no checker sees them.
# pyright: reportAttributeAccessIssue=false

import json
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from geopandas import GeoDataFrame
from numpy.typing import NDArray
from pyproj import CRS

KEY = b"mesip"
CURVED = "The geometry has arcs, which this layer cannot keep. Export it with straight lines."
LOST = "The geometry is damaged, or of a type that is not known here."


def to_table(layer: str, frame: GeoDataFrame) -> pa.Table:
    """``frame`` of ``layer``; columns that Arrow cannot type travel as text."""
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
    return _telling(pa.table(columns | {geometry: shapes}), told)


def with_places(rows: pa.Table, column: str, crs: Any) -> pa.Table:
    """The rows of a file with the WKB of ``column`` as their geometry, and ``fault`` where it is unreadable.

    It is tried here, in the process that is confined; what others parse again is what did no harm.
    """
    written = rows[column].combine_chunks().cast(pa.binary())
    shapes, curved = _parsed(written.to_numpy(zero_copy_only=False))
    lost = pa.array(shapely.is_missing(shapes) & written.is_valid().to_numpy(zero_copy_only=False))
    faults = pc.if_else(lost, pc.if_else(pa.array(curved), CURVED, LOST), pa.scalar(None, pa.string()))
    places = pc.if_else(lost, pa.scalar(None, pa.binary()), written)
    placed = rows.drop_columns([column]).append_column("fault", faults).append_column("geometry", places)
    told = {"layer": "", "crs": CRS(crs).srs, "geometry": "geometry", "first": 0, "objects": []}
    return _telling(placed, told)


def _parsed(written: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """The geometries, None where there is none or it is unreadable; and which have arcs."""
    try:
        with np.errstate(invalid="ignore"):  # coordinates that are no number become an issue of their row
            return shapely.from_wkb(written, on_invalid="ignore"), np.zeros(len(written), bool)
    except NotImplementedError:  # GEOS gives up at the first arc, so each is asked
        curved = np.array([_is_curved(each) for each in written], bool)
        straight = written.copy()
        straight[curved] = None
        return shapely.from_wkb(straight, on_invalid="ignore"), curved


def _is_curved(written: bytes | None) -> bool:
    try:
        shapely.from_wkb(written, on_invalid="ignore")
    except NotImplementedError:
        return True
    return False


def is_placed(table: pa.Table) -> bool:
    """Whether the rows have geometry."""
    return KEY in (table.schema.metadata or {})


def named(table: pa.Table, layer: str, first: int) -> pa.Table:
    """The table as one of ``layer`` whose first row has the number ``first``."""
    return _telling(table, _told(table) | {"layer": layer, "first": first})


def part(table: pa.Table, start: int, length: int | None = None) -> pa.Table:
    """Some of the rows, which keep their numbers."""
    told = _told(table)
    return _telling(table.slice(start, length), told | {"first": told["first"] + start})


def layer_of(table: pa.Table) -> str:
    """The name of the layer whose rows these are."""
    return _told(table)["layer"]


def number_of_first(table: pa.Table) -> int:
    """The number of the first row."""
    return _told(table)["first"]


def to_frame(table: pa.Table) -> GeoDataFrame:
    """The rows as a frame; the index counts on from where the table begins."""
    told = _told(table)
    shapes = shapely.from_wkb(table[told["geometry"]].to_numpy())
    table = table.drop_columns([told["geometry"]])
    columns = {name: table[name].to_pandas() for name in table.column_names if name not in told["objects"]}
    columns |= {name: _objects(table[name]) for name in told["objects"]}
    index = pd.RangeIndex(told["first"], told["first"] + len(shapes))
    frame = pd.DataFrame({name: columns[name].set_axis(index) for name in table.column_names}, index)
    return GeoDataFrame(frame, geometry=shapes, crs=_crs(told["crs"]))


def to_bytes(table: pa.Table) -> pa.Buffer:
    """The table as one stream of Arrow IPC."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def from_bytes(message: bytes) -> pa.Table:
    """The table that ``to_bytes`` wrote."""
    with pa.ipc.open_stream(message) as stream:
        return stream.read_all()


def _told(table: pa.Table) -> dict[str, Any]:
    return json.loads((table.schema.metadata or {})[KEY])


def _telling(table: pa.Table, told: dict[str, Any]) -> pa.Table:
    return table.replace_schema_metadata({KEY: json.dumps(told).encode()})


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
