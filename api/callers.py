"""Who asks, for what, in which language and form; and how they are answered."""

from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from pygeoapi.api import API
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from api import pages
from api.asking import refuse_unknown
from api.configuration import frame, pygeoapi, shown_to
from api.documents import JSON
from api.heads import heads
from api.reading import Reader
from api.times import TIMES
from api.values import moment_of
from layers import Layer
from layers.declaration import Language
from mesip.errors import UsageError
from mesip.settings import settings

PAGE_PARAMETERS = ("f", "lang")
# One address, several answers: what keeps copies of them must look at these headers too.
VARIED = {"Vary": "Accept, Accept-Language"}


class Collection(NamedTuple):
    """What an address names, and itself: a layer, or a layer as it was at a moment."""

    layer: Layer
    dated: datetime | None
    address: str

    @property
    def times(self) -> tuple[str, ...]:
        """The parameters of time that can be asked for: of a moment, it is not asked again."""
        return tuple(name for name in TIMES if self.dated is None or name != "datetime")


def reader(request: Request) -> Reader:
    """Who asks, as the gate has let them in."""
    return request.state.reader


def collection(request: Request) -> Collection:
    """The collection of the address: ``trees``, or ``trees@2024-05-01`` for those who know no ``datetime``.

    Raises:
        UnknownLayerError: there is none.
        UsageError: what follows the @ is no moment.
    """
    named = request.path_params["layer"]
    name, dated, moment = named.partition("@")
    address = f"{url(request)}/collections/{named}"
    return Collection(reader(request).layer(name), moment_of(moment) if dated else None, address)


def url(request: Request) -> str:
    """The address of this node, without a slash at its end."""
    return (settings().public_url or str(request.base_url)).rstrip("/")


def language(request: Request) -> Language:
    """The language of the answer.

    Raises:
        UsageError: the node does not speak the language asked for.
    """
    known = settings().languages
    if (asked_for := request.query_params.get("lang", known[0])) not in known:
        raise UsageError(f"lang is one of {', '.join(known)}, not {asked_for[:40]!r}.")
    return pages.language_of(request, known)


def for_people(request: Request) -> bool:
    """Whether a page is wanted, where nothing else can be asked for."""
    refuse_unknown(request.query_params, PAGE_PARAMETERS)
    return bool(language(request)) and wants_html(request)


def json_only(request: Request, *known: str) -> None:
    """Check the parameters of what is not made for people."""
    refuse_unknown(request.query_params, (*known, *PAGE_PARAMETERS))
    if (form := request.query_params.get("f", "json")) != "json":
        raise UsageError(f"f is json here, not {form[:40]!r}.")
    language(request)


def wants_html(request: Request) -> bool:
    """Whether a page is wanted.

    Raises:
        UsageError: ``f`` names another form.
    """
    form = request.query_params.get("f", "json")
    if form not in pages.FORMS:
        raise UsageError(f"f is json or html, not {form[:40]!r}.")
    return pages.wanted_by(request)


def json(request: Request, document: Any, media_type: str = JSON) -> Response:
    """A document as JSON."""
    spoken = VARIED | {"Content-Language": language(request)}
    return Response(orjson.dumps(document), headers=spoken, media_type=media_type)


async def rendered(request: Request, template: str, document: dict[str, Any]) -> Response:
    """A document as a page."""
    config = frame(settings(), url(request))
    filled = (config, template, document, language(request))
    return await run_in_threadpool(shown_to, reader(request), pages.rendered, *filled)


async def by_pygeoapi(request: Request, page_: Any, *named: Any) -> Response:
    """A page that pygeoapi fills."""
    api = await _api(request)
    wish = await pages.api_request(request, api, language(request))
    return await run_in_threadpool(shown_to, reader(request), page_, api, wish, *named)


async def _api(request: Request) -> API:
    state = await run_in_threadpool(heads, reader(request))
    seen = tuple(sorted((name, head.seq) for name, head in state.items()))
    return _pygeoapi(reader(request), url(request), seen)


@lru_cache(maxsize=12)
def _pygeoapi(reader_: Reader, url_: str, _state: tuple[tuple[str, int], ...]) -> API:
    """A pygeoapi per level and address; another one when a layer has changed, because it keeps extents."""
    return pygeoapi(reader_, settings(), url_)
