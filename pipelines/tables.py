"""Hop 2: a table of any of the known formats, as a stream of frames in the words of the source."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from geopandas import GeoDataFrame

from layers import Layer, Points, get_layer
from mesip.errors import SourceError
from pipelines.arrow_frames import is_placed, named, to_frame, to_table
from pipelines.casts import to_number
from pipelines.conform import listed, source_name
from pipelines.gdal_tables import SIGNS, placed, read_gdal_table, with_origins
from pipelines.json_tables import read_json_table
from pipelines.text_tables import read_text_table

# Text is slow to read, and the first rows of a delivery should be judged soon.
BATCH_ROWS, BATCH_ROWS_TEXT = 100_000, 50_000
TEXT_FORMATS = (".csv", ".txt", ".tsv", ".gz")
JSON_FORMATS = (".json", ".geojson")
FORMATS = (*SIGNS, *TEXT_FORMATS, *JSON_FORMATS, ".parquet")


def read_rows(path: Path, name: str) -> Iterator[pa.Table]:
    """The rows of ``path`` in batches: the source's columns, ``origin`` and geometry in the source's system.

    ``origin`` says where a row stands: ``line 17`` of a text, ``row 17`` of other tables, the header not
    counted. ``torn`` and ``fault``, if there are such columns, say why the row or its geometry could not be
    read. The numbers of the index go on over batches.

    Raises:
        SourceError: the format is not allowed, the content is not of that format, or no place is told.
    """
    first, layer = 1, get_layer(name)
    for batch in _batches(path, layer):
        yield named(_placed(batch, layer, path.name), name, first)
        first += len(batch)


def read_table(path: Path, layer: Layer) -> Iterator[GeoDataFrame]:
    """What ``read_rows`` gives, as frames."""
    return map(to_frame, read_rows(path, layer.name))


def with_points(frame: pd.DataFrame, layer: Layer, name: str) -> GeoDataFrame:
    """Make points of the coordinate columns that the declaration names.

    Raises:
        SourceError: the table has none of them.
    """
    prepared = layer.prepare(frame) if layer.prepare else frame
    for points in layer.source.points:
        if {points.east, points.north} <= set(prepared.columns):
            return _pointed(frame, prepared, points)
    if not layer.source.points:
        raise SourceError(
            f"{name} holds no geometry, and {layer.name} are not made of columns. Deliver them as GeoJSON, "
            "GeoPackage or shapefile."
        )
    wanted = " or ".join(f"{points.east} and {points.north}" for points in layer.source.points)
    raise SourceError(
        f"{name} tells no place: it has no columns {wanted}. It has: {listed(frame.columns)}. Rename the "
        "columns of the coordinates, or add a header line if there is none."
    )


def _pointed(frame: pd.DataFrame, prepared: pd.DataFrame, points: Points) -> GeoDataFrame:
    east, north = to_number(prepared[points.east]), to_number(prepared[points.north])
    known = east.notna() & north.notna()
    shapes = shapely.points(east.fillna(0).to_numpy(), north.fillna(0).to_numpy())
    placed = gpd.GeoSeries(shapes, frame.index).where(known, None)
    fault = _no_number(prepared[points.east], east).fillna(_no_number(prepared[points.north], north))
    return GeoDataFrame(frame.assign(fault=fault), geometry=placed, crs=points.crs)


def _no_number(written: pd.Series, numbers: pd.Series) -> pd.Series:
    """What to say of a coordinate that is there but is no number."""
    wrong = written.notna() & numbers.isna()
    said = (
        f"The coordinate {written.name} "
        + written.astype("str").str.slice(0, 40).map(repr)
        + " is not a number."
    )
    return said.where(wrong).astype("str")


def _placed(batch: Any, layer: Layer, name: str) -> pa.Table:
    """Rows with geometry; of a table without, the points that its columns tell."""
    if isinstance(batch, pa.Table) and is_placed(batch):
        return batch
    frame = batch.to_pandas() if isinstance(batch, pa.Table) else batch
    return to_table(layer.name, frame if isinstance(frame, GeoDataFrame) else with_points(frame, layer, name))


def _batches(path: Path, layer: Layer) -> Iterator[pd.DataFrame | pa.Table]:
    suffix = path.suffix.lower()
    if suffix in TEXT_FORMATS:
        return read_text_table(path, BATCH_ROWS_TEXT)
    if suffix in JSON_FORMATS:
        return read_json_table(path, BATCH_ROWS_TEXT)
    if suffix in SIGNS:
        return read_gdal_table(path, layer.name, BATCH_ROWS)
    if suffix == ".parquet":
        return _parquet(path)
    raise SourceError(
        f"{path.name}: tables are read from {', '.join(FORMATS)}, not from "
        f"{suffix or 'a file without ending'}. National GML is read with the feeds egib and gesut."
    )


def _parquet(path: Path) -> Iterator[pa.Table]:
    first = 1
    try:
        opened = pq.ParquetFile(path)
        described = json.loads((opened.schema_arrow.metadata or {}).get(b"geo", b"{}"))
        column = described.get("primary_column")
        crs = described["columns"][column].get("crs", "OGC:CRS84") if column else None
        for batch in opened.iter_batches(BATCH_ROWS):
            batch.validate(full=True)
            rows = with_origins(batch, first)
            yield placed(rows, source_name(column), crs, path) if column else rows
            first += len(rows)
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as cause:
        why = str(cause).rstrip(". ")
        raise SourceError(
            f"{path.name} cannot be read as Parquet ({why}): it is damaged, or the export or the copy broke "
            "off. Export or fetch it again."
        ) from cause
