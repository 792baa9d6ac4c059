"""What each address answers."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import orjson
from pygeoapi.api import API
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from api import documents, pages
from api.asking import Asked, asked, cursor, refuse_unknown, with_parameters
from api.configuration import ABOUT, frame, pygeoapi, shown_to
from api.documents import GEOJSON, HTML, JSON, MVT, OPENAPI, SCHEMA, link
from api.features import Page, item, page
from api.heads import heads
from api.openapi import openapi
from api.reading import Reader
from api.searching import DEFAULT_HITS, MOST_HITS, search
from api.tiles import tile
from api.values import page_size
from layers import Layer
from layers.collection import CRS84
from mesip.errors import NotFoundError, UsageError
from mesip.settings import settings

PAGE_PARAMETERS = ("f", "lang")
# One address, several answers: what keeps copies of them must look at these headers too.
VARIED = {"Vary": "Accept, Accept-Language"}


async def landing(request: Request) -> Response:
    """``/``"""
    if await _for_people(request):
        return await _by_pygeoapi(request, pages.landing)
    return _json(request, documents.landing(settings(), _url(request), _language(request), ABOUT))


async def conformance(request: Request) -> Response:
    """``/conformance``"""
    if await _for_people(request):
        return await _rendered(request, "conformance.html", documents.conformance())
    return _json(request, documents.conformance())


async def collections(request: Request) -> Response:
    """``/collections``"""
    if await _for_people(request):
        return await _by_pygeoapi(request, pages.described)
    reader, url, language = _reader(request), _url(request), _language(request)
    known = await run_in_threadpool(heads, reader)
    listed = [
        documents.collection(layer, known.get(name), settings(), url, language)
        for name, layer in reader.layers.items()
    ]
    return _json(request, documents.collections(listed, url))


async def collection(request: Request) -> Response:
    """``/collections/{layer}``"""
    layer = _layer(request)
    if await _for_people(request):
        return await _by_pygeoapi(request, pages.described, layer)
    known = await run_in_threadpool(heads, _reader(request))
    stated = documents.collection(layer, known.get(layer.name), settings(), _url(request), _language(request))
    return _json(request, stated)


async def schema(request: Request) -> Response:
    """``/collections/{layer}/schema``"""
    return await _schema(request, "schema.html", documents.returnables)


async def queryables(request: Request) -> Response:
    """``/collections/{layer}/queryables``"""
    return await _schema(request, "queryables.html", documents.queryables)


async def items(request: Request) -> Response:
    """``/collections/{layer}/items``"""
    layer = _layer(request)
    wish = asked(request.query_params, layer, settings().srid)
    if _wants_html(request):
        return await _items_page(request, layer, wish)
    found = await run_in_threadpool(page, _reader(request), layer, wish, settings().srid)
    request.state.rows = len(found.features)
    body = _feature_collection(request, layer, wish, found)
    return Response(body, media_type=GEOJSON, headers=VARIED | {"Content-Crs": f"<{wish.crs}>"})


async def feature(request: Request) -> Response:
    """``/collections/{layer}/items/{id}``"""
    layer, key = _layer(request), request.path_params["id"]
    refuse_unknown(request.query_params, (*PAGE_PARAMETERS, "crs"))
    wish = asked(
        {name: value for name, value in request.query_params.items() if name == "crs"}, layer, settings().srid
    )
    found = await run_in_threadpool(item, _reader(request), layer, key, wish.crs, settings().srid)
    if found is None:
        raise NotFoundError(f"{layer.name} has no feature {key[:100]!r}.")
    request.state.rows = 1
    if _wants_html(request):
        return await _by_pygeoapi(request, pages.feature, layer, key)
    here = f"{_url(request)}/collections/{layer.name}"
    links = [
        link("self", f"{here}/items/{quote(key, safe='')}", GEOJSON, "This feature"),
        link("alternate", f"{here}/items/{quote(key, safe='')}?f=html", HTML, "This feature as HTML"),
        link("collection", here, JSON, layer.title[_language(request)]),
    ]
    body = found[:-1].encode() + b',"links":' + orjson.dumps(links) + b"}"
    return Response(body, media_type=GEOJSON, headers=VARIED | {"Content-Crs": f"<{wish.crs}>"})


def tilesets(request: Request) -> Response:
    """``/collections/{layer}/tiles``"""
    _json_only(request)
    return _json(request, documents.tilesets(_layer(request), _url(request), _language(request)))


def tileset(request: Request) -> Response:
    """``/collections/{layer}/tiles/WebMercatorQuad``"""
    _json_only(request)
    return _json(request, documents.tileset(_layer(request), _url(request), _language(request)))


def vector_tile(request: Request) -> Response:
    """``/collections/{layer}/tiles/WebMercatorQuad/{z}/{y}/{x}``"""
    refuse_unknown(request.query_params, ("f",))
    if request.query_params.get("f", "mvt") != "mvt":
        raise UsageError("Tiles are vector tiles: f is mvt, or nothing.")
    drawn = tile(_reader(request), _layer(request), *(request.path_params[axis] for axis in "zxy"))
    return Response(drawn, media_type=MVT, headers={"Cache-Control": "public, max-age=60"})


def found(request: Request) -> Response:
    """``/search``"""
    _json_only(request, "q", "limit")
    limit = page_size(request.query_params.get("limit"), DEFAULT_HITS, MOST_HITS)
    hits = search(_reader(request), request.query_params.get("q", ""), limit)
    return _json(request, {"type": "FeatureCollection", "features": hits}, GEOJSON)


def definition(request: Request) -> Response:
    """``/openapi``"""
    _json_only(request)
    stated = openapi(_reader(request).layers.values(), settings(), _url(request), _language(request))
    return _json(request, stated, OPENAPI)


def map_layers(request: Request) -> Response:
    """``/map/layers.json``"""
    _json_only(request)
    reader = _reader(request)
    stated = documents.map_layers(list(reader.layers.values()), heads(reader), settings())
    return _json(request, stated)


def health(request: Request) -> Response:
    """``/health``"""
    _json_only(request)
    _reader(request).rows("SELECT 1")
    return _json(request, {"status": "ok"})


def _reader(request: Request) -> Reader:
    """Who asks, as the gate has let them in."""
    return request.state.reader


def _layer(request: Request) -> Layer:
    return _reader(request).layer(request.path_params["layer"])


def _url(request: Request) -> str:
    """The address of this node, without a slash at its end."""
    return (settings().public_url or str(request.base_url)).rstrip("/")


def _language(request: Request) -> Any:
    known = settings().languages
    if (asked_for := request.query_params.get("lang", known[0])) not in known:
        raise UsageError(f"lang is one of {', '.join(known)}, not {asked_for[:40]!r}.")
    return pages.language_of(request, known)


async def _for_people(request: Request) -> bool:
    refuse_unknown(request.query_params, PAGE_PARAMETERS)
    return bool(_language(request)) and _wants_html(request)


def _json_only(request: Request, *known: str) -> None:
    """Check the parameters of what is not made for people."""
    refuse_unknown(request.query_params, (*known, *PAGE_PARAMETERS))
    if (form := request.query_params.get("f", "json")) != "json":
        raise UsageError(f"f is json here, not {form[:40]!r}.")
    _language(request)


def _wants_html(request: Request) -> bool:
    form = request.query_params.get("f", "json")
    if form not in pages.FORMS:
        raise UsageError(f"f is json or html, not {form[:40]!r}.")
    return pages.wanted_by(request)


async def _api(request: Request) -> API:
    reader = _reader(request)
    state = await run_in_threadpool(heads, reader)
    return _pygeoapi(reader, _url(request), tuple(sorted((name, head.seq) for name, head in state.items())))


@lru_cache(maxsize=12)
def _pygeoapi(reader: Reader, url: str, _state: tuple[tuple[str, int], ...]) -> API:
    """A pygeoapi per level and address; another one when a layer has changed, because it keeps extents."""
    return pygeoapi(reader, settings(), url)


async def _by_pygeoapi(request: Request, page_: Any, *named: Any) -> Response:
    api = await _api(request)
    wish = await pages.api_request(request, api, _language(request))
    return await run_in_threadpool(shown_to, _reader(request), page_, api, wish, *named)


async def _rendered(request: Request, template: str, document: dict[str, Any]) -> Response:
    config = frame(settings(), _url(request))
    filled = (config, template, document, _language(request))
    return await run_in_threadpool(shown_to, _reader(request), pages.rendered, *filled)


async def _schema(request: Request, template: str, document: Any) -> Response:
    layer = _layer(request)
    stated = document(layer, _url(request), _language(request))
    if not await _for_people(request):
        return _json(request, stated, SCHEMA)
    return await _rendered(request, f"collections/{template}", stated | {"id": layer.name})


def _feature_collection(request: Request, layer: Layer, wish: Asked, got: Page) -> bytes:
    """The features as the database wrote them, between what we say of them."""
    here = f"{_url(request)}/collections/{layer.name}/items"
    query = request.query_params
    links = [
        link("self", with_parameters(here, query), GEOJSON, "This page"),
        link("alternate", with_parameters(here, query, f="html"), HTML, "This page as HTML"),
        link("collection", here.removesuffix("/items"), JSON, layer.title[_language(request)]),
    ]
    if got.last is not None:
        links.append(
            link(
                "next",
                with_parameters(here, query, after=cursor(got.last, got.matched)),
                GEOJSON,
                "Next page",
            )
        )
    said = {
        "numberReturned": len(got.features),
        "timeStamp": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "links": links,
    } | ({"numberMatched": got.matched} if got.matched is not None else {})
    # The page's own members come last, so the long text is never parsed or copied twice.
    return b'{"type":"FeatureCollection","features":[%b],%b' % (
        ",".join(got.features).encode(),
        orjson.dumps(said)[1:],
    )


async def _items_page(request: Request, layer: Layer, wish: Asked) -> Response:
    """The map of a page is drawn longitude first, whichever system is asked for."""
    found = await run_in_threadpool(page, _reader(request), layer, replace(wish, crs=CRS84), settings().srid)
    request.state.rows = len(found.features)
    document = pages.listed(request, layer, wish, found, _language(request))
    return await _rendered(request, "collections/items/index.html", document)


def _json(request: Request, document: Any, media_type: str = JSON) -> Response:
    spoken = VARIED | {"Content-Language": _language(request)}
    return Response(orjson.dumps(document), headers=spoken, media_type=media_type)
