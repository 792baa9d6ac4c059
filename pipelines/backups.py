"""Backups of a node: registers and registry as dumped, the deliveries, and what they must add up to."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from layers import Layer
from layers.table import SCHEMA
from mesip import dumps
from mesip.database import Database
from mesip.errors import PlatformError, UsageError
from mesip.settings import Settings
from pipelines import storage
from pipelines.migrate import migrate
from pipelines.storage import Part, shelf

SCHEMAS = (SCHEMA, "registry")
DUMP, MANIFEST, DELIVERIES = "database.dump", "manifest.json", "deliveries"
FORM = 1


@dataclass(frozen=True)
class Done:
    """What a backup or a restore did: rows per layer, deliveries with their bytes, and those without."""

    rows: dict[str, int]
    deliveries: int
    absent: tuple[str, ...] = ()
    migrated: tuple[str, ...] = ()


def backup(database: Database, settings: Settings, folder: Path) -> Done:
    """Write the whole node to ``folder``. The manifest comes last: a backup without one is none.

    Raises:
        UsageError: the folder is not empty.
        PlatformError: there is no fitting pg_dump, no room, or no right.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty. Name a new folder for the backup.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # What is in it is as secret as the database.
        folder.chmod(0o700)
    except OSError as cause:
        raise PlatformError(f"{folder} cannot be made: {cause.strerror}. Name another folder.") from cause
    with database.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        # The dump and the sums see the same moment, whatever is loaded meanwhile.
        snapshot = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
        server = _server(connection)
        major = dumps.dump(database.url, server, SCHEMAS, folder / DUMP, snapshot)
        tables = sums(connection)
        listed = _deliveries(connection)
    kept = {
        digest: _copied(digest, settings.delivery_store, str(folder / DELIVERIES), folder)
        for digest in listed
    }
    manifest = {
        "form": FORM,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "server": server,
        "pg_dump": major,
        "dump": _sha256(folder / DUMP),
        "tables": tables,
        "deliveries": kept,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False), encoding="utf-8")
    return _done(manifest)


def restore(database: Database, settings: Settings, declared: Iterable[Layer], folder: Path) -> Done:
    """Bring a backup back into an empty node, check every sum, and migrate.

    Raises:
        UsageError: the node is not empty, or ``folder`` holds no backup.
        PlatformError: the backup is damaged, or there is no fitting pg_restore.
    """
    manifest = _manifest(folder)
    _check_dump(folder, manifest)
    dumps.fitting("pg_restore", manifest["pg_dump"])
    with database.transaction() as connection:
        _check_empty(connection)
        connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS postgis")
        for schema in SCHEMAS:
            connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    try:
        dumps.undump(database.url, manifest["pg_dump"], folder / DUMP)
        with database.transaction() as connection:
            _check_sums(sums(connection), manifest["tables"])
    except PlatformError:
        _empty_again(database)
        raise
    for digest, names in manifest["deliveries"].items():
        _bring_back(digest, names, folder, settings)
    migrated = migrate(database, declared, settings.srid)
    return _done(manifest, tuple(migrated))


def sums(connection: sa.Connection) -> dict[str, dict[str, Any]]:
    """Rows and a hash of the content of every table, whatever the order of its rows.

    What the database computes itself is left out: another version of PROJ may round otherwise.
    """
    connection.exec_driver_sql("SET LOCAL timezone = 'UTC'")
    connection.exec_driver_sql("SET LOCAL datestyle = 'ISO'")
    return {name: _sum(connection, name, columns) for name, columns in _tables(connection).items()}


def _tables(connection: sa.Connection) -> dict[str, str]:
    """Every table with its columns, except those that the database computes."""
    query = sa.text("""
        SELECT format('%I.%I', table_schema, table_name) AS name,
               string_agg(format('%I', column_name), ', ' ORDER BY column_name) AS columns
        FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
        WHERE table_schema = ANY(:schemas) AND table_type = 'BASE TABLE' AND is_generated = 'NEVER'
        GROUP BY 1 ORDER BY 1
    """)
    found = connection.execute(query, {"schemas": list(SCHEMAS)}).all()
    return {row.name: row.columns for row in found}


def _sum(connection: sa.Connection, name: str, columns: str) -> dict[str, Any]:
    query = f"""
        SELECT count(*) AS rows, md5(COALESCE(string_agg(row, '' ORDER BY row), '')) AS content
        FROM (SELECT md5(ROW({columns})::text) AS row FROM {name}) AS hashed
    """
    return dict(connection.exec_driver_sql(query).mappings().one())


def _server(connection: sa.Connection) -> int:
    return int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()) // 10_000


def _deliveries(connection: sa.Connection) -> list[str]:
    return list(connection.exec_driver_sql("SELECT sha256 FROM registry.delivery ORDER BY sha256").scalars())


def _copied(digest: str, store: str, into: str, folder: Path) -> dict[str, str]:
    """Copy a delivery from store to store; return the hash of each of its files, none if it is not there."""
    source, target, work = shelf(store, digest), shelf(into, digest), folder / ".work"
    names = _names(source)
    hashes = {name: storage.copied(source, name, work) for name in names}
    for name, sha256 in hashes.items():
        storage.keep(Part(work / name, sha256), target)
    storage.discard(work)
    return hashes


def _names(where: storage.Shelf) -> list[str]:
    if not where.system.exists(where.folder):
        return []
    places = where.system.find(where.folder, maxdepth=1)
    return sorted(name for place in places if not (name := Path(place).name).startswith("."))


def _bring_back(digest: str, hashes: dict[str, str], folder: Path, settings: Settings) -> None:
    found = _copied(digest, str(folder / DELIVERIES), settings.delivery_store, settings.home)
    if found != hashes:
        raise PlatformError(
            f"The delivery {digest} in {folder} is not what was backed up. The registers are restored; fetch "
            "this delivery from another copy of the backup."
        )


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError as cause:
        raise UsageError(f"{folder} holds no finished backup: there is no {MANIFEST} in it.") from cause
    except (OSError, ValueError) as cause:
        raise PlatformError(f"{folder / MANIFEST} cannot be read: {cause}. Take another backup.") from cause
    if manifest.get("form") != FORM:
        raise PlatformError(f"{folder} was made by another version of mesip. Restore it with that version.")
    return manifest


def _check_dump(folder: Path, manifest: dict[str, Any]) -> None:
    if not (folder / DUMP).exists() or _sha256(folder / DUMP) != manifest["dump"]:
        raise PlatformError(
            f"{folder / DUMP} is not what was backed up: it is absent, broken off or damaged. Nothing was "
            "restored. Take another copy of the backup."
        )


def _check_empty(connection: sa.Connection) -> None:
    full = [name for name in _tables(connection) if _has_rows(connection, name)]
    if full:
        raise UsageError(
            f"This node is not empty: there are rows in {', '.join(full)}. Restore into a new one: set "
            "MESIP_HOME to an empty folder, or MESIP_DATABASE_URL to an empty database."
        )


def _has_rows(connection: sa.Connection, name: str) -> bool:
    return connection.exec_driver_sql(f"SELECT EXISTS (SELECT FROM {name})").scalar_one()


def _check_sums(found: dict[str, dict[str, Any]], expected: dict[str, dict[str, Any]]) -> None:
    if wrong := [name for name, each in expected.items() if found.get(name) != each]:
        raise PlatformError(
            f"What was restored is not what was backed up: {', '.join(wrong)}. The node is empty again. "
            "Take another copy of the backup."
        )


def _empty_again(database: Database) -> None:
    with database.transaction() as connection:
        for schema in SCHEMAS:
            connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def _done(manifest: dict[str, Any], migrated: tuple[str, ...] = ()) -> Done:
    rows = {
        name.removeprefix(f"{SCHEMA}."): each["rows"]
        for name, each in manifest["tables"].items()
        if name.startswith(f"{SCHEMA}.") and not name.endswith("_history")
    }
    absent = tuple(digest for digest, names in manifest["deliveries"].items() if not names)
    return Done(rows, len(manifest["deliveries"]) - len(absent), absent, migrated)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
