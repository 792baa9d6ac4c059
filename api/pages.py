"""Pages for people: pygeoapi's templates, filled by pygeoapi or with our documents."""

from collections.abc import Callable
from typing import Any

from pygeoapi.api import API, APIRequest, conformance, describe_collections, landing_page
from pygeoapi.api.itemtypes import get_collection_item
from pygeoapi.l10n import str2locale
from pygeoapi.util import render_j2_template
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from layers import Layer
from layers.declaration import Language

Speaker = Callable[..., tuple[dict, int, Any]]


async def api_request(request: Request, api: API) -> APIRequest:
    """The request as pygeoapi understands it."""
    return await APIRequest.from_starlette(request, api.locales)


def language_of(request: Request, languages: tuple[str, ...]) -> Language:
    """The language of an answer: ``lang``, else what the browser prefers, else the node's first."""
    wanted = [request.query_params.get("lang", "")]
    wanted += [part.split(";")[0].strip() for part in request.headers.get("accept-language", "").split(",")]
    known = [code[:2].lower() for code in wanted if code[:2].lower() in languages]
    return known[0] if known else languages[0]  # pyright: ignore[reportReturnType] - settings name known languages


def landing(api: API, wish: APIRequest) -> Response:
    """The landing page."""
    return _spoken(landing_page, api, wish)


def conforming(api: API, wish: APIRequest) -> Response:
    """The conformance classes."""
    return _spoken(conformance, api, wish)


def described(api: API, wish: APIRequest, layer: Layer | None = None) -> Response:
    """All layers, or one."""
    return _spoken(describe_collections, api, wish, *([layer.name] if layer else []))


def feature(api: API, wish: APIRequest, layer: Layer, key: str) -> Response:
    """One feature."""
    return _spoken(get_collection_item, api, wish, layer.name, key)


def rendered(api: API, template: str, document: dict[str, Any], language: Language) -> Response:
    """One of our documents in a template of pygeoapi."""
    templates = api.config["server"]["templates"]
    return HTMLResponse(
        render_j2_template(api.tpl_config, templates, template, document, str2locale(language))
    )


def _spoken(speaker: Speaker, api: API, wish: APIRequest, *named: str) -> Response:
    headers, status, content = speaker(api, wish, *named)
    return HTMLResponse(content, status, {"Content-Language": headers.get("Content-Language", "")})
