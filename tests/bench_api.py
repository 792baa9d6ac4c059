"""Requests per second: mesip against pygeoapi, tipg, and the database alone, in one run.

All serve the same rows of the same private PostGIS with two workers; four connections that stay open ask each
in turn. Then pages far down a chain, fifty clients at once, conditional requests, and the memory of a worker.

    python tests/bench_api.py [--rounds 3] [--trees N] [--parcels N] [--requests 100000] [--home NODE]
"""

import http.client
import itertools
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
from bench_node import started, wishes
from bench_servers import Serving, copy_for_peers, mesip, pygeoapi, tipg

from api.asking import Asked
from api.features import feature_sql
from layers import get_layer
from mesip import cluster
from mesip.database import Database
from mesip.settings import settings

CONNECTIONS, WORKERS, SECONDS = 4, 2, 4
CROWD, CROWD_SECONDS = 50, 15
PAGE, FAR_PAGE = 100, 5000
CHOSEN = 200
KEPT_MB = 32

Paths = dict[str, list[str]]


def main() -> None:
    """Prepare the node, serve it three times, measure in turn, print the tables."""
    options = wishes(__doc__)
    options.add_argument("--requests", type=int, default=100_000)
    wish = options.parse_args()
    home, server, database = started(wish.home, wish.trees, wish.parcels)
    copy_for_peers(database)
    try:
        peers = pygeoapi(home, server, WORKERS), tipg(home, server, WORKERS)
        with mesip(home, WORKERS) as ours, peers[0] as stock, peers[1] as other:
            servers = {"mesip": ours, "pygeoapi": stock, "tipg": other}
            print(_heading(database))
            for line in _comparison(servers, server, _questions(database), wish.rounds):
                print(line, flush=True)
        with mesip(home, WORKERS, KEPT_MB) as ours:
            for line in _own(ours, database, wish.requests):
                print(line, flush=True)
    finally:
        cluster.stop(home)


def _heading(database: Database) -> str:
    with database.transaction() as connection:
        trees, parcels = (
            connection.exec_driver_sql(f"SELECT count(*) FROM city.{name}").scalar_one()
            for name in ("trees", "parcels")
        )
    return (
        f"{trees:,} trees, {parcels:,} parcels; {WORKERS} workers, {CONNECTIONS} connections; requests/s\n"
        f"({date.today()}, {platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()})"
    )


def _questions(database: Database) -> dict[str, Paths]:
    """What is asked: per question and server the paths, asked in turn."""
    with database.transaction() as connection:
        chosen = connection.exec_driver_sql(
            f"SELECT tree_id, ST_X(lonlat), ST_Y(lonlat) FROM city.trees ORDER BY hash LIMIT {CHOSEN}"
        ).all()
    boxes = [f"bbox={x - 0.002:.5f},{y - 0.001:.5f},{x + 0.002:.5f},{y + 0.001:.5f}" for _, x, y in chosen]
    filters = [quote(f"girth_cm > {100 + n} AND species = 'Tilia cordata'") for n in range(CHOSEN)]
    asked = {f"items limit={n}, trees": _items("trees", [f"limit={n}"]) for n in (10, 100, 1000, 10_000)}
    asked["items limit=1000, parcels"] = _items("parcels", ["limit=1000"])
    asked["one item"] = {
        "mesip": [f"/collections/trees/items/{key}" for key, _, _ in chosen],
        "pygeoapi": [f"/collections/trees/items/{key}?f=json" for key, _, _ in chosen],
        "tipg": [f"/collections/stock.trees/items/{key}?f=geojson" for key, _, _ in chosen],
    }
    asked["bbox, limit=100"] = _items("trees", [f"limit=100&{box}" for box in boxes])
    words = [f"limit=100&filter-lang=cql2-text&filter={each}" for each in filters]
    asked["CQL2, limit=100"] = _items("trees", words)
    return asked


def _items(layer: str, queries: list[str]) -> Paths:
    return {
        "mesip": [f"/collections/{layer}/items?{query}" for query in queries],
        "pygeoapi": [f"/collections/{layer}/items?f=json&{query}" for query in queries],
        "tipg": [f"/collections/stock.{layer}/items?f=geojson&{query}" for query in queries],
    }


def _comparison(
    servers: dict[str, Serving], server: cluster.Server, questions: dict[str, Paths], rounds: int
) -> Iterator[str]:
    """One line per question: the medians, and the medians of the ratios of each round."""
    yield "\n| | mesip | pygeoapi | tipg | database alone | against pygeoapi | tipg | database |"
    yield "|---|---|---|---|---|---|---|---|"
    for question, paths in questions.items():
        for name, serving in servers.items():
            _check(serving, paths[name][0], question)
        rates: dict[str, list[float]] = {name: [] for name in (*servers, "database")}
        for _ in range(rounds):
            for name, serving in servers.items():
                rates[name].append(_rate(_asking(serving, paths[name]), CONNECTIONS, SECONDS)[0])
            if question.startswith("items"):
                rates["database"].append(_database_rate(server, question))
        yield _line(question, rates)


def _line(question: str, rates: dict[str, list[float]]) -> str:
    told = [f"{statistics.median(each):.1f}" if each else "" for each in rates.values()]
    for peer in ("pygeoapi", "tipg", "database"):
        ratios = [own / other for own, other in zip(rates["mesip"], rates[peer], strict=False)]
        told.append(f"{statistics.median(ratios):.2f} ×" if ratios else "")
    return f"| {question} | {' | '.join(told)} |"


def _check(serving: Serving, path: str, question: str) -> None:
    """Whether the answer is one: a fast refusal is no speed."""
    features = json.loads(_Client(serving.port).get(path)).get("features")
    wanted = int(question.partition("limit=")[2].partition(",")[0] or 0)
    if (question.startswith("items") and len(features) != wanted) or (wanted and not features):
        raise ValueError(f"port {serving.port} gives {len(features or [])} features for {path}")


class _Client:
    """A connection that stays open."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def get(self, path: str, headers: dict[str, str] | None = None, wanted: int = 200) -> bytes:
        self.connection.request("GET", path, headers=headers or {})
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != wanted:
            raise ValueError(f"{path} is answered with {answer.status}: {body[:300]!r}")
        return body


def _asking(
    serving: Serving, paths: list[str], headers: dict[str, str] | None = None, wanted: int = 200
) -> Callable[[], Callable[[], object]]:
    """What makes a client: a function that asks the next path each time."""

    def client() -> Callable[[], object]:
        connection, turn = _Client(serving.port), itertools.cycle(paths)
        return lambda: connection.get(next(turn), headers, wanted)

    return client


def _rate(
    client: Callable[[], Callable[[], object]], clients: int, seconds: float
) -> tuple[float, list[float]]:
    """Requests per second of all clients together, and how long each request took, sorted."""

    def asked(_: int) -> list[float]:
        ask, took = client(), []
        end = time.monotonic() + seconds
        while (began := time.monotonic()) < end:
            ask()
            took.append(time.monotonic() - began)
        return took

    began = time.monotonic()
    with ThreadPoolExecutor(clients) as threads:
        took = [each for some in threads.map(asked, range(clients)) for each in some]
    return len(took) / (time.monotonic() - began), sorted(took)


def _database_rate(server: cluster.Server, question: str) -> float:
    """The floor: the same rows as GeoJSON by psycopg alone, without any server before it."""
    layer = get_layer(question.rpartition(" ")[2])
    limit = question.partition("limit=")[2].partition(",")[0]
    query = (
        f"SELECT {feature_sql(layer, Asked(), settings().srid, timed=False)} FROM "
        f"(SELECT * FROM public_api.{layer.name} ORDER BY {layer.key} LIMIT {limit}) AS {layer.name}"
    )

    def client() -> Callable[[], object]:
        connection = psycopg.connect(server.url.replace("+psycopg", ""), autocommit=True)
        return lambda: connection.execute(query.replace("%", "%%")).fetchall()

    return _rate(client, CONNECTIONS, SECONDS)[0]


def _own(ours: Serving, database: Database, requests: int) -> Iterator[str]:
    """What only we are asked for."""
    client = _Client(ours.port)
    first, far = _chain(client)
    near_s, far_s = (statistics.median(_times(client, path)) for path in (first, far))
    yield f"\nPage 1 of a chain of {PAGE}: {near_s * 1000:.1f} ms; page {FAR_PAGE:,}: {far_s * 1000:.1f} ms"
    took = _rate(_asking(ours, [f"/collections/trees/items?limit={PAGE}"]), CROWD, CROWD_SECONDS)[1]
    p50, p99 = took[len(took) // 2], took[int(len(took) * 0.99)]
    spread = f"p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, {p99 / p50:.1f} ×"
    yield f"{CROWD} clients, limit={PAGE}: {spread}"
    yield _conditional(ours, database)
    for limit in (10, 1000, 10_000):
        again = _rate(_asking(ours, [f"/collections/trees/items?limit={limit}"]), CONNECTIONS, SECONDS)[0]
        yield f"The same page of {limit:,} again, kept by the worker: {again:.0f}/s"
    path = [f"/collections/trees/items?limit=10&sortby={sign}girth_cm" for sign in ("%2B", "-")]
    kinds = [
        "/collections/trees/items?limit=10",
        "/collections/parcels/items?limit=10",
        "/collections",
        *path,
    ]
    done = 0
    while done < requests:
        done += len(_rate(_asking(ours, kinds), CONNECTIONS, 20)[1])
    memory = ", ".join(f"{each:.0f} MB" for each in _workers_mb(ours.pid))
    yield f"Memory of the workers after {done:,} requests: {memory}"


def _chain(client: _Client) -> tuple[str, str]:
    """The address of the first page of a chain, and of one far down."""
    first = path = f"/collections/trees/items?limit={PAGE}"
    for _ in range(FAR_PAGE - 1):
        links = json.loads(client.get(path))["links"]
        following = urlsplit(next(link["href"] for link in links if link["rel"] == "next"))
        path = f"{following.path}?{following.query}"
    return first, path


def _times(client: _Client, path: str) -> list[float]:
    took = []
    for _ in range(CHOSEN):
        began = time.monotonic()
        client.get(path)
        took.append(time.monotonic() - began)
    return took


def _conditional(ours: Serving, database: Database) -> str:
    """Idle clients ask whether anything is new; the layer's table is not read for it."""
    path = "/collections/trees/items?limit=1000"
    client = _Client(ours.port)
    client.connection.request("HEAD", path)
    answer = client.connection.getresponse()
    answer.read()
    known = {"If-None-Match": answer.getheader("ETag") or ""}
    before = _reads(database)
    rate, took = _rate(_asking(ours, [path], known, http.client.NOT_MODIFIED), CONNECTIONS, SECONDS)
    reads = _reads(database) - before
    return f"Conditional requests of limit=1000: {rate:.0f}/s; reads of the table by {len(took):,}: {reads}"


def _reads(database: Database) -> int:
    time.sleep(2)
    query = (
        "SELECT seq_scan + idx_scan FROM pg_stat_user_tables WHERE schemaname = 'city' AND relname = 'trees'"
    )
    with database.transaction() as connection:
        return connection.exec_driver_sql(query).scalar_one()


def _workers_mb(pid: int) -> list[float]:
    """What each worker holds in memory; helpers of Python itself are small."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    lines = [line for each in children for line in Path(f"/proc/{each}/status").read_text().splitlines()]
    held = [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")]
    return [each for each in held if each > 50]


if __name__ == "__main__":
    main()
