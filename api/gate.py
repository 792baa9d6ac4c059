"""The gate before every answer: who asks, whether they may ask now, and what no answer goes out without."""

import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems
from api.auditing import Audit, Read
from api.keyring import Key, Keyring
from api.limits import Buckets, Rate, network
from api.metrics import LIMITED, count
from api.reading import Reader, readers
from layers import Level
from mesip.errors import DatabaseDownError, TooManyRequestsError
from mesip.settings import Settings

LONGEST_NOTED = 2000
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    # Servers of base maps want to know which site shows them.
    "Referrer-Policy": "strict-origin-when-cross-origin",
}


class Caller(NamedTuple):
    """Who asks: a key and its level, or anybody."""

    level: Level
    key: Key | None


class Gate:
    """Lets a request in as the level of its key, or answers with what is wrong."""

    def __init__(self, app: ASGIApp, settings: Settings, audit: Audit) -> None:
        self.app, self.audit, self.keyring = app, audit, Keyring()
        self.buckets = Buckets(Rate(settings.rate_per_second, settings.rate_burst))
        self.policy = content_policy(settings.base_map)
        self._routes: dict[object, str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request, caller, began = Request(scope), Caller("public", None), time.perf_counter()
        told = Told(send, self.policy)
        try:
            caller = await self._caller(request)
            told.closed = caller.level != "public"
            request.state.reader, request.state.key = (await _readers())[caller.level], caller.key
            request.state.network = network(request.client.host if request.client else "")
            await self.app(scope, receive, told.send)
        except Exception as fault:
            if told.status:
                raise
            await problems.of_ours(request, fault)(scope, receive, told.send)
        finally:
            status = told.status or HTTPStatus.INTERNAL_SERVER_ERROR
            count(self._route(scope), status, caller.level, time.perf_counter() - began)
            if caller.key and told.closed:
                self._note(request, caller.key, status)

    def _route(self, scope: Scope) -> str:
        """The address as the application declares it: what callers write into addresses is no label."""
        if not self._routes:
            self._routes = {
                each.endpoint: each.path for each in scope["app"].routes if isinstance(each, Route)
            }
        return self._routes.get(scope.get("endpoint"), "other")

    async def _caller(self, request: Request) -> Caller:
        """Who asks.

        Raises:
            KeyRefusedError: the key opens nothing.
            TooManyRequestsError: they ask too often.
            DatabaseDownError: what is read with a key could not be written down.
        """
        authorization = request.headers.get("authorization")
        key = self.keyring.remembered(authorization) if authorization else None
        if key is None:
            self._count(network(request.client.host if request.client else ""))
        if authorization is None:
            return Caller("public", None)
        key = key or await run_in_threadpool(self.keyring.key, authorization, (await _readers())["public"])
        self._count(f"key {key.id}")
        if key.level != "public" and self.audit.full:
            raise DatabaseDownError("What is closed cannot be read at the moment. Try again soon.")
        return Caller(key.level, key)

    def _count(self, caller: str) -> None:
        if wait_s := self.buckets.take(caller, time.monotonic()):
            LIMITED.inc()
            raise TooManyRequestsError(wait_s)

    def _note(self, request: Request, key: Key, status: int) -> None:
        url, rows = request.url, getattr(request.state, "rows", None)
        # What a process is asked stands in the body.
        query = getattr(request.state, "asked", url.query)[:LONGEST_NOTED].replace("\x00", "")
        path = url.path[:LONGEST_NOTED]
        self.audit.note(Read(datetime.now(UTC), *key, request.method, path, query, status, rows))


class Told:
    """What goes out: the status, once it is known, and headers that every answer has."""

    def __init__(self, send: Send, policy: str) -> None:
        self._send, self._policy = send, policy
        self.closed, self.status = False, 0

    async def send(self, message: Message) -> None:
        """Send on, with headers."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers.update(ALWAYS)
            headers.add_vary_header("Authorization")
            if headers.get("content-type", "").startswith("text/html"):
                headers["Content-Security-Policy"] = self._policy
            if self.closed:
                headers["Cache-Control"] = "private, no-store"
        await self._send(message)


async def _readers() -> dict[Level, Reader]:
    """The readers of this process. The first time, finding the database may take a moment."""
    return readers() if readers.cache_info().currsize else await run_in_threadpool(readers)


def content_policy(base_map: str | None) -> str:
    """What pages may load: nothing but our own files, and tiles of the base map if there is one."""
    tiles = f" {'/'.join(base_map.split('/')[:3])}" if base_map else ""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
        f"img-src 'self' data: blob:{tiles}; connect-src 'self'{tiles}; worker-src 'self' blob:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
    )
