"""Search by the beginning of a number or name, over the fields that declarations offer."""

from collections.abc import Iterable

import orjson

from api.availability import unavailable
from api.reading import Reader
from layers import Layer
from mesip.errors import LayerUnavailableError, UsageError

LONGEST = 100
DEFAULT_HITS, MOST_HITS = 10, 50


def search(reader: Reader, text: str, limit: int) -> list[dict]:
    """The first places whose declared search fields begin with ``text``, exact hits first, as GeoJSON.

    Raises:
        UsageError: there is nothing to look for.
    """
    wanted = text.strip().lower()
    if not wanted or len(wanted) > LONGEST or "\x00" in wanted:
        raise UsageError(
            f"q is what to look for, 1 to {LONGEST} letters: a parcel number, a tree number, a name."
        )
    try:
        return _found(reader, wanted, limit, reader.layers.values())
    except LayerUnavailableError:
        gone = unavailable(reader)
        rest = [layer for name, layer in reader.layers.items() if name not in gone]
        return _found(reader, wanted, limit, rest)


def _found(reader: Reader, wanted: str, limit: int, layers: Iterable[Layer]) -> list[dict]:
    parts = [_search_sql(layer, field) for layer in layers for field in layer.search]
    if not parts:
        return []
    query = f"""
        SELECT layer, id, label, detail, ST_AsGeoJSON(lonlat, 7),
               ST_XMin(lonlat), ST_YMin(lonlat), ST_XMax(lonlat), ST_YMax(lonlat)
        FROM ({" UNION ALL ".join(parts)}) AS hits
        ORDER BY exact DESC, length(detail), detail, layer, id LIMIT %(limit)s
    """
    values = {"exact": wanted, "begin": _escaped(wanted) + "%", "limit": limit}
    return list({(hit[0], hit[1]): _feature(hit) for hit in reader.rows(query, values)}.values())


def _search_sql(layer: Layer, field: str) -> str:
    return f"""
        (SELECT '{layer.name}' AS layer, {layer.key}::text AS id, {layer.label or layer.key}::text AS label,
                {field} AS detail, lonlat, lower({field}) = %(exact)s AS exact
         FROM {layer.name} WHERE lower({field}) LIKE %(begin)s AND lonlat IS NOT NULL
         ORDER BY lower({field}) = %(exact)s DESC, length({field}), {field}, {layer.key} LIMIT %(limit)s)
    """


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _feature(hit: tuple) -> dict:
    layer, id_, label, detail, geometry, *box = hit
    return {
        "type": "Feature",
        "geometry": orjson.loads(geometry),
        "bbox": box,
        "properties": {"layer": layer, "id": id_, "label": label, "detail": detail},
    }
