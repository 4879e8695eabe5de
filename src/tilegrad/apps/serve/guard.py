"""What every request passes first: who may ask, under which name, and how much is sent."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tilegrad.apps.serve.errors import ApiError
from tilegrad.apps.serve.limits import Limits
from tilegrad.apps.serve.metrics import Metrics

OPEN = ("/health",)
"""Paths that need no key."""


class Guard:
    """Refuses requests without the key, and counts all.

    A server that only this machine reaches answers to the machine's own names alone: a page in a
    browser could else reach it through a name of its own that leads here (DNS rebinding).

    Args:
        app: what answers the others.
        metrics: count the answers.
        paths: those that are counted by name.
        key: the key, or None if none is needed.
        is_local: whether the server is reached from this machine only.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        paths: frozenset[str],
        key: str | None,
        is_local: bool,
    ) -> None:
        self._app, self._metrics, self._paths = app, metrics, paths
        self._key = None if key is None else key.encode()
        self._is_local = is_local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"] if scope["path"] in self._paths else "other"

        async def count(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._count(path, message["status"])
            await send(message)

        try:
            self._check(scope)
        except ApiError as error:
            await respond(error)(scope, receive, count)
            return
        try:
            await self._app(scope, receive, count)
        except Exception:
            self._count(path, 500)  # which is sent further out
            raise

    def _count(self, path: str, status: int) -> None:
        self._metrics.requests.labels(path, str(status)).inc()

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        if self._is_local and not is_local_name(_host_of(headers.get("host", ""))):
            raise ApiError(400, "the host is not one of this machine", code="invalid_host")
        if self._key is None or scope["path"] in OPEN:
            return
        kind, _, given = headers.get("authorization", "").partition(" ")
        # Both as bytes: text beyond ASCII cannot be compared in constant time.
        # Python would also strip bytes of other signs that are spaces in Latin-1.
        is_right = hmac.compare_digest(given.strip(" ").encode("latin-1"), self._key)
        if kind.lower() != "bearer" or not is_right:
            raise ApiError(401, "the API key is missing or wrong", code="invalid_api_key")


def respond(error: ApiError) -> Response:
    """Return an error as an answer."""
    return JSONResponse(error.body(), error.status, error.headers)


def is_local_name(host: str) -> bool:
    """Return whether a name or address is that of the machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def read_body(request: Request, limits: Limits) -> bytes:
    """Return the body of a request.

    Raises:
        ApiError: it is too large, no JSON, or does not come.
        ClientDisconnect: the client hung up.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        # A page of another site may send other types here without asking first.
        message = "the body has to be JSON: Content-Type: application/json"
        raise ApiError(415, message, code="unsupported_media_type")
    body = bytearray()
    size = 0
    try:
        async with asyncio.timeout(limits.body_seconds):
            # A little more is read than allowed, for clients read the answer only afterwards.
            async for chunk in request.stream():
                size += len(chunk)
                if size <= limits.body:
                    body += chunk
                elif size > 8 * limits.body:
                    break
    except TimeoutError as error:
        message = f"the request did not arrive within {limits.body_seconds:g} seconds"
        raise ApiError(408, message, code="timeout") from error
    if size > limits.body:
        message = f"the request has more than {limits.body} bytes"
        raise ApiError(413, message, code="request_too_large")
    return bytes(body)


def _host_of(header: str) -> str:
    """Return the name in a header ``Host``, without port and brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0].lower()
