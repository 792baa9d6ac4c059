"""What is wrong with rows: a frame of issues, one line per row and promise."""

from typing import NamedTuple

import pandas as pd

from layers.declaration import Severity

TORN = "row.torn"
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
    shown = _shown(values.loc[rows]) if values is not None else None
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


def beside(told: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    """The issues ``told`` and those of ``more`` that are news.

    A value that could not be understood is an issue; that it is absent now is no second one. Of a torn row
    nothing but that is worth saying.
    """
    torn = set(told.loc[told["code"].eq(TORN), "row"])
    first = told[told["code"].eq(TORN) | ~told["row"].isin(torn)]
    known = set(zip(first["row"], first["field"], strict=True))
    pairs = zip(more["row"], more["field"], strict=True)
    fresh = [row not in torn and (row, field) not in known for row, field in pairs]
    return pd.concat([part for part in (first, more[fresh]) if len(part)] or [no_issues()], ignore_index=True)


def no_issues() -> pd.DataFrame:
    """A frame of no issues."""
    return pd.DataFrame({name: pd.Series(dtype="object") for name in COLUMNS})


def _shown(values: pd.Series) -> pd.Series:
    """The values as text, whole numbers without `.0`."""
    texts = values.astype("str")
    if pd.api.types.is_float_dtype(values.dtype):
        texts = texts.str.removesuffix(".0")
    return texts.where(values.notna(), None)


def _sentence(issue: Issue, value: str | None) -> str:
    quoted = f" {value[:80]!r}" if isinstance(value, str) else ""
    return f"{issue.field}{quoted} {issue.predicate}."
