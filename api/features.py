"""Features as GeoJSON text, written by the database, one query per request."""

from dataclasses import dataclass
from typing import Any

from api.asking import Asked, Bbox
from api.coordinates import decimals, geometry_sql, surroundings
from api.reading import Reader
from api.values import value_of
from layers import Layer
from mesip.errors import UsageError

# Up to so many features a filtered count is exact; beyond it is not stated.
EXACT_COUNT = 10_000


@dataclass(frozen=True)
class Page:
    """One page: features as GeoJSON texts, the key to go on after, and how many match if that is known."""

    features: list[str]
    last: Any
    matched: int | None


def page(reader: Reader, layer: Layer, wish: Asked, srid: int) -> Page:
    """The features that ``wish`` asks for, in the order of their keys."""
    found = reader.rows(_page_sql(layer, wish, srid), _values(wish))
    features = [feature for _, feature, _ in found if feature is not None]
    more = len(features) > wish.limit
    matched = wish.matched if _goes_on(wish) else found[0][2]
    if matched is not None and matched > EXACT_COUNT and wish.narrowed and not wish.hits:
        matched = None
    last = found[wish.limit - 1][0] if more else None
    return Page(features[: wish.limit], last, matched)


def item(reader: Reader, layer: Layer, key: str, crs: str, srid: int) -> str | None:
    """One feature as GeoJSON text; nothing where there is none of this key."""
    try:
        wanted = value_of(layer.field(layer.key), key)
    except UsageError:
        return None
    query = f"SELECT {feature_sql(layer, crs, srid)} FROM {layer.name} WHERE {layer.key} = %(key)s"
    found = reader.rows(query, {"key": wanted})
    return found[0][0] if found else None


def feature_sql(layer: Layer, crs: str, srid: int) -> str:
    """The SQL expression that writes one row as a GeoJSON Feature."""
    properties = ", ".join(field.name for field in layer.fields)
    geometry = f"ST_AsGeoJSON({geometry_sql(crs, srid)}, {decimals(crs)}, 0)"
    return (
        f"""'{{"type":"Feature","id":' || to_json({layer.key})::text || ',"geometry":' """
        f"""|| COALESCE({geometry}, 'null') || ',"properties":' """
        f"""|| (SELECT row_to_json(p) FROM (SELECT {properties}) AS p)::text || '}}'"""
    )


def conditions(layer: Layer, wish: Asked, srid: int) -> list[str]:
    """The WHERE conditions of a wish, without the key to go on after."""
    said = [f"{name} = %(equal_{number})s" for number, (name, _) in enumerate(wish.equals)]
    if wish.bbox:
        said.append(_bbox_sql(layer, wish, srid))
    if wish.until:
        said.append(f"{_begin(layer)} <= %(until)s")
    if wish.since and layer.valid_to:
        said.append(f"({layer.valid_to} IS NULL OR {layer.valid_to} > %(since)s)")
    return said


def _page_sql(layer: Layer, wish: Asked, srid: int) -> str:
    said = conditions(layer, wish, srid)
    beyond = [*said, f"{layer.key} > %(after)s"] if wish.after is not None else said
    count = "NULL::bigint" if _goes_on(wish) else _count_sql(layer, said, exact=wish.hits)
    if wish.hits:
        return f"SELECT NULL, NULL, {count}"
    # The page is a subquery of its own, so that geometry is written for its rows only.
    return f"""
        SELECT page.{layer.key}, {feature_sql(layer, wish.crs, srid)}, counted.matched
        FROM (SELECT {count} AS matched) AS counted LEFT JOIN LATERAL (
            SELECT * FROM {layer.name} {_where(beyond)} ORDER BY {layer.key} LIMIT %(limit)s
        ) AS page ON true ORDER BY page.{layer.key}
    """


def _goes_on(wish: Asked) -> bool:
    """Whether this is a later page: its count was stated by the first."""
    return wish.after is not None and not wish.hits


def _count_sql(layer: Layer, said: list[str], *, exact: bool) -> str:
    if not said:
        return f"COALESCE((SELECT rows FROM layer_heads WHERE layer = '{layer.name}'), 0)"
    if exact:
        return f"(SELECT count(*) FROM {layer.name} {_where(said)})"
    few = f"SELECT 1 FROM {layer.name} {_where(said)} LIMIT {EXACT_COUNT + 1}"
    return f"(SELECT count(*) FROM ({few}) AS few)"


def _where(said: list[str]) -> str:
    return f"WHERE {' AND '.join(said)}" if said else ""


def _bbox_sql(layer: Layer, wish: Asked, srid: int) -> str:
    """Boxes in a stored system use its index; others find candidates by index, then look closely."""
    stored = {4326: "lonlat", srid: "geom"}.get(wish.bbox_srid)
    if stored is None:
        return _foreign_bbox_sql(wish, srid)
    if wish.bbox and wish.bbox[0] > wish.bbox[2]:
        east, west = _envelope(4326, "west", "half"), _envelope(4326, "minus_half", "east")
        return f"(ST_Intersects(lonlat, {east}) OR ST_Intersects(lonlat, {west}))"
    box = _envelope(wish.bbox_srid)
    if layer.geometry != "Point":
        return f"ST_Intersects({stored}, {box})"
    # The index knows a point to half a metre only. Comparing is six times faster than ST_Intersects.
    return (
        f"({stored} && {box} AND ST_X({stored}) BETWEEN %(west)s AND %(east)s"
        f" AND ST_Y({stored}) BETWEEN %(south)s AND %(north)s)"
    )


def _foreign_bbox_sql(wish: Asked, srid: int) -> str:
    box = _envelope(wish.bbox_srid)
    closely = f"ST_Intersects(ST_Transform(geom, {wish.bbox_srid}), {box})"
    if wish.bbox is None or not _within(wish.bbox, surroundings(wish.bbox_srid, srid)):
        return closely
    # An edge of a kilometre bends by centimetres between the systems, hence the metre around the candidates.
    return f"(geom && ST_Expand(ST_Transform(ST_Segmentize({box}, 1000), {srid}), 1) AND {closely})"


def _within(inner: Bbox, outer: Bbox) -> bool:
    return inner[0] >= outer[0] and inner[1] >= outer[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


def _envelope(srid: int, west: str = "west", east: str = "east") -> str:
    """A box; without width or height it is a line or a point, which ST_MakeEnvelope gets wrong."""
    corners = f"ST_MakePoint(%({west})s, %(south)s), ST_MakePoint(%({east})s, %(north)s)"
    return f"ST_SetSRID(ST_Envelope(ST_MakeLine({corners})), {srid})"


def _begin(layer: Layer) -> str:
    return layer.valid_from or "valid_since"


def _values(wish: Asked) -> dict[str, Any]:
    values: dict[str, Any] = {f"equal_{number}": value for number, (_, value) in enumerate(wish.equals)}
    values |= {"limit": wish.limit + 1, "after": wish.after, "since": wish.since, "until": wish.until}
    if wish.bbox:
        values |= dict(zip(("west", "south", "east", "north"), wish.bbox, strict=True))
        values |= {"half": 180.0, "minus_half": -180.0}
    return values
