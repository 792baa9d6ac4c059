"""PostgreSQL on this machine: its programs, and running them on a data folder as the user it belongs to."""

import errno
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple, NoReturn

from mesip.errors import DatabaseDownError

INSTALLED = Path("/usr/lib/postgresql")
OLDEST_MAJOR = 14
NEEDED_MB = 150
PATIENCE_S = 600


class Installation(NamedTuple):
    """The programs of one PostgreSQL version."""

    major: int
    has_postgis: bool
    programs: Path


class Owner(NamedTuple):
    """The system user a cluster belongs to and runs as."""

    uid: int
    gid: int


class Cluster(NamedTuple):
    """A data folder, the user it belongs to, and the programs of its version."""

    data: Path
    owner: Owner
    programs: Path


def binaries() -> Path:
    """Folder of the programs of the newest PostgreSQL on this machine that has PostGIS.

    Raises:
        DatabaseDownError: there is none; the message names the packages to install.
    """
    found = _installations()
    if fitting := [each for each in found if each.has_postgis and each.major >= OLDEST_MAJOR]:
        return max(fitting).programs
    major = max((each.major for each in found if each.major >= OLDEST_MAJOR), default=_offered_major())
    raise DatabaseDownError(
        f"There is no PostgreSQL {OLDEST_MAJOR} or newer with PostGIS on this machine. "
        f"Install it: sudo apt-get install postgresql postgresql-{major}-postgis-3"
    )


def cluster_in(data: Path) -> Cluster:
    """The finished cluster in ``data``, with programs of the version that made it.

    Raises:
        DatabaseDownError: that version is not installed; the message names the packages.
    """
    major = int((data / "PG_VERSION").read_text())
    here = data.stat()
    for each in _installations():
        if each.major == major and each.has_postgis:
            return Cluster(data, Owner(here.st_uid, here.st_gid), each.programs)
    raise DatabaseDownError(
        f"The database in {data} was made by PostgreSQL {major}, which is not here, or not with PostGIS. "
        f"Install it: sudo apt-get install postgresql-{major} postgresql-{major}-postgis-3"
    )


def _installations() -> list[Installation]:
    folders = {folder.resolve() for folder in INSTALLED.glob("*/bin")}
    if found := shutil.which("initdb"):
        folders.add(Path(found).resolve().parent)
    if found := shutil.which("pg_config"):
        folders.add(Path(_output(found, "--bindir")).resolve())
    return [_installation(folder) for folder in sorted(folders) if (folder / "initdb").exists()]


def _installation(programs: Path) -> Installation:
    version = re.search(r"\) (\d+)", _output(programs / "postgres", "--version"))
    control = Path(_output(programs / "pg_config", "--sharedir"), "extension", "postgis.control")
    return Installation(int(version[1]) if version else 0, control.exists(), programs)


def _offered_major() -> int:
    """The version that this system's package list offers; 15 if it has no such list."""
    offered = re.search(r"Depends: postgresql-(\d+)", _output("apt-cache", "depends", "postgresql"))
    return int(offered[1]) if offered else 15


def _output(*command: str | Path) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def run(
    owner: Owner, *command: str | Path, stdin: str = "", output: IO[bytes] | int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """Run ``command`` as ``owner`` and wait. PostgreSQL refuses root, so root drops to ``owner``."""
    drop: dict[str, Any] = {"user": owner.uid, "group": owner.gid, "extra_groups": []}
    return subprocess.run(
        command,
        input=stdin,
        stdout=output,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd="/",
        # Not the caller's PG* variables; and messages in English, because they are searched.
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        **(drop if os.geteuid() == 0 else {}),
    )


def tell(cluster: Cluster, database: str, *statements: str) -> None:
    """Run one-line statements in PostgreSQL's single-user mode: no server, no port, no password.

    Raises:
        DatabaseDownError: a statement fails.
    """
    command = cluster.programs / "postgres", "--single", "-D", cluster.data, database
    done = run(cluster.owner, *command, stdin="".join(f"{each}\n" for each in statements))
    if done.returncode or re.search(r"\b(ERROR|FATAL|PANIC):  ", done.stdout):
        refuse(cluster.data, done.stdout)


def halt(cluster: Cluster) -> None:
    """Stop the live server of ``cluster``; its clients are disconnected.

    Raises:
        DatabaseDownError: it does not stop.
    """
    command = cluster.programs / "pg_ctl", "stop", "-s", "-w", "-m", "fast", "-t", str(PATIENCE_S)
    done = run(cluster.owner, *command, "-D", cluster.data)
    if done.returncode:
        refuse(cluster.data, done.stdout)


def postmaster(data: Path) -> list[str]:
    """The lines of the pid file in ``data`` if the process it names lives and serves ``data``, else none."""
    with suppress(FileNotFoundError):
        lines = (data / "postmaster.pid").read_text().splitlines()
        if lines and lines[0].isdigit() and _serves(int(lines[0]), data):
            return lines
    return []


def _serves(pid: int, data: Path) -> bool:
    with suppress(OSError):
        program, *words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if program.endswith(b"postgres") and b"-D" in words:
            return data.samefile(os.fsdecode(words[words.index(b"-D") + 1]))
    return False


def refuse(folder: Path, said: str, log_file: Path | None = None) -> NoReturn:
    """Raise what PostgreSQL ``said`` about ``folder`` as one sentence."""
    if os.strerror(errno.ENOSPC) in said:
        refuse_full_disk(folder)
    reasons = re.findall(r"(?:FATAL|PANIC|ERROR|error|invalid)\b:? +(.+)", said) or said.split("\n")[-1:]
    more = f" More in {log_file}." if log_file else ""
    raise DatabaseDownError(
        f"PostgreSQL in {folder} says: {reasons[-1].strip() or 'nothing'}.{more} Mend it, then run mesip up."
    )


def refuse_full_disk(folder: Path) -> NoReturn:
    """Raise how much room is needed on the disk of ``folder``, and how much there is."""
    free = shutil.disk_usage(folder).free // 2**20
    raise DatabaseDownError(
        f"The disk of {folder} is full: the private database needs {NEEDED_MB} MB there, {free} MB are free. "
        "Free some space, or set MESIP_HOME to a folder on another disk."
    )


@contextmanager
def explained(home: Path) -> Iterator[None]:
    """Turn a refusal of the operating system into a sentence."""
    try:
        yield
    except OSError as cause:
        if cause.errno in (errno.ENOSPC, errno.EDQUOT):
            refuse_full_disk(home)
        raise DatabaseDownError(
            f"The private database cannot use {cause.filename or home}: {cause.strerror}. "
            "Run mesip as the user that the folder belongs to, or set MESIP_HOME to a folder of your own."
        ) from cause


def write(path: Path, text: str, owner: Owner) -> None:
    """Replace the file in one step; only ``owner`` may read it."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(handle)
    if os.geteuid() == 0:
        os.chown(draft, *owner, follow_symlinks=False)
    draft.replace(path)
