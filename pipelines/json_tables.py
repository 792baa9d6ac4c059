"""Hop 2 for JSON: a GeoJSON collection or a list of objects becomes frames of text."""

from collections.abc import Iterable, Iterator
from itertools import batched, count
from json import dumps
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame
from pyproj import CRS
from pyproj.exceptions import CRSError

from mesip.errors import SourceError
from pipelines.casts import LARGEST_EXACT_FLOAT
from pipelines.conform import source_name
from pipelines.json_scanner import Scanner

LONLAT = CRS("OGC:CRS84")


class Row(NamedTuple):
    """One object: its values as text, its geometry as GeoJSON text, and why it is no row (None if it is)."""

    values: dict[str, str | None]
    geometry: str | None = None
    torn: str | None = None


def read_json_table(path: Path, batch_rows: int) -> Iterator[pd.DataFrame]:
    """The objects of ``path`` in batches: a list gives plain frames, a FeatureCollection gives geometry.

    The ``id`` of a feature is a column, unless its properties have one of this name.

    Raises:
        SourceError: it is no JSON of these two kinds, breaks off, or is not in UTF-8.
    """
    numbers = count(1)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            scanner = Scanner(file, path.name)
            if scanner.take("["):
                for found in batched(scanner.elements(), batch_rows):
                    yield _plain([_row(value) for value in found], numbers)
            elif scanner.take("{"):
                yield from _collection(scanner, batch_rows, numbers)
            else:
                raise SourceError(
                    f"{path.name} is no JSON: it begins with neither {{ nor [. Export it again."
                )
            scanner.end()
    except UnicodeDecodeError as cause:
        raise SourceError(f"{path.name} is not in UTF-8, which JSON must be. Export it again.") from cause


def _collection(scanner: Scanner, batch_rows: int, numbers: Iterator[int]) -> Iterator[GeoDataFrame]:
    crs, seen = LONLAT, False
    for key in scanner.members():
        if key == "features" and scanner.take("["):
            seen = True
            for found in batched(scanner.elements(), batch_rows):
                rows = [_feature(value) for value in found]
                yield _drawn(_plain(rows, numbers), [row.geometry for row in rows], crs)
        elif key == "crs":
            crs = _crs(scanner, crs, late=seen)
        else:
            scanner.value()
    if not seen:
        raise SourceError(
            f"{scanner.name} is JSON, but neither a GeoJSON FeatureCollection nor a list of objects. "
            "Export it as one of them."
        )


def _crs(scanner: Scanner, before: CRS, *, late: bool) -> CRS:
    """The coordinate system that the old member ``crs`` names."""
    stated = scanner.value()
    if stated is None:
        return before
    try:
        crs = CRS(stated["properties"]["name"])
    except (KeyError, TypeError, CRSError) as cause:
        raise SourceError(
            f"{scanner.name}: its coordinate system {dumps(stated)[:100]} is not known. Export it in "
            "longitude and latitude, as GeoJSON is."
        ) from cause
    if late and crs != before:
        raise SourceError(
            f"{scanner.name} names its coordinate system behind its features. Export it in longitude and "
            "latitude."
        )
    return crs


def _row(value: object) -> Row:
    if not isinstance(value, dict):
        return Row({}, torn=f"The element {dumps(value)[:60]} is no object.")
    return Row({source_name(_whole(name)): _text(each) for name, each in value.items()})


def _feature(value: object) -> Row:
    if not isinstance(value, dict) or value.get("type") != "Feature":
        return Row({}, torn="The element is no GeoJSON Feature.")
    properties = value.get("properties") or {}
    row = _row(({"id": value["id"]} if "id" in value else {}) | properties)
    geometry = value.get("geometry")
    return row._replace(geometry=None if geometry is None else dumps(geometry))


def _plain(rows: list[Row], numbers: Iterator[int]) -> pd.DataFrame:
    names = dict.fromkeys(name for row in rows for name in row.values)
    columns = {name: pd.Series([row.values.get(name) for row in rows], dtype="str") for name in names}
    origins = [f"row {next(numbers)}" for _ in rows]
    return pd.DataFrame(
        columns | {"origin": origins, "torn": pd.Series([row.torn for row in rows], dtype="str")}
    )


def _drawn(frame: pd.DataFrame, texts: Iterable[str | None], crs: CRS) -> GeoDataFrame:
    written = np.array(list(texts), dtype=object)
    shapes = shapely.from_geojson(written, on_invalid="ignore")
    lost = shapely.is_missing(shapes) & np.array([text is not None for text in written])
    faults = [_fault(text) if gone else None for text, gone in zip(written, lost, strict=True)]
    return GeoDataFrame(frame.assign(fault=pd.Series(faults, dtype="str")), geometry=shapes, crs=crs)


def _fault(text: str) -> str:
    if "NaN" in text or "Infinity" in text:
        return "A coordinate is NaN or infinite."
    return f"The geometry {text[:60]} is no GeoJSON: a ring is open or too short, or a number is absent."


def _text(value: object) -> str | None:
    """A value as text; whole floats lose their `.0`."""
    if value is None:
        return None
    if isinstance(value, str):
        return _whole(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < LARGEST_EXACT_FLOAT:
        return str(int(value))
    return dumps(value)


def _whole(text: str) -> str:
    """JSON can say half a letter (a lone surrogate), which nobody can store: it becomes `�`."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
