"""How deliveries are kept, copied for reading, and recognised when they come again."""

import hashlib
import time
from datetime import date
from unittest.mock import Mock

import fsspec
import pytest

from layers import get_layer
from mesip.errors import PlatformError, SourceError
from pipelines.deliveries import opened, receive, workplace
from pipelines.load import Order, load
from pipelines.repeats import fingerprint

HEADER = "stopId;stopName;latitude;longitude;zoneId;isForTram\n"


@pytest.fixture(params=["folder", "file", "memory"])
def store(request, tmp_path):
    """A folder, and addresses of two file systems."""
    return {
        "folder": str(tmp_path / "store"),
        "file": (tmp_path / "store").as_uri(),
        "memory": f"memory://{tmp_path.name}",
    }[request.param]


@pytest.fixture
def delivered(tmp_path):
    path = tmp_path / "trees.csv"
    path.write_bytes(b"ID;GATUNEK\n1;Tilia cordata\n")
    return path


@pytest.fixture
def stops(database, node, tmp_path):
    """Load stops from lines of CSV."""

    def load_lines(*lines: str, settings=node, **asked):
        path = tmp_path / "stops.csv"
        path.write_text(HEADER + "\n".join(lines))
        order = Order("stops", (path,), asked.get("as_of", date(2026, 1, 1)), **asked.get("more", {}))
        return load(order, database, settings)

    return load_lines


def stop(number: int, name: str = "Rondo", lat: float = 52.4) -> str:
    return f"{number};{name} {number};{lat};16.9{number:04d};A;false"


def stored(store: str) -> dict[str, bytes]:
    """Everything in the store: place and bytes."""
    system, root = fsspec.url_to_fs(store)
    return {place: system.cat_file(place) for place in system.find(root)}


def test_a_delivery_is_kept_byte_for_byte_under_its_hash(store, delivered):
    kept = receive(delivered, store)
    ((place, content),) = stored(store).items()
    assert content == delivered.read_bytes()
    assert kept.sha256 == hashlib.sha256(content).hexdigest()
    assert place.endswith(f"/{kept.sha256[:2]}/{kept.sha256}/trees.csv")


def test_a_delivery_that_is_stored_is_not_stored_again(store, delivered):
    receive(delivered, store)
    system, _ = fsspec.url_to_fs(store)
    (place,) = stored(store)
    before = system.modified(place)
    time.sleep(0.01)
    receive(delivered, store)
    assert system.modified(place) == before


def test_what_is_read_is_a_copy_that_is_removed_afterwards(store, delivered, tmp_path):
    with workplace(tmp_path) as work:
        (copy,) = opened(receive(delivered, store), store, work).files
        assert copy.is_relative_to(tmp_path / "work")
        assert copy.read_bytes() == delivered.read_bytes()
    assert not list((tmp_path / "work").iterdir())
    assert stored(store)


def test_a_folder_that_could_not_be_removed_is_removed_by_the_next_load(tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(OSError, match="busy"):
        patch.setattr("pipelines.storage.discard", Mock(side_effect=OSError("busy")))
        with workplace(tmp_path):
            pass
    assert len(list((tmp_path / "work").iterdir())) == 1
    with workplace(tmp_path) as work:
        assert list((tmp_path / "work").iterdir()) == [work]


def test_copies_of_a_killed_load_are_removed_by_the_next_and_those_of_a_running_one_are_not(tmp_path):
    (tmp_path / "work" / "load-killed").mkdir(parents=True)
    with workplace(tmp_path) as running, workplace(tmp_path) as second:
        assert {path.name for path in (tmp_path / "work").iterdir()} == {running.name, second.name}


def test_a_stored_delivery_that_was_damaged_is_noticed_and_stored_anew(store, delivered, tmp_path, caplog):
    kept = receive(delivered, store)
    (place,) = stored(store)
    system, _ = fsspec.url_to_fs(store)
    system.pipe_file(place, b"x" * delivered.stat().st_size)
    with workplace(tmp_path) as work:
        (copy,) = opened(kept, store, work).files
        assert copy.read_bytes() == delivered.read_bytes()
    assert "no longer had the bytes it was stored with" in caplog.text
    assert stored(store)[place] == delivered.read_bytes()


def test_an_unknown_kind_of_address_is_a_sentence(delivered):
    with pytest.raises(PlatformError, match=r"MESIP_DELIVERIES is 'nothing://here'.*Name a folder"):
        receive(delivered, "nothing://here")


def test_a_delivery_loads_from_memory_and_leaves_no_copy(stops, node, rows):
    settings = node.model_copy(update={"deliveries": "memory://loaded"})
    outcome = stops(stop(1), stop(2), settings=settings)
    assert outcome.accounts["stops"].rows.added == 2
    assert any(outcome.delivery in place for place in stored("memory://loaded"))
    assert not list((node.home / "work").iterdir())


def test_the_same_bytes_again_take_away_what_a_killed_load_left(stops, node):
    stops(stop(1), stop(2))
    (node.home / "work" / "load-killed").mkdir(parents=True)
    assert stops(stop(1), stop(2)).state == "unchanged"
    assert not list((node.home / "work").iterdir())


def test_the_same_bytes_again_are_not_read(stops, rows, monkeypatch):
    lines = [stop(number) for number in range(10, 30)] + ["30;;52.4;16.9;A;false"]
    first = stops(*lines, more={"accepted": frozenset({"removals"})})
    monkeypatch.setattr("pipelines.load.opened", unreadable)
    again = stops(*lines)
    once_more = stops(*lines)
    stated = again.stated()
    assert stated["state"] == once_more.state == "unchanged"
    told, was = stated["layers"]["stops"], first.accounts["stops"].stated()
    assert (told["read"], told["rejected"], told["confirmed"]) == (21, 1, 20)
    assert (told["added"], told["changed"], told["removed"]) == (0, 0, 0)
    assert told["head"] == was["head"]
    recorded = rows(f"SELECT state, recorded_at IS NOT NULL FROM registry.run WHERE run >= {again.run}")
    assert recorded == [("unchanged", True)] * 2


def unreadable(*_: object) -> None:
    raise SourceError("it was to be read")


@pytest.mark.parametrize(
    "other",
    [
        {"as_of": date(2026, 2, 1)},
        {"more": {"dry_run": True}},
        {"more": {"accepted": frozenset({"extent"})}},
    ],
)
def test_another_day_a_dry_run_or_a_lifted_guard_do_read(stops, monkeypatch, other):
    stops(stop(1), stop(2), more={"accepted": frozenset({"removals"})})
    monkeypatch.setattr("pipelines.load.opened", unreadable)
    with pytest.raises(SourceError, match="it was to be read"):
        stops(stop(1), stop(2), **other)


def test_another_program_or_declaration_reads_again(stops, monkeypatch):
    stops(stop(1), stop(2), more={"accepted": frozenset({"removals", "older"})})
    monkeypatch.setattr("pipelines.load.opened", unreadable)
    monkeypatch.setattr("pipelines.repeats.version", lambda _: "99")
    with pytest.raises(SourceError, match="it was to be read"):
        stops(stop(1), stop(2))


def test_a_layer_that_has_moved_on_is_read_again(stops, database, monkeypatch):
    stops(stop(1), stop(2), more={"accepted": frozenset({"removals", "older"})})
    with database.transaction() as connection:
        connection.exec_driver_sql("UPDATE registry.head SET seq = seq + 1 WHERE layer = 'stops'")
    monkeypatch.setattr("pipelines.load.opened", unreadable)
    with pytest.raises(SourceError, match="it was to be read"):
        stops(stop(1), stop(2))


def test_the_fingerprint_is_the_same_twice_and_other_for_other_declarations(node):
    trees, stops = get_layer("trees"), get_layer("stops")
    assert fingerprint([trees, stops], node) == fingerprint([stops, trees], node)
    assert fingerprint([trees], node) != fingerprint([stops], node)
    assert fingerprint([trees], node) != fingerprint([trees], node.model_copy(update={"srid": 2178}))


def test_the_same_bytes_under_another_ending_are_read(stops, database, node, tmp_path):
    stops(stop(1), stop(2), more={"accepted": frozenset({"removals", "older"})})
    other = (tmp_path / "stops.csv").rename(tmp_path / "stops.parquet")
    with pytest.raises(SourceError, match="cannot be read as Parquet"):
        load(Order("stops", (other,), date(2026, 1, 1)), database, node)
