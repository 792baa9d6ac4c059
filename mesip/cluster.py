"""The private PostGIS server of a home folder: started, stopped, and found again by the files it leaves."""

import fcntl
import logging
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mesip.errors import DatabaseDownError
from mesip.new_cluster import passwords, ready_cluster, set_password
from mesip.postgresql import (
    PATIENCE_S,
    Cluster,
    binaries,
    cluster_in,
    explained,
    halt,
    postmaster,
    refuse,
    run,
    write,
)

__all__ = ["Server", "binaries", "running", "start", "stop"]

# Backends of a killed server end within this time; a port is lost to somebody else less often than that.
RETRY_S = 20
# No process has it: Linux gives at most 2**22.
DEAD_PID = 2**31 - 1
LONGEST_SOCKET_PATH = 100  # bytes

SETTINGS = """\
# Written at each start of the server. For settings of your own use ALTER SYSTEM, which keeps them elsewhere.
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{sockets}'
shared_buffers = {shared}MB
effective_cache_size = {cache}MB
maintenance_work_mem = {maintenance}MB
work_mem = {work}MB
dynamic_shared_memory_type = {parallel}
max_wal_size = 4GB
wal_level = minimal
max_wal_senders = 0
random_page_cost = 1.1
jit = off
timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u@%d '
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where the private database answers, and the password of its owner."""

    host: str = "127.0.0.1"
    port: int
    user: str = "mesip"
    password: str = field(repr=False)
    database: str = "mesip"
    data: Path

    @property
    def url(self) -> str:
        """The address as SQLAlchemy takes it, with the password."""
        return f"postgresql+psycopg://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"


def start(home: Path) -> Server:
    """The running private server of ``home``; it is made and started if need be.

    Raises:
        DatabaseDownError: no fitting PostgreSQL, no room, no right to the folder, or it refuses to start.
    """
    with explained(home):
        if server := running(home):
            return server
        with _alone(home):
            return _awaited(home) or _started(home)


def stop(home: Path) -> bool:
    """Stop the private server of ``home``; True if it ran.

    Raises:
        DatabaseDownError: it does not stop, or belongs to another user.
    """
    with explained(home):
        data = _data(home)
        if not data.exists():
            return False
        with _alone(home):
            ran = bool(postmaster(data))
            if ran:
                halt(cluster_in(data))
            return ran


def running(home: Path) -> Server | None:
    """The server of ``home`` if it takes connections now. Reads three small files and starts no process.

    Raises:
        DatabaseDownError: the files belong to another user, or the password is lost.
    """
    with explained(home):
        status = postmaster(_data(home))
        if not any(line.startswith("ready") for line in status):
            return None
        if password := passwords(home).get("owner"):
            return Server(port=int(status[3]), password=password, data=_data(home))
        raise DatabaseDownError(
            f"{home / 'secrets.json'} no longer holds the password of the running database. "
            "Run mesip down, then mesip up, which sets a new one."
        )


def _data(home: Path) -> Path:
    return (home / "postgres").resolve()


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Others who start or stop the server of ``home`` wait here."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "cluster.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _awaited(home: Path) -> Server | None:
    """The server, once it takes connections; None if it does not run or was just stopping."""
    deadline = time.monotonic() + PATIENCE_S
    while postmaster(_data(home)):
        if server := running(home):
            return server
        if time.monotonic() > deadline:
            raise DatabaseDownError(
                f"PostgreSQL in {_data(home)} is still starting or stopping after {PATIENCE_S} seconds. "
                f"See {_log_file(home)}, or try again later."
            )
        time.sleep(0.02)
    return None


def _started(home: Path) -> Server:
    began = time.monotonic()
    cluster = ready_cluster(home)
    _bury(cluster)
    if "owner" not in passwords(home):
        set_password(cluster, home)
    _launch(cluster, home)
    server = running(home)
    if server is None:
        raise DatabaseDownError(
            f"PostgreSQL in {cluster.data} ended right after its start. See {_log_file(home)}."
        )
    log.info("PostgreSQL answers on port %d after %.2f s", server.port, time.monotonic() - began)
    return server


def _bury(cluster: Cluster) -> None:
    """Make the pid file of a server that no longer runs harmless: its number may be another process's now.

    PostgreSQL would trust any live process of that number. With a number nobody has, it looks at its shared
    memory instead, which still guards the data while the backends of a killed server are ending.
    """
    pidfile = cluster.data / "postmaster.pid"
    if pidfile.exists():
        _, _, rest = pidfile.read_text().partition("\n")
        write(pidfile, f"{DEAD_PID}\n{rest}", cluster.owner)
    for remains in cluster.data.glob(".s.PGSQL.*"):
        remains.unlink()


def _launch(cluster: Cluster, home: Path) -> None:
    """Start PostgreSQL; again if its port was just taken, or a killed server's backends are ending."""
    port = _free_port(_kept_port(cluster.data))
    deadline = time.monotonic() + RETRY_S
    while said := _attempt(cluster, home, port):
        if "Address already in use" in said and time.monotonic() < deadline:
            port = _free_port(0)
        elif "shared memory block" in said and time.monotonic() < deadline:
            time.sleep(0.1)
        else:
            refuse(cluster.data, said, _log_file(home))


def _attempt(cluster: Cluster, home: Path, port: int) -> str:
    """Start PostgreSQL on ``port``; what it said if it refuses, else nothing."""
    write(cluster.data / "postgresql.conf", _settings(cluster.data, port), cluster.owner)
    command = cluster.programs / "pg_ctl", "start", "-s", "-w", "-t", str(PATIENCE_S), "-D", cluster.data
    _log_file(home).parent.mkdir(exist_ok=True)
    # Statements in it may hold personal data.
    _log_file(home).touch(mode=0o600)
    with _log_file(home).open("a+b") as log_file:
        beginning = log_file.tell()
        done = run(cluster.owner, *command, output=log_file)
        log_file.seek(beginning)
        return log_file.read().decode(errors="replace") or "nothing" if done.returncode else ""


def _log_file(home: Path) -> Path:
    return home / "logs" / "postgres.log"


def _kept_port(data: Path) -> int:
    kept = re.search(r"^port = (\d+)$", (data / "postgresql.conf").read_text(), re.MULTILINE)
    return int(kept[1]) if kept else 0


def _free_port(wanted: int) -> int:
    """The wanted port if it is free, else any free one; 0 wants any."""
    with socket.socket() as probe:
        # As PostgreSQL does: connections that linger after a stop do not hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _settings(data: Path, port: int) -> str:
    memory = _memory_mb()
    longest = len(os.fsencode(data / f".s.PGSQL.{port}.lock"))
    return SETTINGS.format(
        port=port,
        # PostgreSQL reads a dot as its data folder.
        sockets="." if longest <= LONGEST_SOCKET_PATH else "",
        shared=min(max(memory // 8, 16), 2048),
        cache=max(memory // 2, 64),
        maintenance=min(max(memory // 16, 32), 512),
        work=min(max(memory // 256, 4), 64),
        parallel="posix" if _roomy(Path("/dev/shm")) else "sysv",
    )


def _memory_mb() -> int:
    """Memory of the machine or, if that is less, of the container, MB."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.exists() else ""
    return (min(machine, int(text)) if text.isdigit() else machine) // 2**20


def _roomy(folder: Path) -> bool:
    """Whether parallel queries and index builds fit; containers often have 64 MB there."""
    return folder.exists() and shutil.disk_usage(folder).free > 2**30
