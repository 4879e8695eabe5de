"""Connections of clients: whoever does not send a whole request, or take an answer, is let go."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

_LEAST = 32 * 1024
"""A client that takes fewer bytes than these, of more that wait for it, has stopped to read."""


def limit_connections(seconds: float) -> type[asyncio.Protocol]:
    """Return uvicorn's connections over HTTP with limits that it lacks.

    Without them, whoever opens enough connections and sends the beginnings of requests through them
    ("slow loris"), or asks for much and reads nothing of it, keeps everybody else out for ever.

    Args:
        seconds: in which a request's first line and headers have to arrive; its body is limited by
            ``read_body``. After at most twice as many, a client is let go that does not read.
    """

    class Limited(_Connection):
        pass

    Limited.seconds = seconds
    return Limited


class _Connection(H11Protocol):
    """A connection that is looked at from time to time.

    Attributes:
        seconds: from one time to the next.
    """

    seconds: ClassVar[float]
    _look: asyncio.TimerHandle | None = None
    _idle_since: float | None = None
    _unsent = 0
    _was_drained = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._note()
        self._look = self.loop.call_later(self.seconds, self._check)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._note()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._note()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._was_drained = True

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._look is not None:
            self._look.cancel()

    def _note(self) -> None:
        """Note since when no request is being answered."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = self.loop.time()

    def _check(self) -> None:
        """Let the client go if it owes something since the last time."""
        before, self._unsent = self._unsent, self.transport.get_write_buffer_size()
        was_drained, self._was_drained = self._was_drained, False
        since = self._idle_since
        # While an answer comes piece by piece, some of it may wait to be sent at any time.
        has_to_read = since is not None or self.flow.write_paused or self.transport.is_closing()
        if self._unsent and before and has_to_read:
            if not was_drained and before - self._unsent < _LEAST:
                self.transport.abort()  # to close would be to wait for it
        elif since is not None and self.loop.time() - since >= self.seconds:
            self.transport.close()
        self._look = self.loop.call_later(self.seconds, self._check)
