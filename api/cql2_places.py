"""Geometries in filters: how they are read, and how they lie to those of features."""

from typing import Any

import numpy as np
import orjson
import shapely

from api.coordinates import LONLAT, candidates, epsg, northing_first
from api.cql2_terms import Span, Term, Writing, of_kind
from mesip.errors import UsageError

SPATIAL = {
    "s_intersects": "ST_Intersects",
    "s_equals": "ST_Equals",
    "s_touches": "ST_Touches",
    "s_within": "ST_Within",
    "s_overlaps": "ST_Overlaps",
    "s_crosses": "ST_Crosses",
    "s_contains": "ST_Contains",
    "s_disjoint": "NOT ST_Intersects",
}
EAST_END = 180.0
FLAT, HIGH = 4, 6  # numbers of a box


def place(this: Writing, node: Any) -> Term:
    """The term of a written geometry: shapely's, GeoJSON's or a bbox, axes in the order of the authority.

    Raises:
        UsageError: it is no geometry, is empty, or crosses itself.
    """
    try:
        flat = isinstance(node, dict) and "type" not in node
        shape = _usable(_box(node["bbox"], this.crs) if flat else _geometry(node, this.crs))
    except (ValueError, TypeError, shapely.GEOSException) as cause:
        raise UsageError(f"The filter holds {_said(node)}, which cannot be used: {cause}.") from cause
    code = shapely.to_wkb(shapely.set_srid(shape, epsg(this.crs)), hex=True, include_srid=True)
    return Term(f"{this.parameter(code)}::geometry", "geometry", shape.geom_type.upper(), shape)


def spatial(this: Writing, name: str, left: Term | Span, right: Term | Span) -> Term:
    """How two geometries lie to one another. What lies apart from all candidates is not looked at closely.

    Raises:
        UsageError: one is no geometry.
    """
    role = f"{name.upper()} is of two geometries"
    a, b = (of_kind(side, "geometry", role) for side in (left, right))
    relation = f"{SPATIAL[name].removeprefix('NOT ')}({a.sql}, {b.sql})"
    written = [side.written for side in (a, b) if side.written is not None]
    box = candidates(written[0].bounds, epsg(this.crs), this.srid) if len(written) == 1 else None
    if box:
        code = shapely.to_wkb(shapely.set_srid(shapely.box(*box), this.srid), hex=True, include_srid=True)
        relation = f"(geom && {this.parameter(code)}::geometry AND {relation})"
    return Term(f"NOT {relation}" if "NOT" in SPATIAL[name] else relation, "flag", f"{name.upper()}(…)")


def _geometry(node: Any, crs: str) -> Any:
    shape = node if isinstance(node, shapely.Geometry) else shapely.from_geojson(orjson.dumps(node))
    flat = shapely.force_2d(shape)
    return shapely.transform(flat, lambda xy: xy[:, ::-1]) if northing_first(crs) else flat


def _box(numbers: Any, crs: str) -> Any:
    """A box as a geometry: two, where it goes over the antimeridian; a line or a point, where it is flat."""
    if len(numbers) not in (FLAT, HIGH) or not all(type(each) in (int, float) for each in numbers):
        raise ValueError("a box has four numbers, or six with heights")
    corners = [float(each) for each in numbers]
    middle = len(corners) // 2
    (west, south), (east, north) = corners[:2], corners[middle : middle + 2]
    if northing_first(crs):
        west, south, east, north = south, west, north, east
    if south > north or (west > east and epsg(crs) != LONLAT):
        raise ValueError(f"it is upside down; the lower corner is first, axes as in {crs}")
    if west > east:
        parts = (shapely.box(west, south, EAST_END, north), shapely.box(-EAST_END, south, east, north))
        return shapely.MultiPolygon(parts)
    return shapely.envelope(shapely.MultiPoint([(west, south), (east, north)]))


def _usable(shape: Any) -> Any:
    """The shape; a collection as the points it covers, because its parts may overlap."""
    if shapely.is_empty(shape):
        raise ValueError("it is empty")
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        raise ValueError("a coordinate is not finite")
    if not shapely.is_valid(shape) and shape.geom_type != "GeometryCollection":
        raise ValueError(shapely.is_valid_reason(shape))
    return shapely.unary_union(shape) if shape.geom_type == "GeometryCollection" else shape


def _said(node: Any) -> str:
    return (
        shapely.to_wkt(node)[:60]
        if isinstance(node, shapely.Geometry)
        else orjson.dumps(node)[:60].decode(errors="ignore")
    )
