"""A layer, or what is asked of it, as one file: GeoPackage, GeoParquet, FlatGeobuf, GeoJSON."""

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyogrio
import pyogrio.errors
from pyarrow import parquet
from pyproj import CRS

from api.arrow_rows import GEOMETRY, batches, schema
from api.asking import Asked
from api.features import feature_sql, layer_names, rows_sql, values
from api.filters import TIME_NAMES
from api.geopackages import finish
from api.heads import Head
from api.reading import Reader
from layers import Layer
from layers.declaration import Language
from mesip.errors import NotFoundError, PlatformError

BATCH = 10_000
GEOPARQUET = "1.1.0"
COMPRESSION = 6
GDAL_GEOMETRY = {"Geometry": "Unknown"}
Told = Callable[[int], object]


@dataclass(frozen=True)
class Export:
    """What is exported, who reads it, in which language it is titled; ``told`` hears of rows written."""

    reader: Reader
    layer: Layer
    head: Head | None
    srid: int
    language: Language
    wish: Asked
    told: Told = lambda _: None

    @property
    def stand(self) -> str:
        """The day the rows speak of, or nothing where nothing was ever published."""
        return self.head.stand.isoformat() if self.head else ""

    @property
    def timed(self) -> bool:
        """Whether versions are exported, and each says when it was valid."""
        return not self.wish.times.current

    @property
    def about(self) -> dict[str, str]:
        """What a file says of itself."""
        layer = self.layer
        told = {"title": layer.title[self.language], "description": layer.about[self.language]}
        return told | {"owner": layer.owner, "licence": layer.licence, "stand": self.stand}


@dataclass(frozen=True)
class Format:
    """How a file is written, and how it is called where files are sent and shown."""

    media_type: str
    title: str
    write: Callable[[Export, Path], None]


def write(export: Export, path: Path, ending: str) -> None:
    """Write the file ``path`` in the format of ``ending``, in batches of rows.

    Raises:
        NotFoundError: there is no such format.
        PlatformError: the file cannot be written; or reading the rows failed.
    """
    try:
        format_of(ending).write(export, path)
    except OSError as cause:
        raise PlatformError(f"{path} cannot be written: {cause.strerror or cause}.") from cause


def format_of(ending: str) -> Format:
    """The format of files that end so.

    Raises:
        NotFoundError: there is none.
    """
    if ending not in FORMATS:
        raise NotFoundError(f"Layers are exported as {', '.join(FORMATS)}, not as {ending[:20]!r}.")
    return FORMATS[ending]


def _write_geopackage(export: Export, path: Path) -> None:
    about = export.about
    _write_by_gdal(
        export,
        path,
        driver="GPKG",
        layer_options={"IDENTIFIER": about["title"], "DESCRIPTION": about["description"]},
        layer_metadata={name: text for name, text in about.items() if text},
    )
    at = f"{export.stand or '1970-01-01'}T00:00:00.000Z"
    finish(path, export.layer, export.language, at)


def _write_flatgeobuf(export: Export, path: Path) -> None:
    about = export.about
    options = {"TITLE": about["title"], "DESCRIPTION": about["description"], "SPATIAL_INDEX": "YES"}
    _write_by_gdal(export, path, driver="FlatGeobuf", layer_options=options)


def _write_by_gdal(export: Export, path: Path, **options: Any) -> None:
    source = Listened(_batches(export))
    shape = schema(export.layer, timed=export.timed)
    try:
        pyogrio.write_arrow(
            pa.RecordBatchReader.from_batches(shape, source),
            path,
            layer=export.layer.name,
            geometry_name=GEOMETRY,
            geometry_type=GDAL_GEOMETRY.get(export.layer.geometry, export.layer.geometry),
            crs=f"EPSG:{export.srid}",
            **options,
        )
    except (
        pyogrio.errors.DataSourceError,
        pyogrio.errors.DataLayerError,
        pa.ArrowException,
        RuntimeError,
    ) as cause:
        # What went wrong with the rows comes out of GDAL as words only.
        raise source.fault or PlatformError(f"{path} cannot be written: {cause}.") from cause


def _write_geoparquet(export: Export, path: Path) -> None:
    about = {name: text for name, text in export.about.items() if text}
    shape = schema(export.layer, timed=export.timed).with_metadata(
        about | {"geo": orjson.dumps(_geo(export)).decode()}
    )
    with parquet.ParquetWriter(path, shape, compression="zstd") as writer:
        for batch in _batches(export):
            writer.write_batch(batch.cast(shape))


def _geo(export: Export) -> dict[str, Any]:
    """The metadata of GeoParquet: geometry is WKB, easting (or longitude) first."""
    kind = export.layer.geometry
    column = {
        "encoding": "WKB",
        "geometry_types": [] if kind == "Geometry" else [kind],
        "crs": CRS.from_epsg(export.srid).to_json_dict(),
    }
    return {"version": GEOPARQUET, "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}


def _write_geojson(export: Export, path: Path) -> None:
    """The features as the API gives them, longitude first, as RFC 7946 wants."""
    feature = feature_sql(export.layer, export.wish, export.srid, timed=export.timed)
    query = f"SELECT {feature} FROM ({_rows(export)}) AS chosen"
    with path.open("wb") as raw, gzip.GzipFile("", "wb", COMPRESSION, raw, mtime=0) as file:
        file.write(b'{"type":"FeatureCollection","features":[')
        before = b"\n"
        for rows in _portions(export, query):
            file.write(before + b",\n".join(text.encode() for (text,) in rows))
            before = b",\n"
        file.write(b"\n]}\n")


class Listened:
    """Batches, and what went wrong while they were made."""

    def __init__(self, source: Iterator[pa.RecordBatch]) -> None:
        self._source = source
        self.fault: PlatformError | None = None

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._source
        except PlatformError as fault:
            self.fault = fault
            raise


def _batches(export: Export) -> Iterator[pa.RecordBatch]:
    names = [*layer_names(export.layer), *(TIME_NAMES if export.timed else ())]
    query = f"SELECT {', '.join(names)}, ST_AsBinary(geom) FROM ({_rows(export)}) AS chosen"
    return batches(schema(export.layer, timed=export.timed), _portions(export, query))


def _portions(export: Export, query: str) -> Iterator[list[tuple]]:
    for rows in export.reader.portions(query, values(export.wish, export.srid), BATCH):
        yield rows
        export.told(len(rows))


def _rows(export: Export) -> str:
    return rows_sql(export.layer, export.wish, export.srid)


FORMATS = {
    "gpkg": Format("application/geopackage+sqlite3", "GeoPackage", _write_geopackage),
    "parquet": Format("application/vnd.apache.parquet", "GeoParquet", _write_geoparquet),
    "fgb": Format("application/vnd.flatgeobuf", "FlatGeobuf", _write_flatgeobuf),
    "geojson.gz": Format("application/gzip", "GeoJSON, gzip", _write_geojson),
}
