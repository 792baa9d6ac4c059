"""The conformance tests of CQL2 (Annex A) count what the standard says, on the standard's own data.

They need a checkout of opengeospatial/ogcapi-features, named by OGCAPI_FEATURES; nothing of it is kept here.
"""

import os
import re
from pathlib import Path

import geopandas
import pandas as pd
import psycopg
import pyogrio
import pytest
import shapely

from api.cql2_sql import condition
from api.cql2_terms import Term
from api.cql2_text import read_text
from layers.collection import CRS84

KINDS = {"OFTString": "text", "OFTInteger": "integer", "OFTInteger64": "integer", "OFTReal": "number"}
KINDS |= {"OFTDate": "date", "OFTDateTime": "moment"}
SQL_TYPES = {"text": "text", "integer": "bigint", "number": "double precision", "flag": "boolean"}
SQL_TYPES |= {"date": "date", "moment": "timestamptz"}
SINGLE = re.compile(r"^(?:\|[^|`]*)?\|(ne_110m\w+) \|`(.*)` \|(\d+)\s*$")
COMBINED = re.compile(r"^\|`(.*)` \|`(.*)` \|`(.*)` \|`(.*)` \|(\d+)\s*$")
FORMULA = "(NOT ({1}) AND {0}) OR ({2} and {3}) or not ({0} OR {3})"
PLACES = "ne_110m_populated_places_simple"
# Three cities begin with Ch (Chengdu, Chicago, Chișinău), and one with Chis.
MISCOUNTED = {
    "ACCENTI(name) LIKE accenti('Ch%')": 3,
    "ACCENTI(CASEI(name)) LIKE accenti(casei('Chiș%'))": 1,
    "ACCENTI(CASEI(name)) LIKE accenti(casei('cHis%'))": 1,
}


@pytest.fixture(scope="module")
def standard():
    folder = Path(os.environ.get("OGCAPI_FEATURES", "")) / "cql2" / "standard"
    if not (folder / "data").is_dir():
        pytest.skip("OGCAPI_FEATURES names no checkout of opengeospatial/ogcapi-features")
    return folder


@pytest.fixture(scope="module")
def names(database, standard):
    """The queryables of each table of the standard's data, which is loaded."""
    source = standard / "data" / "ne110m4cql2.gpkg"
    with psycopg.connect(database.url.replace("+psycopg", ""), autocommit=True) as connection:
        tables = [name for name, _ in pyogrio.list_layers(source) if str(name).startswith("ne_110m")]
        return {table: copied(connection, source, table) for table in tables}


def copied(connection, source, table):
    info = pyogrio.read_info(source, layer=table)
    kinds = {
        name: "flag" if name == "boolean" else KINDS[ogr]
        for name, ogr in zip(info["fields"], info["ogr_types"], strict=True)
    }
    columns = ", ".join(f'"{name}" {SQL_TYPES[kind]}' for name, kind in kinds.items())
    connection.execute(f"CREATE TABLE {table} ({columns}, lonlat geometry)")
    frame = geopandas.read_file(source, layer=table)
    shapes = shapely.to_wkb(shapely.set_srid(frame.geometry.to_numpy(), 4326), hex=True, include_srid=True)
    rows = zip(
        *([plain(each, kind) for each in frame[name]] for name, kind in kinds.items()), shapes, strict=True
    )
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * (len(kinds) + 1))})", list(rows))
    return {name: Term(f'"{name}"', kind, name) for name, kind in kinds.items()} | {
        "geom": Term("lonlat", "geometry", "geom")
    }


def plain(value, kind):
    if pd.isna(value):
        return None
    return {"integer": int, "number": float, "flag": bool}.get(kind, lambda each: each)(value)


def test_every_predicate_of_the_conformance_tests_counts_what_the_standard_says(
    names, rows, database, standard
):
    lines = [
        line for path in standard.glob("annex_ats_*.adoc") for line in path.read_text("utf-8").splitlines()
    ]
    single = [match.groups() for line in lines if (match := SINGLE.match(line))]
    combined = [match.groups() for line in lines if (match := COMBINED.match(line))]
    asked = [(table, text, int(count)) for table, text, count in single]
    asked += [(PLACES, FORMULA.format(*parts), int(count)) for *parts, count in combined]
    assert (len(single), len(combined)) == (274, 77)
    with psycopg.connect(database.url.replace("+psycopg", "")) as connection:
        for table, written, count in asked:
            text = written.replace("\\<", "<").replace("\\((", "((")
            meant = condition(read_text(text), names[table], CRS84, 2177)
            query = f"SELECT count(*) FROM {table} WHERE {meant.sql}".encode()
            assert connection.execute(query, meant.values).fetchone() == (MISCOUNTED.get(text, count),), text
