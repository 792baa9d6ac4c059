"""The table of a layer: columns, comments with units, keys and indexes."""

import sqlalchemy as sa
from geoalchemy2 import Geometry

from layers.declaration import Field, Layer
from layers.kinds import KINDS, UNITS

SCHEMA = "city"


def table(layer: Layer, srid: int, metadata: sa.MetaData | None = None) -> sa.Table:
    """The table of the current rows of ``layer``, geometry stored in ``srid``.

    Beside the declared fields: ``geom`` (easting, northing), ``lonlat`` (the same in EPSG:4326, longitude
    first, kept by the database), ``stand`` (the day the delivery speaks of), ``hash`` (of the content) and
    ``run`` (the load that wrote the row).
    """
    return sa.Table(
        layer.name,
        metadata if metadata is not None else sa.MetaData(),
        *(column(layer, field) for field in layer.fields),
        sa.Column("geom", Geometry(layer.geometry, srid, spatial_index=False), comment=f"EPSG:{srid}"),
        sa.Column(
            "lonlat",
            Geometry(layer.geometry, 4326, spatial_index=False),
            sa.Computed("ST_Transform(geom, 4326)", persisted=True),
            comment="EPSG:4326, longitude first",
        ),
        sa.Column("stand", sa.Date(), nullable=False, comment="Day the delivery speaks of"),
        sa.Column("hash", sa.Uuid(), nullable=False, comment="Hash of the canonical content"),
        sa.Column("run", sa.BigInteger(), nullable=False, comment="Load that wrote the row"),
        schema=SCHEMA,
        comment=layer.title["en"],
    )


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


def indexes(layer: Layer) -> dict[str, str]:
    """Names of the indexes that reads need, and what follows ``ON city.<layer>``."""
    wanted = {
        f"{layer.name}_geom_idx": "USING gist (geom)",
        f"{layer.name}_lonlat_idx": "USING gist (lonlat)",
    }
    for name in layer.search:
        wanted[f"{layer.name}_{name}_search_idx"] = f"(lower({name}) text_pattern_ops)"
    return wanted
