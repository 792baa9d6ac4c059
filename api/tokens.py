"""Tokens of `next` links: where a chain of pages goes on, of which question, and which version it reads."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import orjson

from api.sorting import Key
from api.values import VALUES
from mesip.errors import UsageError

# What may change between the pages of a chain, because it changes no row and no order.
FREE = ("after", "f", "lang", "limit", "crs", "properties", "resulttype")


class Token(NamedTuple):
    """Where a page ended: the sort values of its last feature, and how many features match if that is known.

    ``known`` is when the state was published that the chain reads; ``moved``: another one was since.
    """

    last: tuple[Any, ...]
    matched: int | None
    known: datetime | None
    moved: bool


def question(parameters: Mapping[str, str], collection: str) -> str:
    """A fingerprint of what is asked, to tell a token of another question."""
    asked = sorted((name, value) for name, value in parameters.items() if name not in FREE)
    return hashlib.sha256(orjson.dumps([collection, asked])).hexdigest()[:16]


def write(token: Token, asked: str) -> str:
    """The token as it stands in an address."""
    last = [value.isoformat() if isinstance(value, date) else value for value in token.last]
    stated = [asked, last, token.matched, token.known and token.known.isoformat(), token.moved]
    return base64.urlsafe_b64encode(orjson.dumps(stated)).decode().rstrip("=")


def read(text: str | None, asked: str, keys: Sequence[Key]) -> Token | None:
    """The token of an address, if it is of this question.

    Raises:
        UsageError: it is of another one, or none at all.
    """
    if text is None:
        return None
    try:
        of, last, matched, known, moved = orjson.loads(
            base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        )
        values = (
            tuple(_value(key, value) for key, value in zip(keys, last, strict=True)) if of == asked else ()
        )
        read_known = VALUES["moment"](known) if known is not None else None
    except (ValueError, TypeError):
        of, values, matched, read_known, moved = None, (), None, None, False
    if of is None or not _sound(matched, moved):
        raise UsageError("after is a token from a `next` link. Follow that link instead of writing it.")
    if of != asked:
        raise UsageError(
            "after is a token of another question: the filter, order or time differs from those of the page "
            "before. Leave after out to begin anew."
        )
    return Token(values, matched, read_known, moved)


def _sound(matched: Any, moved: Any) -> bool:
    return type(moved) is bool and (matched is None or (type(matched) is int and matched >= 0))


def _value(key: Key, value: Any) -> Any:
    """A sort value, of the key's kind.

    Raises:
        ValueError: it is of another one.
    """
    if value is None and key.optional:
        return None
    if key.kind in ("date", "moment"):
        return VALUES[key.kind](value)
    types = {"text": (str,), "integer": (int,), "number": (int, float), "flag": (bool,)}
    if type(value) not in types[key.kind] or (isinstance(value, str) and "\x00" in value):
        raise ValueError(value)
    return value
