"""What the addresses of features answer: pages of them, one of them, all versions of one."""

from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import quote, urlencode

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api import callers, given, pages, tokens
from api.asking import PROFILE_ADDRESS, Asked, asked, refuse_unknown, with_parameters
from api.callers import VARIED, Collection
from api.documents import GEOJSON, HTML, JSON, link
from api.features import Page, page
from api.mementos import (
    LINK_FORMAT,
    address,
    as_header,
    as_link_format,
    as_time_map,
    http_date,
    latest,
    of_version,
)
from api.times import Times, times
from api.versions import Found, item, known_at, versions
from layers.collection import CRS84
from mesip.errors import GoneError, NotFoundError, UsageError
from mesip.settings import settings

VERSIONS = "/versions"
# Copies may be kept, and are asked for again; the answer that they hold still is cheap.
REVALIDATED = "no-cache"


async def items(request: Request) -> Response:
    """``/collections/{layer}/items``"""
    of = callers.collection(request)
    wish = asked(request.query_params, of.layer, settings().srid, of.dated)
    if callers.wants_html(request):
        return await _items_page(request, of, wish)
    found = await run_in_threadpool(_given, request, of, wish)
    headers = VARIED | {"Content-Crs": f"<{wish.crs}>", "ETag": found.tag, "Cache-Control": REVALIDATED}
    if wish.times.several:
        headers["Link"] = f'<{PROFILE_ADDRESS}{wish.profile}>; rel="profile"'
    if given.is_known(request, found.tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    request.state.rows = found.rows
    return Response(found.body, media_type=GEOJSON, headers=headers)


def _given(request: Request, of: Collection, wish: Asked) -> given.Given:
    """The page, its tag, and its features: read, kept from before, or not needed because it is known."""
    asked_now, reader = given.question(request, of), callers.reader(request)
    kept = given.answers().get(asked_now)
    if kept or "if-none-match" in request.headers:
        tag = given.tag_now(reader, of.layer, asked_now)
        if kept and kept.tag == tag:
            return kept
        if given.is_known(request, tag):
            return given.Given(b"", tag, 0)
    found = page(reader, of.layer, wish, settings().srid)
    body, tag = _feature_collection(request, of, wish, found), given.tag(asked_now, found.published)
    given.answers().keep(asked_now, fresh := given.Given(body, tag, len(found.features)))
    return fresh


async def feature(request: Request) -> Response:
    """``/collections/{layer}/items/{id}``"""
    return await _feature(request, request.path_params["id"])


async def time_map(request: Request) -> Response:
    """``/collections/{layer}/items/{id}/versions``"""
    key = request.path_params["id"]
    # An identifier may end in the same word, its slash then being escaped.
    escaped = not request.scope["raw_path"].endswith(VERSIONS.encode())
    return await (_feature(request, f"{key}{VERSIONS}") if escaped else _versions(request, key))


async def _feature(request: Request, key: str) -> Response:
    of = callers.collection(request)
    wish, reader = _one_asked(request, of), callers.reader(request)
    if "if-none-match" in request.headers and not callers.wants_html(request):
        tag = await run_in_threadpool(given.tag_now, reader, of.layer, given.question(request, of))
        if given.is_known(request, tag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=_kept(tag))
    found = await run_in_threadpool(item, reader, of.layer, key, wish, settings().srid)
    if found is None:
        raise await run_in_threadpool(_why_not, request, of, key, wish.times)
    request.state.rows = 1
    if callers.wants_html(request):
        return await _item_page(request, of, key, found)
    here, query = f"{of.address}/items/{quote(key, safe='')}", request.query_params
    links = [
        link("self", with_parameters(here, query), GEOJSON, "This feature"),
        link("alternate", with_parameters(here, query, f="html"), HTML, "This feature as HTML"),
        link("collection", of.address, JSON, of.layer.title[callers.language(request)]),
        *of_version(address(of, key), found, query.get("known-at")),
    ]
    headers = _kept(given.tag(given.question(request, of), found.published)) | {
        "Content-Crs": f"<{wish.crs}>",
        "Memento-Datetime": http_date(found.since),
        "Link": as_header(links),
    }
    body = found.text[:-1].encode() + b',"links":' + orjson.dumps(links) + b"}"
    return Response(body, media_type=GEOJSON, headers=headers)


def _kept(tag: str) -> dict[str, str]:
    return VARIED | {"ETag": tag, "Cache-Control": REVALIDATED}


def _one_asked(request: Request, of: Collection) -> Asked:
    """What is asked of one feature: its form, its system, its fields, its times."""
    own = ("crs", "properties", *of.times)
    refuse_unknown(request.query_params, (*callers.PAGE_PARAMETERS, *own))
    stated = {name: value for name, value in request.query_params.items() if name in own}
    wish = asked(stated, of.layer, settings().srid, of.dated)
    if wish.times.several:
        raise UsageError("One feature is as it was at a moment: datetime is one moment here, or left out.")
    return wish


def _why_not(request: Request, of: Collection, key: str, when: Times) -> NotFoundError:
    """Why there is no such version: the feature never was, was not known yet, or was not there then."""
    told = versions(callers.reader(request), of.layer, key)
    known, named = request.query_params.get("known-at"), f"{of.layer.name} has no feature {key[:100]!r}"
    if not told:
        return NotFoundError(f"{named}.")
    believed = known_at(told, when.known)
    if not believed:
        return NotFoundError(f"{named} as known at {known}. It became known later.")
    here = address(of, key)
    there = {"latest-version": latest(here, believed, known), "timemap": f"{here}{VERSIONS}"}
    return GoneError(
        f"{named} at that time. It was there at another: {here}{VERSIONS} lists when.",
        there | {"version-history": there["timemap"]},
    )


async def _versions(request: Request, key: str) -> Response:
    refuse_unknown(request.query_params, (*callers.PAGE_PARAMETERS, "known-at"))
    of, form = callers.collection(request), request.query_params.get("f", "")
    if form not in ("", "json", "link"):
        raise UsageError(f"f is json or link, not {form[:40]!r}.")
    when = times({name: value for name, value in request.query_params.items() if name == "known-at"})
    told = await run_in_threadpool(versions, callers.reader(request), of.layer, key)
    if not known_at(told, when.known):
        raise await run_in_threadpool(_why_not, request, of, key, when)
    here = address(of, key)
    stated = as_time_map(here, told, when.known, request.query_params.get("known-at"))
    if form == "link" or (not form and LINK_FORMAT in request.headers.get("accept", "")):
        return Response(as_link_format(stated["links"]), media_type=LINK_FORMAT, headers=VARIED)
    return callers.json(request, stated)


def _feature_collection(request: Request, of: Collection, wish: Asked, got: Page) -> bytes:
    """The features as the database wrote them, between what we say of them."""
    here, query = f"{of.address}/items", request.query_params
    links = [
        link("self", with_parameters(here, query), GEOJSON, "This page"),
        link("alternate", with_parameters(here, query, f="html"), HTML, "This page as HTML"),
        link("collection", of.address, JSON, of.layer.title[callers.language(request)]),
    ]
    if got.next is not None:
        following = with_parameters(here, query, after=tokens.write(got.next, wish.question))
        links.append(link("next", following, GEOJSON, "Next page"))
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


async def _items_page(request: Request, of: Collection, wish: Asked) -> Response:
    """The map of a page is drawn longitude first, whichever system is asked for."""
    if of.dated is not None:
        return _of_that_moment(request, of, "")
    plain = replace(wish, crs=CRS84, properties=None)
    found = await run_in_threadpool(page, callers.reader(request), of.layer, plain, settings().srid)
    request.state.rows = len(found.features)
    document = pages.listed(request, of.layer, wish, found, callers.language(request))
    return await callers.rendered(request, "collections/items/index.html", document)


async def _item_page(request: Request, of: Collection, key: str, found: Found) -> Response:
    if of.dated is not None:
        return _of_that_moment(request, of, f"/{quote(key, safe='')}")
    reader, wish = callers.reader(request), replace(_one_asked(request, of), crs=CRS84, properties=None)
    whole = await run_in_threadpool(item, reader, of.layer, key, wish, settings().srid)
    told = known_at(await run_in_threadpool(versions, reader, of.layer, key), wish.times.known)
    document = pages.single(of.layer, (whole or found).text, told, found.since, callers.language(request))
    return await callers.rendered(request, "collections/items/item.html", document)


def _of_that_moment(request: Request, of: Collection, behind: str) -> Response:
    """A collection of a moment is for programs; people are led to the features of that moment."""
    asked_for = dict(request.query_params) | {
        "f": "html",
        "datetime": of.dated.isoformat() if of.dated else "",
    }
    return RedirectResponse(f"{of.address.partition('@')[0]}/items{behind}?{urlencode(asked_for)}", 303)
