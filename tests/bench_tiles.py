"""Vector tiles of trees, made anew: mesip against pygeoapi's own MVT provider, in one run.

Both draw the same tiles from the same private PostGIS, one worker each, asked in turn.

    python tests/bench_tiles.py [--trees 100000] [--rounds 3] [--home NODE]
"""

import argparse
import math
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from bench_items import MESIP_PORT, STOCK_PORT, TREES_PER_DISTRICT, _copy_for_stock, _get, _mesip, _stock

from layers import all_layers
from mesip import cluster
from mesip.database import Database
from mesip.settings import settings
from pipelines.load import Order, load
from pipelines.migrate import migrate
from pipelines.sample_city.write import write_city

# The emptiest first: what does not answer in a minute is not asked for more.
ZOOMS = range(16, 11, -1)
PATIENCE_SECONDS = 60


def main() -> None:
    """Load the trees, or take a node that has them; draw the tiles; print the table."""
    wish = _wish()
    home = wish.home or Path(tempfile.mkdtemp(prefix="mesip-bench-"))
    home.chmod(0o755)
    os.environ["MESIP_HOME"] = str(home)
    server = cluster.start(home)
    database = Database(server.url, home)
    migrate(database, all_layers().values(), 2177)
    if wish.home is None:
        files = write_city(home / "city", districts=-(-wish.trees // TREES_PER_DISTRICT))
        load(Order("trees", (files["trees"],)), database, settings())
    with database.transaction() as connection:
        connection.exec_driver_sql("DROP SCHEMA IF EXISTS stock CASCADE")
    _copy_for_stock(database)
    try:
        with _mesip(home), _stock(home, server):
            for line in _table(database, home, wish.rounds):
                print(line, flush=True)
    finally:
        cluster.stop(home)


def _wish() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--trees", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--home", type=Path)
    return parser.parse_args()


def _table(database: Database, home: Path, rounds: int) -> Iterator[str]:
    with database.transaction() as connection:
        query = "SELECT count(*), avg(ST_X(lonlat)), avg(ST_Y(lonlat)) FROM city.trees"
        trees, lon, lat = connection.exec_driver_sql(query).one()
    yield from (
        f"Tiles of {trees:,} trees in their middle, made anew, median of {rounds} rounds ({date.today()})",
        "",
        "| zoom | mesip, ms | mesip, kept, ms | kB | pygeoapi, ms | kB | pygeoapi against mesip |",
        "|---|---|---|---|---|---|---|",
    )
    patient = True
    for z in ZOOMS:
        x, y = _tile(lon, lat, z)
        paths = (
            f"/collections/trees/tiles/WebMercatorQuad/{z}/{y}/{x}",
            f"/collections/trees/tiles/WebMercatorQuad/{z}/{y}/{x}?f=mvt",
        )
        times: tuple[list[float], list[float], list[float]] = ([], [], [])
        for _ in range(rounds if patient else 1):
            shutil.rmtree(home / "cache", ignore_errors=True)
            mine, took = _timed(MESIP_PORT, paths[0])
            times[0].append(took)
            times[1].append(_timed(MESIP_PORT, paths[0])[1])
            theirs, took = _timed(STOCK_PORT, paths[1]) if patient else (b"", PATIENCE_SECONDS)
            times[2].append(took)
            patient = took < PATIENCE_SECONDS
        new, kept, stock = (1000 * statistics.median(each) for each in times)
        kb, their_kb = len(mine) / 1000, len(theirs) / 1000
        stock_told = f"{stock:.0f}" if patient else "no answer"
        told = f"| {z} | {new:.0f} | {kept:.1f} | {kb:.0f} | {stock_told} | {their_kb:.0f} "
        yield f"{told}| {stock / new:.1f} × |"


def _tile(lon: float, lat: float, z: int) -> tuple[int, int]:
    up = math.asinh(math.tan(math.radians(lat))) / math.pi
    return int((lon + 180) / 360 * 2**z), int((1 - up) / 2 * 2**z)


def _timed(port: int, path: str) -> tuple[bytes, float]:
    began = time.monotonic()
    try:
        body = _get(port, path)
    except TimeoutError:
        return b"", PATIENCE_SECONDS
    return body, time.monotonic() - began


if __name__ == "__main__":
    main()
