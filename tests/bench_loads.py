"""Whole loads of a million trees against ogr2ogr doing nothing but copying, in one run.

First load, another export of the same content, one per cent changed, the same bytes again; each as GeoParquet
and GeoPackage. ogr2ogr copies the GeoPackage with PG_USE_COPY and builds its spatial index after.

    python tests/bench_loads.py [--trees 1000000] [--rounds 3]
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
import sqlalchemy as sa

from layers import all_layers
from mesip import cluster
from mesip.database import Database
from pipelines.migrate import migrate
from pipelines.sample_city.write import write_city

DISTRICTS = 4
CASES = ("first load", "other export, unchanged", "one per cent changed", "the same bytes")
LOAD = """
import json, resource, sys
from mesip.cli import main
sys.argv = ["mesip", "load", "trees", sys.argv[1], "--as-of", "2026-01-01", "--json"]
main()
"""


def main() -> None:
    """Make the files, measure in turn, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--trees", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    wish = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="mesip-bench-"))
    home.chmod(0o755)
    trees = _trees(home, wish.trees)
    server = cluster.start(home)
    try:
        files = {suffix: _written(trees, home, suffix) for suffix in (".parquet", ".gpkg")}
        rounds = [_round(server, home, files) for _ in range(wish.rounds)]
    finally:
        cluster.stop(home)
    print(_table(rounds, wish))


def _trees(home: Path, count: int) -> gpd.GeoDataFrame:
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


def _written(trees: gpd.GeoDataFrame, home: Path, suffix: str) -> dict[str, Path]:
    changed = trees.copy()
    changed.loc[changed.index % 100 == 0, "OBWOD_PNIA_CM"] += 1
    versions = {
        "first load": trees,
        "other export, unchanged": trees.iloc[::-1],
        "one per cent changed": changed,
    }
    paths = {}
    for number, (case, frame) in enumerate(versions.items()):
        paths[case] = home / f"trees_{number}{suffix}"
        if suffix == ".parquet":
            frame.to_parquet(paths[case])
        else:
            pyogrio.write_dataframe(frame, paths[case], driver="GPKG")
    return paths | {"the same bytes": paths["one per cent changed"]}


def _round(server: cluster.Server, home: Path, files: dict[str, dict[str, Path]]) -> dict[str, float]:
    """Seconds of ogr2ogr and of every case; megabytes of the loader at its peak."""
    measured = {"ogr2ogr": _seconds(_ogr2ogr(server, files[".gpkg"]["first load"]), home)[0]}
    for suffix, paths in files.items():
        _empty(server, home)
        for case in CASES:
            command = [sys.executable, "-c", LOAD, str(paths[case])]
            seconds, megabytes = _seconds(command, home)
            measured[f"{case}, {suffix}"] = seconds
            measured["peak MB"] = max(measured.get("peak MB", 0), megabytes)
    return measured


def _seconds(command: list[str], home: Path) -> tuple[float, float]:
    began = time.monotonic()
    log = home / "out.json"
    with log.open("w") as out:
        process = subprocess.Popen(
            command, env=os.environ | {"MESIP_HOME": str(home)}, stdout=out, stderr=out
        )
        _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[0]} failed: {log.read_text()[-500:]}")
    if log.read_text().startswith("{"):
        trees = json.loads(log.read_text())["layers"]["trees"]
        assert trees["read"] == trees["added"] + trees["changed"] + trees["confirmed"] + trees["rejected"]
    return time.monotonic() - began, used.ru_maxrss / 1024


def _ogr2ogr(server: cluster.Server, path: Path) -> list[str]:
    place = f"PG:host={server.host} port={server.port} dbname={server.database} user={server.user} "
    place += f"password={server.password}"
    how = [
        "-overwrite",
        "-nln",
        "ogr",
        "-lco",
        "SPATIAL_INDEX=GIST",
        "--config",
        "PG_USE_COPY",
        "YES",
        "-gt",
        "65536",
    ]
    return ["ogr2ogr", "-f", "PostgreSQL", place, str(path), *how]


def _empty(server: cluster.Server, home: Path) -> None:
    database = Database(server.url, home)
    with database.transaction() as connection:
        for schema in ("city", "registry", "staging", "public_api", "partner_api", "internal_api"):
            connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    migrate(database, all_layers().values(), 2177)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("CHECKPOINT"))
    database.engine.dispose()


def _table(rounds: list[dict[str, float]], wish: argparse.Namespace) -> str:
    medians = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
    peak = medians.pop("peak MB")
    lines = [
        f"{wish.trees:,} trees × 16 columns, median of {wish.rounds} rounds; loader's peak {peak:.0f} MB",
        f"({date.today()}, {platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()})",
        "",
        "| | seconds | against ogr2ogr |",
        "|---|---|---|",
    ]
    peer = medians["ogr2ogr"]
    lines += [f"| {name} | {taken:.1f} | {taken / peer:.2f} × |" for name, taken in medians.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
