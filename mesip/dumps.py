"""Dumps of a database by PostgreSQL's own programs: finding them, and telling what they say."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from mesip.errors import PlatformError
from mesip.postgresql import INSTALLED


class Program(NamedTuple):
    """A program of PostgreSQL, and its major version."""

    major: int
    path: Path


def dump(url: str, server: int, schemas: tuple[str, ...], file: Path, snapshot: str) -> int:
    """Write ``schemas`` to ``file`` in pg_dump's own format, as ``snapshot`` shows them; return its version.

    Raises:
        PlatformError: there is no pg_dump for a server of version ``server``, or it fails.
    """
    program = fitting("pg_dump", server)
    chosen = [f"--schema={schema}" for schema in schemas]
    options = ("--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}")
    _run(program, url, *options, *chosen, f"--file={file}")
    return program.major


def undump(url: str, written_by: int, file: Path) -> None:
    """Bring back the schemas in ``file``, which pg_dump of version ``written_by`` wrote: all or nothing.

    Raises:
        PlatformError: there is no pg_restore for it, or it fails.
    """
    program = fitting("pg_restore", written_by)
    options = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
    _run(program, url, *options, str(file))


def fitting(name: str, oldest: int) -> Program:
    """The program of the version ``oldest``, or the next newer one on this machine.

    Raises:
        PlatformError: there is none; the message names the package to install.
    """
    found = _found(name)
    if new_enough := [each for each in found if each.major >= oldest]:
        return min(new_enough)
    older = ", ".join(f"{each.path} is of version {each.major}" for each in found)
    raise PlatformError(
        f"There is no {name} of version {oldest} or newer on this machine{older and f': {older}'}. "
        f"Install it: sudo apt-get install postgresql-client-{oldest}"
    )


def _found(name: str) -> list[Program]:
    paths = {path.resolve() for path in INSTALLED.glob(f"*/bin/{name}")}
    # Debian's own command of this name is a script that picks a version; it tells that one's number.
    if not paths and (path := shutil.which(name)):
        paths.add(Path(path))
    return sorted(Program(_major(path), path) for path in paths)


def _major(path: Path) -> int:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    number = re.search(r"\) (\d+)", said)
    return int(number[1]) if number else 0


def _run(program: Program, url: str, *options: str) -> None:
    """Run the program. The password goes by the environment: everybody may read the words of a command."""
    address = sa.make_url(url)
    plain = sa.URL.create(
        "postgresql", address.username, None, address.host, address.port, address.database, address.query
    )
    secret = {"PGPASSWORD": str(address.password)} if address.password else {}
    done = subprocess.run(
        [program.path, f"--dbname={plain.render_as_string()}", "--no-password", *options],
        env=os.environ | secret | {"LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise PlatformError(
            f"{program.path.name} failed: {said[0]} See that the disk has room and the database answers "
            "(mesip doctor), then run it again."
        )
