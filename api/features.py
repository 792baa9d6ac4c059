"""Features as GeoJSON text, written by the database, one query per request."""

from dataclasses import dataclass
from typing import Any

from api.asking import Asked
from api.coordinates import decimals, geometry_sql
from api.reading import rows
from layers import Layer

# Up to so many features a filtered count is exact; beyond it is not stated.
EXACT_COUNT = 10_000


@dataclass(frozen=True)
class Page:
    """One page: features as GeoJSON texts, the key to go on after, and how many match if that is known."""

    features: list[str]
    last: Any
    matched: int | None


def page(layer: Layer, wish: Asked, srid: int) -> Page:
    """The features that ``wish`` asks for, in the order of their keys."""
    found = rows(_page_sql(layer, wish, srid), _values(wish))
    features = [feature for _, feature, _ in found if feature is not None]
    more = len(features) > wish.limit
    matched = wish.matched if wish.after is not None else found[0][2] if found else 0
    if matched is not None and matched > EXACT_COUNT and wish.narrowed and not wish.hits:
        matched = None
    last = found[wish.limit - 1][0] if more else None
    return Page(features[: wish.limit], last, matched)


def item(layer: Layer, key: str, crs: str, srid: int) -> str | None:
    """One feature as GeoJSON text; nothing where there is none of this key."""
    if "\x00" in key:
        return None
    found = rows(
        f"SELECT {feature_sql(layer, crs, srid)} FROM public_api.{layer.name} WHERE {layer.key} = %(key)s",
        {"key": key},
    )
    return found[0][0] if found else None


def feature_sql(layer: Layer, crs: str, srid: int) -> str:
    """The SQL expression that writes one row as a GeoJSON Feature."""
    properties = ", ".join(field.name for field in layer.public_fields)
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
        said.append(f"{_begin(layer)} <= %(until)s::timestamptz")
    if wish.since and layer.valid_to:
        said.append(f"({layer.valid_to} IS NULL OR {layer.valid_to} > %(since)s::timestamptz)")
    return said


def _page_sql(layer: Layer, wish: Asked, srid: int) -> str:
    said = conditions(layer, wish, srid)
    beyond = [*said, f"{layer.key} > %(after)s"] if wish.after is not None else said
    count = "NULL::bigint" if wish.after is not None else _count_sql(layer, said, exact=wish.hits)
    if wish.hits:
        return f"SELECT NULL, NULL, {count}"
    # The page is a subquery of its own, so that geometry is written for its rows only.
    return f"""
        SELECT page.{layer.key}, {feature_sql(layer, wish.crs, srid)}, counted.matched
        FROM (SELECT {count} AS matched) AS counted LEFT JOIN LATERAL (
            SELECT * FROM public_api.{layer.name} {_where(beyond)} ORDER BY {layer.key} LIMIT %(limit)s
        ) AS page ON true ORDER BY page.{layer.key}
    """


def _count_sql(layer: Layer, said: list[str], *, exact: bool) -> str:
    if not said:
        return f"(SELECT rows FROM public_api.layer_heads WHERE layer = '{layer.name}')"
    if exact:
        return f"(SELECT count(*) FROM public_api.{layer.name} {_where(said)})"
    few = f"SELECT 1 FROM public_api.{layer.name} {_where(said)} LIMIT {EXACT_COUNT + 1}"
    return f"(SELECT count(*) FROM ({few}) AS few)"


def _where(said: list[str]) -> str:
    return f"WHERE {' AND '.join(said)}" if said else ""


def _bbox_sql(layer: Layer, wish: Asked, srid: int) -> str:
    """Boxes in a stored system use its index; others find candidates by index, then look closely."""
    stored = {4326: "lonlat", srid: "geom"}.get(wish.bbox_srid)
    if stored is None:
        box, place = _envelope(wish.bbox_srid), f"ST_Transform(geom, {wish.bbox_srid})"
        return f"(geom && ST_Transform(ST_Segmentize({box}, 1000), {srid}) AND ST_Intersects({place}, {box}))"
    if wish.bbox and wish.bbox[0] > wish.bbox[2]:
        east, west = _envelope(4326, "west", "half"), _envelope(4326, "minus_half", "east")
        return f"(ST_Intersects(lonlat, {east}) OR ST_Intersects(lonlat, {west}))"
    box = _envelope(wish.bbox_srid)
    # A point lies in a box as soon as their boxes meet.
    return f"{stored} && {box}" if layer.geometry == "Point" else f"ST_Intersects({stored}, {box})"


def _envelope(srid: int, west: str = "west", east: str = "east") -> str:
    return f"ST_MakeEnvelope(%({west})s, %(south)s, %({east})s, %(north)s, {srid})"


def _begin(layer: Layer) -> str:
    return layer.valid_from or "stand"


def _values(wish: Asked) -> dict[str, Any]:
    values: dict[str, Any] = {f"equal_{number}": value for number, (_, value) in enumerate(wish.equals)}
    values |= {"limit": wish.limit + 1, "after": wish.after, "since": wish.since, "until": wish.until}
    if wish.bbox:
        values |= dict(zip(("west", "south", "east", "north"), wish.bbox, strict=True))
        values |= {"half": 180.0, "minus_half": -180.0}
    return values
