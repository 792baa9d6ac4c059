"""The table of a layer: columns, comments with units, keys and indexes."""

import sqlalchemy as sa
from geoalchemy2 import Geometry
from sqlalchemy.dialects.postgresql import TSTZRANGE

from layers.declaration import Field, Layer
from layers.kinds import KINDS, UNITS

SCHEMA = "city"
MOMENT = sa.DateTime(timezone=True)


def table(layer: Layer, srid: int, metadata: sa.MetaData | None = None) -> sa.Table:
    """The table of the current rows of ``layer``, geometry stored in ``srid``.

    Beside the declared fields and the columns of ``_own_columns``: since when the row is valid in the world,
    and since when we say so. Both times go on.
    """
    return sa.Table(
        layer.name,
        metadata if metadata is not None else sa.MetaData(),
        *(column(layer, field) for field in layer.fields),
        *_own_columns(layer, srid),
        sa.Column("valid_since", MOMENT, nullable=False, comment="Since when it is so in the world"),
        sa.Column("recorded_since", MOMENT, nullable=False, comment="Since when it is published"),
        schema=SCHEMA,
        comment=layer.title["en"],
    )


def history_table(layer: Layer, srid: int, metadata: sa.MetaData | None = None) -> sa.Table:
    """The table of superseded versions of ``layer``: when each was valid, and when we said so.

    Apart from the current rows, so that today's reads never pay for history. Both times are half-open ranges.
    A version whose record goes on is what we say today of a time that is over.
    """
    return sa.Table(
        f"{layer.name}_history",
        metadata if metadata is not None else sa.MetaData(),
        *(sa.Column(field.name, KINDS[field.kind].column) for field in layer.fields),
        *_own_columns(layer, srid),
        sa.Column("valid", TSTZRANGE(), nullable=False, comment="When it was so in the world"),
        sa.Column("recorded", TSTZRANGE(), nullable=False, comment="When it was published"),
        schema=SCHEMA,
        comment=f"{layer.title['en']}: superseded versions",
    )


def _own_columns(layer: Layer, srid: int) -> list[sa.Column]:
    """What every row has: ``geom`` (easting, northing), ``lonlat`` (the same in EPSG:4326, longitude first,
    kept by the database), ``stand``, ``hash`` and ``run``.
    """
    lonlat = sa.Computed("ST_Transform(geom, 4326)", persisted=True)
    place = Geometry(layer.geometry, 4326, spatial_index=False)
    return [
        sa.Column("geom", Geometry(layer.geometry, srid, spatial_index=False), comment=f"EPSG:{srid}"),
        sa.Column("lonlat", place, lonlat, comment="EPSG:4326, longitude first"),
        sa.Column("stand", sa.Date(), nullable=False, comment="Day the delivery speaks of"),
        sa.Column("hash", sa.Uuid(), nullable=False, comment="Hash of the canonical content"),
        sa.Column("run", sa.BigInteger(), nullable=False, comment="Load that wrote the row"),
    ]


def column(layer: Layer, field: Field) -> sa.Column:
    """The column of one field; its comment states the title, the unit and the source's name."""
    unit = f" [{UNITS[field.unit].symbol}]" if field.unit and field.unit != "1" else ""
    return sa.Column(
        field.name,
        KINDS[field.kind].column,
        primary_key=field.name == layer.key,
        autoincrement=False,
        nullable=not field.required,
        comment=f"{field.en}{unit} – {field.pl} ({', '.join(field.sources)})",
    )


def history_indexes(layer: Layer) -> dict[str, str]:
    """Names of the indexes that reads of other times need, and what follows ``ON city.<layer>_history``."""
    return {
        f"{layer.name}_history_key_idx": f"({layer.key})",
        f"{layer.name}_history_times_idx": "USING gist (recorded, valid)",
        f"{layer.name}_history_lonlat_idx": "USING gist (lonlat)",
    }


def indexes(layer: Layer) -> dict[str, str]:
    """Names of the indexes that reads need, and what follows ``ON city.<layer>``."""
    wanted = {
        f"{layer.name}_geom_idx": "USING gist (geom)",
        f"{layer.name}_lonlat_idx": "USING gist (lonlat)",
    }
    for name in layer.search:
        wanted[f"{layer.name}_{name}_search_idx"] = f"(lower({name}) text_pattern_ops)"
    return wanted
