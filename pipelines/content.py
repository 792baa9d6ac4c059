"""The hash of a row's content: equal for equal content, whoever exported it."""

# pyarrow makes its compute functions when it is imported, where no checker sees them.
# pyright: reportAttributeAccessIssue=false

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from geopandas import GeoDataFrame

from layers import Layer
from layers.kinds import KINDS

# Coordinates are delivered in centimetres; what differs below a tenth of a millimetre is arithmetic.
DECIMALS = 4
SEPARATOR = b"\x1f"
ABSENT = b"\x00"
POINT, WITH_SRID = 1, 0x20000000


def arrow_columns(frame: GeoDataFrame, layer: Layer) -> dict[str, pa.Array]:
    """The declared fields of a conformed frame as Arrow arrays of the declared kinds."""
    return {
        field.name: pa.Array.from_pandas(frame[field.name], type=KINDS[field.kind].arrow)
        for field in layer.fields
    }


def content_hashes(columns: dict[str, pa.Array], shapes: np.ndarray) -> pa.Array:
    """One hash of 16 bytes per row, over the fields in the order of their names and the geometry.

    Where a ring starts and which way it runs, how numbers were written and the order of rows do not count.
    """
    texts = [pc.cast(pc.cast(columns[name], pa.string()), pa.binary()) for name in sorted(columns)]
    places = _canonical_wkb(shapes)
    joined = pc.binary_join_element_wise(
        *texts, places, SEPARATOR, null_handling="replace", null_replacement=ABSENT
    )
    return pa.array(
        [hashlib.blake2b(row, digest_size=16).digest() for row in joined.to_pylist()], pa.binary(16)
    )


def canonical(shapes: np.ndarray) -> np.ndarray:
    """The same places with one way of writing them: rounded, rings and parts in normal order."""
    return shapely.normalize(shapely.transform(shapes, _rounded))


def wkb(shapes: np.ndarray, srid: int | None = None) -> pa.Array:
    """Shapes of the plane as WKB; with ``srid`` as EWKB, which the database takes as it is."""
    if _all_points(shapes):
        return _point_wkb(shapely.get_coordinates(shapes), srid)
    placed = shapes if srid is None else shapely.set_srid(shapes, srid)
    return pa.array(shapely.to_wkb(placed, include_srid=srid is not None), pa.binary())


def fixed_binary(written: np.ndarray, width: int) -> pa.Array:
    """The bytes of a contiguous array as binaries of ``width`` bytes each."""
    buffers = [None, pa.py_buffer(written)]
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(written), buffers).cast(pa.binary())


def _canonical_wkb(shapes: np.ndarray) -> pa.Array:
    if _all_points(shapes):
        return _point_wkb(_rounded(shapely.get_coordinates(shapes)), None)
    return wkb(canonical(shapes))


def _rounded(xy: np.ndarray) -> np.ndarray:
    return np.round(xy, DECIMALS) + 0.0  # there is one zero


def _all_points(shapes: np.ndarray) -> bool:
    points = (shapely.get_type_id(shapes) == shapely.GeometryType.POINT) & ~shapely.is_empty(shapes)
    return bool(points.all()) and not shapely.has_z(shapes).any()


def _point_wkb(xy: np.ndarray, srid: int | None) -> pa.Array:
    """Points in the form of Simple Features 06-103r4, 8.2.8; most rows of a city are points."""
    with_srid = [] if srid is None else [("srid", "<u4")]
    head, place = [("order", "u1"), ("kind", "<u4")], [("x", "<f8"), ("y", "<f8")]
    written = np.empty(len(xy), dtype=head + with_srid + place)
    written["order"], written["kind"] = 1, POINT if srid is None else POINT | WITH_SRID
    if srid is not None:
        written["srid"] = srid
    written["x"], written["y"] = xy[:, 0], xy[:, 1]
    return fixed_binary(written, written.dtype.itemsize)
