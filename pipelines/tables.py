"""Hop 2: a table of any of the known formats, as a stream of frames in the words of the source."""

import json
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import shapely
from geopandas import GeoDataFrame
from pyogrio.errors import DataSourceError

from layers import Layer, Points
from mesip.errors import SourceError
from pipelines.casts import to_number
from pipelines.text_tables import read_text_table

BATCH_ROWS = 50_000

# What GDAL may open, and how such a file begins. GDAL guesses the driver from the content, whatever the name
# says: a `.gpkg` that holds VRT text would be followed to any file of this machine.
GDAL_FORMATS = {
    ".gpkg": b"SQLite format 3\x00",
    ".shp": b"\x00\x00\x27\x0a",
    ".fgb": b"fgb\x03",
    ".xlsx": b"PK\x03\x04",
}
TEXT_FORMATS = (".csv", ".txt", ".tsv", ".gz")
JSON_FORMATS = (".json", ".geojson")
FORMATS = (*GDAL_FORMATS, *TEXT_FORMATS, *JSON_FORMATS, ".parquet")


def read_table(path: Path, layer: Layer) -> Iterator[GeoDataFrame]:
    """The rows of ``path`` in batches: the source's columns, ``origin`` and geometry in the source's system.

    Raises:
        SourceError: the format is not allowed, the content is not of that format, or no place is told.
    """
    suffix = path.suffix.lower()
    first = 1
    for batch in _batches(path, suffix):
        placed = batch if isinstance(batch, GeoDataFrame) else with_points(batch, layer, path.name)
        rows = range(first, first + len(placed))
        yield placed.assign(origin=[f"row {row}" for row in rows]).set_axis(rows, axis=0)
        first += len(placed)


def with_points(frame: pd.DataFrame, layer: Layer, name: str) -> GeoDataFrame:
    """Make points of the coordinate columns that the declaration names.

    Raises:
        SourceError: the table has none of them.
    """
    prepared = layer.prepare(frame) if layer.prepare else frame
    for points in layer.source.points:
        if {points.east, points.north} <= set(prepared.columns):
            return _pointed(frame, prepared, points)
    wanted = (
        " or ".join(f"{points.east} and {points.north}" for points in layer.source.points) or "a geometry"
    )
    raise SourceError(
        f"{name} tells no place: it has no columns {wanted}. It has: {', '.join(frame.columns)}."
    )


def _pointed(frame: pd.DataFrame, prepared: pd.DataFrame, points: Points) -> GeoDataFrame:
    east, north = to_number(prepared[points.east]), to_number(prepared[points.north])
    known = east.notna() & north.notna()
    shapes = shapely.points(east.fillna(0).to_numpy(), north.fillna(0).to_numpy())
    return GeoDataFrame(frame, geometry=gpd.GeoSeries(shapes, frame.index).where(known, None), crs=points.crs)


def _batches(path: Path, suffix: str) -> Iterator[pd.DataFrame]:
    if suffix in TEXT_FORMATS:
        return read_text_table(path, BATCH_ROWS)
    if suffix == ".parquet":
        return _parquet(path)
    if suffix in JSON_FORMATS:
        return _json_rows(path)
    if suffix in GDAL_FORMATS:
        _begins(path, GDAL_FORMATS[suffix])
        return _gdal(path)
    raise SourceError(
        f"{path.name}: tables are read from {', '.join(FORMATS)}, not from "
        f"{suffix or 'a file without ending'}. "
        "National GML is read with the feeds egib and gesut."
    )


def _begins(path: Path, sign: bytes) -> None:
    with path.open("rb") as file:
        found = file.read(len(sign))
    if found != sign:
        raise SourceError(
            f"{path.name} is not what its name says: no {path.suffix} file begins with {found[:16]!r}. "
            "Export it again."
        )


def _json_rows(path: Path) -> Iterator[pd.DataFrame]:
    """GeoJSON by GDAL; a plain array of objects as rows."""
    with path.open("rb") as file:
        head = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"["):
        return iter([_plain_objects(path)])
    if head.startswith(b"{") and b"FeatureCollection" in head:
        return _gdal(path)
    raise SourceError(
        f"{path.name} is neither a GeoJSON FeatureCollection nor a list of objects. Export it again."
    )


def _plain_objects(path: Path) -> pd.DataFrame:
    try:
        rows = json.loads(path.read_bytes())
    except ValueError as cause:
        raise SourceError(f"{path.name} is broken JSON: {cause}. Fetch it again.") from cause
    if not all(isinstance(row, dict) for row in rows):
        raise SourceError(f"{path.name} is a list, but not of objects. Export the rows as GeoJSON or CSV.")
    return pd.DataFrame([{name: _text(value) for name, value in row.items()} for row in rows], dtype="str")


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _parquet(path: Path) -> Iterator[pd.DataFrame]:
    _begins(path, b"PAR1")
    opened = pq.ParquetFile(path)
    described = json.loads((opened.schema_arrow.metadata or {}).get(b"geo", b"{}"))
    column = described.get("primary_column")
    for batch in opened.iter_batches(BATCH_ROWS):
        frame = pa.Table.from_batches([batch]).to_pandas()
        if column is None:
            yield frame
            continue
        crs = described["columns"][column].get("crs", "OGC:CRS84")
        shapes = shapely.from_wkb(frame[column].to_numpy(), on_invalid="ignore")
        yield GeoDataFrame(frame.drop(columns=column), geometry=shapes, crs=crs)


def _gdal(path: Path) -> Iterator[GeoDataFrame]:
    try:
        with pyogrio.open_arrow(path, batch_size=BATCH_ROWS, use_pyarrow=True) as (meta, reader):
            geometry = meta["geometry_name"] or "wkb_geometry"
            for batch in reader:
                frame = pa.Table.from_batches([batch]).to_pandas()
                if geometry not in frame:
                    yield frame
                    continue
                shapes = shapely.from_wkb(frame[geometry].to_numpy(), on_invalid="ignore")
                yield GeoDataFrame(frame.drop(columns=geometry), geometry=shapes, crs=meta["crs"])
    except (DataSourceError, pa.ArrowException, RuntimeError) as cause:
        raise SourceError(f"{path.name} cannot be read: {cause}. Export it again.") from cause
