"""Requests per second of one page of features: mesip against pygeoapi's own PostgreSQL provider, in one run.

Both serve the same rows from the same private PostGIS, one worker each, asked in turn by the same clients.

    python tests/bench_items.py [--trees 100000] [--limit 1000] [--rounds 5]
"""

import argparse
import http.client
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import sqlalchemy as sa
import yaml

from layers import all_layers
from mesip import cluster
from mesip.database import Database
from mesip.settings import settings
from pipelines.load import Order, load
from pipelines.migrate import migrate
from pipelines.sample_city.write import write_city

CLIENTS, SECONDS = 4, 4
TREES_PER_DISTRICT = 6000
MESIP_PORT, STOCK_PORT = 5311, 5312


def main() -> None:
    """Load the trees, serve them twice, measure in turn, print the table."""
    wish = _wish()
    home = Path(tempfile.mkdtemp(prefix="mesip-bench-"))
    home.chmod(0o755)
    os.environ["MESIP_HOME"] = str(home)
    server = cluster.start(home)
    database = Database(server.url, home)
    migrate(database, all_layers().values(), 2177)
    files = write_city(home / "city", districts=-(-wish.trees // TREES_PER_DISTRICT))
    load(Order("trees", (files["trees"],)), database, settings())
    _copy_for_stock(database)
    try:
        with _mesip(home), _stock(home, server):
            print(_table(database, wish))
    finally:
        cluster.stop(home)


def _copy_for_stock(database: Database) -> None:
    """pygeoapi cannot write a row with two geometry columns as JSON, so it gets a table with one."""
    with database.transaction() as connection:
        for statement in (
            "CREATE SCHEMA stock",
            "CREATE TABLE stock.trees AS SELECT * FROM public_api.trees",
            "ALTER TABLE stock.trees DROP COLUMN geom, ADD PRIMARY KEY (tree_id)",
            "CREATE INDEX ON stock.trees USING gist (lonlat)",
        ):
            connection.exec_driver_sql(statement)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


def _wish() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--trees", type=int, default=100_000)
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def _table(database: Database, wish: argparse.Namespace) -> str:
    path = f"/collections/trees/items?f=json&limit={wish.limit}"
    for port in (MESIP_PORT, STOCK_PORT):
        assert len(json.loads(_get(port, path))["features"]) == wish.limit
    rates: dict[str, list[float]] = {"mesip": [], "pygeoapi PostgreSQL provider": [], "database alone": []}
    for _ in range(wish.rounds):
        rates["mesip"].append(_rate(lambda: _get(MESIP_PORT, path)))
        rates["pygeoapi PostgreSQL provider"].append(_rate(lambda: _get(STOCK_PORT, path)))
        rates["database alone"].append(_database_rate(database, wish.limit))
    medians = {name: statistics.median(each) for name, each in rates.items()}
    lines = [
        f"`items?limit={wish.limit}` on {wish.trees:,} trees, {CLIENTS} clients, 1 worker, "
        f"median of {wish.rounds} rounds",
        f"({date.today()}, {platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()})",
        "",
        "| | requests/s | against stock |",
        "|---|---|---|",
    ]
    stock = medians["pygeoapi PostgreSQL provider"]
    lines += [f"| {name} | {rate:.1f} | {rate / stock:.1f} × |" for name, rate in medians.items()]
    return "\n".join(lines)


def _rate(ask) -> float:
    """Requests per second of all clients together."""
    end = time.monotonic() + SECONDS

    def client(_: int) -> int:
        done = 0
        while time.monotonic() < end:
            ask()
            done += 1
        return done

    began = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as clients:
        asked = sum(clients.map(client, range(CLIENTS)))
    return asked / (time.monotonic() - began)


def _database_rate(database: Database, limit: int) -> float:
    """The floor: the same rows as GeoJSON by psycopg alone, without any server before it."""
    from api.asking import Asked  # noqa: PLC0415
    from api.features import feature_sql  # noqa: PLC0415
    from layers import get_layer  # noqa: PLC0415

    layer = get_layer("trees")
    query = (
        f"SELECT {feature_sql(layer, Asked(), 2177, timed=False)} FROM "
        f"(SELECT * FROM public_api.trees ORDER BY {layer.key} LIMIT {limit}) AS trees"
    )

    def ask() -> None:
        with database.engine.connect() as connection:
            connection.exec_driver_sql(query.replace("%", "%%")).all()

    return _rate(ask)


def _get(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    body = connection.getresponse().read()
    connection.close()
    return body


@contextmanager
def _mesip(home: Path) -> Iterator[None]:
    program = "from mesip.cli import main; main()"
    command = [sys.executable, "-c", program, "serve", "--port", str(MESIP_PORT)]
    yield from _served(command, MESIP_PORT, home, {"MESIP_RATE_PER_SECOND": "0"})


@contextmanager
def _stock(home: Path, server: cluster.Server) -> Iterator[None]:
    config = home / "pygeoapi.yml"
    config.write_text(yaml.safe_dump(_stock_configuration(server)))
    openapi = home / "openapi.json"
    openapi.write_text(
        json.dumps({"openapi": "3.0.2", "info": {"title": "stock", "version": "1"}, "paths": {}})
    )
    extra = {"PYGEOAPI_CONFIG": str(config), "PYGEOAPI_OPENAPI": str(openapi)}
    program = ["uvicorn", "pygeoapi.starlette_app:APP", "--port", str(STOCK_PORT), "--log-level", "warning"]
    yield from _served([sys.executable, "-m", *program], STOCK_PORT, home, extra)


def _served(command: list[str], port: int, home: Path, extra: dict[str, str]) -> Iterator[None]:
    with (home / f"{port}.log").open("w") as log:
        process = subprocess.Popen(command, env=os.environ | extra, stdout=log, stderr=log)
    try:
        for _ in range(100):
            try:
                _get(port, "/")
                break
            except OSError:
                time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait()


def _stock_configuration(server: cluster.Server) -> dict:
    """pygeoapi as its documentation sets it up, with what it is best at: CRS84 from an indexed column."""
    url = sa.make_url(server.url)
    provider = {
        "type": "feature",
        "name": "PostgreSQL",
        "data": {
            "host": url.host,
            "port": url.port,
            "dbname": url.database,
            "user": url.username,
            "password": url.password,
            "search_path": ["stock"],
        },
        "id_field": "tree_id",
        "table": "trees",
        "geom_field": "lonlat",
    }
    tiles = provider | {
        "type": "tile",
        "name": "MVT-postgresql",
        "options": {"zoom": {"min": 0, "max": 18}},
        "format": {"name": "pbf", "mimetype": "application/vnd.mapbox-vector-tile"},
        "storage_crs": "http://www.opengis.net/def/crs/EPSG/0/4326",
    }
    about = {"title": "stock", "description": "stock", "keywords": ["stock"]}
    return {
        "server": {
            "bind": {"host": "127.0.0.1", "port": STOCK_PORT},
            "url": f"http://127.0.0.1:{STOCK_PORT}",
            "mimetype": "application/json",
            "encoding": "utf-8",
            "gzip": False,
            "languages": ["en-US"],
            "limits": {"default_items": 10, "max_items": 10_000},
            "map": {"url": "", "attribution": ""},
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": about
            | {"keywords_type": "theme", "terms_of_service": "", "url": "http://127.0.0.1"},
            "license": {"name": "none"},
            "provider": {"name": "stock"},
            "contact": {"name": "stock"},
        },
        "resources": {
            "trees": about
            | {
                "type": "collection",
                "extents": {"spatial": {"bbox": [16, 52, 18, 53]}},
                "providers": [provider, tiles],
            }
        },
    }


if __name__ == "__main__":
    main()
