"""A load whose rows are conformed, checked and staged by the workers of a Dask cluster."""

import os
import signal
from datetime import date

import pytest
from distributed import LocalCluster

from mesip.errors import UsageError
from pipelines.load import Order, load

HEADER = "NUMER;GATUNEK;OBWOD_PNIA_CM;WSP_E;WSP_N\n"
FILES, TREES = 24, 150
TRUNCATED = (
    "TRUNCATE city.trees, city.trees_history, registry.change, registry.head, registry.reject, registry.issue"
)


@pytest.fixture(scope="module")
def workers():
    """A scheduler and two workers, each a process of its own."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        yield cluster


@pytest.fixture
def delivery(tmp_path):
    """Trees in many files, one of them without a girth; each file is staged by itself."""
    for number in range(FILES):
        lines = (
            f"T{number}-{n};Tilia;{0 if n == number == 7 else 90};{6428000 + n};{5808000 + number}\n"
            for n in range(TREES)
        )
        (tmp_path / f"trees_{number:02d}.csv").write_text(HEADER + "".join(lines))
    return tuple(sorted(tmp_path.glob("*.csv")))


@pytest.fixture(autouse=True)
def empty_city(database):
    with database.transaction() as connection:
        connection.exec_driver_sql(TRUNCATED)


def published(rows):
    return rows("SELECT tree_id, hash FROM city.trees ORDER BY tree_id"), rows(
        "SELECT origin, key, code FROM registry.issue ORDER BY origin"
    )


def test_a_cluster_publishes_what_this_machine_would(database, node, rows, delivery, workers):
    load(Order("trees", delivery, date(2026, 1, 1)), database, node)
    here = published(rows)
    with database.transaction() as connection:
        connection.exec_driver_sql(TRUNCATED)
    order = Order("trees", delivery, date(2026, 1, 1), scheduler=workers.scheduler_address)
    counted = load(order, database, node).accounts["trees"].rows
    assert published(rows) == here
    assert (counted.read, counted.rejected, len(here[0])) == (FILES * TREES, 1, FILES * TREES - 1)
    assert rows("SELECT tablename FROM pg_tables WHERE schemaname = 'staging'") == []


def test_a_killed_worker_costs_a_retry_and_no_row(database, node, rows, delivery, workers):
    killed = []

    def kill_one(*_: object) -> None:
        if not killed:
            pid = next(iter(workers.scheduler_info["workers"].values()))["id"]
            killed.append(workers.workers[pid].pid)
            os.kill(killed[0], signal.SIGKILL)

    order = Order("trees", delivery, date(2026, 1, 1), scheduler=workers.scheduler_address)
    counted = load(order, database, node, kill_one).accounts["trees"].rows
    assert killed
    assert (counted.read, counted.added, counted.rejected) == (FILES * TREES, FILES * TREES - 1, 1)
    assert len(published(rows)[1]) == 1


def test_no_scheduler_at_the_address_is_a_sentence(database, node, delivery):
    with pytest.raises(UsageError, match=r"No Dask scheduler answers at 'tcp://127\.0\.0\.1:9'"):
        load(Order("trees", delivery, scheduler="tcp://127.0.0.1:9"), database, node)
