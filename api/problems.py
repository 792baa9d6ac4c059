"""Faults as problem documents (RFC 9457): a sentence for people, nothing of the inside."""

import logging
from http import HTTPStatus

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mesip.errors import PlatformError

log = logging.getLogger(__name__)

RETRY_SECONDS = "5"


def problem(status: int, detail: str) -> Response:
    """The problem document of an HTTP status."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    headers = {"Retry-After": RETRY_SECONDS} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return Response(orjson.dumps(body), status, headers, media_type="application/problem+json")


def of_ours(_: Request, fault: Exception) -> Response:
    """A fault of the tree: its own status and sentence; a fault inside keeps its sentence to the log."""
    status = fault.status if isinstance(fault, PlatformError) else HTTPStatus.INTERNAL_SERVER_ERROR
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return of_nobody(_, fault)
    return problem(status, str(fault))


def of_http(request: Request, fault: Exception) -> Response:
    """No such page, no such method."""
    status = fault.status_code if isinstance(fault, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    sentences = {
        HTTPStatus.NOT_FOUND: f"There is no page {request.url.path[:200]}. Begin at /.",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not answered here; GET is.",
    }
    return problem(status, sentences.get(HTTPStatus(status), HTTPStatus(status).phrase))


def of_nobody(request: Request, fault: Exception) -> Response:
    """What nobody foresaw: the log gets it whole, the caller a sentence."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=fault)
    return problem(500, "The server failed. It is not your fault; the operators see it in their log.")
