"""Pages for people: our templates, filled by pygeoapi or with our documents."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import orjson
from pygeoapi.api import API, APIRequest, describe_collections, landing_page
from pygeoapi.l10n import str2locale
from pygeoapi.util import render_j2_template
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from api import tokens
from api.asking import NARROWING, Asked
from api.features import Page
from api.versions import Version
from api.wording import address, name_of, value
from layers import Layer
from layers.declaration import Language

Speaker = Callable[..., tuple[dict, int, Any]]

FORMS = ("json", "html")


async def api_request(request: Request, api: API, language: Language) -> APIRequest:
    """The request as pygeoapi understands it: a page, in the language we chose.

    The caller's headers stay behind, because pygeoapi divides by the weights that they state.
    """
    query = urlencode({"f": "html", "lang": language}).encode()
    bare = Request({**request.scope, "query_string": query, "headers": []}, request.receive)
    return await APIRequest.from_starlette(bare, api.locales)


def language_of(request: Request, languages: tuple[str, ...]) -> Language:
    """The language of an answer: ``lang``, else what the browser prefers, else the node's first."""
    preferred = request.headers.get("accept-language", "").split(",")
    ordered = sorted(preferred, key=_weight, reverse=True)
    wanted = [request.query_params.get("lang", ""), *(part for part in ordered if _weight(part) > 0)]
    known = [code.strip()[:2].lower() for code in wanted if code.strip()[:2].lower() in languages]
    return known[0] if known else languages[0]  # pyright: ignore[reportReturnType] - settings name known languages


def wanted_by(request: Request) -> bool:
    """Whether a page is wanted: ``f`` says so, else a browser asks, which prefers HTML to anything else."""
    form = request.query_params.get("f")
    return form == "html" if form in FORMS else request.headers.get("accept", "").startswith("text/html")


def landing(api: API, wish: APIRequest) -> Response:
    """The landing page."""
    return _spoken(landing_page, api, wish)


def described(api: API, wish: APIRequest, layer: Layer | None = None) -> Response:
    """All layers, or one."""
    return _spoken(describe_collections, api, wish, *([layer.name] if layer else []))


def rendered(
    config: dict[str, Any], template: str, document: dict[str, Any], language: Language, status: int = 200
) -> Response:
    """One of our documents in a template."""
    templates, locale = config["server"]["templates"], str2locale(language)
    # pygeoapi annotates a path and a string here, and works with a name and a locale.
    content = render_j2_template(config, templates, template, document, locale)  # pyright: ignore[reportArgumentType]
    return _page(content, status, language)


def listed(request: Request, layer: Layer, wish: Asked, got: Page, language: Language) -> dict[str, Any]:
    """The document of a page of features: what is drawn, how it is narrowed, which page follows."""
    features = orjson.loads(f"[{','.join(got.features)}]")
    query = {name: text for name, text in request.query_params.items() if name != "lang"}
    first = {name: text for name, text in query.items() if name != "after"} | {"lang": language}
    return {
        "id": layer.name,
        "title": layer.title[language],
        "title_field": layer.label or layer.key,
        "features": features,
        "numberMatched": got.matched,
        "drawn": [_drawn(layer, each) for each in features],
        "narrowed": _narrowed(request, layer, wish, language),
        "query": query,
        "first": first,
        "next": None if got.next is None else first | {"after": tokens.write(got.next, wish.question)},
    }


def single(
    layer: Layer, text: str, told: list[Version], shown: datetime, language: Language
) -> dict[str, Any]:
    """The document of one feature: its properties, and all its versions, the one that is shown among them."""
    return orjson.loads(text) | {
        "collection": layer.name,
        "title": layer.title[language],
        "versions": [
            {
                "since": version.since.isoformat(),
                "until": version.until.isoformat() if version.until else None,
                "shown": version.since == shown,
            }
            for version in told
        ],
    }


def _drawn(layer: Layer, each: dict) -> dict:
    """A feature as the map of the page needs it."""
    named = {"name": name_of(layer, each), "address": address(layer.name, each["id"])}
    return {"type": "Feature", "geometry": each["geometry"], "properties": named}


def _narrowed(request: Request, layer: Layer, wish: Asked, language: Language) -> list[tuple[str, str]]:
    query = request.query_params
    stated = [(name, query[name]) for name in NARROWING if name in query]
    fields = [field for field in layer.fields if field.name in query]
    return stated + [
        (field.title[language], _asked_for(query[field.name], field, language)) for field in fields
    ]


def _asked_for(text: str, field: Any, language: Language) -> str:
    """A code that is asked for is shown by its label; other values as they stand in the address."""
    return value(text, field, language) if field.codes else text


def _weight(part: str) -> float:
    """The weight of one language of an Accept-Language header; one where it states none that can be read."""
    _, _, stated = part.partition(";q=")
    try:
        return float(stated)
    except ValueError:
        return 1.0


def _spoken(speaker: Speaker, api: API, wish: APIRequest, *named: str) -> Response:
    headers, status, content = speaker(api, wish, *named)
    return _page(content, status, headers.get("Content-Language", ""))


def _page(content: str, status: int, language: str) -> Response:
    headers = {"Content-Language": language, "Vary": "Accept, Accept-Language"}
    return HTMLResponse(content, status, headers)
