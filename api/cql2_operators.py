"""What a filter can do with values: connect, compare, calculate, fold letters; one table of all it knows."""

from collections.abc import Callable
from typing import NamedTuple

from api.cql2_places import SPATIAL, spatial
from api.cql2_terms import Span, Term, Writing, alike, of_kind, of_some_kind
from api.cql2_times import RELATIONS, relation
from mesip.errors import UsageError

MANY = 100_000
# Marks that Unicode sets behind letters when it takes them apart; letters with a stroke, which it does not.
MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u064b-\u065f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0\ufe20-\ufe2f"
)
DOTLESS, PRIVATE, LAST_SIGMA, SIGMA = "\u0131", "\ue131", "\u03c2", "\u03c3"
STROKED, PLAIN = "łŁøØđĐħĦŧŦ", "lLoOdDhHtT"

Part = Term | Span


class Operator(NamedTuple):
    """An operator or function: how many parts it takes, and what writes it."""

    least: int
    most: int
    write: Callable[..., Term]


def _connected(_: Writing, name: str, *parts: Part) -> Term:
    conditions = [of_kind(part, "flag", f"{name.upper()} connects conditions").sql for part in parts]
    return Term(f"({f' {name.upper()} '.join(conditions)})", "flag", f"(… {name.upper()} …)")


def _negated(_: Writing, __: str, part: Part) -> Term:
    return Term(f"(NOT {of_kind(part, 'flag', 'NOT is of a condition').sql})", "flag", "(NOT …)")


def _compared(_: Writing, name: str, left: Part, right: Part) -> Term:
    a, b = alike([left, right])
    if name not in ("=", "<>"):
        a, b = _ordered(a), _ordered(b)
    return Term(f"({a.sql} {name} {b.sql})", "flag", f"({a.said} {name} {b.said})")


def _between(this: Writing, __: str, value: Part, least: Part, most: Part) -> Term:
    return _connected(this, "and", _compared(this, ">=", value, least), _compared(this, "<=", value, most))


def _ordered(term: Term) -> Term:
    """Texts compare by their code points, in every database, as the standard's own examples count."""
    return term._replace(sql=f'({term.sql} COLLATE "C")') if term.kind == "text" else term


def _in(this: Writing, __: str, value: Part, choices: list[Part]) -> Term:
    """A value among others is equal to one of them: a moment to a moment exactly, to a date by its day."""
    terms = [of_some_kind(each) for each in choices]
    kinds = dict.fromkeys(term.kind for term in terms)
    parts = [_among(value, [term for term in terms if term.kind == kind]) for kind in kinds]
    return parts[0] if len(parts) == 1 else _connected(this, "or", *parts)


def _among(value: Part, choices: list[Term]) -> Term:
    first, *others = alike([value, *choices])
    among = ", ".join(each.sql for each in others)
    return Term(f"({first.sql} IN ({among}))", "flag", f"({first.said} IN …)")


def _like(_: Writing, __: str, value: Part, pattern: Part) -> Term:
    a, b = (of_kind(side, "text", "LIKE is of two texts") for side in (value, pattern))
    if b.written is None:
        raise UsageError(f"In the filter, the pattern of LIKE is written in quotes, and {b.said} is not.")
    if (len(b.written) - len(b.written.rstrip("\\"))) % 2:
        raise UsageError("In the filter, a pattern of LIKE ends in \\, behind which a sign is meant.")
    return Term(f"({a.sql} LIKE {b.sql})", "flag", f"({a.said} LIKE {b.said})")


def _absent(_: Writing, __: str, value: Part) -> Term:
    sql = f"({value.begin} IS NULL)" if isinstance(value, Span) else f"({value.sql} IS NULL)"
    return Term(sql, "flag", f"({value.said} IS NULL)")


def _calculated(_: Writing, name: str, left: Part, right: Part) -> Term:
    """Whole numbers stay whole but for / and ^. What is divided by nothing is unknown."""
    a, b = (of_kind(side, "number", f"{name} is of two numbers") for side in (left, right))
    whole = a.kind == b.kind == "integer"
    exact, real = (a.sql, b.sql), (f"{a.sql}::double precision", f"{b.sql}::double precision")
    first, second = exact if whole and name not in ("/", "^") else real
    some = f"NULLIF({second}, 0)"
    sql = {
        "/": f"({first} / {some})",
        "^": f"power({first}, {second})",
        "div": f"({first} / {some})" if whole else f"trunc({first} / {some})",
        "%": f"mod({first}, {some})"
        if whole
        else f"mod({first}::numeric, {some}::numeric)::double precision",
    }.get(name, f"({first} {name} {second})")
    kind = "integer" if whole and name not in ("/", "^") else "number"
    return Term(sql, kind, f"({a.said} {name} {b.said})")


def _without_case(_: Writing, __: str, text: Part) -> Term:
    """Unicode's full case folding: by way of capitals, so ß becomes ss; dotless i stays, all sigmas meet."""
    term = of_kind(text, "text", "CASEI is of a text")
    kept = f"translate({term.sql}, '{DOTLESS}', '{PRIVATE}') COLLATE \"und-x-icu\""
    folded = f"translate(lower(upper(lower({kept}))), '{PRIVATE}{LAST_SIGMA}', '{DOTLESS}{SIGMA}')"
    return term._replace(sql=folded, said=f"CASEI({term.said})")


def _without_accents(_: Writing, __: str, text: Part) -> Term:
    """Letters without marks: taken apart, and put together again without them."""
    term = of_kind(text, "text", "ACCENTI is of a text")
    bare = f"regexp_replace(normalize({term.sql}, NFD), '[{MARKS}]', '', 'g')"
    plain = f"translate(normalize({bare}, NFC), '{STROKED}', '{PLAIN}')"
    return term._replace(sql=plain, said=f"ACCENTI({term.said})")


def _spatial(this: Writing, name: str, left: Part, right: Part) -> Term:
    return spatial(this, name, left, right)


def _temporal(_: Writing, name: str, left: Part, right: Part) -> Term:
    return relation(name, left, right)


OPERATORS = {
    "and": Operator(2, MANY, _connected),
    "or": Operator(2, MANY, _connected),
    "not": Operator(1, 1, _negated),
    "like": Operator(2, 2, _like),
    "between": Operator(3, 3, _between),
    "in": Operator(2, 2, _in),
    "isNull": Operator(1, 1, _absent),
    "casei": Operator(1, 1, _without_case),
    "accenti": Operator(1, 1, _without_accents),
    **dict.fromkeys(("=", "<>", "<", ">", "<=", ">="), Operator(2, 2, _compared)),
    **dict.fromkeys(("+", "-", "*", "/", "%", "div", "^"), Operator(2, 2, _calculated)),
    **dict.fromkeys(SPATIAL, Operator(2, 2, _spatial)),
    **dict.fromkeys(RELATIONS, Operator(2, 2, _temporal)),
}
