"""Answers with replies of the model: whole, or as a stream of events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from tilegrad.apps.serve.errors import ApiError
from tilegrad.apps.serve.exchange import Exchange, run_while_connected
from tilegrad.apps.serve.job import End, Piece
from tilegrad.apps.serve.limits import Limits
from tilegrad.apps.serve.plan import Plan
from tilegrad.apps.serve.shapes import Collected, Envelope, Shape, count_usage


async def answer_whole(
    request: Request, exchange: Exchange, plan: Plan, envelope: Envelope, limits: Limits
) -> Response:
    """Wait for all replies and return them as one object.

    Raises:
        ApiError: a reply failed.
        ClientDisconnect: the client hung up.
    """
    shapes = _list_shapes(plan)
    replies = [Collected() for _ in shapes]

    async def collect() -> None:
        async for number, event in exchange.events():
            if isinstance(event, Piece | End):
                replies[number].add(event)

    try:
        await run_while_connected(collect(), request.receive, limits.seconds)
    finally:
        exchange.cancel()
    ends = [reply.end for reply in replies if reply.end is not None]
    choices = [
        {"index": number, **shape.choice(reply, end.reason)}
        for number, (shape, reply, end) in enumerate(zip(shapes, replies, ends, strict=True))
    ]
    usage = count_usage(ends, range(0, len(ends), plan.count))
    return JSONResponse(envelope.wrap(shapes[0].whole, choices, usage=usage))


class EventStream(Response):
    """Replies as they are written, as server-sent events.

    Args:
        exchange: the events.
        plan: what was asked for.
        envelope: what all chunks have in common.
        limits: on the time that it takes.
        has_usage: whether a last chunk tells how many tokens it took.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        exchange: Exchange,
        plan: Plan,
        envelope: Envelope,
        limits: Limits,
        *,
        has_usage: bool,
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store"})
        del self.headers["content-length"]
        self._exchange, self._plan, self._envelope = exchange, plan, envelope
        self._limits, self._has_usage = limits, has_usage

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send everything."""
        try:
            # A client that does not read is let go some time after the reply has to be complete.
            seconds = self._limits.seconds + self._limits.body_seconds
            await run_while_connected(self._send(send), receive, seconds)
        except ClientDisconnect:
            pass  # nobody is left to be told anything
        finally:
            self._exchange.cancel()

    async def _send(self, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        try:
            async for chunk in self._chunks():
                await _send_data(send, json.dumps(chunk))
        except ApiError as error:
            await _send_data(send, json.dumps(error.body()))
        else:
            await _send_data(send, "[DONE]")
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _chunks(self) -> AsyncIterator[dict[str, Any]]:
        shapes = _list_shapes(self._plan)
        for number, shape in enumerate(shapes):
            beginning = shape.begin()
            if beginning is not None:
                yield self._wrap(shape, number, beginning)
        ends: dict[int, End] = {}
        async for number, event in self._exchange.events():
            shape = shapes[number]
            if isinstance(event, Piece):
                yield self._wrap(shape, number, shape.piece(event))
            elif isinstance(event, End):
                ends[number] = event
                yield self._wrap(shape, number, shape.end(event.reason))
        if self._has_usage:
            leaders = range(0, len(ends), self._plan.count)
            usage = count_usage([ends[number] for number in sorted(ends)], leaders)
            yield self._envelope.wrap(shapes[0].chunk, [], usage=usage)

    def _wrap(self, shape: Shape, number: int, choice: dict[str, Any]) -> dict[str, Any]:
        others: dict[str, Any] = {"usage": None} if self._has_usage else {}
        return self._envelope.wrap(shape.chunk, [{"index": number, **choice}], **others)


def _list_shapes(plan: Plan) -> Sequence[Shape]:
    """Return a shape for each reply."""
    return [plan.shape(prompt) for prompt in range(len(plan.prompts)) for _ in range(plan.count)]


async def _send_data(send: Send, text: str) -> None:
    body = f"data: {text}\n\n".encode()
    await send({"type": "http.response.body", "body": body, "more_body": True})
    # Others have their turn, and whoever notes that the client is gone: sending may not wait.
    await asyncio.sleep(0)
