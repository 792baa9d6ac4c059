"""The labelled tables in every coordinate system, in the wrong one, and with their axes swapped."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from archives import zipped
from cases import DEGREES, GOOD, POZNAN, ROWS, ZONES, Case, place, refused

FORMATS = ("gpkg", "fgb", "parquet", "shp", "geojson")
SYSTEMS = (*ZONES, 2180, 4326, 4258, 3857)
ELSEWHERE = "refused 4: extent"
SWAPPED = refused("axes are swapped")


class Told(NamedTuple):
    """Where a file says that its trees are, and where the numbers in it are."""

    name: str
    what: str
    stated: int | None
    at: tuple[float, float]
    step: float
    expected: str
    swapped: bool = False


def system_cases(folder: Path) -> Iterator[Case]:
    """All of them; foreign writers write in ``folder``."""
    for turn, told in enumerate([*_right(), *_swapped(), *_confused(), *_unsaid()]):
        for number, ending in enumerate(FORMATS):
            if told.stated is None and ending == "geojson":
                continue  # is in longitude and latitude when it names no system
            suffix = "zip" if ending == "shp" else ending
            yield Case(
                "trees",
                f"{ending}-{told.name}.{suffix}",
                f"{ending}: {told.what}",
                written(_trees(told), folder / f"a.{ending}"),
                told.expected,
                often=turn % len(FORMATS) == number,
            )
    yield from _columns()


def written(frame: gpd.GeoDataFrame, path: Path) -> bytes:
    """The frame in the format that ``path`` ends in; a shapefile as zip archive."""
    for old in path.parent.glob(f"{path.stem}.*"):
        old.unlink()
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".geojson":
        return _geojson(frame)
    else:
        pyogrio.write_dataframe(frame, path)
    if path.suffix == ".shp":
        parts = sorted(path.parent.glob(f"{path.stem}.*"))
        return zipped(*[(part.name, part.read_bytes()) for part in parts])
    return path.read_bytes()


def _geojson(frame: gpd.GeoDataFrame) -> bytes:
    """GDAL would turn the coordinates into degrees; this one names the system, as others do."""
    document = json.loads(frame.to_json(drop_id=True))
    name = (
        "urn:ogc:def:crs:OGC:1.3:CRS84"
        if frame.crs is None
        else f"urn:ogc:def:crs:EPSG::{frame.crs.to_epsg()}"
    )
    return json.dumps({"crs": {"type": "name", "properties": {"name": name}}} | document).encode()


def _trees(told: Told) -> gpd.GeoDataFrame:
    numbers = np.arange(ROWS)
    east, north = (told.at[axis] + told.step * numbers for axis in (0, 1))
    points = shapely.points(*((north, east) if told.swapped else (east, north)))
    rows = pd.DataFrame({"NUMER": [f"T-{number}" for number in numbers], "GATUNEK": "Tilia cordata"})
    crs = None if told.stated is None else f"EPSG:{told.stated}"
    return gpd.GeoDataFrame(rows, geometry=points, crs=crs)


def _step(srid: int) -> float:
    return 0.0001 if srid in DEGREES else 1


def _right() -> Iterator[Told]:
    for srid in (2176, 2177, 2180, 4326, 4258, 3857):
        yield Told(
            f"{srid}-of-poznan", f"trees of the city in EPSG:{srid}", srid, place(srid), _step(srid), GOOD
        )
    for srid, middle in ZONES.items():
        if srid != 2177:
            at = place(srid, middle)
            yield Told(f"{srid}-elsewhere", f"trees of another city in EPSG:{srid}", srid, at, 1, ELSEWHERE)


def _swapped() -> Iterator[Told]:
    for srid in SYSTEMS:
        # Both axes of EPSG:2180 have the same range: only the city tells that they are swapped.
        expected = ELSEWHERE if srid == 2180 else SWAPPED
        at = place(srid, ZONES.get(srid, POZNAN))
        what = f"northing before easting in EPSG:{srid}"
        yield Told(f"{srid}-swapped", what, srid, at, _step(srid), expected, swapped=True)


def _confused() -> Iterator[Told]:
    """Numbers of one system under the name of another; degrees of 4258 and 4326 are the same here."""
    pairs = [(2177, meant) for meant in SYSTEMS if meant != 2177]
    pairs += [(stated, 2177) for stated in SYSTEMS if stated != 2177]
    pairs += [(2178, 2176), (2179, 2178), (2176, 2179), (4326, 2180), (2180, 4258), (3857, 4326)]
    for stated, meant in pairs:
        at = place(meant, ZONES.get(meant, POZNAN))
        what = f"numbers of EPSG:{meant} that are said to be EPSG:{stated}"
        said = refused(f"EPSG:{4326 if meant in DEGREES else meant}")
        yield Told(f"{meant}-stated-{stated}", what, stated, at, _step(meant), said)


def _unsaid() -> Iterator[Told]:
    yield Told("no-system", "no coordinate system", None, place(2177), 1, refused("coordinate system"))


def _columns() -> Iterator[Case]:
    """A table of text states no system: its columns do."""
    for srid in SYSTEMS:
        for swapped in (False, True):
            if (srid, swapped) == (2177, False):
                expected = GOOD
            elif srid == 2177:
                expected = SWAPPED
            else:
                expected = refused(f"EPSG:{4326 if srid in DEGREES else srid}")
            name = f"csv-columns-{srid}{'-swapped' if swapped else ''}"
            what = f"csv: {'swapped ' if swapped else ''}numbers of EPSG:{srid} in the columns of EPSG:2177"
            at = place(srid, ZONES.get(srid, POZNAN))
            told = Told("", "", 2177, at, _step(srid), "", swapped)
            yield Case("trees", f"{name}.csv", what, _text(told, "WSP_E;WSP_N"), expected)
    degrees = Told("", "", 4326, POZNAN, 0.0001, "")
    yield Case("trees", "csv-degrees.csv", "csv: degrees in their columns", _text(degrees, "lon;lat"), GOOD)
    wrong = degrees._replace(swapped=True)
    yield Case("trees", "csv-degrees-swapped.csv", "csv: latitude in lon", _text(wrong, "lon;lat"), SWAPPED)


def _text(told: Told, columns: str) -> bytes:
    frame = _trees(told)
    lines = [
        f"{number};{shape.x!r};{shape.y!r}"
        for number, shape in zip(frame["NUMER"], frame.geometry, strict=True)
    ]
    return "\n".join([f"NUMER;{columns}", *lines, ""]).encode()
