"""Connections of clients: whoever says nothing, or only half of a request, is let go."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


def limit_connections(seconds: float) -> type[asyncio.Protocol]:
    """Return uvicorn's connections over HTTP with a limit that it lacks.

    Without one, whoever opens enough connections and sends the beginnings of requests through them
    keeps everybody else out for ever ("slow loris").

    Args:
        seconds: in which a request's first line and headers have to arrive. Its body is limited by
            ``read_body``.
    """

    class Connection(H11Protocol):
        _patience: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self._stop_watching()

        @property
        def _is_asked(self) -> bool:
            """Whether a request is being answered."""
            return self.cycle is not None and not self.cycle.response_complete

        def _watch(self) -> None:
            if self._is_asked:
                self._stop_watching()
            elif self._patience is None:
                self._patience = self.loop.call_later(seconds, self._hang_up)

        def _stop_watching(self) -> None:
            if self._patience is not None:
                self._patience.cancel()
                self._patience = None

        def _hang_up(self) -> None:
            self._patience = None
            if not self._is_asked:
                self.transport.close()

    return Connection
