"""What is published after each kind of delivery, and when a publication is refused."""

import threading
from datetime import date
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from mesip.errors import GuardError, LayerLockedError
from pipelines import publish
from pipelines.load import Order, load

HEADER = "stopId;stopName;latitude;longitude;zoneId;isForTram\n"


@pytest.fixture
def deliver(database, node, tmp_path):
    """Load stops from lines of CSV: ``deliver("1;Rondo;52.4;16.9;A;true")``."""

    def load_lines(
        *lines: str, accept: tuple[str, ...] = (), as_of: date | None = None, dry_run: bool = False
    ):
        path = tmp_path / "stops.csv"
        path.write_text(HEADER + "\n".join(lines), encoding="utf-8")
        order = Order("stops", (path,), as_of, frozenset(accept), dry_run)
        return load(order, database, node).accounts["stops"].stated()

    return load_lines


@pytest.fixture(autouse=True)
def empty_city(database):
    with database.transaction() as connection:
        for table in ("city.stops", "registry.change", "registry.head", "registry.run", "registry.issue"):
            connection.exec_driver_sql(f"TRUNCATE {table}")


def stop(number: int, name: str = "Rondo", lat: float = 52.4) -> str:
    return f"{number};{name} {number};{lat};16.9{number:04d};A;false"


def test_rows_are_added_changed_confirmed_and_removed(deliver, rows):
    deliver(stop(1), stop(2), stop(3))
    done = deliver(stop(1), stop(2, name="Most"), stop(4))
    assert (done["added"], done["changed"], done["confirmed"], done["removed"]) == (1, 1, 1, 1)
    assert rows("SELECT stop_id, name FROM city.stops ORDER BY stop_id") == [
        ("1", "Rondo 1"),
        ("2", "Most 2"),
        ("4", "Rondo 4"),
    ]


def test_the_change_log_has_no_gap_and_tells_every_change(deliver, rows):
    deliver(stop(1), stop(2), stop(3))
    deliver(stop(1), stop(2, name="Most"), stop(4))
    deliver(stop(1), stop(2, name="Most"), stop(4))
    log = rows("SELECT seq, op, key FROM registry.change WHERE layer = 'stops' ORDER BY seq")
    assert [seq for seq, _, _ in log] == list(range(1, 7))
    assert {op_key for _, *op_key in map(list, log[3:]) for op_key in [tuple(op_key)]} == {
        ("change", "2"),
        ("remove", "3"),
        ("add", "4"),
    }
    assert rows("SELECT seq, rows FROM registry.head WHERE layer = 'stops'") == [(6, 3)]


def test_a_rejected_row_keeps_what_was_published_of_it(deliver, rows):
    deliver(stop(1), *(stop(number) for number in range(2, 12)))
    done = deliver("1;;52.4;16.9;A;false", *(stop(number) for number in range(2, 12)))
    assert (done["rejected"], done["removed"], done["confirmed"]) == (1, 0, 10)
    assert rows("SELECT name FROM city.stops WHERE stop_id = '1'") == [("Rondo 1",)]


def test_nothing_is_removed_while_a_row_that_nobody_can_name_may_be_it(deliver, rows):
    deliver(*(stop(number) for number in range(1, 13)))
    kept = [stop(number) for number in range(3, 13)]
    nameless = (";Rondo 1;52.4;16.9;A;false", *kept)
    done = deliver(*nameless)
    assert (done["rejected"], done["removed"], done["confirmed"], done["warnings"]) == (1, 0, 10, 1)
    assert rows("SELECT count(*) FROM city.stops") == [(12,)]
    assert rows("SELECT origin, message FROM registry.issue WHERE code = 'removal.withheld'") == [
        (
            "line 2",
            "2 published rows are absent from the delivery, but nobody can read the stop_id of 1 rejected "
            "rows, which may be some of them: nothing was removed. Correct those rows and deliver again, "
            "or say with --accept removals that what is absent is gone.",
        )
    ]
    done = deliver(*nameless, accept=("removals",))
    assert (done["removed"], done["warnings"]) == (2, 0)
    assert rows("SELECT count(*) FROM city.stops") == [(10,)]


def test_what_was_withheld_is_removed_when_all_rows_can_be_read(deliver, rows):
    deliver(*(stop(number) for number in range(1, 13)))
    kept = [stop(number) for number in range(3, 13)]
    deliver(";Rondo 1;52.4;16.9;A;false", *kept)
    done = deliver(stop(1), *kept)
    assert (done["removed"], done["confirmed"], done["warnings"]) == (1, 11, 0)
    assert rows("SELECT count(*) FROM city.stops WHERE stop_id = '2'") == [(0,)]


def test_two_rows_of_one_number_are_both_kept_aside_with_both_places(deliver, rows):
    done = deliver(*(stop(number) for number in range(1, 12)), stop(1, name="Most"))
    assert (done["rejected"], done["added"]) == (2, 10)
    messages = {message for (message,) in rows("SELECT message FROM registry.issue WHERE code = 'repeated'")}
    assert messages == {
        "stop_id '1' stands in more than one row: line 2, line 13. Leave the right one in the delivery."
    }


@pytest.mark.parametrize("guard", ["rejects", "extent", "removals"])
def test_a_doubtful_delivery_is_refused_and_the_previous_version_stays(deliver, rows, guard):
    good = [stop(number) for number in range(1, 301)]
    deliver(*good)
    bad = {
        "rejects": ["1;;52.4;16.9;A;false"] * 100 + good[100:],
        "extent": [stop(number, lat=54.4) for number in range(1, 301)],
        "removals": good[:150],
    }[guard]
    before = rows("SELECT stop_id, hash FROM city.stops ORDER BY stop_id")
    with pytest.raises(GuardError, match=f"previous version stays.*--accept {guard}") as refused:
        deliver(*bad)
    assert refused.value.guard == guard
    assert rows("SELECT stop_id, hash FROM city.stops ORDER BY stop_id") == before
    assert rows("SELECT state FROM registry.run ORDER BY run DESC LIMIT 1") == [("refused",)]
    if guard != "rejects":
        deliver(*bad, accept=(guard,))
        assert rows("SELECT accepted FROM registry.run ORDER BY run DESC LIMIT 1") == [([guard],)]


def test_a_delivery_without_rows_is_refused(deliver, rows):
    deliver(stop(1))
    with pytest.raises(GuardError, match="holds no row of stops"):
        deliver()
    assert rows("SELECT count(*) FROM city.stops") == [(1,)]


def test_removing_a_hundred_rows_is_ordinary(deliver):
    deliver(*(stop(number) for number in range(1, 301)))
    assert deliver(*(stop(number) for number in range(1, 201)))["removed"] == 100


def test_rows_know_the_day_their_delivery_speaks_of(deliver, rows):
    deliver(stop(1), stop(2), as_of=date(2024, 5, 1))
    deliver(stop(1), stop(2, name="Most"), as_of=date(2025, 5, 1))
    assert rows("SELECT stop_id, stand FROM city.stops ORDER BY stop_id") == [
        ("1", date(2024, 5, 1)),
        ("2", date(2025, 5, 1)),
    ]


def test_a_second_writer_waits_and_then_leaves_with_its_own_sentence(deliver, database, monkeypatch):
    monkeypatch.setattr(publish, "LOCK_WAIT", "200ms")
    holds, done = threading.Event(), threading.Event()

    def other_writer() -> None:
        with database.transaction() as connection:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('mesip stops'))"))
            holds.set()
            done.wait(20)

    thread = threading.Thread(target=other_writer)
    thread.start()
    holds.wait(20)
    try:
        with pytest.raises(LayerLockedError, match="Another load is publishing stops"):
            deliver(stop(1))
    finally:
        done.set()
        thread.join()


def test_four_loads_at_once_end_in_one_whole_version(database, node, tmp_path, rows):
    faults = []

    def one(number: int) -> None:
        path = tmp_path / f"{number}.csv"
        path.write_text(HEADER + "\n".join(stop(n, name=f"Wersja{number}") for n in range(1, 200)))
        try:
            load(Order("stops", (path,)), database, node)
        except Exception as fault:  # noqa: BLE001 - shown below
            faults.append(fault)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(rows("SELECT DISTINCT split_part(name, ' ', 1) FROM city.stops")) == 1
    assert rows("SELECT count(*), count(DISTINCT stop_id) FROM city.stops") == [(199, 199)]


def test_a_reader_never_waits_for_a_load_nor_sees_half_of_it(deliver, database):
    deliver(*(stop(number) for number in range(1, 500)))
    seen, stop_reading = set(), threading.Event()

    def reader() -> None:
        with database.engine.connect() as connection:
            while not stop_reading.is_set():
                query = "SELECT count(*), count(DISTINCT split_part(name, ' ', 1)) FROM public_api.stops"
                seen.add(tuple(connection.exec_driver_sql(query).one()))
                connection.rollback()

    thread = threading.Thread(target=reader)
    thread.start()
    deliver(*(stop(number, name="Nowe") for number in range(1, 500)))
    stop_reading.set()
    thread.join()
    assert seen == {(499, 1)}


def test_nothing_is_left_in_staging(deliver, rows):
    deliver(stop(1))
    assert rows("SELECT count(*) FROM pg_tables WHERE schemaname = 'staging'") == [(0,)]


def test_another_export_of_the_same_content_changes_nothing(database, node, city, tmp_path):
    """Columns in another order, rows in another order, another encoding and decimal sign."""
    load(Order("trees", (city["trees"],)), database, node)
    lines = city["trees"].read_text(encoding="cp1250").splitlines()
    header, body = lines[0], lines[1:]
    turned = [";".join(line.split(";")[::-1]).replace(",", ".") for line in [header, *body[::-1]]]
    other = Path(tmp_path) / "other.csv"
    other.write_text("\r\n".join(turned), encoding="utf-8-sig")
    again = load(Order("trees", (other,)), database, node)
    trees = again.accounts["trees"].stated()
    assert (trees["added"], trees["changed"], trees["removed"]) == (0, 0, 0)
    assert trees["confirmed"] > 5000


def test_a_reader_of_the_empty_table_neither_waits_nor_is_waited_for_long(database, node, tmp_path):
    with database.transaction() as connection:
        connection.exec_driver_sql("TRUNCATE city.stops_history")
    path = tmp_path / "stops.csv"
    path.write_text(HEADER + "".join(f"{n};Rondo {n};52.4;16.9{n:04d};A;true\n" for n in range(1, 301)))
    address = sa.make_url(database.url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as reader:
        assert reader.execute("SELECT count(*) FROM public_api.stops").fetchone() == (0,)
        loading = threading.Thread(
            target=load, args=(Order("stops", (path,), date(2026, 1, 1)), database, node), daemon=True
        )
        loading.start()
        loading.join(2)
        # The reader's transaction is still open, so the load asks again; others are not held up.
        with psycopg.connect(address, options="-c statement_timeout=1s") as other:
            assert other.execute("SELECT count(*) FROM public_api.stops").fetchone() == (0,)
        assert loading.is_alive()
        reader.rollback()
        loading.join(10)
        assert reader.execute("SELECT count(*) FROM public_api.stops").fetchone() == (300,)
