"""What each address answers, but for those of features."""

from typing import Any
from urllib.parse import urlencode

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api import callers, documents, pages, tile_documents
from api.asking import refuse_unknown
from api.availability import unavailable
from api.callers import Collection
from api.catalogue_answers import known_of
from api.configuration import ABOUT
from api.documents import GEOJSON, MVT, OPENAPI, SCHEMA
from api.heads import heads
from api.kept import kept_tile
from api.metrics import metrics
from api.openapi import openapi
from api.records import state_of
from api.searching import DEFAULT_HITS, MOST_HITS, search
from api.tiles import place
from api.times import times
from api.values import page_size
from mesip.errors import KeyRefusedError, UsageError
from mesip.settings import settings


async def landing(request: Request) -> Response:
    """``/``"""
    if callers.for_people(request):
        return await callers.by_pygeoapi(request, pages.landing)
    url, language = callers.url(request), callers.language(request)
    return callers.json(request, documents.landing(settings(), url, language, ABOUT))


async def conformance(request: Request) -> Response:
    """``/conformance``"""
    if callers.for_people(request):
        return await callers.rendered(request, "conformance.html", documents.conformance())
    return callers.json(request, documents.conformance())


async def collections(request: Request) -> Response:
    """``/collections``"""
    if callers.for_people(request):
        return await callers.by_pygeoapi(request, pages.described)
    reader, url, language = callers.reader(request), callers.url(request), callers.language(request)
    known, broken = await run_in_threadpool(known_of, request), await run_in_threadpool(unavailable, reader)
    listed = [
        documents.collection(layer, known[name].head, settings(), f"{url}/collections/{name}", language)
        | state_of(layer, known[name])
        | documents.standing(known[name].head, broken.get(name), language)
        for name, layer in reader.layers.items()
    ]
    return callers.json(request, documents.collections(listed, url))


async def collection(request: Request) -> Response:
    """``/collections/{layer}``"""
    of = callers.collection(request)
    if callers.for_people(request):
        return _as_pages(request, of) or await callers.by_pygeoapi(request, pages.described, of.layer)
    known = (await run_in_threadpool(known_of, request))[of.layer.name]
    broken, language = (
        await run_in_threadpool(unavailable, callers.reader(request)),
        callers.language(request),
    )
    stated = documents.collection(of.layer, known.head, settings(), of.address, language)
    standing = documents.standing(known.head, broken.get(of.layer.name), language)
    return callers.json(request, stated | state_of(of.layer, known) | standing)


async def schema(request: Request) -> Response:
    """``/collections/{layer}/schema``"""
    return await _schema(request, "schema.html", documents.returnables)


async def queryables(request: Request) -> Response:
    """``/collections/{layer}/queryables``"""
    return await _schema(request, "queryables.html", documents.queryables)


async def sortables(request: Request) -> Response:
    """``/collections/{layer}/sortables``"""
    return await _schema(request, "sortables.html", documents.sortables)


def tile_schemes(request: Request) -> Response:
    """``/tileMatrixSets``"""
    callers.json_only(request)
    return callers.json(request, tile_documents.schemes(callers.url(request)))


def tile_scheme(request: Request) -> Response:
    """``/tileMatrixSets/WebMercatorQuad``"""
    callers.json_only(request)
    return callers.json(request, tile_documents.scheme())


def tilesets(request: Request) -> Response:
    """``/collections/{layer}/tiles``"""
    return _of_tiles(request, tile_documents.tilesets)


def tileset(request: Request) -> Response:
    """``/collections/{layer}/tiles/WebMercatorQuad``"""
    return _of_tiles(request, tile_documents.tileset)


def tilejson(request: Request) -> Response:
    """``/collections/{layer}/tiles/WebMercatorQuad/metadata``"""
    return _of_tiles(request, tile_documents.tilejson)


def vector_tile(request: Request) -> Response:
    """``/collections/{layer}/tiles/WebMercatorQuad/{z}/{y}/{x}``"""
    of = callers.collection(request)
    refuse_unknown(request.query_params, ("f", *of.times))
    if request.query_params.get("f", "mvt") != "mvt":
        raise UsageError("Tiles are vector tiles: f is mvt, or nothing.")
    at, when = place(*(request.path_params[axis] for axis in "zxy")), times(request.query_params, of.dated)
    known = request.headers.get("if-none-match", "")
    drawn, tag = kept_tile(callers.reader(request), of.layer, when, at, known)
    kept = {"Cache-Control": "public, max-age=60"} | ({"ETag": tag} if tag else {})
    if drawn is None:
        return Response(status_code=304, headers=kept)
    return Response(drawn, media_type=MVT, headers=kept)


def found(request: Request) -> Response:
    """``/search``"""
    callers.json_only(request, "q", "limit")
    limit = page_size(request.query_params.get("limit"), DEFAULT_HITS, MOST_HITS)
    hits = search(callers.reader(request), request.query_params.get("q", ""), limit)
    return callers.json(request, {"type": "FeatureCollection", "features": hits}, GEOJSON)


def definition(request: Request) -> Response:
    """``/openapi``"""
    callers.json_only(request)
    layers = callers.reader(request).layers.values()
    stated = openapi(layers, settings(), callers.url(request), callers.language(request))
    return callers.json(request, stated, OPENAPI)


def map_layers(request: Request) -> Response:
    """``/map/layers.json``"""
    callers.json_only(request)
    reader = callers.reader(request)
    shown, broken = list(reader.layers.values()), unavailable(reader)
    stated = documents.map_layers(shown, heads(reader), broken, settings())
    return callers.json(request, stated)


def health(request: Request) -> Response:
    """``/health``: whether the data can be read, and which layers cannot."""
    callers.json_only(request)
    language = callers.language(request)
    broken = {name: why[language] for name, why in unavailable(callers.reader(request)).items()}
    return callers.json(request, {"status": "degraded" if broken else "ok", "unavailable": broken})


async def alive(request: Request) -> Response:
    """``/health/live``: whether this process answers; it asks nobody else."""
    callers.json_only(request)
    return callers.json(request, {"status": "ok"})


def node_metrics(request: Request) -> Response:
    """``/metrics``"""
    refuse_unknown(request.query_params, ())
    reader = callers.reader(request)
    if reader.level != "internal":
        raise KeyRefusedError("Metrics are told to keys of the level internal only.")
    return Response(metrics(reader), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _of_tiles(request: Request, document: Any) -> Response:
    callers.json_only(request)
    of = callers.collection(request)
    head = heads(callers.reader(request)).get(of.layer.name)
    return callers.json(request, document(of.layer, head, of.address, callers.language(request)))


def _as_pages(request: Request, of: Collection) -> Response | None:
    """A collection of a moment is for programs; people are led to the features of that moment."""
    if of.dated is None:
        return None
    there = urlencode({"f": "html", "lang": callers.language(request), "datetime": of.dated.isoformat()})
    return RedirectResponse(f"{of.address.partition('@')[0]}/items?{there}", 303)


async def _schema(request: Request, template: str, document: Any) -> Response:
    of = callers.collection(request)
    stated = document(of.layer, of.address, callers.language(request))
    if not callers.for_people(request):
        return callers.json(request, stated, SCHEMA)
    filled = stated | {"id": of.layer.name}
    return _as_pages(request, of) or await callers.rendered(request, f"collections/{template}", filled)
