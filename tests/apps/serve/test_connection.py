"""Connections are looked at from time to time: who reads slowly stays, who does not read goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from tilegrad.apps.serve.connection import limit_connections

SECONDS = 30.0


class Loop:
    """A clock that the test moves on."""

    def __init__(self) -> None:
        self.now, self.look = 0.0, lambda: None

    def time(self) -> float:
        return self.now

    def call_later(self, _seconds: float, action: Callable[[], None]) -> SimpleNamespace:
        self.look = action
        return SimpleNamespace(cancel=lambda: None)

    def pass_by(self) -> None:
        self.now += SECONDS
        self.look()


class Client(asyncio.Transport):
    """A client for whom some bytes wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting, self.end = 0, ""

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return bool(self.end)

    def close(self) -> None:
        self.end = "closed"

    def abort(self) -> None:
        self.end = "aborted"


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def client(loop: Loop) -> Client:
    client = Client()
    config = Config(lambda: None, log_config=None)
    connection = limit_connections(SECONDS)(config, ServerState(), {}, _loop=loop)
    connection.connection_made(client)
    return client


def test_who_asks_for_nothing_is_let_go(loop: Loop, client: Client):
    loop.pass_by()
    assert client.end == "closed"


def test_who_takes_an_answer_slowly_may_go_on_until_he_stops(loop: Loop, client: Client):
    client.waiting = 1_000_000
    loop.pass_by()
    for _ in range(20):
        client.waiting -= 40_000
        loop.pass_by()
        assert client.end != "aborted"
    client.waiting -= 1000
    loop.pass_by()
    assert client.end == "aborted"
