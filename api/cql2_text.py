"""CQL2 text: a filter as people write it, read into the tree that CQL2 JSON writes."""

import math
from functools import cache
from pathlib import Path
from typing import Any

import shapely
from lark import Lark, Token, Transformer, UnexpectedInput, v_args

from mesip.errors import UsageError

MOST_DIGITS = 19  # of a whole number that a database keeps
GRAMMAR = Path(__file__).with_name("cql2.lark")
# Of these the JSON form writes a capital inside.
CAPITALS = {
    name.lower(): name
    for name in ("t_finishedBy", "t_metBy", "t_overlappedBy", "t_startedBy", "a_containedBy")
}
INSTANTS, FOLDS = ("date", "timestamp"), ("casei", "accenti")

Node = Any


def read_text(text: str) -> Node:
    """The tree of a filter in CQL2 text, as CQL2 JSON writes it, but for geometries: these are read already.

    Source: OGC 21-065r2, Annexes B and C.

    Raises:
        UsageError: it is no CQL2 text; the place is named.
    """
    try:
        return _parser().parse(text)
    except UnexpectedInput as cause:
        rest = text[cause.pos_in_stream or 0 :][:20] if not _at_end(cause) else ""
        where = f"before {rest!r}" if rest.strip() else "at its end"
        raise UsageError(f"The filter stops being CQL2 text {where}. See /docs.") from cause


@cache
def _parser() -> Lark:
    """Made once: the tables of the grammar take a tenth of a second."""
    return Lark(GRAMMAR.read_text("utf-8"), parser="lalr", transformer=_Tree())


def _at_end(cause: UnexpectedInput) -> bool:
    return getattr(getattr(cause, "token", None), "type", "") == "$END"


@v_args(inline=True)
class _Tree(Transformer):
    """Lark calls the method of each rule's name, from the leaves upwards."""

    def binary(self, left: Node, operator: Token, right: Node) -> Node:
        return _call(operator.lower(), left, right)

    def unlike(self, left: Node, _: Token, right: Node) -> Node:
        return _call("not", _call("like", left, right))

    def or_(self, *parts: Node) -> Node:
        return _call("or", *parts)

    def and_(self, *parts: Node) -> Node:
        return _call("and", *parts)

    def not_(self, part: Node) -> Node:
        return _call("not", part)

    def between(self, *parts: Node) -> Node:
        return _call("between", *parts)

    def not_between(self, *parts: Node) -> Node:
        return _call("not", _call("between", *parts))

    def in_(self, value: Node, *listed: Node) -> Node:
        return _call("in", value, list(listed))

    def not_in(self, value: Node, *listed: Node) -> Node:
        return _call("not", _call("in", value, list(listed)))

    def is_null(self, value: Node) -> Node:
        return _call("isNull", value)

    def is_not_null(self, value: Node) -> Node:
        return _call("not", _call("isNull", value))

    def positive(self, _: Token, value: Node) -> Node:
        return value

    def negative(self, _: Token, value: Node) -> Node:
        return -value if type(value) in (int, float) else _call("*", -1, value)

    def array(self, *elements: Node) -> Node:
        return list(elements)

    def function(self, name: Token, *arguments: Node) -> Node:
        known = name.lower()
        if known == "bbox":
            return {"bbox": list(arguments)}
        if known == "interval":
            return {"interval": list(arguments)}
        if known in INSTANTS and len(arguments) == 1:
            return {known: arguments[0]}
        return _call(_spelling(name), *arguments)

    def property(self, name: Token) -> Node:
        return {"property": name.strip('"')}

    def number(self, digits: Token) -> Node:
        if digits.isdigit() and len(digits) <= MOST_DIGITS:
            return int(digits)
        if math.isinf(number := float(digits)):
            raise UsageError(f"The filter holds a number that is too large, {digits[:40]}…")
        return number

    def string(self, quoted: Token) -> Node:
        return quoted[1:-1].replace("''", "'").replace("\\'", "'")

    def geometry(self, words: Token) -> Node:
        try:
            return shapely.from_wkt(words)
        except shapely.GEOSException as cause:
            raise UsageError(f"The filter holds {words[:60]!r}, which is no geometry.") from cause

    def true(self) -> Node:
        return True

    def false(self) -> Node:
        return False


def _call(operator: str, *arguments: Node) -> Node:
    return {"op": operator, "args": list(arguments)}


def _spelling(name: str) -> str:
    """Names of functions that CQL2 knows are small in JSON; others stand as they are written."""
    known = name.lower()
    return CAPITALS.get(known, known if known[:2] in ("s_", "t_", "a_") or known in FOLDS else name)
