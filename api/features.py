"""Features as GeoJSON text, written by the database, one query per request."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from api.asking import UNIQUE_IDS, Asked
from api.boxes import box_sql, box_values
from api.coordinates import decimals, geometry_sql
from api.reading import Reader
from api.sorting import beyond_sql, order_sql
from api.times import Source, sources
from api.tokens import Token
from layers import Layer

# Up to so many features a filtered count is exact; beyond it is not stated.
EXACT_COUNT = 10_000


@dataclass(frozen=True)
class Page:
    """One page: features as GeoJSON texts, where the next one goes on, how many match if that is known, and
    when the layer was published that they were read from.
    """

    features: list[str]
    next: Token | None
    matched: int | None
    published: datetime | None


class Read(NamedTuple):
    """What the database answers: rows of a feature and its sort values, one more than asked if there is one;
    how many match, and when the state of the layer was published.
    """

    rows: list[tuple]
    matched: int | None
    published: datetime | None


def page(reader: Reader, layer: Layer, wish: Asked, srid: int) -> Page:
    """The features that ``wish`` asks for, in its order.

    All pages of a chain read one version of the layer: the current rows until others are published, then what
    they were when the chain began.
    """
    token = None if wish.hits else wish.token
    pinned = token is not None and (token.moved or not wish.times.current)
    read = _read(reader, layer, _as_known(wish, token) if pinned else wish, srid)
    if token and not pinned and read.published != token.known:
        pinned, read = True, _read(reader, layer, _as_known(wish, token), srid)
    rows = read.rows[: wish.limit]
    matched = token.matched if token else read.matched
    known = token.known if token else _earlier(wish.times.known, read.published)
    more = len(read.rows) > wish.limit
    return Page(
        [feature for feature, *_ in rows],
        Token(tuple(rows[-1][1:]), matched, known, pinned) if more else None,
        matched,
        read.published,
    )


def feature_sql(layer: Layer, wish: Asked, srid: int, *, timed: bool) -> str:
    """The SQL expression that writes one row as a GeoJSON Feature; ``timed``: with its valid time (JSON-FG).

    Where a feature can be there in several versions, each has an identifier of its own, unless the request
    prefers otherwise.
    """
    properties = ", ".join(wish.properties if wish.properties is not None else layer_names(layer))
    geometry = f"ST_AsGeoJSON({geometry_sql(wish.crs, srid)}, {decimals(wish.crs)}, 0)"
    key = f"{layer.key} || '.' || {STAMP}" if wish.times.several and wish.profile == UNIQUE_IDS else layer.key
    time = f" || {TIME}" if timed else ""
    return (
        f"""'{{"type":"Feature","id":' || to_json({key})::text{time} || ',"geometry":' """
        f"""|| COALESCE({geometry}, 'null') || ',"properties":' """
        f"""|| (SELECT row_to_json(p) FROM (SELECT {properties}) AS p)::text || '}}'"""
    )


def conditions(layer: Layer, wish: Asked, srid: int) -> list[str]:
    """The WHERE conditions of a wish, but for its times and its page."""
    said = [f"{name} = %(equal_{number})s" for number, (name, _) in enumerate(wish.equals)]
    if wish.bbox:
        said.append(box_sql(layer, wish.bbox, wish.bbox_srid, srid))
    if wish.filter:
        said.append(wish.filter.sql)
    return said


def values(wish: Asked, srid: int) -> dict[str, Any]:
    """The values bound in the conditions of a wish, its times included."""
    bound: dict[str, Any] = {f"equal_{number}": value for number, (_, value) in enumerate(wish.equals)}
    if wish.bbox:
        bound |= box_values(wish.bbox, wish.bbox_srid, srid)
    return bound | dict(wish.filter.values if wish.filter else {}) | wish.times.values


def rows_sql(layer: Layer, wish: Asked, srid: int, *, beyond: Sequence[str] = (), limit: str = "") -> str:
    """The rows of a wish in its order: the layer's fields, geom, lonlat, valid_since, valid_until.

    Each place where rows are gives its first ones by its own index.
    """
    columns = ", ".join([*layer_names(layer), "geom", "lonlat", "valid_since", "valid_until"])
    said, ordered = [*conditions(layer, wish, srid), *beyond], f"ORDER BY {order_sql(wish.order)} {limit}"
    parts = [_select(columns, each, said, ordered) for each in sources(layer, wish.times)]
    if len(parts) == 1:
        return parts[0]
    return f"SELECT * FROM ({' UNION ALL '.join(f'({part})' for part in parts)}) AS versions {ordered}"


def layer_names(layer: Layer) -> list[str]:
    """The names of the fields."""
    return [field.name for field in layer.fields]


def _read(reader: Reader, layer: Layer, wish: Asked, srid: int) -> Read:
    last = {f"last_{at}": value for at, value in enumerate(wish.token.last if wish.token else ())}
    found = reader.rows(_page_sql(layer, wish, srid), values(wish, srid) | last | {"limit": wish.limit + 1})
    (matched, published), rows = found[0][:2], [row[2:] for row in found if row[2] is not None]
    if matched is not None and matched > EXACT_COUNT and wish.narrowed and not wish.hits:
        matched = None
    return Read(rows, matched, published)


def _page_sql(layer: Layer, wish: Asked, srid: int) -> str:
    published = f"(SELECT published_at FROM layer_heads WHERE layer = '{layer.name}')"
    if wish.hits:
        return f"SELECT {_count_sql(layer, wish, srid, exact=True)}, {published}, NULL"
    beyond = [beyond_sql(wish.order, wish.token.last)] if wish.token else []
    count = "NULL::bigint" if wish.token else _count_sql(layer, wish, srid, exact=False)
    keys = ", ".join(f"page.{key.column}" for key in wish.order)
    # The page is a subquery of its own, so that geometry is written for its rows only.
    return f"""
        SELECT "MATCHED", "PUBLISHED", {feature_sql(layer, wish, srid, timed=not wish.times.current)}, {keys}
        FROM (SELECT {count} AS "MATCHED", {published} AS "PUBLISHED") AS counted LEFT JOIN LATERAL (
            {rows_sql(layer, wish, srid, beyond=beyond, limit="LIMIT %(limit)s")}
        ) AS page ON true ORDER BY {order_sql(wish.order)}
    """


def _count_sql(layer: Layer, wish: Asked, srid: int, *, exact: bool) -> str:
    if not wish.narrowed:
        return f"COALESCE((SELECT rows FROM layer_heads WHERE layer = '{layer.name}'), 0)"
    said = conditions(layer, wish, srid)
    parts = [_select("1", each, said, "") for each in sources(layer, wish.times)]
    most = "" if exact else f"LIMIT {EXACT_COUNT + 1}"
    return f"(SELECT count(*) FROM ({' UNION ALL '.join(parts)} {most}) AS matching)"


def _select(columns: str, source: Source, said: Sequence[str], then: str) -> str:
    whole = [*source.said, *said]
    where = f"WHERE {' AND '.join(whole)}" if whole else ""
    return f"SELECT {columns} FROM {source.table} {where} {then}"


def _as_known(wish: Asked, token: Token | None) -> Asked:
    return replace(wish, times=replace(wish.times, known=token.known if token else None))


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(one, other) if one and other else one or other


def _utc(column: str, form: str) -> str:
    """A moment as text, without the fraction of a second where there is none."""
    text = f"to_char({column} AT TIME ZONE 'UTC', '{form}.US')"
    return f"rtrim(rtrim({text}, '0'), '.') || 'Z'"


STAMP = _utc("valid_since", 'YYYYMMDD"T"HH24MISS')
_MOMENT = 'YYYY-MM-DD"T"HH24:MI:SS'
TIME = (
    f"""',"time":{{"interval":["' || {_utc("valid_since", _MOMENT)} || '","' """
    f"""|| COALESCE({_utc("valid_until", _MOMENT)}, '..') || '"]}}'"""
)
