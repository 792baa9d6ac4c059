"""What is wrong with rows: a frame of issues, one line per row and promise."""

from typing import NamedTuple

import pandas as pd

from layers.declaration import Severity

COLUMNS = ("row", "code", "severity", "field", "value", "message")


class Issue(NamedTuple):
    """A stable code, the field, and the predicate of the sentence: ``girth_cm "0" is not at least 1``."""

    code: str
    field: str
    predicate: str
    severity: Severity = "error"


def issues_where(wrong: pd.Series, issue: Issue, values: pd.Series | None = None) -> pd.DataFrame:
    """One issue per row where ``wrong`` is true; ``row`` is the label in the frame's index."""
    rows = wrong.index[wrong.to_numpy(dtype=bool)]
    if not len(rows):
        return no_issues()
    shown = (
        values.loc[rows].astype("str").where(values.loc[rows].notna(), None) if values is not None else None
    )
    return pd.DataFrame(
        {
            "row": rows,
            "code": issue.code,
            "severity": issue.severity,
            "field": issue.field,
            "value": shown.to_numpy() if shown is not None else None,
            "message": [
                _sentence(issue, value) for value in (shown if shown is not None else [None] * len(rows))
            ],
        }
    )


def no_issues() -> pd.DataFrame:
    """A frame of no issues."""
    return pd.DataFrame({name: pd.Series(dtype="object") for name in COLUMNS})


def _sentence(issue: Issue, value: str | None) -> str:
    quoted = f" {value[:80]!r}" if isinstance(value, str) else ""
    return f"{issue.field}{quoted} {issue.predicate}."
