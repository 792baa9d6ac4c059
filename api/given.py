"""Answers that were given before: they hold until the layer is published again."""

import hashlib
from functools import cache
from threading import Lock
from typing import NamedTuple

from cachetools import LRUCache
from starlette.requests import Request

from api import callers
from api.callers import Collection
from api.kept import MEGABYTE, declared
from api.reading import Reader
from layers import Layer
from mesip.settings import settings


class Given(NamedTuple):
    """The body of an answer, its entity tag, and how many features it holds."""

    body: bytes
    tag: str
    rows: int


class Answers:
    """The answers of this process that were asked for last, up to a number of bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._kept: LRUCache[str, Given] = LRUCache(most_bytes, lambda given: len(given.body))
        self._alone = Lock()

    def get(self, question: str) -> Given | None:
        """What was answered to the question."""
        with self._alone:
            return self._kept.get(question)

    def keep(self, question: str, given: Given) -> None:
        """Keep an answer, unless it is larger than all that may be kept."""
        with self._alone:
            if len(given.body) <= self._kept.maxsize:
                self._kept[question] = given


@cache
def answers() -> Answers:
    """The answers of this process."""
    return Answers(settings().answers_mb * MEGABYTE)


def question(request: Request, of: Collection) -> str:
    """All that an answer about features depends on, but for the features."""
    asked = f"{request.url.path}?{request.url.query}"
    reader = callers.reader(request)
    return " ".join(
        (reader.level, declared(reader.level, of.layer.name), callers.language(request), of.address, asked)
    )


def tag(asked: str, published: object) -> str:
    """The entity tag of the answer to a question about a layer published then."""
    return f'W/"{hashlib.sha256(f"{asked} {published!r}".encode()).hexdigest()[:24]}"'


def tag_now(reader: Reader, layer: Layer, asked: str) -> str:
    """The tag that an answer would have now; the layer itself is not read."""
    query = "SELECT published_at FROM layer_heads WHERE layer = %(layer)s"
    found = reader.rows(query, {"layer": layer.name})
    return tag(asked, found[0][0] if found else None)


def is_known(request: Request, stated: str) -> bool:
    """Whether who asks has the answer of this tag already."""
    return stated.removeprefix("W/") in request.headers.get("if-none-match", "")
