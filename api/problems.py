"""Faults as problem documents (RFC 9457) or pages: a sentence for people, nothing of the inside."""

import logging
from http import HTTPStatus

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api import pages
from api.configuration import frame
from mesip.errors import GoneError, KeyRefusedError, PlatformError, TooManyRequestsError
from mesip.settings import settings

log = logging.getLogger(__name__)

RETRY_SECONDS = "5"


def problem(request: Request, status: int, detail: str, kind: str = "about:blank") -> Response:
    """The problem document of an HTTP status; a page where one is wanted."""
    answer = _page(request, status, detail) if pages.wanted_by(request) else _document(status, detail, kind)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        answer.headers["Retry-After"] = RETRY_SECONDS
    return answer


def of_ours(request: Request, fault: Exception) -> Response:
    """A fault of the tree: its own status and sentence; a fault inside keeps its sentence to the log."""
    status = fault.status if isinstance(fault, PlatformError) else HTTPStatus.INTERNAL_SERVER_ERROR
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return of_nobody(request, fault)
    answer = problem(request, status, str(fault), fault.kind if isinstance(fault, PlatformError) else "")
    if isinstance(fault, KeyRefusedError):
        answer.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(fault, TooManyRequestsError):
        answer.headers["Retry-After"] = str(fault.wait_s)
    if isinstance(fault, GoneError):
        answer.headers["Link"] = ", ".join(f'<{href}>; rel="{rel}"' for rel, href in fault.links.items())
    return answer


def of_http(request: Request, fault: Exception) -> Response:
    """No such page, no such method."""
    status = fault.status_code if isinstance(fault, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    # A refused method comes with the allowed ones.
    headers = dict(getattr(fault, "headers", None) or {})
    allowed = sorted(set(headers.get("Allow", "GET").split(", ")) - {"HEAD"})
    answered = f"{' and '.join(allowed)} {'is' if len(allowed) == 1 else 'are'}"
    sentences = {
        HTTPStatus.NOT_FOUND: f"There is no page {request.url.path[:200]}. Begin at /.",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not answered here; {answered}.",
    }
    answer = problem(request, status, sentences.get(HTTPStatus(status), HTTPStatus(status).phrase))
    answer.headers.update(headers)
    return answer


def of_nobody(request: Request, fault: Exception) -> Response:
    """What nobody foresaw: the log gets it whole, the caller a sentence."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=fault)
    return problem(
        request, 500, "The server failed. It is not your fault; the operators see it in their log."
    )


def _document(status: int, detail: str, kind: str) -> Response:
    body = {"type": kind, "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return Response(orjson.dumps(body), status, media_type="application/problem+json")


def _page(request: Request, status: int, detail: str) -> Response:
    language = pages.language_of(request, settings().languages)
    told = {"status": status, "description": detail}
    return pages.rendered(frame(settings(), ""), "exception.html", told, language, status)
