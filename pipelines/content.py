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
    places = pa.array(shapely.to_wkb(canonical(shapes)), pa.binary())
    joined = pc.binary_join_element_wise(
        *texts, places, SEPARATOR, null_handling="replace", null_replacement=ABSENT
    )
    return pa.array(
        [hashlib.blake2b(row, digest_size=16).digest() for row in joined.to_pylist()], pa.binary(16)
    )


def canonical(shapes: np.ndarray) -> np.ndarray:
    """The same places with one way of writing them: rounded, rings and parts in normal order."""
    rounded = shapely.transform(shapes, lambda xy: np.round(xy, DECIMALS) + 0.0)
    return shapely.normalize(rounded)
