"""Vector tiles, made anew: mesip against pygeoapi's own MVT provider, in one run.

Both draw the same tiles from the same private PostGIS, one worker each, asked in turn.

    python tests/bench_tiles.py [--rounds 3] [--trees 1000000] [--parcels 300000] [--home NODE]
"""

import math
import shutil
import statistics
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from bench_node import started, wishes
from bench_servers import MESIP_PORT, PYGEOAPI_PORT, SERVED, copy_for_peers, get, mesip, pygeoapi

from mesip import cluster
from mesip.database import Database

# The emptiest first: what does not answer in a minute is not asked for more.
ZOOMS = range(16, 11, -1)
PATIENCE_SECONDS = 60
ROUNDS_ALONE = 3


def main() -> None:
    """Load the trees, or take a node that has them; draw the tiles; print the table."""
    wish = wishes(__doc__).parse_args()
    home, server, database = started(wish.home, wish.trees, wish.parcels)
    copy_for_peers(database)
    try:
        with mesip(home, 1), pygeoapi(home, server, 1):
            for layer in SERVED:
                for line in _table(database, home, layer, wish.rounds):
                    print(line, flush=True)
    finally:
        cluster.stop(home)


def _table(database: Database, home: Path, layer: str, rounds: int) -> Iterator[str]:
    with database.transaction() as connection:
        query = f"SELECT count(*), avg(ST_X(lonlat)), avg(ST_Y(lonlat)) FROM public_api.{layer}"
        if layer == "parcels":
            query = query.replace("lonlat", "ST_Centroid(lonlat)")
        rows, lon, lat = connection.exec_driver_sql(query).one()
    yield from (
        f"\nTiles of {rows:,} {layer} in their middle, made anew, median of {rounds} rounds ({date.today()})",
        "",
        "| zoom | mesip, ms | mesip, kept, ms | kB | pygeoapi, ms | kB | pygeoapi against mesip |",
        "|---|---|---|---|---|---|---|",
    )
    _timed(MESIP_PORT, "/")
    patience = True
    for z in ZOOMS:
        told, patience = _line(
            home,
            f"/collections/{layer}/tiles/WebMercatorQuad",
            (z, *_tile(lon, lat, z)),
            rounds if patience else 0,
        )
        yield told


def _line(home: Path, tiles: str, tile: tuple[int, int, int], rounds: int) -> tuple[str, bool]:
    """One zoom; and whether pygeoapi answered in time. ``rounds`` of 0: it is not asked any more."""
    z, x, y = tile
    path, times = f"{tiles}/{z}/{y}/{x}", ([], [], [])
    theirs, patient = b"", rounds > 0
    for _ in range(rounds or ROUNDS_ALONE):
        shutil.rmtree(home / "cache", ignore_errors=True)
        mine, took = _timed(MESIP_PORT, path)
        times[0].append(took)
        times[1].append(_timed(MESIP_PORT, path)[1])
        if patient:
            theirs, took = _timed(PYGEOAPI_PORT, f"{path}?f=mvt")
            times[2].append(took)
            patient = took < PATIENCE_SECONDS
    new, kept = (1000 * statistics.median(each) for each in times[:2])
    stock = 1000 * statistics.median(times[2]) if patient else 1000 * PATIENCE_SECONDS
    sign = "" if patient else "> "
    told = f"| {z} | {new:.0f} | {kept:.1f} | {len(mine) / 1000:.0f} | {sign}{stock:.0f} "
    return f"{told}| {len(theirs) / 1000:.0f} | {sign}{stock / new:.1f} × |", patient


def _tile(lon: float, lat: float, z: int) -> tuple[int, int]:
    up = math.asinh(math.tan(math.radians(lat))) / math.pi
    return int((lon + 180) / 360 * 2**z), int((1 - up) / 2 * 2**z)


def _timed(port: int, path: str) -> tuple[bytes, float]:
    began = time.monotonic()
    try:
        body = get(port, path, PATIENCE_SECONDS)
    except TimeoutError:
        return b"", PATIENCE_SECONDS
    return body, time.monotonic() - began


if __name__ == "__main__":
    main()
