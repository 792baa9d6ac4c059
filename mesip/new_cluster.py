"""The making of a private cluster: where it goes, whose it is, and the empty database with PostGIS in it."""

import hashlib
import json
import logging
import os
import pwd
import secrets
import shutil
import tempfile
import time
from pathlib import Path

from mesip.errors import DatabaseDownError
from mesip.postgresql import (
    NEEDED_MB,
    Cluster,
    Owner,
    binaries,
    cluster_in,
    halt,
    postmaster,
    refuse,
    refuse_full_disk,
    run,
    tell,
    write,
)

SHELTER = Path("/var/lib/mesip")
ACCESS = "local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n"

log = logging.getLogger(__name__)


def ready_cluster(home: Path) -> Cluster:
    """The cluster of ``home``, complete and not running; it is made if there is none.

    Raises:
        DatabaseDownError: no fitting PostgreSQL, no room, or something else lies in its place.
    """
    data = _place(home)
    _sweep(data)
    if not (data / "PG_VERSION").exists():
        _make(data, home)
    return cluster_in(data)


def passwords(home: Path) -> dict[str, str]:
    """The content of ``secrets.json``; empty if there is no such file.

    Raises:
        DatabaseDownError: it is not JSON.
    """
    file = home / "secrets.json"
    try:
        return json.loads(file.read_text()) if file.exists() else {}
    except ValueError as cause:
        raise DatabaseDownError(
            f"{file} is not JSON ({cause}). Mend it, or move it away and run mesip down and mesip up, "
            "which sets a new password."
        ) from cause


def set_password(cluster: Cluster, home: Path) -> None:
    """Give the owner of the database a new password, and keep it beside whatever other secrets there are."""
    password, here = secrets.token_urlsafe(24), home.stat()
    tell(cluster, "postgres", f"ALTER ROLE mesip PASSWORD '{password}'")
    known = json.dumps(passwords(home) | {"owner": password}, indent=2)
    write(home / "secrets.json", f"{known}\n", Owner(here.st_uid, here.st_gid))


def _place(home: Path) -> Path:
    """Where the data folder is or shall be: in ``home`` if its owner can enter that, else in the shelter."""
    link = home / "postgres"
    if any(sign in str(link.resolve()) for sign in '"$`\\\n'):
        raise DatabaseDownError(
            f'The database cannot live in {home}, because of the " $ ` or \\ in its path. '
            "Set MESIP_HOME to another folder."
        )
    if not (link.exists() or link.is_symlink()) and not _enterable(home, _new_owner()):
        place = SHELTER / hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:12]
        SHELTER.mkdir(parents=True, exist_ok=True)
        if place.exists():
            _set_aside(place)
        link.symlink_to(place)
    return link.resolve()


def _new_owner() -> Owner:
    """This user; for root, whom PostgreSQL refuses, the user postgres, or else nobody."""
    if os.geteuid() != 0:
        return Owner(os.geteuid(), os.getegid())
    accounts = {each.pw_name: each for each in pwd.getpwall()}
    account = accounts.get("postgres") or accounts["nobody"]
    return Owner(account.pw_uid, account.pw_gid)


def _enterable(folder: Path, owner: Owner) -> bool:
    return run(owner, "test", "-x", folder).returncode == 0


def _set_aside(place: Path) -> None:
    """An earlier home of this name was removed, and its database stayed. It is kept, under another name."""
    if postmaster(place):
        halt(cluster_in(place))
    aside = place.with_name(f"{place.name}.{time.time_ns()}")
    place.rename(aside)
    log.warning(
        "%s held the database of a removed home. It is now %s; remove it if not needed.", place, aside
    )


def _make(data: Path, home: Path) -> None:
    """Make the whole beside its place and move it there at the end, so that no half of it ever counts."""
    if data.exists() and any(data.iterdir()):
        raise DatabaseDownError(
            f"{data} is not empty and holds no database. Move it away, then run mesip up."
        )
    if shutil.disk_usage(data.parent).free < NEEDED_MB * 2**20:
        refuse_full_disk(data.parent)
    draft = Path(tempfile.mkdtemp(prefix=f"{data.name}.in-the-making-", dir=data.parent))
    try:
        os.chown(draft, *_new_owner())
        _fill(Cluster(draft, _new_owner(), binaries()), home)
        draft.rename(data)
    finally:
        _sweep(data)


def _sweep(data: Path) -> None:
    """Remove what broken-off makings left. An initdb that outlived its caller may still be adding to it."""
    for remains in data.parent.glob(f"{data.name}.in-the-making-*"):
        shutil.rmtree(remains, ignore_errors=True)


def _fill(cluster: Cluster, home: Path) -> None:
    # initdb wants a file with the password, unless nobody may connect: then no such file need exist.
    options = ["--username=mesip", "--auth=reject", "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"]
    done = run(cluster.owner, cluster.programs / "initdb", *options, "-D", cluster.data)
    if done.returncode:
        refuse(cluster.data.parent, done.stdout)
    write(cluster.data / "pg_hba.conf", ACCESS, cluster.owner)
    set_password(cluster, home)
    tell(cluster, "postgres", "CREATE DATABASE mesip")
    tell(cluster, "mesip", "CREATE EXTENSION postgis")
