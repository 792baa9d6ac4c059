"""Hop 2 for tables that GDAL reads: GeoPackage, shapefile, FlatGeobuf and spreadsheet."""

# pyarrow makes its compute functions when it is imported, where no checker sees them.
# pyright: reportAttributeAccessIssue=false

import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyogrio

from mesip.errors import SourceError
from pipelines.archives import check_size
from pipelines.arrow_frames import with_places
from pipelines.conform import source_name
from pipelines.encodings import dbf_encoding

# How a file of each format begins. GDAL guesses the driver from the content, whatever the name says: a file
# `.gpkg` that holds VRT text would be followed to any file of this machine; so would VRT text after a sign.
# GDAL's guesses end at a zero byte, so each sign is asked to be followed by one within its first 16 bytes.
SIGNS = {
    ".gpkg": b"SQLite format 3\x00",
    ".shp": b"\x00\x00\x27\x0a",
    ".fgb": b"fgb\x03fgb",
    ".xlsx": b"PK\x03\x04",
}
HEAD_BYTES = 16
# An index of a shapefile is a head and as many bytes for each row.
SHX_HEAD_BYTES, SHX_ROW_BYTES = 100, 8
# What tells how many rows there are; a shapefile tells its length.
COUNTED = (".gpkg", ".fgb")
# The first row of a sheet names the columns even where all cells are text, which GDAL would not guess.
OPTIONS: dict[str, dict[str, Any]] = {".xlsx": {"HEADERS": "FORCE"}}


def read_gdal_table(path: Path, layer: str, batch_rows: int) -> Iterator[pa.Table]:
    """The rows of ``path`` in batches with ``origin``; as ``with_places`` gives them if it has geometry.

    Args:
        path: the file.
        layer: name of the table to take if the file holds several.
        batch_rows: the most rows a frame may have.

    Raises:
        SourceError: it is not what its name says, is damaged, holds several tables, or no coordinate system.
    """
    suffix = path.suffix.lower()
    _check_head(path, suffix)
    encoding, table = _encoding(path), _table(path, layer)
    first = 1
    try:
        with ExitStack() as stack:
            with _quiet():
                opened = pyogrio.open_arrow(
                    path, table, encoding, batch_size=batch_rows, use_pyarrow=True, **OPTIONS.get(suffix, {})
                )
                meta, reader = stack.enter_context(opened)
            while (batch := _next(reader)) is not None:
                batch.validate(full=True)  # whether letters are UTF-8, too
                yield _placed(with_origins(batch, first), meta, path)
                first += batch.num_rows
        _check_count(path, table, first - 1)
    except (pa.ArrowException, RuntimeError, ValueError, OSError) as cause:
        raise SourceError(_unreadable(path, cause)) from cause


def _next(reader: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
    with _quiet():
        return next(reader, None)


def _check_head(path: Path, suffix: str) -> None:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    sign = SIGNS[suffix]
    if not head.startswith(sign) or b"\x00" not in head:
        raise SourceError(
            f"{path.name} is not what its name says: no {suffix} file begins with {head!r}. "
            "Export it again, or give it the ending of its format."
        )
    if suffix == ".xlsx":
        check_size(path)
    if suffix == ".shp":
        _check_shapefile(_parts(path))


def _parts(path: Path) -> dict[str, Path]:
    """The files of a shapefile by their endings."""
    return {part.suffix.lower(): part for part in path.parent.iterdir() if part.stem == path.stem}


def _check_shapefile(parts: dict[str, Path]) -> None:
    """GDAL takes what a shapefile lacks at its end for rows without geometry, or leaves those rows out."""
    rows = {}
    for ending in (".shp", ".shx"):
        if ending in parts:
            stated = 2 * int.from_bytes(_head(parts[ending])[24:28], "big")
            _check_length(parts[ending], max(stated, SHX_HEAD_BYTES))
            rows[ending] = (parts[ending].stat().st_size - SHX_HEAD_BYTES) // SHX_ROW_BYTES
    if ".dbf" not in parts or ".shx" not in parts:
        return
    head = _head(parts[".dbf"])
    rows[".dbf"], before, width = (
        int.from_bytes(head[slice(*place)], "little") for place in ((4, 8), (8, 10), (10, 12))
    )
    _check_length(parts[".dbf"], before + rows[".dbf"] * width)
    if rows[".dbf"] != rows[".shx"]:
        raise SourceError(
            f"{parts['.dbf'].name} has {rows['.dbf']:,} rows, {parts['.shx'].name} {rows['.shx']:,}: the "
            "files are not of one export. Export the shapefile again."
        )


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(SHX_HEAD_BYTES)


def _check_length(path: Path, stated: int) -> None:
    if (found := path.stat().st_size) < stated:
        raise SourceError(
            f"{path.name} has {found:,} of the {stated:,} bytes that it states: the export or the copy broke "
            "off. Fetch it again."
        )


def _check_count(path: Path, table: str | None, read: int) -> None:
    """GDAL ends silently where a FlatGeobuf broke off, or where memory ends: its rows are counted."""
    if path.suffix.lower() not in COUNTED:
        return
    stated = _stated(path, table)
    if read < stated:
        raise SourceError(
            f"{path.name} has {stated:,} rows, of which {read:,} could be read: the export or the copy broke "
            "off, or a row needs more memory than MESIP_READER_MEMORY_MB allows. Fetch it again."
        )


def _stated(path: Path, table: str | None) -> int:
    """How many rows there are: a GeoPackage counts them, since its own note of it may be out of date."""
    with _quiet():
        if path.suffix.lower() != ".gpkg":
            return pyogrio.read_info(path, table)["features"]
        name = (table or str(pyogrio.list_layers(path)[0][0])).replace('"', '""')
        counted = pyogrio.read_dataframe(path, sql=f'SELECT count(*) AS n FROM "{name}"', read_geometry=False)
    return int(counted["n"].item())


def _table(path: Path, wanted: str) -> str | None:
    """The one table of the file, or that named as the layer."""
    try:
        with _quiet():
            names = [str(name) for name, _ in pyogrio.list_layers(path)]
    except (RuntimeError, ValueError) as cause:
        raise SourceError(_unreadable(path, cause)) from cause
    if not names:
        raise SourceError(f"{path.name} cannot be read: it holds no table, or broke off. Export it again.")
    if wanted in names or len(names) < 2:  # noqa: PLR2004 - one
        return wanted if wanted in names else None
    raise SourceError(
        f"{path.name} holds {len(names)} tables: {', '.join(names[:20])}. Leave the right one in the file, "
        f"or call it {wanted!r}."
    )


def _encoding(path: Path) -> str | None:
    """What a shapefile's letters are in; where a .cpg says it, or in other formats, GDAL knows it itself.

    Raises:
        SourceError: the shapefile is not whole.
    """
    if path.suffix.lower() != ".shp":
        return None
    parts = _parts(path)
    if absent := [part for part in (".shx", ".dbf") if part not in parts]:
        raise SourceError(
            f"{path.name} lacks its {' and '.join(absent)}: a shapefile is several files of one name. Put "
            "them into one folder, or deliver them in one zip archive."
        )
    return None if ".cpg" in parts else dbf_encoding(parts[".dbf"])


def with_origins(batch: pa.RecordBatch, first: int) -> pa.Table:
    """The batch with the names of columns as they are known here, and ``origin``: ``row 17``."""
    numbers = pa.array(np.arange(first, first + batch.num_rows)).cast(pa.string())
    table = pa.Table.from_batches([batch])
    table = table.rename_columns([source_name(name) for name in table.column_names])
    return table.append_column("origin", pc.binary_join_element_wise("row", numbers, " "))


def _placed(rows: pa.Table, meta: dict[str, Any], path: Path) -> pa.Table:
    geometry = source_name(meta["geometry_name"] or "wkb_geometry")
    return placed(rows, geometry, meta["crs"], path) if geometry in rows.column_names else rows


def placed(rows: pa.Table, column: str, crs: Any, path: Path) -> pa.Table:
    """The rows with the WKB of ``column`` as their geometry, and ``fault`` where it cannot be read.

    Raises:
        SourceError: there is no coordinate system.
    """
    if crs is None:
        absent = " in a .prj file" if path.suffix.lower() == ".shp" else ""
        raise SourceError(
            f"{path.name} lacks the name of its coordinate system{absent}: nobody can say where its "
            "coordinates are. Deliver the file with it, such as EPSG:2177."
        )
    return with_places(rows, column, crs)


def _unreadable(path: Path, cause: Exception) -> str:
    if isinstance(cause, UnicodeDecodeError) or "UTF8" in str(cause):
        return (
            f"{path.name}: its letters are not in the encoding that it states. Correct the .cpg beside it, "
            "or export it again in UTF-8."
        )
    # GDAL gives its complaints in a row; the last is the plain one.
    why = str(cause).replace(f"{path.parent}/", "").rpartition("; ")[2].rstrip(". ")
    return (
        f"{path.name} cannot be read ({why}): it is damaged, or the export or the copy broke off. Export or "
        "fetch it again."
    )


def _quiet() -> warnings.catch_warnings:
    """GDAL's murmurs are not for a person who loads a file: what is wrong stops the load, or a row."""
    return warnings.catch_warnings(action="ignore", category=RuntimeWarning)
