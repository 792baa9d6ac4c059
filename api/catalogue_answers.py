"""What the addresses of the catalogue answer."""

from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from api import callers, pages, records
from api.asking import MAX_LIMIT, asked, refuse_unknown, with_parameters
from api.configuration import ABOUT
from api.documents import GEOJSON, HTML, JSON, link
from api.heads import heads
from api.records import CATALOGUE, JSONLD, Known
from api.searching import LONGEST
from api.values import page_size
from layers import Layer
from layers.declaration import Language
from mesip.errors import NotFoundError, UsageError
from mesip.settings import Extent, settings

USUAL = 100
FORMS = ("json", "jsonld", "html")
INDEX = "catalogue/index.html"
PAGED = ("f", "lang", "q", "bbox", "limit", "after")


async def catalogue(request: Request) -> Response:
    """``/collections/catalogue``"""
    refuse_unknown(request.query_params, ("f", "lang"))
    known = await run_in_threadpool(known_of, request)
    if _form(request) == "jsonld":
        return _as_dcat(request, known)
    if _form(request) == "html":
        return await callers.rendered(request, INDEX, _listed(request, known))
    here, language = f"{callers.url(request)}/collections/{CATALOGUE}", callers.language(request)
    stated = {
        "id": CATALOGUE,
        "type": "Collection",
        "itemType": "record",
        "title": {"pl": "Katalog warstw", "en": "Catalogue of layers"}[language],
        "description": ABOUT[language],
        "extent": {"spatial": {"bbox": [list(settings().extent)]}},
        "links": [
            link("self", here, JSON, "This document"),
            link("alternate", f"{here}?f=html", HTML, "The catalogue for people"),
            link("alternate", f"{here}?f=jsonld", JSONLD, "The whole catalogue as DCAT-AP"),
            link("items", f"{here}/items", GEOJSON, "Records"),
        ],
    }
    return callers.json(request, stated)


async def items(request: Request) -> Response:
    """``/collections/catalogue/items``"""
    refuse_unknown(request.query_params, PAGED)
    query, language = request.query_params, callers.language(request)
    if len(query.get("q", "")) > LONGEST:
        raise UsageError(f"q is words of titles and descriptions, {LONGEST} letters at most.")
    known = await run_in_threadpool(known_of, request)
    limit = page_size(query.get("limit"), USUAL, MAX_LIMIT)
    found = [
        layer
        for layer in callers.reader(request).layers.values()
        if _wanted(request, layer, known[layer.name])
    ]
    rest = [layer for layer in found if layer.name > query.get("after", "")]
    if _form(request) == "jsonld":
        return _as_dcat(request, {layer.name: known[layer.name] for layer in rest[:limit]})
    if _form(request) == "html":
        shown, after = {layer.name: known[layer.name] for layer in rest[:limit]}, None
        if len(rest) > limit:
            after = dict(query) | {"lang": language, "after": rest[limit - 1].name}
        return await callers.rendered(request, INDEX, _listed(request, shown) | {"next": after})
    here = f"{callers.url(request)}/collections/{CATALOGUE}/items"
    links = [
        link("self", with_parameters(here, query), GEOJSON, "This page"),
        link("alternate", with_parameters(here, query, f="html"), HTML, "This page for people"),
        link("alternate", with_parameters(here, query, f="jsonld"), JSONLD, "DCAT-AP"),
        link("collection", here.removesuffix("/items"), JSON, "The catalogue"),
    ]
    if len(rest) > limit:
        links.append(
            link("next", with_parameters(here, query, after=rest[limit - 1].name), GEOJSON, "Next page")
        )
    url = callers.url(request)
    shown = [records.described(layer, known[layer.name], url, language) for layer in rest[:limit]]
    stated = {
        "type": "FeatureCollection",
        "features": shown,
        "numberMatched": len(found),
        "numberReturned": len(shown),
        "timeStamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "links": links,
    }
    return callers.json(request, stated, GEOJSON)


async def item(request: Request) -> Response:
    """``/collections/catalogue/items/{id}``"""
    refuse_unknown(request.query_params, ("f", "lang"))
    reader, name = callers.reader(request), request.path_params["id"]
    form, language = _form(request), callers.language(request)
    if name not in reader.layers:
        raise NotFoundError(f"The catalogue has no record {name[:100]!r}.")
    known = (await run_in_threadpool(known_of, request))[name]
    if form == "jsonld":
        stated = records.dataset(reader.layers[name], known, callers.url(request), _languages())
        return _linked({"@context": records.CONTEXT} | stated)
    stated = records.described(reader.layers[name], known, callers.url(request), language)
    if form == "html":
        return await callers.rendered(request, "catalogue/record.html", stated)
    return callers.json(request, stated, GEOJSON)


def known_of(request: Request) -> dict[str, Known]:
    """What is known today of each layer that may be seen."""
    reader, today = callers.reader(request), datetime.now(UTC).date()
    state, runs = heads(reader), records.last_runs(reader)
    return {name: Known(state.get(name), runs.get(name, []), today) for name in reader.layers}


def _listed(request: Request, known: dict[str, Known]) -> dict[str, Any]:
    """The document of a page that lists records."""
    reader, url, language = callers.reader(request), callers.url(request), callers.language(request)
    shown = [records.described(reader.layers[name], each, url, language) for name, each in known.items()]
    query = {name: text for name, text in request.query_params.items() if name not in ("f", "lang")}
    return {"records": shown, "query": query}


def _as_dcat(request: Request, known: dict[str, Known]) -> Response:
    reader, url = callers.reader(request), callers.url(request)
    datasets = [records.dataset(reader.layers[name], each, url, _languages()) for name, each in known.items()]
    return _linked(records.catalog(datasets, settings(), url, {each: ABOUT[each] for each in _languages()}))


def _linked(document: dict[str, Any]) -> Response:
    return Response(orjson.dumps(document), media_type=JSONLD, headers=callers.VARIED)


def _wanted(request: Request, layer: Layer, known: Known) -> bool:
    query = request.query_params
    if not records.matches(layer, query.get("q", "").replace(",", " ").split()):
        return False
    box = asked({"bbox": query["bbox"]}, layer, settings().srid).bbox if "bbox" in query else None
    return box is None or bool(known.head and known.head.extent and _meet(box, known.head.extent))


def _meet(one: Extent, other: Extent) -> bool:
    return one[0] <= other[2] and one[2] >= other[0] and one[1] <= other[3] and one[3] >= other[1]


def _form(request: Request) -> str:
    form = request.query_params.get("f")
    if form is None:
        return "html" if pages.wanted_by(request) else "json"
    if form not in FORMS:
        raise UsageError(f"f is {' or '.join(FORMS)} here, not {form[:40]!r}.")
    return form


def _languages() -> tuple[Language, ...]:
    return settings().languages  # pyright: ignore[reportReturnType] - the languages that texts are in
