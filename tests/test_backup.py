"""The drill: a node is backed up, and comes back on another machine as it was."""

import json
import shutil
import subprocess
import tempfile
from datetime import date
from pathlib import Path

import psycopg
import pytest

from layers import all_layers
from mesip import cluster, dumps
from mesip.database import Database
from mesip.errors import PlatformError, UsageError
from mesip.settings import Settings
from pipelines.backups import DUMP, backup, restore, sums
from pipelines.load import Order, load

STAND = date(2026, 1, 1)


@pytest.fixture(scope="module")
def original(database, node, city):
    """A node with two loads of stops in it, rejected rows, and districts."""
    for feed in ("districts", "stops", "trees"):
        load(Order(feed, (city[feed],), STAND), database, node)
    deliver(database, node, city["stops"], lines=200)
    return database


def deliver(database: Database, settings: Settings, stops: Path, lines: int) -> dict:
    """Load the first ``lines`` of the stops, as delivered a month later."""
    path = settings.home / "stops.csv"
    path.write_text("\n".join(stops.read_text().splitlines()[:lines]))
    order = Order("stops", (path,), date(2026, 2, 1), frozenset({"removals"}))
    return load(order, database, settings).stated()["layers"]["stops"]


@pytest.fixture(scope="module")
def kept(original, node, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("backup") / "first"
    backup(original, node, folder)
    return folder


@pytest.fixture
def other(monkeypatch):
    """A node on a fresh private server in another home."""
    home = Path(tempfile.mkdtemp(prefix="mesip-restored-"))
    home.chmod(0o755)
    server = cluster.start(home)
    opened = Database(server.url, home)
    yield opened, Settings(home=home, database_url=server.url)  # pyright: ignore[reportCallIssue]
    opened.engine.dispose()
    cluster.stop(home)
    shutil.rmtree(server.data, ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)


def content(database: Database) -> dict:
    with database.transaction() as connection:
        return sums(connection)


def test_a_backup_restored_on_a_fresh_cluster_is_the_node_as_it_was(original, kept, other, city, node):
    database, settings = other
    done = restore(database, settings, all_layers().values(), kept)
    assert content(database) == content(original)
    assert done.rows["trees"] > 5000
    assert done.absent == ()
    stored = {path.name: path.read_bytes() for path in (settings.home / "deliveries").rglob("*.csv")}
    assert stored["trees.csv"] == city["trees"].read_bytes()
    with psycopg.connect(database.level_url("public")) as connection:
        (seen,) = connection.execute("SELECT count(*) FROM public_api.trees").fetchone() or (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT count(*) FROM city.trees")
    assert seen == done.rows["trees"]
    there = deliver(database, settings, city["stops"], lines=150)
    with database.transaction() as connection:
        log = connection.exec_driver_sql("SELECT seq FROM registry.change WHERE layer = 'stops' ORDER BY seq")
        numbers = list(log.scalars())
        last_run = connection.exec_driver_sql("SELECT max(run) FROM registry.run").scalar_one()
    assert numbers == list(range(1, there["head"] + 1))
    with original.transaction() as connection:
        assert last_run == connection.exec_driver_sql("SELECT max(run) FROM registry.run").scalar_one() + 1


def test_the_manifest_tells_every_table_and_every_delivery(original, kept):
    manifest = json.loads((kept / "manifest.json").read_text())
    assert manifest["tables"] == content(original)
    assert {f"city.{name}" for name in all_layers()} <= set(manifest["tables"])
    assert len(manifest["deliveries"]) == 4
    for digest, names in manifest["deliveries"].items():
        assert all((kept / "deliveries" / digest[:2] / digest / name).exists() for name in names)


def test_a_node_with_rows_is_never_restored_over(original, kept, node):
    before = content(original)
    with pytest.raises(UsageError, match=r"This node is not empty: there are rows in city\.districts"):
        restore(original, node, all_layers().values(), kept)
    assert content(original) == before


def test_a_backup_is_never_written_over_another(original, kept, node):
    with pytest.raises(UsageError, match="is not empty"):
        backup(original, node, kept)


def test_a_folder_without_a_manifest_is_no_backup(original, node, tmp_path):
    with pytest.raises(UsageError, match="no finished backup"):
        restore(original, node, all_layers().values(), tmp_path)


def test_a_damaged_dump_is_noticed_before_anything_is_touched(original, kept, node, tmp_path):
    copy = shutil.copytree(kept, tmp_path / "copy")
    with (copy / DUMP).open("r+b") as file:
        file.seek(5000)
        file.write(b"damaged")
    with pytest.raises(PlatformError, match="is not what was backed up"):
        restore(original, node, all_layers().values(), copy)


def test_rows_that_differ_are_noticed_and_the_node_is_empty_again(kept, other, tmp_path):
    database, settings = other
    copy = shutil.copytree(kept, tmp_path / "copy")
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["tables"]["city.stops"]["rows"] += 1
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(PlatformError, match=r"not what was backed up: city\.stops\. The node is empty again"):
        restore(database, settings, all_layers().values(), copy)
    assert content(database) == {}


def test_a_missing_pg_dump_is_a_sentence_with_the_package(original, node, tmp_path, monkeypatch):
    monkeypatch.setattr(dumps, "INSTALLED", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(PlatformError, match=r"no pg_dump of version \d+ or newer.*postgresql-client-\d+"):
        backup(original, node, tmp_path / "backup")


def test_an_older_pg_dump_is_named_with_its_version(original, node, tmp_path, monkeypatch):
    program = tmp_path / "9" / "bin" / "pg_dump"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6'\n")
    program.chmod(0o755)
    monkeypatch.setattr(dumps, "INSTALLED", tmp_path)
    with pytest.raises(PlatformError, match="pg_dump is of version 9"):
        backup(original, node, tmp_path / "backup")


def test_no_password_is_among_the_words_of_a_command(original, node, tmp_path, monkeypatch):
    heard = []
    run = subprocess.run
    monkeypatch.setattr(
        subprocess, "run", lambda *words, **more: (heard.append(words), run(*words, **more))[1]
    )
    backup(original, node, tmp_path / "backup")
    secret = str(original.engine.url.password)
    assert heard
    assert secret not in str(heard)
