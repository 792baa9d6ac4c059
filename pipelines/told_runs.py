"""What the registry tells of runs: each with its account, and its issues by code."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from mesip.database import Database
from mesip.errors import UsageError
from pipelines.issue_codes import CODES

ASKED = """
    SELECT run.run, run.feed, run.state, run.stand, run.started_at, run.finished_at, run.recorded_at,
           run.accepted, run.message,
           ARRAY(SELECT COALESCE(name, sha256) FROM unnest(run.deliveries) AS sha256
                 LEFT JOIN registry.delivery USING (sha256)) AS deliveries,
           COALESCE((SELECT jsonb_object_agg(layer, to_jsonb(account) - 'run' - 'layer' ORDER BY layer)
                     FROM registry.account AS account WHERE account.run = run.run), '{}') AS layers
    FROM registry.run AS run
"""


@dataclass(frozen=True)
class RunTold:
    """One run: what was delivered, how it ended and why, and per layer what became of the rows."""

    run: int
    feed: str
    state: str
    stand: date
    started_at: datetime
    finished_at: datetime | None
    recorded_at: datetime | None
    accepted: list[str]
    message: str | None
    deliveries: list[str]
    layers: Mapping[str, Mapping[str, Any]]

    def stated(self) -> dict[str, Any]:
        """The run as it is printed."""
        return asdict(self)


def told_runs(database: Database) -> list[RunTold]:
    """All runs, the last one first."""
    with database.transaction() as connection:
        return [
            RunTold(**row) for row in connection.execute(sa.text(f"{ASKED} ORDER BY run DESC")).mappings()
        ]


def one_run(database: Database, run: int) -> RunTold:
    """The run of this number.

    Raises:
        UsageError: there is none.
    """
    with database.transaction() as connection:
        found = connection.execute(sa.text(f"{ASKED} WHERE run.run = :run"), {"run": run}).mappings().first()
    if found is None:
        raise UsageError(f"There is no run {run}. `mesip runs` lists them.")
    return RunTold(**found)


def told_issues(database: Database, run: int) -> list[dict[str, Any]]:
    """The issues of a run, one line per layer, field and code; ``open``: rows that nobody corrected yet."""
    asked = sa.text("""
        SELECT layer, severity, code, field, count(*) AS rows,
               count(*) FILTER (WHERE closed_by IS NULL) AS open,
               (array_agg(origin ORDER BY issue))[1] AS origin,
               (array_agg(message ORDER BY issue))[1] AS message
        FROM registry.issue WHERE run = :run
        GROUP BY layer, severity, code, field ORDER BY severity, rows DESC, layer, field, code
    """)
    with database.transaction() as connection:
        found = [dict(row) for row in connection.execute(asked, {"run": run}).mappings()]
    return [each | {"responsible": _responsible(each["code"])} for each in found]


def _responsible(code: str) -> str:
    return CODES[code].responsible if code in CODES else "us"
