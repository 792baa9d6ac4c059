"""Whole loads against ogr2ogr doing nothing but copying, in one run.

A million trees, as GeoParquet and as GeoPackage: first load, another export of the same content, one per cent
changed, the same bytes again. ogr2ogr copies the GeoPackage before each, with PG_USE_COPY, and builds its
spatial index after. Then 300,000 parcels with their buildings and boundary points as national GML, which both
read.

    python tests/bench_loads.py [--trees 1000000] [--parcels 300000] [--rounds 3]
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import geopandas as gpd
import pyogrio
import sqlalchemy as sa
from bench_node import city_of_parcels, many_trees

from layers import all_layers, layers_of
from mesip import cluster
from mesip.database import Database
from pipelines.migrate import migrate

CASES = ("first load", "other export, unchanged", "one per cent changed", "the same bytes")


def main() -> None:
    """Make the files, measure in turn, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--trees", type=int, default=1_000_000)
    parser.add_argument("--parcels", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    wish = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="mesip-bench-"))
    home.chmod(0o755)
    server = cluster.start(home)
    try:
        trees = many_trees(home, wish.trees)
        files = {suffix: _written(trees, home, suffix) for suffix in (".parquet", ".gpkg")}
        del trees
        rounds = [_round(server, home, files) for _ in range(wish.rounds)]
        print(_table(f"{wish.trees:,} trees × 16 columns", rounds))
        if wish.parcels:
            gml = city_of_parcels(home, wish.parcels)
            print(_table(f"EGiB of {wish.parcels:,} parcels", [_gml_round(server, home, gml)]))
    finally:
        cluster.stop(home)
        shutil.rmtree(home, ignore_errors=True)


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
    """Seconds of every case and of ogr2ogr just before; megabytes of the loader at its peak."""
    measured: dict[str, float] = {"peak MB": 0}
    for suffix, paths in files.items():
        _empty(server, home)
        for case in CASES:
            peer = _seconds(_ogr2ogr(server, files[".gpkg"]["first load"]), home)[0]
            seconds, megabytes = _seconds(_load("trees", paths[case]), home)
            measured[f"ogr2ogr before {case}, {suffix}"] = peer
            measured[f"{case}, {suffix}"] = seconds
            measured["peak MB"] = max(measured["peak MB"], megabytes)
    return measured


def _gml_round(server: cluster.Server, home: Path, path: Path) -> dict[str, float]:
    _empty(server, home)
    classes = [layer.source.classes[0] for layer in layers_of("egib")]
    peer = _seconds(_ogr2ogr(server, path, *classes), home)[0]
    seconds, megabytes = _seconds(_load("egib", path), home)
    return {"ogr2ogr before first load, GML": peer, "first load, GML": seconds, "peak MB": megabytes}


def _load(feed: str, path: Path) -> list[str]:
    program = "import sys; from mesip.cli import main; main()"
    return [sys.executable, "-c", program, "load", feed, str(path), "--as-of", "2026-01-01", "--json"]


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
        for told in json.loads(log.read_text())["layers"].values():
            assert told["read"] == told["added"] + told["changed"] + told["confirmed"] + told["rejected"]
    return time.monotonic() - began, used.ru_maxrss / 1024


def _ogr2ogr(server: cluster.Server, path: Path, *tables: str) -> list[str]:
    place = f"PG:host={server.host} port={server.port} dbname={server.database} user={server.user} "
    place += f"password={server.password}"
    how = ["-overwrite", "-lco", "SCHEMA=public", "-lco", "SPATIAL_INDEX=GIST", "-gt", "65536"]
    return ["ogr2ogr", "-f", "PostgreSQL", place, str(path), *tables, *how, "--config", "PG_USE_COPY", "YES"]


def _empty(server: cluster.Server, home: Path) -> None:
    database = Database(server.url, home)
    with database.transaction() as connection:
        for schema in ("city", "registry", "staging", "public_api", "partner_api", "internal_api"):
            connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    migrate(database, all_layers().values(), 2177)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("CHECKPOINT"))
    database.engine.dispose()


def _table(what: str, rounds: list[dict[str, float]]) -> str:
    """Medians of the seconds, and of the ratios to the copy that ran just before."""
    peak = max(each["peak MB"] for each in rounds)
    lines = [
        f"{what}, medians of {len(rounds)} rounds; loader's peak {peak:.0f} MB",
        f"({date.today()}, {platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()})",
        "",
        "| | seconds | ogr2ogr just before | ratio |",
        "|---|---|---|---|",
    ]
    for name in (each for each in rounds[0] if f"ogr2ogr before {each}" in rounds[0]):
        pairs = [(each[name], each[f"ogr2ogr before {name}"]) for each in rounds]
        ours, peers = (statistics.median(pair[place] for pair in pairs) for place in (0, 1))
        ratio = statistics.median(own / peer for own, peer in pairs)
        lines.append(f"| {name} | {ours:.1f} | {peers:.1f} | {ratio:.2f} × |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
