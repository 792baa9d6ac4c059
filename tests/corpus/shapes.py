"""The labelled geometries in the formats that keep them as bytes, and these formats broken."""

import json
import sqlite3
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import shapely
from cases import EAST, GOOD, NORTH, ROWS, Case, one, plain, refused
from systems import written

CUT = refused("broke off")
UNREADABLE, INVALID = one("geometry.unreadable"), one("geometry.invalid")
MISSING, TYPE = one("geometry.missing"), one("geometry.type")
NAN, INF = float("nan"), float("inf")
SIDE = 9
CURVE_POLYGON, CIRCULAR_STRING = 10, 8


class Drawn(NamedTuple):
    """The geometry of the third district: as WKB, or None; and what is expected of it."""

    wkb: bytes | None
    expected: str


def shape_cases(folder: Path) -> Iterator[Case]:
    """All of them; foreign writers write in ``folder``."""
    for name, drawn in _drawn().items():
        for ending, write in WRITERS.items():
            content = write(drawn.wkb, folder / f"a.{ending}")
            what = f"{ending}: one district, {plain(name)}"
            yield Case("districts", f"{ending}-drawn-{name}.{ending}", what, content, drawn.expected)
    for ending in ("gpkg", "fgb", "parquet"):
        yield from _broken(ending, written(_districts(), folder / f"a.{ending}"))
        nothing = written(_districts().head(0), folder / f"a.{ending}")
        yield Case(
            "districts", f"{ending}-no-rows.{ending}", f"{ending} without rows", nothing, "refused 4: empty"
        )
        yield Case(
            "districts", f"{ending}-no-bytes.{ending}", f"{ending} of no bytes", b"", refused("0 bytes")
        )


def corners(side: float = SIDE) -> list[tuple[float, float]]:
    """A square in the city, beside the other districts."""
    return [(EAST + 100 + x, NORTH + y) for x, y in ((0, 0), (side, 0), (side, side), (0, side), (0, 0))]


def _districts() -> gpd.GeoDataFrame:
    squares = [shapely.box(EAST + 50 * n, NORTH, EAST + 50 * n + SIDE, NORTH + SIDE) for n in range(ROWS)]
    return gpd.GeoDataFrame({"name": [f"D{n}" for n in range(ROWS)]}, geometry=squares, crs=2177)


def _drawn() -> dict[str, Drawn]:
    good = corners()
    steps = np.linspace(0, SIDE, 250_001)[:-1]
    x0, y0 = good[0]
    side = [np.column_stack(each) for each in (
        (x0 + steps, np.full_like(steps, y0)), (np.full_like(steps, x0 + SIDE), y0 + steps),
        (x0 + SIDE - steps, np.full_like(steps, y0 + SIDE)), (np.full_like(steps, x0), y0 + SIDE - steps),
    )]  # fmt: skip
    many = np.concatenate([*side, side[0][:1]])
    hole = [(x + 30, y) for x, y in good]
    sliver = [good[0], good[1], (good[1][0], good[1][1] + 0.001), (good[0][0], good[0][1] + 0.001), good[0]]
    whole = _polygon(good)
    return {
        "good": Drawn(whole, GOOD),
        "multi-of-one": Drawn(shapely.to_wkb(shapely.multipolygons([shapely.Polygon(good)])), GOOD),
        "with-heights": Drawn(
            shapely.to_wkb(shapely.force_3d(shapely.Polygon(good), 80), output_dimension=3), GOOD
        ),
        "points-twice": Drawn(_polygon([good[0], *good]), GOOD),
        "sliver": Drawn(_polygon(sliver), GOOD),
        "million-vertices": Drawn(_polygon(many), GOOD),
        "null": Drawn(None, MISSING),
        "empty": Drawn(_polygon([]), MISSING),
        "bow-tie": Drawn(_polygon([good[0], good[2], good[1], good[3], good[0]]), INVALID),
        "hole-outside": Drawn(_polygon(good, hole), INVALID),
        "no-area": Drawn(_polygon([good[0]] * 5), INVALID),
        "open-ring": Drawn(_polygon(good[:-1]), UNREADABLE),
        "nan": Drawn(_polygon([(NAN, NORTH), *good[1:-1], (NAN, NORTH)]), UNREADABLE),
        "infinite": Drawn(_polygon([(INF, NORTH), *good[1:-1], (INF, NORTH)]), UNREADABLE),
        "far-away": Drawn(_polygon([(x * 1e9, y) for x, y in good]), UNREADABLE),
        "null-island": Drawn(_polygon([(x - EAST, y - NORTH) for x, y in good]), UNREADABLE),
        "point": Drawn(shapely.to_wkb(shapely.Point(good[0])), TYPE),
        "line": Drawn(shapely.to_wkb(shapely.LineString(good)), TYPE),
        "collection": Drawn(shapely.to_wkb(shapely.GeometryCollection([shapely.Point(good[0])])), TYPE),
        # The national rules know no arcs in areas; neither does what the layer is declared as.
        "curve": Drawn(_curved(good), UNREADABLE),
    }


def _polygon(*rings: list[tuple[float, float]] | np.ndarray) -> bytes:
    """WKB as it stands: what is no ring is not mended, as it would be by a library that builds one."""
    told = [np.asarray(ring, dtype="<f8").reshape(-1, 2) for ring in rings]
    parts = [struct.pack("<I", len(ring)) + ring.tobytes() for ring in told if len(ring)]
    return struct.pack("<BII", 1, 3, len(parts)) + b"".join(parts)


def _curved(ring: list[tuple[float, float]]) -> bytes:
    """A circle through two opposite corners."""
    positions = np.array([ring[0], ring[2], ring[0]], dtype="<f8").tobytes()
    arc = struct.pack("<BII", 1, CIRCULAR_STRING, 3) + positions
    return struct.pack("<BII", 1, CURVE_POLYGON, 1) + arc


def _parquet(wkb: bytes | None, path: Path) -> bytes:
    frame = _districts()
    places = list(shapely.to_wkb(frame.geometry.to_numpy()))
    places[2] = wkb
    column = {"encoding": "WKB", "geometry_types": [], "crs": frame.crs.to_json_dict()}
    about = {"version": "1.0.0", "primary_column": "geometry", "columns": {"geometry": column}}
    table = pa.table({"name": list(frame["name"]), "geometry": pa.array(places, pa.binary())})
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(about)}), path)
    return path.read_bytes()


def _geopackage(wkb: bytes | None, path: Path) -> bytes:
    """GDAL writes the good ones; the third is put among them as it stands."""
    path.unlink(missing_ok=True)
    pyogrio.write_dataframe(
        _districts(), path, layer="districts", geometry_type="Unknown", SPATIAL_INDEX="NO"
    )
    blob = None if wkb is None else b"GP\x00\x01" + struct.pack("<i", 2177) + wkb
    with sqlite3.connect(path) as file:
        for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            file.execute(f'DROP TRIGGER "{name}"')
        file.execute("UPDATE districts SET geom = ? WHERE name = 'D2'", (blob,))
    file.close()
    return path.read_bytes()


WRITERS: dict[str, Callable[[bytes | None, Path], bytes]] = {"parquet": _parquet, "gpkg": _geopackage}


def _broken(ending: str, whole: bytes) -> Iterator[Case]:
    for percent in (2, 30, 60, 95):
        cut = whole[: len(whole) * percent // 100]
        yield Case(
            "districts", f"{ending}-cut-{percent:02}.{ending}", f"{ending}, {percent} % of it", cut, CUT
        )
    # Arrow looks for the sign of Parquet at the end, where the head of the file is.
    expected = GOOD if ending == "parquet" else refused("not what its name says")
    sign = b"XXXX" + whole[4:]
    yield Case(
        "districts", f"{ending}-sign.{ending}", f"{ending} with another sign at its front", sign, expected
    )
    if ending == "parquet":
        end = whole[:-4] + b"XXXX"
        yield Case("districts", "parquet-end.parquet", "parquet with another sign at its end", end, CUT)
