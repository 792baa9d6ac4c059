"""One feature at a time, and all its versions: when each was valid, and when it was published."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from api.asking import Asked
from api.features import feature_sql
from api.reading import Reader
from api.times import sources
from api.values import value_of
from layers import Layer
from mesip.errors import UsageError


class Version(NamedTuple):
    """When a version was valid and when it was recorded; None where that goes on."""

    since: datetime
    until: datetime | None
    recorded: datetime
    replaced: datetime | None


@dataclass(frozen=True)
class Found:
    """A feature as GeoJSON text: since and until when it is so, and since when the versions beside it are;
    when the layer was published that it was read from.
    """

    text: str
    since: datetime
    until: datetime | None
    before: datetime | None
    after: datetime | None
    published: datetime | None


def item(reader: Reader, layer: Layer, key: str, wish: Asked, srid: int) -> Found | None:
    """The version of one feature that ``wish`` asks for; nothing where there is none."""
    if (wanted := _key(layer, key)) is None:
        return None
    known = "key_is.recorded @> %(known)s::timestamptz"
    of_key = f"FROM {layer.name}_versions AS key_is WHERE key_is.{layer.key} = %(key)s AND {known}"
    columns = ", ".join(
        [*(field.name for field in layer.fields), "geom", "lonlat", "valid_since", "valid_until"]
    )
    parts = " UNION ALL ".join(
        f"SELECT {columns} FROM {source.table} WHERE "
        + " AND ".join([*source.said, f"{layer.key} = %(key)s"])
        for source in sources(layer, wish.times)
    )
    query = f"""
        SELECT {feature_sql(layer, wish, srid, timed=True)}, valid_since, valid_until,
               (SELECT max(lower(valid)) {of_key} AND lower(valid) < valid_since),
               (SELECT min(lower(valid)) {of_key} AND lower(valid) > valid_since),
               (SELECT published_at FROM layer_heads WHERE layer = '{layer.name}')
        FROM ({parts}) AS it
    """
    found = reader.rows(query, wish.times.values | {"key": wanted})
    return Found(*found[0]) if found else None


def versions(reader: Reader, layer: Layer, key: str) -> list[Version]:
    """Every version of a feature that was ever published, in the order of their valid times."""
    if (wanted := _key(layer, key)) is None:
        return []
    ends = "lower(valid), upper(valid), lower(recorded), upper(recorded)"
    query = f"SELECT {ends} FROM {layer.name}_versions WHERE {layer.key} = %(key)s"
    told = [Version(*found) for found in reader.rows(query, {"key": wanted})]
    return sorted(told, key=lambda version: (version.since, version.recorded))


def known_at(told: list[Version], known: datetime | None) -> list[Version]:
    """Those of the versions that were believed at a moment; those believed now, without one."""
    return [
        version
        for version in told
        if (version.replaced is None or (known is not None and known < version.replaced))
        and (known is None or version.recorded <= known)
    ]


def _key(layer: Layer, text: str):
    """A key of the layer's kind; None where the text cannot be one."""
    try:
        return value_of(layer.key, layer.field(layer.key).kind, text)
    except UsageError:
        return None
