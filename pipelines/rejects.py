"""Rejected rows as a GeoPackage: the source's own columns, and why each row was rejected."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
import shapely
import sqlalchemy as sa
from geopandas import GeoDataFrame

from layers import Layer, all_layers
from mesip.database import Database
from mesip.errors import UsageError

NUMBER = "_reject"
ADDED_COLUMNS = (NUMBER, "_origin", "_reasons", "_columns")
FID, GEOMETRY = "_fid", "_geometry"
# Whoever writes the corrected rows may let GeoPackage call its own columns as usual.
OWN = (FID, GEOMETRY, "fid", "geom")
# What a second column that differs only in its capital letters is called.
ASIDE = re.compile("_[0-9]+_(?=.)")
OPEN = """
    SELECT reject AS _reject, origin AS _origin, row, ST_AsBinary(geom) AS geom, ST_SRID(geom) AS srid,
           (SELECT string_agg(message, E'\\n' ORDER BY severity, issue) FROM registry.issue AS issue
            WHERE issue.reject = each.reject) AS _reasons,
           (SELECT array_agg(DISTINCT field) FROM registry.issue AS issue
            WHERE issue.reject = each.reject AND severity = 'error') AS fields
    FROM registry.reject AS each
    WHERE run = :run AND layer = :layer AND closed_by IS NULL ORDER BY reject
"""


def write_rejects(database: Database, run: int, path: Path) -> dict[str, int]:
    """Write the open rejects of a run, one table per layer; return rows per layer. None: no file.

    Raises:
        UsageError: the file is there already; it may hold corrections. Or it is no name of a GeoPackage.
    """
    if path.suffix.lower() != ".gpkg":
        raise UsageError(f"{path.name}: rejected rows are written as GeoPackage. Name a .gpkg file.")
    if path.exists():
        raise UsageError(f"{path} is there already, perhaps with corrections. Name another file.")
    written = {}
    for layer in all_layers().values():
        with database.transaction() as connection:
            found = connection.execute(sa.text(OPEN), {"run": run, "layer": layer.name}).mappings()
            rows = [dict(row) for row in found]
        if rows:
            _write(_frame(rows, layer), path, layer)
            written[layer.name] = len(rows)
    return written


def source_names(columns: Iterable[str]) -> dict[str, str]:
    """The source's names of columns that were written under another one."""
    return {name: ASIDE.sub("", name, count=1) for name in columns if ASIDE.match(name)}


def _write(frame: pd.DataFrame, path: Path, layer: Layer) -> None:
    options: dict[str, Any] = {"FID": FID}
    if isinstance(frame, GeoDataFrame):
        options |= {"GEOMETRY_NAME": GEOMETRY, "geometry_type": "Unknown"}
    pyogrio.write_dataframe(frame, path, layer=layer.name, driver="GPKG", append=path.exists(), **options)


def _frame(rows: list[dict[str, Any]], layer: Layer) -> pd.DataFrame:
    own = pd.DataFrame([row["row"] for row in rows], dtype="str")
    columns = [_columns(row["fields"] or [], layer, own) for row in rows]
    added = {name: [row[name] for row in rows] for name in ADDED_COLUMNS[:-1]} | {ADDED_COLUMNS[-1]: columns}
    frame = own.rename(columns=_told_apart(own.columns)).assign(**added)
    shapes = [None if row["geom"] is None else shapely.from_wkb(bytes(row["geom"])) for row in rows]
    return frame if not any(shapes) else _placed(frame, shapes, [row["srid"] for row in rows])


def _told_apart(names: Iterable[str]) -> dict[str, str]:
    """Names for a GeoPackage, to which Lat and lat are one; and none of our own."""
    taken, apart = {*OWN, *ADDED_COLUMNS}, {}
    for number, name in enumerate(names):
        apart[name] = f"_{number}_{name}" if name.lower() in taken else name
        taken.add(apart[name].lower())
    return apart


def _columns(fields: list[str], layer: Layer, own: pd.DataFrame) -> str:
    """The source's columns to look at; the field itself where it is made of several."""
    declared = {field.name: field.sources for field in layer.fields}
    told = [[name for name in declared.get(field, ()) if name in own] or [field] for field in fields]
    return "; ".join(name for names in told for name in names)


def _placed(frame: pd.DataFrame, shapes: list, srids: list[int | None]) -> GeoDataFrame:
    """Geometry in the coordinate system of most rows: a table of a GeoPackage has one."""
    told = pd.Series(srids, frame.index, dtype="Int64")
    most = int(told.mode()[0])
    geometry = gpd.GeoSeries(shapes, frame.index, most or None)
    for srid in set(told.dropna()) - {most, 0}:
        others = told.eq(srid).fillna(False).astype(bool)
        geometry[others] = gpd.GeoSeries(geometry[others].to_numpy(), crs=int(srid)).to_crs(most).to_numpy()
    return GeoDataFrame(frame, geometry=geometry)
