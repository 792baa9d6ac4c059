"""What makes a GeoPackage of rows one of a layer: its title, its metadata, and the style for QGIS."""

import sqlite3
from contextlib import closing
from pathlib import Path

from layers import Layer
from layers.declaration import Language
from layers.qgis_style import qgis_styles

# As GDAL names it.
GEOMETRY = "geom"
STYLES = """
    CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256),
        f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30),
        styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30),
        update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))
"""


def finish(path: Path, layer: Layer, language: Language, at: str) -> None:
    """Add the style, and state ``at`` as the moment of change: the same rows give the same bytes."""
    with closing(sqlite3.connect(path)) as file, file:
        file.execute(STYLES)
        for number, (name, qml) in enumerate(qgis_styles(layer, language).items()):
            values = (layer.name, GEOMETRY, name, qml, number == 0, layer.title[language], at)
            file.execute(
                "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column,"
                " styleName, styleQML, styleSLD, useAsDefault, description, owner, update_time)"
                " VALUES ('', '', ?, ?, ?, ?, '', ?, ?, '', ?)",
                values,
            )
        file.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change, srs_id)"
            " VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?, 0)",
            (at,),
        )
        file.execute("UPDATE gpkg_contents SET last_change = ?", (at,))
        for (table,) in file.execute("SELECT name FROM sqlite_master WHERE name = 'gpkg_metadata_reference'"):
            file.execute(f"UPDATE {table} SET timestamp = ?", (at,))
