"""The paths of the API."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TypeVar

import anyio.to_thread
import numpy
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tilegrad.apps.serve.answers import EventStream, answer_whole
from tilegrad.apps.serve.errors import ApiError
from tilegrad.apps.serve.exchange import Exchange, run_while_connected
from tilegrad.apps.serve.guard import Guard, read_body, respond
from tilegrad.apps.serve.job import Vectors
from tilegrad.apps.serve.plan import Plan
from tilegrad.apps.serve.requests import (
    ChatBody,
    CompletionBody,
    EmbeddingBody,
    GenerationBody,
    parse,
)
from tilegrad.apps.serve.service import Service
from tilegrad.apps.serve.shapes import Envelope

G = TypeVar("G", bound=GenerationBody)


def build_application(service: Service) -> Starlette:
    """Return the application; its lifespan starts and ends the scheduler."""
    routes = [
        Route("/health", partial(_health, service)),
        Route("/metrics", partial(_metrics, service)),
        Route("/v1/models", partial(_models, service)),
        Route("/v1/models/{name:path}", partial(_model, service)),
        Route("/v1/chat/completions", partial(_chat, service), methods=["POST"]),
        Route("/v1/completions", partial(_complete, service), methods=["POST"]),
        Route("/v1/embeddings", partial(_embed, service), methods=["POST"]),
    ]

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        service.scheduler.start()
        try:
            yield
        finally:
            await anyio.to_thread.run_sync(service.scheduler.close)

    guard = Middleware(
        Guard,
        metrics=service.metrics,
        paths=frozenset(route.path for route in routes),
        key=service.key,
        is_local=service.is_local,
    )
    handlers = {
        ApiError: _show_error,
        HTTPException: _show_http_error,
        ClientDisconnect: _show_hang_up,
        Exception: _show_failure,
    }
    return Starlette(
        routes=routes, middleware=[guard], lifespan=lifespan, exception_handlers=handlers
    )


async def _health(service: Service, _request: Request) -> Response:
    is_serving = service.scheduler.is_serving
    body = {"status": "ok" if is_serving else "stopped"}
    return JSONResponse(body, 200 if is_serving else 503)


async def _metrics(service: Service, _request: Request) -> Response:
    return Response(service.metrics.render(), media_type="text/plain; version=0.0.4")


async def _models(service: Service, _request: Request) -> Response:
    models = [_describe(service, name) for name in _names(service)]
    return JSONResponse({"object": "list", "data": models})


async def _model(service: Service, request: Request) -> Response:
    name = request.path_params["name"]
    _check_name(name, *_names(service))
    return JSONResponse(_describe(service, name))


async def _chat(service: Service, request: Request) -> Response:
    plan = service.planner.plan_chat
    return await _generate(service, request, ChatBody, plan, "chatcmpl")


async def _complete(service: Service, request: Request) -> Response:
    plan = service.planner.plan_completion
    return await _generate(service, request, CompletionBody, plan, "cmpl")


async def _generate(
    service: Service,
    request: Request,
    kind: type[G],
    plan_body: Callable[[G], Plan],
    prefix: str,
) -> Response:
    body = parse(kind, await read_body(request, service.limits))
    _check_name(body.model, service.name)
    exchange = Exchange(service.limits.seconds)
    plan = await anyio.to_thread.run_sync(plan_body, body)
    exchange.write(service.scheduler, plan)
    envelope = Envelope(service.name, prefix)
    if not body.stream:
        return await answer_whole(request, exchange, plan, envelope, service.limits)
    has_usage = body.stream_options.include_usage
    return EventStream(exchange, plan, envelope, service.limits, has_usage=has_usage)


async def _embed(service: Service, request: Request) -> Response:
    body = parse(EmbeddingBody, await read_body(request, service.limits))
    embedder = service.embedder
    if embedder is None:
        raise ApiError(400, "no encoder of texts is being served", code="no_encoder")
    _check_name(body.model, embedder.name)
    texts = [body.input] if isinstance(body.input, str) else body.input
    if not 1 <= len(texts) <= service.limits.texts or not all(texts):
        message = f"input: 1 to {service.limits.texts} texts are expected, none of them empty"
        raise ApiError(400, message, code="invalid_value", param="input")
    if body.dimensions not in (None, embedder.encoder.width):
        message = f"dimensions: vectors of this model have {embedder.encoder.width} numbers"
        raise ApiError(400, message, code="unsupported_value", param="dimensions")
    exchange = Exchange(service.limits.seconds)
    # Finding the tokens of megabytes takes seconds: that must not hold up the model's thread.
    tokens = await anyio.to_thread.run_sync(embedder.encoder.tokenise, texts)
    exchange.embed(service.scheduler, tokens)

    async def collect() -> numpy.ndarray:
        rows = [event.rows async for _, event in exchange.events() if isinstance(event, Vectors)]
        return rows[0]

    try:
        rows = await run_while_connected(collect(), request.receive, service.limits.seconds)
    finally:
        exchange.cancel()
    show = _to_base64 if body.encoding_format == "base64" else numpy.ndarray.tolist
    data = [
        {"object": "embedding", "index": index, "embedding": show(row)}
        for index, row in enumerate(rows)
    ]
    count = sum(map(len, tokens))
    usage = {"prompt_tokens": count, "total_tokens": count}
    return JSONResponse({"object": "list", "data": data, "model": embedder.name, "usage": usage})


def _to_base64(row: numpy.ndarray) -> str:
    return base64.b64encode(row.astype("<f4").tobytes()).decode("ascii")


def _names(service: Service) -> list[str]:
    return [service.name, *([service.embedder.name] if service.embedder else [])]


def _describe(service: Service, name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": service.created, "owned_by": "tilegrad"}


def _check_name(name: str, *known: str) -> None:
    if name not in known:
        raise ApiError(
            404,
            f"there is no model {name[:100]!r} for this; there is {' and '.join(known)}",
            code="model_not_found",
            param="model",
        )


async def _show_error(_request: Request, error: Exception) -> Response:
    return respond(error) if isinstance(error, ApiError) else _failure()


async def _show_http_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return _failure()
    response = respond(ApiError(error.status_code, error.detail.lower()))
    response.headers.update(error.headers or {})
    return response


async def _show_hang_up(_request: Request, _error: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it; it is counted


async def _show_failure(_request: Request, _error: Exception) -> Response:
    return _failure()


def _failure() -> Response:
    return respond(ApiError(500, "the server failed; its log says more", code="internal_error"))
