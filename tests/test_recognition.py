"""Rows that a delivery writes as the last one did are known again, and accounted for as if looked at."""

import shutil
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines import hands
from pipelines.load import Order, load
from pipelines.portion import stage_portion
from pipelines.recognition import source_hashes

HEADER = "NUMER;GATUNEK;OBWOD_PNIA_CM;WSP_E;WSP_N\n"
EVERY_GUARD = frozenset({"removals", "rejects", "empty"})
TABLES = (
    "city.trees",
    "city.trees_history",
    "registry.change",
    "registry.head",
    "registry.reject",
    "registry.issue",
)

# A number, a species (its absence is a warning) and a girth (0 is an error).
rows_of_trees = st.tuples(
    st.integers(1, 5), st.sampled_from(("Tilia", "Acer", "")), st.sampled_from((90, 95, 0))
)
deliveries = st.lists(st.lists(rows_of_trees, min_size=1, max_size=6), min_size=2, max_size=4)


@pytest.fixture
def deliver(database, node, tmp_path):
    """Load trees: ``deliver([(1, "Tilia", 90)], day)`` gives the account, without head and seconds."""

    def delivered(trees, day=1, **how):
        path = tmp_path / "trees.csv"
        lines = (f"T{n};{species};{girth};642800{n};580800{n}" for n, species, girth in trees)
        path.write_text(HEADER + "\n".join(lines) + "\n")
        order = Order("trees", (path,), date(2026, 1, day), EVERY_GUARD, **how)
        stated = load(order, database, node).accounts["trees"].stated()
        return {name: stated[name] for name in stated if name not in ("head", "seconds")}

    return delivered


@pytest.fixture
def empty(database):
    def emptied():
        with database.transaction() as connection:
            connection.exec_driver_sql(f"TRUNCATE {', '.join(TABLES)}")

    emptied()
    return emptied


@pytest.fixture
def forget(node):
    """What is remembered of the last delivery is lost."""
    return lambda: shutil.rmtree(node.home / "cache" / "readings", ignore_errors=True)


@pytest.fixture
def looked_at(monkeypatch):
    """The numbers of rows that were conformed and checked, portion by portion."""
    seen = []

    def counting(job, number, portion):
        seen.append(len(portion.rows))
        return stage_portion(job, number, portion)

    monkeypatch.setattr(hands, "stage_portion", counting)
    return seen


def state(rows):
    """All that a series of deliveries leaves, without numbers of runs and moments of the clock."""
    return (
        rows("SELECT tree_id, species, girth_cm, hash, stand, valid_since FROM city.trees ORDER BY 1"),
        rows("SELECT tree_id, hash, stand, valid FROM city.trees_history ORDER BY 1, 2, 3, 4"),
        rows("SELECT seq, op, kind, key, hash FROM registry.change WHERE layer = 'trees' ORDER BY key, seq"),
        rows("SELECT key, code, severity, value, message FROM registry.issue ORDER BY 1, 2, 3, 4, 5"),
        rows("SELECT key, row FROM registry.reject ORDER BY row::text"),
    )


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries)
def test_a_recognised_row_is_accounted_for_as_one_that_was_looked_at(deliver, forget, empty, rows, series):
    empty(), forget()
    recognising = [deliver(trees, day) for day, trees in enumerate(series, 1)]
    left = state(rows)
    empty()
    looking = [(forget(), deliver(trees, day))[1] for day, trees in enumerate(series, 1)]
    assert recognising == looking
    assert ordered(left) == ordered(state(rows))


def ordered(left):
    """Of one delivery, the order of rows in the change log is not promised."""
    current, history, changes, issues, rejects = left
    numbers = sorted(seq for seq, *_ in changes)
    return current, history, numbers, sorted(map(repr, (rest for _, *rest in changes))), issues, rejects


def test_only_rows_that_are_new_or_other_are_looked_at(deliver, empty, looked_at):
    trees = [(n, "Tilia", 90) for n in range(1, 6)]
    deliver(trees)
    changed = [(1, "Acer", 90), *trees[1:4]]
    del looked_at[:]
    done = deliver(changed, day=2)
    assert looked_at == [1]
    assert (done["read"], done["changed"], done["confirmed"], done["removed"]) == (4, 1, 3, 1)


def test_a_row_with_a_warning_is_looked_at_again_so_that_it_is_said_again(deliver, empty, looked_at):
    trees = [(1, "Tilia", 90), (2, "", 90)]
    assert deliver(trees)["warnings"] == 1
    del looked_at[:]
    assert deliver(trees, day=2)["warnings"] == 1
    assert looked_at == [1]


def test_nothing_is_recognised_after_another_publication_of_the_layer(
    deliver, empty, rows, looked_at, database
):
    trees = [(1, "Tilia", 90), (2, "Tilia", 90)]
    deliver(trees)
    with database.transaction() as connection:
        connection.exec_driver_sql("UPDATE registry.head SET published_at = published_at + interval '1 s'")
    del looked_at[:]
    assert deliver(trees, day=2)["confirmed"] == 2
    assert looked_at == [2]


def test_a_dry_run_recognises_and_remembers_nothing_new(deliver, empty, looked_at):
    deliver([(1, "Tilia", 90)])
    deliver([(1, "Acer", 90)], day=2, dry_run=True)
    del looked_at[:]
    assert deliver([(1, "Tilia", 90)], day=2)["confirmed"] == 1
    assert looked_at == []


kinds = [
    pa.int64(),
    pa.float64(),
    pa.bool_(),
    pa.string(),
    pa.date32(),
    pa.timestamp("us"),
    pa.decimal128(21, 0),
]


@pytest.mark.parametrize("kind", kinds, ids=str)
def test_every_kind_of_value_counts_and_so_does_its_absence(kind):
    narrow = pa.int32() if kind == pa.date32() else pa.int64()
    values = pa.array([0, 1, 0, None], narrow).cast(kind)
    hashes = source_hashes(pa.table({"a": values}), "as today")
    assert (hashes[0] == hashes[2]).all()
    assert len(np.unique(hashes[[0, 1, 3]], axis=0)) == 3
    assert (source_hashes(pa.table({"a": values}), "as tomorrow") != hashes).any(axis=1).all()
    assert (source_hashes(pa.table({"b": values}), "as today") != hashes).any(axis=1).all()


def test_a_part_of_a_table_hashes_as_the_whole_does():
    rows = pa.table({"a": ["x", "ł", None, "y"], "n": [1, None, 3, 4], "t": [True, False, None, True]})
    assert (source_hashes(rows.slice(1, 3), "") == source_hashes(rows, "")[1:]).all()


def test_texts_do_not_run_into_each_other():
    rows = pa.table({"a": ["x", "xy"], "b": ["yz", "z"]})
    first, second = source_hashes(rows, "")
    assert (first != second).any()
