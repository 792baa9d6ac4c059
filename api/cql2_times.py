"""Times in filters: days, moments and intervals, and how they lie to one another."""

from datetime import date, datetime

from api.cql2_terms import HOW_TIMES_ARE_WRITTEN, Span, Term, Writing, in_days, words
from api.values import VALUES
from mesip.errors import UsageError

OPEN = ".."
# Of two intervals a and b, both ends included, one predicate each. Source: OWL-Time, as CQL2 refers to it.
RELATIONS = {
    "t_after": "{a.begin} > {b.end}",
    "t_before": "{a.end} < {b.begin}",
    "t_disjoint": "({a.begin} > {b.end} OR {a.end} < {b.begin})",
    "t_equals": "({a.begin} = {b.begin} AND {a.end} = {b.end})",
    "t_intersects": "({a.begin} <= {b.end} AND {a.end} >= {b.begin})",
    "t_contains": "({a.begin} < {b.begin} AND {a.end} > {b.end})",
    "t_during": "({a.begin} > {b.begin} AND {a.end} < {b.end})",
    "t_finishedBy": "({a.begin} < {b.begin} AND {a.end} = {b.end})",
    "t_finishes": "({a.begin} > {b.begin} AND {a.end} = {b.end})",
    "t_meets": "{a.end} = {b.begin}",
    "t_metBy": "{a.begin} = {b.end}",
    "t_overlappedBy": "({a.begin} > {b.begin} AND {a.begin} < {b.end} AND {a.end} > {b.end})",
    "t_overlaps": "({a.begin} < {b.begin} AND {a.end} > {b.begin} AND {a.end} < {b.end})",
    "t_startedBy": "({a.begin} = {b.begin} AND {a.end} > {b.end})",
    "t_starts": "({a.begin} = {b.begin} AND {a.end} < {b.end})",
}
OF_INSTANTS_TOO = ("t_after", "t_before", "t_disjoint", "t_equals", "t_intersects")


def instant(this: Writing, kind: str, text: object) -> Term:
    """A written day (``date``) or moment (``timestamp``).

    Raises:
        UsageError: it is none.
    """
    try:
        read: date | datetime = VALUES["date" if kind == "date" else "moment"](str(text))
    except ValueError as cause:
        what = "day" if kind == "date" else "moment"
        raise UsageError(f"In the filter, {str(text)[:40]!r} is no {what}.{HOW_TIMES_ARE_WRITTEN}") from cause
    return this.bind(read)


def span(begin: Term | None, end: Term | None) -> Span:
    """An interval from a day or moment to another; None where it is written as open.

    A field without a value is an open end too, if the other end has one. If neither has, nothing is known.
    Of a day and a moment, both count as days.

    Raises:
        UsageError: an end is no time, or there is none at all.
    """
    stated = [_time(term) for term in (begin, end) if term is not None]
    if not stated:
        raise UsageError("In the filter, an interval has at least one end: INTERVAL('2024-05-01', '..').")
    if any(term.kind == "date" for term in stated):
        begin, end = (term and in_days(term) for term in (begin, end))
        kind, cast = "date", "date"
    else:
        kind, cast = "moment", "timestamptz"
    said = f"INTERVAL({begin.said if begin else OPEN}, {end.said if end else OPEN})"
    first, last = _end(begin, end, f"'-infinity'::{cast}"), _end(end, begin, f"'infinity'::{cast}")
    return Span(first, last, kind, said)


def relation(name: str, left: Term | Span, right: Term | Span) -> Term:
    """How two times lie to one another.

    Raises:
        UsageError: one is no time, or an instant where only intervals can stand.
    """
    for side in (left, right):
        if isinstance(side, Term) and name not in OF_INSTANTS_TOO:
            raise UsageError(
                f"In the filter, {name.upper()} is of two intervals, and {side.said} is {words(side)}. "
                f"Write INTERVAL(…, …), or use {', '.join(each.upper() for each in OF_INSTANTS_TOO)}."
            )
    a, b = (_as_span(side) for side in (left, right))
    if a.kind != b.kind:
        a, b = (_in_days(each) for each in (a, b))
    return Term(RELATIONS[name].format(a=a, b=b), "flag", f"{name.upper()}(…)")


def _end(own: Term | None, other: Term | None, without: str) -> str:
    """One end of an interval: what stands there, else ``without`` end, if the other end is known."""
    if own is None or other is None:
        return (
            own.sql if own else f"CASE WHEN {other.sql if other else without} IS NOT NULL THEN {without} END"
        )
    return f"COALESCE({own.sql}, CASE WHEN {other.sql} IS NOT NULL THEN {without} END)"


def _time(term: Term) -> Term:
    if term.kind not in ("date", "moment"):
        raise UsageError(
            f"In the filter, a time is meant, and {term.said} is {words(term)}.{HOW_TIMES_ARE_WRITTEN}"
        )
    return term


def _as_span(side: Term | Span) -> Span:
    """A day or a moment begins and ends with itself."""
    return side if isinstance(side, Span) else Span(side.sql, side.sql, _time(side).kind, side.said)


def _in_days(each: Span) -> Span:
    begin, end = (in_days(Term(sql, each.kind, each.said)).sql for sql in (each.begin, each.end))
    return Span(begin, end, "date", each.said)
