"""The ground of the tests: a PostGIS server of their own, and a prepared database per module."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import hypothesis
import numpy as np
import psycopg
import pyarrow as pa
import pytest
import shapely
import sqlalchemy as sa
import uvicorn
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)
from pyproj import Transformer
from starlette.testclient import TestClient

from api.configuration import HERE
from api.reading import close_readers
from layers import Layer, all_feeds, all_layers, catalogue, layers_for
from layers.access import may_see
from mesip import cli, cluster
from mesip.database import Database
from mesip.settings import Settings, settings
from pipelines import sources
from pipelines.arrow_frames import to_table
from pipelines.load import Order, load
from pipelines.migrate import migrate
from pipelines.sample_city.write import write_city

# A machine that does other work as well is slow, not wrong.
hypothesis.settings.register_profile("busy", deadline=None)
hypothesis.settings.load_profile("busy")

SHARED = Path(__file__).resolve().parents[2] / "shared"
CHROMIUM = (
    *("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"),
)
DESKTOP = (1000, 640)
# What Chromium says of a request that a test has cut off.
CUT = "net::ERR_FAILED"


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--requests``: how many requests are replayed on two databases that differ in what is hidden;
    ``--write-corpus``: write what becomes of the files of the corpus to ``docs/corpus.md``.
    """
    parser.addoption("--requests", type=int, default=600)
    parser.addoption("--write-corpus", action="store_true")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes ``layer`` runs for every declared layer."""
    if "layer" in metafunc.fixturenames:
        metafunc.parametrize("layer", all_layers().values(), ids=lambda each: each.name)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real inputs."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"the real inputs are not there: {SHARED / 'data'}")
    return SHARED / "data"


@pytest.fixture(scope="session")
def checkout() -> Callable[[str, str], Callable[[str], str]]:
    """``checkout("DCAT_AP", "SEMICeu/DCAT-AP")("README.md")``: a file of somebody else's repository.

    An environment variable names the repository's folder; where it has no work tree, its last commit is read.
    """

    def repository(variable: str, name: str) -> Callable[[str], str]:
        folder = os.environ.get(variable)
        if not folder or not Path(folder).is_dir():
            pytest.skip(f"{variable} names no checkout of {name}")
        return partial(text_of, Path(folder))

    def text_of(folder: Path, path: str) -> str:
        if (folder / path).exists():
            return (folder / path).read_text("utf-8")
        shown = ("git", "-C", str(folder), "show", f"HEAD:{path}")
        return subprocess.run(shown, capture_output=True, text=True, check=True).stdout

    return repository


@pytest.fixture(scope="session")
def server() -> Iterator[cluster.Server]:
    """A private PostGIS server in a folder of its own, where the server's user may enter."""
    home = Path(tempfile.mkdtemp(prefix="mesip-tests-"))
    home.chmod(0o755)
    running = cluster.start(home)
    yield running
    cluster.stop(home)
    shutil.rmtree(running.data, ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def administer(server: cluster.Server) -> Callable[..., None]:
    """Tell the server's owner statements that make and drop databases."""
    return partial(_administer, server)


@pytest.fixture(scope="session")
def template(server: cluster.Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a migrated database, to be cloned."""
    _administer(server, "CREATE DATABASE template_mesip")
    prepared = Database(_url(server, "template_mesip"), tmp_path_factory.mktemp("template"))
    migrate(prepared, all_layers().values(), Settings().srid)  # pyright: ignore[reportCallIssue]
    prepared.engine.dispose()
    return "template_mesip"


@pytest.fixture(scope="module")
def node(
    server: cluster.Server,
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Settings]:
    """The settings of a node with an empty, migrated database; ``settings()`` gives them too."""
    name = f"t_{request.module.__name__.rpartition('.')[2]}"[:50]
    _administer(
        server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name} TEMPLATE {template}"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MESIP_HOME", str(tmp_path_factory.mktemp(name)))
        patch.setenv("MESIP_DATABASE_URL", _url(server, name))
        patch.setenv("MESIP_RATE_PER_SECOND", "0")
        # A page that is kept would hide what a test writes past the pipelines.
        patch.setenv("MESIP_ANSWERS_MB", "0")
        settings.cache_clear()
        yield settings()
        close_readers()
    settings.cache_clear()
    _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def database(node: Settings) -> Iterator[Database]:
    """The loader's way into the node's database."""
    opened = Database(node.database_url or "", node.home)
    migrate(opened, all_layers().values(), node.srid)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def rows(database: Database):
    """Ask the node's database: ``rows("SELECT …")`` gives tuples."""

    def ask(query: str) -> list[tuple]:
        with database.transaction() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query))]

    return ask


@pytest.fixture
def run(
    node: Settings, database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Run a command as ``mesip`` does: ``code, out, err = run("layers")``."""

    def command(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mesip", *words])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The files of the sample city, one district."""
    return write_city(tmp_path_factory.mktemp("city"), districts=1)


@pytest.fixture(scope="session")
def city_template(
    server: cluster.Server, template: str, city: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The name of a database with the sample city in it, to be cloned."""
    _administer(server, f"CREATE DATABASE template_city TEMPLATE {template}")
    home = tmp_path_factory.mktemp("city_template")
    prepared = Database(_url(server, "template_city"), home)
    migrate(prepared, all_layers().values(), Settings().srid)  # pyright: ignore[reportCallIssue]
    for feed, path in city.items():
        load(Order(feed, (path,)), prepared, Settings(home=home))  # pyright: ignore[reportCallIssue]
    prepared.engine.dispose()
    return "template_city"


@pytest.fixture(scope="module")
def loaded(database: Database, node: Settings, server: cluster.Server, city_template: str) -> Database:
    """A database with the sample city in it."""
    name = sa.make_url(database.url).database
    database.engine.dispose()
    _administer(
        server, f"DROP DATABASE {name} WITH (FORCE)", f"CREATE DATABASE {name} TEMPLATE {city_template}"
    )
    migrate(database, all_layers().values(), node.srid)
    return database


@pytest.fixture
def deliver(database: Database, node: Settings, tmp_path: Path) -> Callable[[dict[int, str], date], datetime]:
    """Publish stops ``{number: name}`` as of a day; return the moment it is recorded under."""

    def publish(stops: dict[int, str], stand: date) -> datetime:
        path = tmp_path / "stops.csv"
        header = "stopId;stopName;latitude;longitude;zoneId;isForTram\n"
        lines = [f"{number};{name};52.4;16.9{number:03d};A;false" for number, name in stops.items()]
        path.write_text(header + "\n".join(lines))
        accepted = frozenset({"empty", "removals"})
        run = load(Order("stops", (path,), stand, accepted), database, node).run
        with database.transaction() as connection:
            return connection.exec_driver_sql(
                "SELECT recorded_at FROM registry.run WHERE run = %s", (run,)
            ).scalar_one()

    return publish


@pytest.fixture(scope="module")
def shapes(loaded: Database) -> Callable[[str, int], tuple[np.ndarray, np.ndarray]]:
    """``shapes("trees", srid)``: keys and shapely geometries, easting first, transformed by pyproj."""

    @cache
    def read(name: str, srid: int) -> tuple[np.ndarray, np.ndarray]:
        layer = all_layers()[name]
        query = f"SELECT {layer.key}, ST_AsBinary(geom) FROM city.{name} ORDER BY {layer.key}"
        with loaded.transaction() as connection:
            found = connection.execute(sa.text(query)).all()
        change = Transformer.from_crs(2177, srid, always_xy=True).transform
        stored = shapely.from_wkb([bytes(wkb) for _, wkb in found])
        moved = shapely.transform(stored, lambda xy: np.column_stack(change(xy[:, 0], xy[:, 1])))
        shapely.prepare(moved)
        return np.array([key for key, _ in found]), moved

    return read


@pytest.fixture
def no_stops(database: Database) -> None:
    """As if no stop had ever been delivered."""
    with database.transaction() as connection:
        connection.exec_driver_sql("TRUNCATE city.stops, city.stops_history")
        connection.exec_driver_sql("DELETE FROM registry.change WHERE layer = 'stops'")
        connection.exec_driver_sql("DELETE FROM registry.head WHERE layer = 'stops'")


@pytest.fixture(scope="module")
def vault() -> Iterator[None]:
    """Layers with closed fields, and closed layers, are declared beside the city's own."""
    caches = (all_layers, layers_for, all_feeds, catalogue._modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent / "rooms")
        patch.setattr(catalogue, "ROOMS", (*catalogue.ROOMS, "vault"))
        # The process that reads files would know the city's own layers only.
        patch.setattr(sources, "confined", read_here)
        for cache in caches:
            cache.cache_clear()
        yield
    for cache in caches:
        cache.cache_clear()


def read_here(reader, _, *given):
    """What is read in a process of its own otherwise."""
    for rows in reader(*given):
        yield rows if isinstance(rows, pa.Table) else to_table(*rows)


@pytest.fixture(scope="module")
def vaulted(
    vault: None, loaded: Database, node: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Database:
    """A database with the sample city and the vault, in which every closed field of every layer is told.

    The benches have a history: of what everybody sees, and of what only some see.
    """
    migrate(loaded, all_layers().values(), node.srid)
    folder = tmp_path_factory.mktemp("vault")
    for feed, stand, text in vault_deliveries():
        path = folder / f"{feed}.csv"
        path.write_text(text)
        load(Order(feed, (path,), stand), loaded, node)
    with loaded.transaction() as connection:
        for layer in all_layers().values():
            for field in layer.fields:
                if field.kind == "text" and not may_see("public", field.access):
                    told = f"COALESCE({field.name}, 'Kanarek ' || {layer.key})"
                    connection.execute(sa.text(f"UPDATE city.{layer.name} SET {field.name} = {told}"))
    return loaded


def vault_deliveries() -> Iterator[tuple[str, date, str]]:
    """Tables for the layers of the vault: feed, day, text."""
    for year in (2023, 2024, 2025):
        benches = [bench(number, year - 2023) for number in range(1, 61)]
        names = "id;name;kind;seats;height_cm;repaired;donor;donor_pesel;land_register;complaint;lock_code"
        yield "benches", date(year, 1, 1), "\n".join([f"{names};lon;lat", *benches]) + "\n"
    cases = [f"PR.{n};Jan Zawadzki {n};{pesel(n)};odmowa;{16.9 + n / 1000};52.4" for n in range(1, 21)]
    yield "proceedings", date(2025, 1, 1), "\n".join(["case_id;party;pesel;verdict;lon;lat", *cases]) + "\n"
    digs = [f"W{n};Marek Lis {n};{16.9 + n / 1000};52.41" for n in range(1, 21)]
    yield "digs", date(2025, 1, 1), "\n".join(["dig_id;contractor;lon;lat", *digs]) + "\n"


def bench(number: int, version: int) -> str:
    """A bench, of which every fifth changes to everybody's eyes, and most to some."""
    seen = (number, f"Ławka {number}", "ws"[number % 2], 2 + (number % 5 == 0) * version)
    for_partners = (40 + number % 7 * version, f"{2023 + version}-05-01")
    donor = (f"Anna Kowalska {number % 9 * (version + 1)}", pesel(number))
    closed = (*donor, f"PO1P/{number * 97:08d}/{number % 10}", number % 2 == 0, f"K{number * 31}")
    place = (16.88 + number / 2000, 52.38 + number % 10 / 500)
    return ";".join(map(str, (*seen, *for_partners, *closed, *place)))


def pesel(number: int) -> str:
    """A personal number with the right last digit."""
    digits = f"80{1 + number % 12:02d}{1 + number % 28:02d}{number:04d}"
    weighted = sum(
        int(digit) * weight for digit, weight in zip(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3), strict=True)
    )
    return f"{digits}{-weighted % 10}"


@pytest.fixture(scope="module")
def client(loaded: Database) -> Iterator[TestClient]:
    """Somebody who asks the API of a node with the sample city."""
    from api.app import application  # noqa: PLC0415 - reads no setting before the node is there

    with TestClient(application(), base_url="http://testserver", raise_server_exceptions=False) as asking:
        yield asking


@pytest.fixture(scope="module")
def site(loaded: Database) -> Iterator[str]:
    """The address at which a node with the sample city listens."""
    from api.app import application  # noqa: PLC0415 - reads no setting before the node is there

    config = uvicorn.Config(application(), port=0, log_level="warning", timeout_graceful_shutdown=2)
    listening = uvicorn.Server(config)
    thread = threading.Thread(target=listening.run)
    thread.start()
    while not listening.started and thread.is_alive():
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.servers[0].sockets[0].getsockname()[1]}"
    listening.should_exit = True
    thread.join(30)


class Listening(NamedTuple):
    """A node that listens as a process of its own: its address, and the file in which it notes requests."""

    url: str
    log: Path

    def asked(self) -> list[str]:
        """The addresses that were asked since this was looked at last."""
        said = self.log.read_text("utf-8")
        self.log.write_text("")  # it is open for appending, so the server goes on at its beginning
        return re.findall(r'"(?:GET|HEAD) (\S+) HTTP', said)


@pytest.fixture(scope="module")
def serve(node: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Listening]]:
    """Start the node on a free port, when its layers are loaded."""
    log, running = tmp_path_factory.mktemp("listening") / "requests.log", []

    def started() -> Listening:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        program = [sys.executable, "-m", "uvicorn", "api.app:application", "--factory", "--port", port]
        with log.open("a") as noted:
            running.append(subprocess.Popen(program, cwd=HERE.parent, stdout=noted, stderr=noted))
        return Listening(_awake(f"http://127.0.0.1:{port}"), log)

    yield started
    for process in running:
        process.terminate()
        process.wait(10)


def _awake(url: str) -> str:
    for _ in range(200):
        try:
            urlopen(f"{url}/health", timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return url
    raise AssertionError(f"the server at {url} does not answer")


SYSTEM_PYTHON = "/usr/bin/python3"
QGIS_BEGINS = """
import json, os, sys
from qgis.core import *
program = QgsApplication([], True)
program.initQgis()
"""
QGIS_ENDS = """
print(json.dumps(told), flush=True)
os._exit(0)  # QGIS may fall over its own feet when Python clears up
"""


@pytest.fixture(scope="session")
def in_qgis() -> Callable[..., Any]:
    """Run a script in QGIS; what it leaves in ``told`` comes back."""
    clean = {"QT_QPA_PLATFORM": "offscreen", "PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")}
    asks = [SYSTEM_PYTHON, "-c", "import qgis.core"]
    if not Path(SYSTEM_PYTHON).exists() or subprocess.run(asks, check=False, env=clean).returncode:
        pytest.skip("QGIS is not installed; it comes with python3-qgis")

    def run_script(script: str, *words: str) -> Any:
        command = [SYSTEM_PYTHON, "-c", QGIS_BEGINS + script + QGIS_ENDS, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False, env=clean)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run_script


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Chromium, without a window."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed: apt install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=list(CHROMIUM))
        yield started
        started.close()


@pytest.fixture(scope="module")
def browser(site: str, chromium: Browser) -> BrowserContext:
    """Chromium, used by somebody who speaks Polish and wants no animations."""
    if not (HERE / "web" / "dist" / "index.html").exists():
        pytest.skip("The web page is not built: run make web")
    opened = chromium.new_context(base_url=site, reduced_motion="reduce", locale="pl")
    opened.set_default_timeout(15_000)
    return opened


class _Quiet(SimpleHTTPRequestHandler):
    """Files, served without a word."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def libraries() -> Iterator[str]:
    """The address of another server on this machine, from which pages take their map libraries."""
    folder = HERE / "web" / "node_modules"
    if not (folder / "ol").is_dir():
        pytest.skip("The map libraries are not installed: run make web")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join(10)


@pytest.fixture(scope="module")
def heard(browser: BrowserContext, site: str) -> list[str]:
    """What pages complain of, and what they ask of other hosts."""
    told: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and CUT not in message.text:
            told.append(message.text)

    def look(request: Request) -> None:
        if not request.url.startswith((site, "data:", "blob:")):
            told.append(request.url)

    browser.on("console", listen)
    browser.on("weberror", lambda fault: told.append(str(fault.error)))
    browser.on("request", look)
    return told


@pytest.fixture
def no_complaints(heard: list[str]) -> Iterator[None]:
    """No page may complain or ask another host while the test runs."""
    heard.clear()
    yield
    assert not heard


@pytest.fixture
def visit(browser: BrowserContext, no_complaints: None) -> Iterator[Callable[..., Page]]:
    """Open an address in a page of its own."""
    pages: list[Page] = []

    def opened(address: str, size: tuple[int, int] = DESKTOP, cut: str = "") -> Page:
        pages.append(page := _page(browser, size))
        if cut:
            page.route(cut, lambda route: route.abort())
        page.goto(address)
        if address.startswith("/map") and not cut:
            expect(page.locator(".view canvas")).to_have_attribute("aria-busy", "false", timeout=15_000)
        return page

    yield opened
    for page in pages:
        page.close()


@pytest.fixture(scope="module")
def one_page(browser: BrowserContext) -> Iterator[Page]:
    """A page that stays open from test to test."""
    page = _page(browser, DESKTOP)
    yield page
    page.close()


@pytest.fixture
def place(rows) -> Callable[..., tuple]:
    """One feature of a layer: its key, a point of it in degrees, the value that its colour stands for."""

    def found(layer: Layer, where: str = "true") -> tuple:
        hollow = "Polygon" in layer.geometry and not layer.style.opacity
        point = f"ST_PointOnSurface({'ST_Boundary(lonlat)' if hollow else 'lonlat'})"
        query = f"SELECT {layer.key}, ST_X({point}), ST_Y({point}), {layer.style.by or 'NULL'} FROM city."
        return rows(f"{query}{layer.name} WHERE {where} ORDER BY {layer.key} LIMIT 1")[0]

    return found


def _page(browser: BrowserContext, size: tuple[int, int]) -> Page:
    page = browser.new_page()
    page.set_viewport_size({"width": size[0], "height": size[1]})
    return page


def _url(server: cluster.Server, name: str) -> str:
    return sa.make_url(server.url).set(database=name).render_as_string(hide_password=False)


def _administer(server: cluster.Server, *statements: str) -> None:
    address = _url(server, "postgres").replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(address, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())
