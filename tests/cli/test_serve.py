"""`tilegrad serve` as a process: it says where it is, answers, and stops when it is told to."""

from __future__ import annotations

import errno
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Never

import openai
import pytest
from click.testing import CliRunner

from tests.apps.serve.tiny_model import write_tiny_model
from tilegrad.cli import main


@pytest.fixture
def tiny_model(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.gguf"
    write_tiny_model(path)
    return path


def test_it_serves_until_it_is_told_to_stop(tiny_model: Path):
    program = Path(sys.executable).with_name("tilegrad")
    name = "[/tiny]"  # which is no markup
    options = ["--model", tiny_model, "--port", "0", "--sequences", "1", "--name", name]
    command = [program, "serve", *options]
    environment = os.environ | {"TILEGRAD_API_KEY": "k"}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
        try:
            line = server.stderr.readline()
            address = re.search(r"^\[/tiny\]: (http://127\.0\.0\.1:\d+/v1)", line)
            assert address, line + server.stderr.read()
            with openai.OpenAI(base_url=address.group(1), api_key="k", max_retries=0) as client:
                stream = client.completions.create(
                    model=name,
                    prompt="th",
                    max_tokens=200,
                    temperature=0,
                    logit_bias={"0": -100},
                    stream=True,
                )
                texts = [next(iter(stream)).choices[0].text]
                server.send_signal(signal.SIGINT)
                texts += [chunk.choices[0].text for chunk in stream]
            assert len(texts) > 100  # what runs may come to its end
            assert "Traceback" not in server.stderr.read()
        finally:
            server.kill()
    assert server.returncode == 0


@pytest.mark.parametrize("host", ["203.0.113.1", "x" * 64])
def test_an_address_that_cannot_be_had_is_named(tiny_model: Path, host: str):
    result = CliRunner().invoke(main, ["serve", "--model", str(tiny_model), "--host", host])
    assert result.exit_code == 1
    assert "cannot listen" in result.output
    assert "--host" in result.output


def test_an_address_that_another_took_meanwhile_is_named(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
):
    def take(*_: object) -> Never:
        raise OSError(errno.EADDRINUSE, "Address already in use")

    monkeypatch.setattr("tilegrad.apps.serve.run.load_service", lambda *_: SimpleNamespace())
    monkeypatch.setattr("tilegrad.apps.serve.run.build_application", lambda _: None)
    monkeypatch.setattr(socket.socket, "listen", take)
    result = CliRunner().invoke(main, ["serve", "--model", str(tiny_model), "--port", "0"])
    assert result.exit_code == 1
    assert "Address already in use" in result.output


def test_an_empty_key_is_not_taken_for_none(tiny_model: Path):
    result = CliRunner().invoke(main, ["serve", "--model", str(tiny_model), "--api-key", ""])
    assert result.exit_code == 1
    assert "no client can send this API key" in result.output
