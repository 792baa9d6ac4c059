"""Is a frame where its coordinate system says? Swapped axes and wrong zones are refused."""

from functools import cache

import numpy as np
import shapely
from geopandas import GeoDataFrame
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from mesip.errors import SourceError

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]

ZONES = (2176, 2177, 2178, 2179)
# Degrees of the world's and of Europe's datum: in Poland they differ by less than a metre.
DEGREES = (4326, 4258)
WEB = 3857
POLISH = (*ZONES, 2180, *DEGREES, WEB)
# A county across the border of two zones is kept in one of them, so eastings reach further beyond the zone.
MARGIN_NORTH_M, MARGIN_EAST_M = 20_000, 50_000
POLAND_DEG = (14.07, 48.98, 24.17, 54.86)
AROUND_DEG = (13.8, 48.8, 24.5, 55.1)
# What is used as it stands, since a box of degrees turned into EPSG:2180 is wider than the country.
FIXED = {
    2180: (165_000.0, 125_000.0, 865_000.0, 785_000.0),
    **dict.fromkeys(DEGREES, AROUND_DEG),
    WEB: (1_536_000.0, 6_240_000.0, 2_728_000.0, 7_392_000.0),
}


def check_place(frame: GeoDataFrame, name: str) -> GeoDataFrame:
    """``frame`` with a ``fault`` on each row that lies outside of where its coordinate system is used.

    Only the coordinate systems that Poland uses are judged: EPSG 2176 to 2180, degrees (4326, CRS84, 4258),
    and the metres of web maps (3857).

    Args:
        frame: rows with geometry, x easting and y northing; one without ``fault`` gets it.
        name: what the frame is called in messages, such as its file.

    Raises:
        SourceError: more than half of the geometries lie outside; says what the numbers look like instead.
    """
    if "fault" not in frame.columns:
        frame = frame.assign(fault=np.full(len(frame), None, dtype=object))
    srid = _srid(frame)
    if srid not in POLISH:
        return frame
    bounds = shapely.bounds(np.asarray(frame.geometry.array))
    present = ~np.isnan(bounds).any(axis=1)
    outside = present & ~_inside(bounds, srid)
    if outside.sum() * 2 > present.sum():
        raise SourceError(_explain(bounds[present], srid, name))
    places = np.flatnonzero(outside & frame["fault"].isna().to_numpy())
    if not len(places):
        return frame
    faults = frame["fault"].to_numpy(dtype=object, copy=True)
    faults[places] = [_row_fault(bounds[place], srid) for place in places]
    return frame.assign(fault=faults)


@cache
def extent(srid: int) -> tuple[float, float, float, float]:
    """West, south, east, north where ``srid`` is used in Poland, with a margin; metres or degrees."""
    if srid in FIXED:
        return FIXED[srid]
    area = CRS.from_epsg(srid).area_of_use
    if area is None:
        raise ValueError(f"pyproj knows no area of use of EPSG:{srid}")
    degrees = (area.west, max(area.south, POLAND_DEG[1]), area.east, min(area.north, POLAND_DEG[3]))
    transformer = Transformer.from_crs("OGC:CRS84", f"EPSG:{srid}", always_xy=True)
    west, south, east, north = transformer.transform_bounds(*degrees)
    return west - MARGIN_EAST_M, south - MARGIN_NORTH_M, east + MARGIN_EAST_M, north + MARGIN_NORTH_M


def _srid(frame: GeoDataFrame) -> int | None:
    if frame.crs is None:
        return None
    return 4326 if frame.crs == CRS("OGC:CRS84") else frame.crs.to_epsg()


def _inside(bounds: Floats, srid: int) -> Truths:
    west, south, east, north = extent(srid)
    return (bounds[:, 0] >= west) & (bounds[:, 1] >= south) & (bounds[:, 2] <= east) & (bounds[:, 3] <= north)


def _mostly_inside(bounds: Floats, srid: int) -> bool:
    return bool(_inside(bounds, srid).mean() > 0.5)  # noqa: PLR2004 - more than half


def _explain(bounds: Floats, srid: int, name: str) -> str:
    """What the numbers look like instead."""
    swapped = bounds[:, [1, 0, 3, 2]]
    found = f"{name}: EPSG:{srid} expects {_expected(srid)}; found is {_middle(bounds)}."
    if _mostly_inside(swapped, srid):
        return f"{found} {_swapped_axes(srid)}"
    for other in POLISH:
        if other != srid and _mostly_inside(bounds, other):
            return (
                f"{found} {_looks_like(other, bounds)}, but the file says EPSG:{srid}. Declare EPSG:{other}."
            )
        if other != srid and _mostly_inside(swapped, other):
            return (
                f"{found} {_looks_like(other, swapped)}, but the file says EPSG:{srid}, and its axes are "
                f"swapped too. Export it again in EPSG:{other}."
            )
    return f"{found} That is outside Poland. Check the coordinate system of the export."


def _swapped_axes(srid: int) -> str:
    if srid in (*DEGREES, WEB):
        x, y = _axes(srid)
        return f"The axes are swapped: x is {x} and y is {y}. Put the two in order."
    return (
        f"The axes are swapped: coordinates are easting first; EPSG:{srid} is written northing first "
        "(such as 5792461.27 7469467.89). Export with the axes in order; in a table, exchange the columns."
    )


def _looks_like(srid: int, bounds: Floats) -> str:
    if srid in ZONES:
        return f"Eastings begin with {int(np.median(bounds[:, 0]) // 1_000_000)}, that is EPSG:{srid}"
    return f"The numbers are those of EPSG:{srid}"


def _expected(srid: int) -> str:
    west, south, east, north = extent(srid)
    x, y = _axes(srid)
    return f"{x} {west:.0f} to {east:.0f} and {y} {south:.0f} to {north:.0f}"


def _axes(srid: int) -> tuple[str, str]:
    return ("longitude", "latitude") if srid in DEGREES else ("easting", "northing")


def _middle(bounds: Floats) -> str:
    west, south = np.median(bounds[:, 0]), np.median(bounds[:, 1])
    return f"about {west:.2f} (x), {south:.2f} (y)"


def _row_fault(bounds: Floats, srid: int) -> str:
    position = f"{bounds[0]:.2f}, {bounds[1]:.2f}"
    return f"The geometry lies at {position} (x, y), outside of EPSG:{srid} in Poland: {_expected(srid)}."
