"""What a run changed in a layer: row by row, from what was published before it to what it published."""

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pyogrio
import shapely
import sqlalchemy as sa

from layers import Layer
from layers.table import SCHEMA
from mesip.database import Database
from mesip.errors import UsageError

KINDS = ("new", "real", "correction", "redigitised", "gone")


class Difference(NamedTuple):
    """One changed row: its fields that differ, from old to new, how far it moved (metres), where it is.

    ``geom`` is that of the new row, or of the old one if it is gone.
    """

    kind: str
    key: str
    label: str | None
    fields: dict[str, tuple[Any, Any]]
    moved_m: float | None
    geom: shapely.Geometry | None

    def stated(self) -> dict[str, Any]:
        """The difference as ``--json`` prints it."""
        return {name: value for name, value in self._asdict().items() if name != "geom"}


def differences(database: Database, layer: Layer, run: int) -> list[Difference]:
    """The rows that ``run`` changed, in the order of the change log.

    Raises:
        UsageError: there is no such run.
    """
    names = [field.name for field in layer.fields]
    columns = ", ".join(f"{side}.{name} AS {side}_{name}" for side in ("old", "new") for name in names)
    with database.transaction() as connection:
        recorded = sa.text("SELECT recorded_at FROM registry.run WHERE run = :run")
        told = connection.execute(recorded, {"run": run}).one_or_none()
        if told is None:
            raise UsageError(f"There is no run {run}. `mesip runs` lists them.")
        query = sa.text(f"""
            SELECT change.kind, change.key, {columns},
                   ST_HausdorffDistance(old.geom, new.geom) AS moved_m,
                   ST_AsBinary(COALESCE(new.geom, old.geom)) AS geom
            FROM registry.change AS change
            LEFT JOIN {SCHEMA}.{layer.name}_at('infinity', CAST(:before AS timestamptz))
                AS old ON change.op <> 'add' AND old.{layer.key}::text = change.key
            LEFT JOIN {SCHEMA}.{layer.name}_at('infinity', CAST(:at AS timestamptz))
                AS new ON change.op <> 'remove' AND new.{layer.key}::text = change.key
            WHERE change.layer = :layer AND change.run = :run ORDER BY change.seq
        """)
        at = told.recorded_at
        before = at - timedelta(microseconds=1) if at else None
        asked = {"layer": layer.name, "run": run, "at": at, "before": before}
        return [_difference(dict(row), layer) for row in connection.execute(query, asked).mappings()]


def by_kind(found: list[Difference]) -> dict[str, int]:
    """How many rows of each kind there are, of those kinds that there are."""
    counted = Counter(each.kind for each in found)
    return {kind: counted[kind] for kind in KINDS if counted[kind]}


def write_differences(found: list[Difference], layer: Layer, srid: int, path: Path) -> None:
    """Write the differences with geometry as a GeoPackage.

    Raises:
        UsageError: the file is there already, or it is no name of a GeoPackage.
    """
    if path.suffix.lower() != ".gpkg" or path.exists():
        raise UsageError(f"{path}: name a .gpkg file that is not there yet.")
    rows = {
        "kind": [each.kind for each in found],
        "key": [each.key for each in found],
        "label": [each.label for each in found],
        "changes": [_sentence(each) for each in found],
        "moved_m": [each.moved_m for each in found],
    }
    shapes = np.array([each.geom for each in found], dtype=object)
    frame = gpd.GeoDataFrame(rows, geometry=gpd.GeoSeries(shapes, crs=srid))
    pyogrio.write_dataframe(frame, path, layer=layer.name, driver="GPKG", geometry_type="Unknown")


def _sentence(each: Difference) -> str:
    return "; ".join(f"{name}: {old} → {new}" for name, (old, new) in each.fields.items())


def _difference(row: dict[str, Any], layer: Layer) -> Difference:
    pairs = {field.name: (row[f"old_{field.name}"], row[f"new_{field.name}"]) for field in layer.fields}
    changed = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    in_both = row["moved_m"] is not None
    label = pairs[layer.label] if layer.label else (None, None)
    shown = label[0] if row["kind"] == "gone" else label[1]
    return Difference(
        row["kind"],
        row["key"],
        None if shown is None else str(shown),
        changed if in_both else {},
        round(row["moved_m"], 3) if in_both else None,
        None if row["geom"] is None else shapely.from_wkb(bytes(row["geom"])),
    )
