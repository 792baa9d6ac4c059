"""What loads that were killed leave behind: runs that never ended, and their staging tables."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from mesip.database import Database
from mesip.errors import PlatformError

# A killed load's statement may still be ending; whoever starts next does not wait for it for long.
LOCK_WAIT = "5s"
STARTS = "hashtext('mesip runs')"
RUNS = "hashtext('mesip run')"

log = logging.getLogger(__name__)


@contextmanager
def alive(database: Database, begin: Callable[[], int]) -> Iterator[int]:
    """The number that ``begin`` gives the run; until the block ends, others see that its process lives.

    A session of its own holds the lock of the run: it ends with the process, however that ends.

    Raises:
        DatabaseDownError: the server cannot be reached.
    """
    with database.transaction():
        pass
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as own:
        try:
            # Between the record of a run and its lock nobody may judge it.
            own.exec_driver_sql(f"SELECT pg_advisory_lock({STARTS})")
            _settle(database)
            run = begin()
            own.exec_driver_sql(f"SELECT pg_advisory_lock({RUNS}, %s::int)", (run,))
            own.exec_driver_sql(f"SELECT pg_advisory_unlock({STARTS})")
            yield run
        finally:
            # Closed, not given back to the pool: its locks go with it.
            own.invalidate()


def settle(database: Database) -> None:
    """End the runs whose process is gone, and drop their staging tables."""
    with database.transaction() as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({STARTS})")
        _settle(database)


def _settle(database: Database) -> None:
    try:
        with database.transaction() as connection:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
            ended = _end_dead_runs(connection)
            _drop_orphans(connection)
    except PlatformError as fault:
        log.warning("What killed loads left stays until the next start: %s", fault)
    else:
        if ended:
            log.warning("The process of run %s ended before the run did.", ", ".join(map(str, ended)))


def _end_dead_runs(connection: sa.Connection) -> list[int]:
    """A run whose publication is recorded did publish: the moment is written in the same transaction."""
    ended = connection.exec_driver_sql(f"""
        UPDATE registry.run SET finished_at = now(),
            state = CASE WHEN recorded_at IS NULL THEN 'failed' ELSE 'published' END,
            message = CASE WHEN recorded_at IS NULL THEN 'The process ended.'
                           ELSE 'The process ended after the publication.' END
        WHERE state = 'running' AND pg_try_advisory_xact_lock({RUNS}, run::int)
        RETURNING run
    """)
    return sorted(ended.scalars())


def _drop_orphans(connection: sa.Connection) -> None:
    """Drop the staging tables of runs that are over."""
    found = connection.exec_driver_sql("""
        SELECT tablename FROM pg_tables
        WHERE schemaname = 'staging' AND NOT EXISTS (
            SELECT FROM registry.run WHERE state = 'running' AND tablename LIKE '%%\\_' || run)
    """)
    for table in found.scalars().all():
        connection.exec_driver_sql(f'DROP TABLE IF EXISTS staging."{table}"')
