"""The private PostGIS server: made, started, found again and mended, on the real PostgreSQL."""

import json
import multiprocessing
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import psycopg
import pytest

from mesip import cluster, new_cluster, postgresql
from mesip.cluster import Server, running, start, stop
from mesip.errors import DatabaseDownError

ROOT = Path(__file__).resolve().parents[1]
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount disks and become another user")


@pytest.fixture(scope="module")
def homes() -> Iterator[Callable[[], Path]]:
    """Gives folders that other users can enter; at the end their servers are stopped and all is removed."""
    place = Path(tempfile.mkdtemp(prefix="mesip-"))
    place.chmod(0o755)
    given: list[Path] = []

    def new_home() -> Path:
        given.append(place / f"dom {len(given)} 'ż'")
        return given[-1]

    yield new_home
    for home in given:
        stop(home)
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def kept_home(homes) -> Path:
    return homes()


@pytest.fixture
def home(kept_home) -> Path:
    """One home for all tests that leave its database usable; its server runs at the start of each."""
    start(kept_home)
    return kept_home


def ask(server: Server, query: str) -> list[tuple]:
    with psycopg.connect(server.url.replace("+psycopg", "")) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def pid_of(server: Server) -> int:
    return int((server.data / "postmaster.pid").read_text().split()[0])


def await_end(pid: int) -> None:
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        time.sleep(0.01)


def starter(home: Path, then: str = "pass") -> list[str]:
    imports = "import time; from pathlib import Path; from mesip.cluster import start"
    return [sys.executable, "-c", f"{imports}\nstart(Path({str(home)!r}))\n{then}"]


def test_the_first_start_makes_a_database_with_postgis(home):
    server = running(home)
    assert server is not None
    assert ask(
        server, "SELECT current_database(), current_user, ST_SRID('SRID=2177;POINT(0 0)'::geometry)"
    ) == [("mesip", "mesip", 2177)]
    assert server.url == f"postgresql+psycopg://mesip:{server.password}@127.0.0.1:{server.port}/mesip"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("data_checksums", "on"),
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("server_encoding", "UTF8"),
        ("listen_addresses", "127.0.0.1"),
        ("jit", "off"),
        ("max_wal_size", "4GB"),
    ],
)
def test_the_server_is_set_to_keep_what_it_was_given(home, setting, value):
    assert ask(start(home), f"SHOW {setting}") == [(value,)]


def test_polish_letters_have_capitals(home):
    assert ask(start(home), "SELECT upper('zażółć')") == [("ZAŻÓŁĆ",)]


def test_nobody_enters_without_the_password(home):
    server = start(home)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.url.replace("+psycopg", "").replace(server.password, "guess"))
    assert server.password not in repr(server)
    assert (home / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_a_second_start_gives_the_same_server(home):
    server = start(home)
    pid = pid_of(server)
    assert start(home) == server == running(home)
    assert pid_of(server) == pid


def test_what_was_stored_is_there_after_a_stop_and_a_start(home):
    server = start(home)
    ask(server, "CREATE TABLE stored AS SELECT 7 AS number")
    assert stop(home) is True
    assert running(home) is None
    assert stop(home) is False
    assert start(home) == server, "the same port and password"
    assert ask(server, "SELECT number FROM stored") == [(7,)]


def test_a_restart_takes_less_than_three_seconds(home):
    stop(home)
    began = time.monotonic()
    start(home)
    assert time.monotonic() - began < 3


def test_looking_whether_it_runs_takes_less_than_ten_milliseconds(home):
    began = time.monotonic()
    assert running(home)
    assert time.monotonic() - began < 0.01


def test_nothing_runs_in_a_home_that_is_not_there(tmp_path):
    assert running(tmp_path / "absent") is None
    assert stop(tmp_path / "absent") is False
    assert not (tmp_path / "absent").exists()


def test_two_homes_run_side_by_side(home, homes):
    one, other = start(home), start(homes())
    assert one.port != other.port
    assert [ask(server, "SHOW port") for server in (one, other)] == [[(str(one.port),)], [(str(other.port),)]]


def test_two_processes_that_start_one_home_get_one_server(homes):
    home = homes()
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        first, second = pool.map(start, [home, home])
    assert first == second == running(home)


def test_the_server_outlives_its_starter_and_holds_none_of_its_pipes(home):
    stop(home)
    done = subprocess.run(starter(home), cwd=ROOT, capture_output=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
    assert running(home)


def test_an_interrupt_in_the_terminal_does_not_reach_the_server(home):
    stop(home)
    command = starter(home, then="print('up', flush=True); time.sleep(60)")
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as session:
        assert session.stdout is not None
        assert session.stdout.readline() == b"up\n"
        os.killpg(session.pid, signal.SIGINT)
    server = running(home)
    assert server is not None
    assert os.getsid(pid_of(server)) != session.pid


def test_a_killed_server_recovers_what_was_committed(home):
    server = start(home)
    ask(server, "CREATE TABLE committed AS SELECT 11 AS number")
    os.kill(pid_of(server), signal.SIGKILL)
    await_end(pid_of(server))
    assert running(home) is None
    assert ask(start(home), "SELECT number FROM committed") == [(11,)]


def test_a_pid_file_left_by_a_machine_reset_does_not_hinder(home):
    server = start(home)
    left = (server.data / "postmaster.pid").read_text().partition("\n")[2]
    stop(home)
    (server.data / "postmaster.pid").write_text(f"{2**31 - 1}\n{left}")
    assert running(home) is None
    assert start(home) == server


@pytest.mark.parametrize("left", ["", "not a number\n"])
def test_a_spoilt_pid_file_does_not_hinder(home, left):
    server = start(home)
    stop(home)
    (server.data / "postmaster.pid").write_text(left)
    assert start(home) == server


def test_a_pid_that_now_belongs_to_another_process_does_not_hinder(home):
    server = start(home)
    lines = (server.data / "postmaster.pid").read_text().partition("\n")[2]
    lock = next(server.data.glob(".s.PGSQL.*.lock"), None)
    stop(home)
    owner = server.data.stat().st_uid if os.geteuid() == 0 else None
    with subprocess.Popen(["sleep", "60"], user=owner) as stranger:
        (server.data / "postmaster.pid").write_text(f"{stranger.pid}\n{lines}")
        if lock:
            lock.write_text(f"{stranger.pid}\n")
        assert running(home) is None
        assert stop(home) is False
        assert start(home) == server
        assert stranger.poll() is None, "the stranger is left alone"
        stranger.kill()


def test_the_server_of_another_home_is_not_taken_for_ours(home, homes):
    other = start(homes())
    server = start(home)
    stop(home)
    shutil.copy(other.data / "postmaster.pid", server.data)
    assert running(home) is None
    assert start(home) == server
    assert pid_of(server) != pid_of(other)


def test_a_port_taken_by_somebody_else_is_left_to_them(home):
    port = start(home).port
    stop(home)
    with socket.create_server(("127.0.0.1", port)):
        server = start(home)
    assert server.port != port
    assert ask(server, "SELECT 1") == [(1,)]


def test_a_port_lost_at_the_last_moment_is_replaced(home, monkeypatch):
    stop(home)
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        taken = stranger.getsockname()[1]
        offers = iter([taken, cluster._free_port(0)])
        monkeypatch.setattr(cluster, "_free_port", lambda _: next(offers))
        assert start(home).port != taken


def test_a_long_path_gets_no_unix_socket(homes):
    deep = homes() / ("a" * 90)
    server = start(deep)
    try:
        assert ask(server, "SHOW unix_socket_directories") == [("",)]
    finally:
        stop(deep)


def test_a_short_path_gets_a_unix_socket(home):
    server = start(home)
    assert len(os.fsencode(server.data)) < 80
    assert (server.data / f".s.PGSQL.{server.port}").is_socket()


def test_a_lost_password_is_replaced_at_the_next_start(home):
    server = start(home)
    (home / "secrets.json").write_text('{"signing": "kept"}')
    with pytest.raises(DatabaseDownError, match=r"secrets.json no longer holds the password.*mesip down"):
        start(home)
    stop(home)
    renewed = start(home)
    assert renewed.password != server.password
    assert ask(renewed, "SELECT 1") == [(1,)]
    assert json.loads((home / "secrets.json").read_text()) == {"signing": "kept", "owner": renewed.password}


def test_secrets_that_are_not_json_are_left_and_named(home):
    secrets = (home / "secrets.json").read_text()
    (home / "secrets.json").write_text("{")
    try:
        with pytest.raises(DatabaseDownError, match=r"secrets.json is not JSON"):
            start(home)
        assert (home / "secrets.json").read_text() == "{"
    finally:
        (home / "secrets.json").write_text(secrets)


def test_foreign_files_in_the_place_of_the_database_are_left_and_named(homes):
    home = homes()
    (home / "postgres").mkdir(parents=True)
    (home / "postgres" / "letter.txt").write_text("mine")
    with pytest.raises(DatabaseDownError, match=r"is not empty and holds no database\. Move it away"):
        start(home)
    assert (home / "postgres" / "letter.txt").read_text() == "mine"


def test_a_path_that_a_shell_would_misread_is_refused(homes):
    with pytest.raises(DatabaseDownError, match="Set MESIP_HOME to another folder"):
        start(homes() / "$HOME")


def test_a_file_in_the_place_of_the_home_is_named(tmp_path):
    (tmp_path / "home").write_text("")
    with pytest.raises(DatabaseDownError, match=rf"cannot use {tmp_path}/home.*set MESIP_HOME"):
        start(tmp_path / "home")


def test_settings_that_postgresql_refuses_are_told_with_the_reason(home):
    server = start(home)
    stop(home)
    own = server.data / "postgresql.auto.conf"
    before = own.read_text()
    own.write_text("shared_buffers = 'much'\n")
    try:
        with pytest.raises(
            DatabaseDownError, match=r"invalid value.*shared_buffers|errors.*More in .*postgres.log"
        ):
            start(home)
    finally:
        own.write_text(before)
    assert start(home) == server


@pytest.mark.parametrize("seconds", [0.1, 0.6, 1.0])
def test_a_making_that_was_cut_off_begins_anew(homes, seconds):
    home = homes()
    with subprocess.Popen(starter(home), cwd=ROOT, start_new_session=True) as session:
        deadline = time.monotonic() + 30
        while not list(home.glob("postgres.in-the-making-*")) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(seconds)
        session.kill()
    server = start(home)
    assert ask(server, "SELECT postgis_lib_version() > '3'") == [(True,)]
    stop(home)
    start(home)
    assert not list(home.glob("postgres.in-the-making-*"))


@pytest.fixture
def small_disk() -> Iterator[Callable[[int], Path]]:
    """A function that makes a disk of so many MB, or resizes it."""
    place = Path(tempfile.mkdtemp(prefix="mesip-disk-"))

    def resize(size_mb: int) -> Path:
        remount = "remount," if place.is_mount() else ""
        options = f"{remount}size={size_mb}m,mode=755"
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=False)
        if done.returncode:
            pytest.skip("this machine lets nobody mount a disk")
        return place

    yield resize
    stop(place)
    if place.is_mount():
        subprocess.run(["umount", place], check=True)
    place.rmdir()


@only_root
@pytest.mark.parametrize("needed_mb", [postgresql.NEEDED_MB, 1], ids=["seen before", "seen on the way"])
def test_a_full_disk_is_told_with_size_and_place_and_leaves_nothing(small_disk, monkeypatch, needed_mb):
    monkeypatch.setattr(new_cluster, "NEEDED_MB", needed_mb)
    home = small_disk(30)
    with pytest.raises(
        DatabaseDownError, match=rf"The disk of {home} is full: .* needs 150 MB there, \d+ MB are free"
    ):
        start(home)
    assert not list(home.glob("postgres*"))
    small_disk(300)
    assert ask(start(home), "SELECT 1") == [(1,)]


@only_root
def test_a_database_on_a_disk_that_became_full_starts_when_there_is_room(small_disk):
    home = small_disk(300)
    ask(start(home), "CREATE TABLE held AS SELECT 13 AS number")
    stop(home)
    with (home / "filler").open("wb") as filler, pytest.raises(OSError, match="No space left"):
        while True:
            filler.write(bytes(2**20))
            filler.flush()
    with pytest.raises(DatabaseDownError, match=rf"The disk of {home}\S* is full"):
        start(home)
    (home / "filler").unlink()
    assert ask(start(home), "SELECT number FROM held") == [(13,)]


def test_the_space_asked_for_is_what_a_new_database_takes(home):
    sizes = [file.stat().st_size for file in start(home).data.rglob("*") if file.is_file()]
    assert 30 < sum(sizes) / 2**20 < postgresql.NEEDED_MB


def become(name: str) -> None:
    account = pwd.getpwnam(name)
    os.setgroups([])
    os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
    os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)


def as_nobody(work: Callable[[Path], object], home: Path) -> object:
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(1, fork, initializer=become, initargs=("nobody",)) as pool:
        return pool.submit(work, home).result()


@only_root
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_an_ordinary_user_has_a_server_of_their_own(homes):
    home = homes()
    home.mkdir()
    os.chown(home, pwd.getpwnam("nobody").pw_uid, -1)
    server = as_nobody(start, home)
    assert isinstance(server, Server)
    assert server.data == home / "postgres"
    assert server.data.owner() == "nobody"
    assert start(home) == server, "root uses it as it is"
    stop(home)
    start(home)
    assert Path(f"/proc/{pid_of(server)}").owner() == "nobody"
    assert as_nobody(stop, home) is True


@only_root
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_database_of_another_user_is_refused_by_name(home):
    with pytest.raises(
        DatabaseDownError, match=rf"cannot use {home}/.*: Permission denied. Run mesip as the user"
    ):
        as_nobody(start, home)


@only_root
def test_root_drops_to_another_user(home):
    owner = Path(f"/proc/{pid_of(start(home))}").owner()
    assert owner == ("postgres" if "postgres" in {each.pw_name for each in pwd.getpwall()} else "nobody")
    assert (home / "postgres").owner() == owner
    assert home.owner() == "root"


@pytest.fixture
def closed_home(homes, monkeypatch) -> Iterator[Path]:
    """A home that only root can enter, and a shelter that is removed after the test."""
    home, shelter = homes(), homes()
    home.mkdir(mode=0o700)
    monkeypatch.setattr(new_cluster, "SHELTER", shelter)
    yield home
    stop(home)


@only_root
def test_a_home_that_the_owner_cannot_enter_gets_a_link_to_the_shelter(closed_home):
    server = start(closed_home)
    assert server.data.parent == new_cluster.SHELTER
    assert len(server.data.name) == 12
    assert (closed_home / "postgres").readlink() == server.data
    assert closed_home.stat().st_mode & 0o777 == 0o700
    stop(closed_home)
    assert ask(start(closed_home), "SELECT 1") == [(1,)]


@only_root
def test_the_sheltered_database_of_a_removed_home_is_set_aside(closed_home):
    first = start(closed_home)
    ask(first, "CREATE TABLE old AS SELECT 1 AS number")
    shutil.rmtree(closed_home)
    closed_home.mkdir(mode=0o700)
    second = start(closed_home)
    assert second.data == first.data
    assert ask(second, "SELECT to_regclass('old')") == [(None,)]
    assert [each.name.partition(".")[0] for each in new_cluster.SHELTER.glob("*.*")] == [first.data.name]


def installation(folder: Path, version: str, postgis: bool) -> None:
    programs, share = folder / "bin", folder / "share"
    (share / "extension").mkdir(parents=True)
    programs.mkdir()
    if postgis:
        (share / "extension" / "postgis.control").touch()
    for name, answer in {
        "initdb": "",
        "postgres": f"postgres (PostgreSQL) {version}",
        "pg_config": share,
    }.items():
        (programs / name).write_text(f"#!/bin/sh\necho '{answer}'\n")
        (programs / name).chmod(0o755)


@pytest.fixture
def installed(tmp_path, monkeypatch) -> Path:
    """A machine without PostgreSQL, and the folder to install it in."""
    monkeypatch.setattr(postgresql, "INSTALLED", tmp_path)
    monkeypatch.setattr(postgresql.shutil, "which", lambda _: None)
    return tmp_path


def test_the_newest_postgresql_with_postgis_is_taken(installed):
    installation(installed / "9.6", "9.6.24", postgis=True)
    installation(installed / "14", "14.5 (Debian 14.5-1)", postgis=True)
    installation(installed / "16", "16.1", postgis=True)
    installation(installed / "17", "17beta1", postgis=False)
    assert cluster.binaries() == installed / "16" / "bin"


def test_the_packages_to_install_are_named_when_there_is_no_postgresql(installed, homes):
    with pytest.raises(DatabaseDownError, match=r"sudo apt-get install postgresql postgresql-\d\d-postgis-3"):
        start(homes())


def test_the_package_to_install_fits_the_postgresql_that_lacks_postgis(installed):
    installation(installed / "17", "17.2", postgis=False)
    with pytest.raises(DatabaseDownError, match="sudo apt-get install postgresql postgresql-17-postgis-3"):
        cluster.binaries()


def test_a_database_of_another_version_names_the_package_that_opens_it(home):
    version = start(home).data / "PG_VERSION"
    stop(home)
    before = version.read_text()
    version.write_text("14\n")
    try:
        with pytest.raises(
            DatabaseDownError, match=r"made by PostgreSQL 14.*install postgresql-14 postgresql-14-postgis-3"
        ):
            start(home)
    finally:
        version.write_text(before)
    assert start(home)


def test_a_database_is_opened_by_the_version_that_made_it_even_if_a_newer_one_is_there(
    home, tmp_path, monkeypatch
):
    stop(home)
    own = cluster.binaries()
    installation(tmp_path / "99", "99.1", postgis=True)
    (tmp_path / "own").symlink_to(own.parent)
    monkeypatch.setattr(postgresql, "INSTALLED", tmp_path)
    assert cluster.binaries() == tmp_path / "99" / "bin"
    assert ask(start(home), "SELECT 1") == [(1,)]
