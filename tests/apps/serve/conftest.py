"""A tiny model in a file, a server of it, and servers whose decoder obeys the test."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.apps.serve.fake_decoder import FakeDecoder
from tests.apps.serve.running import Server, run
from tests.apps.serve.tiny_model import write_tiny_model
from tilegrad.apps.serve.load import load_service
from tilegrad.apps.serve.options import ServeOptions
from tilegrad.apps.serve.service import Embedder, build_service
from tilegrad.engine import current_session
from tilegrad.frontend.gguf import read_gguf

RunFake = Callable[..., contextlib.AbstractContextManager[Server]]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    write_tiny_model(path)
    return path


@pytest.fixture
def run_fake(tiny_model: Path) -> RunFake:
    """Return what serves a fake decoder, with options of the server."""

    def run_decoder(
        decoder: FakeDecoder, embedder: Embedder | None = None, **options
    ) -> contextlib.AbstractContextManager[Server]:
        file = read_gguf(tiny_model)
        return run(
            build_service(
                current_session(), ServeOptions(**options), "tiny", file, decoder, embedder
            )
        )

    return run_decoder


@pytest.fixture(scope="module")
def server(tiny_model: Path) -> Iterator[Server]:
    with run(load_service(current_session(), ServeOptions(model=tiny_model))) as running:
        yield running


@pytest.fixture(scope="module")
def fake_server(tiny_model: Path) -> Iterator[Server]:
    file = read_gguf(tiny_model)
    with run(
        build_service(current_session(), ServeOptions(), "tiny", file, FakeDecoder())
    ) as running:
        yield running
