"""Rows of a layer as Arrow batches, in the words of its declaration, as the database hands them out."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from api.filters import TIME_NAMES
from layers import Field, Layer
from layers.kinds import KINDS, UNITS

GEOMETRY = "geometry"


def schema(layer: Layer, *, timed: bool) -> pa.Schema:
    """The fields of the layer, ``timed``: when a version is valid, then geometry as WKB.

    Titles go along for who reads them.
    """
    fields = [_field(field) for field in layer.fields]
    times = [pa.field(name, KINDS["moment"].arrow) for name in (TIME_NAMES if timed else ())]
    place = pa.field(GEOMETRY, pa.binary(), metadata={"ARROW:extension:name": "geoarrow.wkb"})
    return pa.schema([*fields, *times, place])


def batches(shape: pa.Schema, portions: Iterator[list[tuple]]) -> Iterator[pa.RecordBatch]:
    """Rows that have the columns of ``shape``, portion by portion."""
    for rows in portions:
        columns = zip(*rows, strict=True)
        arrays = [pa.array(values, field.type) for values, field in zip(columns, shape, strict=True)]
        yield pa.record_batch(arrays, schema=shape)


def _field(field: Field) -> Any:
    unit = f" [{UNITS[field.unit].symbol}]" if field.unit and field.unit != "1" else ""
    # GDAL's names: formats that have a place for a field's title and comment write them there.
    told = {"GDAL:OGR:alternative_name": field.pl, "GDAL:OGR:comment": f"{field.en}{unit}"}
    return pa.field(field.name, KINDS[field.kind].arrow, nullable=not field.required, metadata=told)
