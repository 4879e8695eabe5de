"""`tilegrad serve`: from options to a server that runs until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from collections.abc import Iterator
from types import FrameType

import uvicorn
from rich.console import Console

from tilegrad.apps.serve.application import build_application
from tilegrad.apps.serve.connection import limit_connections
from tilegrad.apps.serve.guard import is_local_name
from tilegrad.apps.serve.load import load_service
from tilegrad.apps.serve.options import ServeOptions
from tilegrad.apps.serve.scheduler import Scheduler
from tilegrad.base.errors import ArgumentError
from tilegrad.base.settings import LogLevel
from tilegrad.engine import Session
from tilegrad.runtime.cpu.pages import share_heap

_CONNECTIONS = 1024
"""So many may be open at a time; more are refused before anything of them is read."""
_LAST_SECONDS = 5
"""In which clients that were told that the server stops may read it."""


class GracefulServer(uvicorn.Server):
    """Tells clients that it stops, where uvicorn would cut them off.

    Args:
        config: of uvicorn.
        scheduler: has the replies.
        seconds: in which these may come to their end, unless it is asked to stop again.
    """

    def __init__(self, config: uvicorn.Config, scheduler: Scheduler, seconds: float) -> None:
        super().__init__(config)
        self._scheduler, self._seconds = scheduler, seconds

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note a signal."""
        if self.should_exit:
            self._scheduler.stop()
        super().handle_exit(sig, frame)
        self.force_exit = False

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wait for the replies that are being written, but not for ever."""
        asyncio.get_running_loop().call_later(self._seconds, self._scheduler.stop)
        await super().shutdown(sockets)


def run_server(session: Session, options: ServeOptions) -> None:
    """Serve until an interrupt (Ctrl-C) or SIGTERM.

    Replies that are being written then may come to their end for some seconds.

    Args:
        session: where it is computed.
        options: what the user chose.

    Raises:
        DataError: the model or the encoder cannot be read.
        ArgumentError: the context is too long, or the address cannot be used.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    share_heap()
    with session.entered(), _listen(options.host, options.port) as listener:
        status = console.status("compiling") if console.is_terminal else contextlib.nullcontext()
        with status:
            service = load_service(session, options)
        is_verbose = session.settings.log_level in (LogLevel.INFO, LogLevel.DEBUG)
        config = uvicorn.Config(
            build_application(service),
            http=limit_connections(options.limits.body_seconds),
            log_level="info" if is_verbose else "warning",
            access_log=is_verbose,
            lifespan="on",
            proxy_headers=False,
            server_header=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=options.limits.grace_seconds + _LAST_SECONDS,
        )
        with _refusing(options.host, options.port):
            listener.listen()  # who reads the line below may come at once
        host, port = listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        console.print(f"{service.name}: http://{shown}:{port}/v1, Ctrl-C stops")
        if options.key is None and not is_local_name(options.host):
            console.print("anyone who reaches this address may use it: --api-key asks for a key")
        session.trim()
        with settled(), contextlib.suppress(KeyboardInterrupt):
            GracefulServer(config, service.scheduler, options.limits.grace_seconds).run([listener])


@contextlib.contextmanager
def settled() -> Iterator[None]:
    """Let Python look for garbage among what is made from now on only.

    Else it looks through the compiler's two hundred thousand objects, in the middle of replies, and
    so seldom that what requests leave behind in circles piles up to megabytes: it waits until there
    is a quarter more than it found the last time.
    """
    gc.collect()
    gc.freeze()
    gc.collect()  # finds next to nothing, and so looks again soon
    try:
        yield
    finally:
        gc.unfreeze()


@contextlib.contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    """Open a socket, before the model is loaded: an address in use is known at once."""
    with _refusing(host, port):
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with _refusing(host, port):
            listener.bind(address)
        yield listener


@contextlib.contextmanager
def _refusing(host: str, port: int) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeError) as error:  # the latter for a name that no host can have
        raise ArgumentError(
            "the server cannot listen there",
            got=f"{host}, port {port}: {error}",
            mend="choose another address: --host, --port",
        ) from error
