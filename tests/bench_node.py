"""The node that the API is measured on: a million trees, 300,000 parcels."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from layers import all_layers
from mesip import cluster
from mesip.database import Database
from mesip.settings import settings
from pipelines.load import Order, load
from pipelines.migrate import migrate
from pipelines.sample_city.write import write_city

DISTRICTS = 4
PARCELS_PER_DISTRICT = 2000


def many_trees(home: Path, count: int) -> gpd.GeoDataFrame:
    """So many trees with 16 columns: those of the sample city, over and over, each a little further on."""
    path = write_city(home / "city", districts=DISTRICTS)["trees"]
    few = pd.read_csv(path, sep=";", encoding="cp1250", decimal=",").drop_duplicates("NUMER")
    few = few[few["OBWOD_PNIA_CM"].gt(0) & few["ZYWOTNOSC"].isin(["dobra", "srednia", "slaba", "martwe"])]
    many = pd.concat([few] * -(-count // len(few)), ignore_index=True).iloc[:count]
    number = np.arange(count)
    places = shapely.points(
        many["WSP_E"] + number // len(few) * 7.31, many["WSP_N"] + number // len(few) * 3.17
    )
    many = many.assign(
        NUMER=[f"D{each:07d}" for each in number], UWAGI="bez uwag", STAN=number % 5, KOD=number % 97
    )
    return gpd.GeoDataFrame(many.drop(columns=["WSP_E", "WSP_N"]), geometry=places, crs=2177)


def city_of_parcels(home: Path, parcels: int) -> Path:
    """The national GML of a sample city with about so many parcels."""
    return write_city(home / "large", districts=-(-parcels // PARCELS_PER_DISTRICT))["egib"]


def wishes(about: str | None) -> argparse.ArgumentParser:
    """The options of a measurement on this node."""
    parser = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    parser.add_argument("--trees", type=int, default=1_000_000)
    parser.add_argument("--parcels", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--home", type=Path, help="a node that is kept, or made there the first time")
    return parser


def started(home: Path | None, trees: int, parcels: int) -> tuple[Path, cluster.Server, Database]:
    """The node at ``home``, or a new one that was loaded first."""
    place = home or Path(tempfile.mkdtemp(prefix="mesip-bench-"))
    place.mkdir(exist_ok=True)
    place.chmod(0o755)
    os.environ["MESIP_HOME"] = str(place)
    known = (place / "postgres").exists()
    server = cluster.start(place)
    database = Database(server.url, place)
    migrate(database, all_layers().values(), settings().srid)
    if not known:
        _fill(place, database, trees, parcels)
    return place, server, database


def _fill(home: Path, database: Database, trees: int, parcels: int) -> None:
    path = home / "trees.parquet"
    many_trees(home, trees).to_parquet(path)
    print("Loading the trees, then the parcels …", file=sys.stderr)
    load(Order("trees", (path,), accepted=frozenset({"extent"})), database, settings())
    egib = city_of_parcels(home, parcels)
    load(Order("egib", (egib,), accepted=frozenset({"extent", "rejects"})), database, settings())
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
