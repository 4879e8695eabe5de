"""Servers that run in threads of the tests' process."""

from __future__ import annotations

import contextlib
import http.client
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import openai
import uvicorn

from tilegrad.apps.serve.application import build_application
from tilegrad.apps.serve.connection import limit_connections
from tilegrad.apps.serve.run import GracefulServer
from tilegrad.apps.serve.service import Service


@dataclass
class Server:
    """A server that runs.

    Attributes:
        port: on this machine.
        service: what it consists of.
        client: the official one, which does not try again.
        interrupt: what Ctrl-C calls.
        connections: how many are open.
    """

    port: int
    service: Service
    client: openai.OpenAI
    interrupt: Callable[[], None]
    connections: Callable[[], int]

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Return status, headers and body of the answer to one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def metric(self, name: str) -> float:
        """Return a value of the metrics, 0 if there is none yet."""
        _, _, body = self.ask("GET", "/metrics")
        lines = [line.rsplit(" ", 1) for line in body.decode().splitlines()]
        return next((float(value) for key, value in lines if key == f"tilegrad_{name}"), 0.0)


@contextlib.contextmanager
def run(service: Service) -> Iterator[Server]:
    """Serve on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # So little that a test can fill it.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**15)
        config = uvicorn.Config(
            build_application(service),
            http=limit_connections(service.limits.body_seconds),
            log_config=None,
            lifespan="on",
        )
        server = GracefulServer(config, service.scheduler, service.limits.grace_seconds)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            wait_until(lambda: server.started)
            port, key = listener.getsockname()[1], service.key or "none"
            url = f"http://127.0.0.1:{port}/v1"
            with openai.OpenAI(base_url=url, api_key=key, max_retries=0) as client:
                interrupt = partial(server.handle_exit, signal.SIGINT, None)
                connections = server.server_state.connections
                yield Server(port, service, client, interrupt, lambda: len(connections))
        finally:
            server.should_exit = True
            thread.join()


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that other threads bring about."""
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("it did not come about")
