"""The servers that measurements ask: mesip, pygeoapi as its documentation sets it up, and tipg; one PostGIS.

Each serves the same rows. The peers get tables with one geometry column, in CRS84, with the same indexes:
pygeoapi cannot write a row with two geometry columns as JSON, and both are quickest without reprojection.
"""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa
import yaml

from layers import get_layer
from mesip.cluster import Server
from mesip.database import Database

SERVED = ("trees", "parcels")
MESIP_PORT, PYGEOAPI_PORT, TIPG_PORT = 5311, 5312, 5313
START_SECONDS = 60


class Serving(NamedTuple):
    """A server under way: its process and where it listens."""

    pid: int
    port: int


def copy_for_peers(database: Database) -> None:
    """The schema `stock`: what the public may see, with one geometry column."""
    statements = ["DROP SCHEMA IF EXISTS stock CASCADE", "CREATE SCHEMA stock"]
    for name in SERVED:
        statements += [
            f"CREATE TABLE stock.{name} AS SELECT * FROM public_api.{name} ORDER BY {get_layer(name).key}",
            f"ALTER TABLE stock.{name} DROP COLUMN geom, ADD PRIMARY KEY ({get_layer(name).key})",
            f"CREATE INDEX ON stock.{name} USING gist (lonlat)",
        ]
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in [*statements, "VACUUM ANALYZE", "CHECKPOINT"]:
            connection.exec_driver_sql(statement)


def get(port: int, path: str, patience_s: float = 60) -> bytes:
    """The body of one answer, on a connection of its own.

    Raises:
        OSError: nobody answers in time.
        ValueError: the answer is no success.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=patience_s)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise ValueError(f"port {port} answers {path} with {answer.status}: {body[:300]!r}")
    return body


@contextmanager
def mesip(home: Path, workers: int, answers_mb: int = 0) -> Iterator[Serving]:
    """Our own server, without limits of rate; it keeps no pages, since the peers keep none."""
    program = "from mesip.cli import main; main()"
    command = [sys.executable, "-c", program, "serve", "--port", str(MESIP_PORT), "--workers", str(workers)]
    extra = {"MESIP_RATE_PER_SECOND": "0", "MESIP_ANSWERS_MB": str(answers_mb)}
    yield from _served(command, MESIP_PORT, home, extra)


@contextmanager
def pygeoapi(home: Path, server: Server, workers: int) -> Iterator[Serving]:
    """pygeoapi with its PostgreSQL providers of features and tiles."""
    config, openapi = home / "pygeoapi.yml", home / "openapi.json"
    config.write_text(yaml.safe_dump(_pygeoapi_configuration(server)))
    described = {"openapi": "3.0.2", "info": {"title": "stock", "version": "1"}, "paths": {}}
    openapi.write_text(json.dumps(described))
    extra = {"PYGEOAPI_CONFIG": str(config), "PYGEOAPI_OPENAPI": str(openapi)}
    command = _uvicorn("pygeoapi.starlette_app:APP", PYGEOAPI_PORT, workers)
    yield from _served(command, PYGEOAPI_PORT, home, extra)


@contextmanager
def tipg(home: Path, server: Server, workers: int) -> Iterator[Serving]:
    """tipg over the same schema."""
    url = sa.make_url(server.url).set(drivername="postgresql").render_as_string(hide_password=False)
    extra = {"DATABASE_URL": url, "TIPG_DB_SCHEMAS": '["stock"]', "TIPG_MAX_FEATURES_PER_QUERY": "10000"}
    yield from _served(_uvicorn("tipg.main:app", TIPG_PORT, workers), TIPG_PORT, home, extra)


def _uvicorn(app: str, port: int, workers: int) -> list[str]:
    options = ["--port", str(port), "--workers", str(workers), "--log-level", "warning"]
    return [sys.executable, "-m", "uvicorn", app, *options]


def _served(command: list[str], port: int, home: Path, extra: dict[str, str]) -> Iterator[Serving]:
    with (home / f"{port}.log").open("w") as log:
        process = subprocess.Popen(command, env=os.environ | extra, stdout=log, stderr=log)
    try:
        _await(port)
        yield Serving(process.pid, port)
    finally:
        process.terminate()
        process.wait()


def _await(port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            get(port, "/")
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(f"nobody listens at port {port}")


def _pygeoapi_configuration(server: Server) -> dict:
    about = {"title": "stock", "description": "stock", "keywords": ["stock"]}
    return {
        "server": {
            "bind": {"host": "127.0.0.1", "port": PYGEOAPI_PORT},
            "url": f"http://127.0.0.1:{PYGEOAPI_PORT}",
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
        "resources": {name: about | _pygeoapi_collection(server, name) for name in SERVED},
    }


def _pygeoapi_collection(server: Server, name: str) -> dict:
    url = sa.make_url(server.url)
    features = {
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
        "id_field": get_layer(name).key,
        "table": name,
        "geom_field": "lonlat",
    }
    tiles = features | {
        "type": "tile",
        "name": "MVT-postgresql",
        "options": {"zoom": {"min": 0, "max": 18}},
        "format": {"name": "pbf", "mimetype": "application/vnd.mapbox-vector-tile"},
        "storage_crs": "http://www.opengis.net/def/crs/EPSG/0/4326",
    }
    box = {"spatial": {"bbox": [16, 52, 18, 53]}}
    return {"type": "collection", "extents": box, "providers": [features, tiles]}
