"""`tilegrad serve` as a process: it says where it is, answers, and stops when it is told to."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

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
    command = [program, "serve", "--model", tiny_model, "--port", "0", "--sequences", "1"]
    environment = os.environ | {"TILEGRAD_API_KEY": "k"}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
        try:
            line = server.stderr.readline()
            address = re.search(r"tiny: (http://127\.0\.0\.1:\d+/v1)", line)
            assert address, line + server.stderr.read()
            with openai.OpenAI(base_url=address.group(1), api_key="k", max_retries=0) as client:
                stream = client.completions.create(
                    model="tiny",
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


def test_an_address_in_use_is_named(tiny_model: Path):
    result = CliRunner().invoke(
        main, ["serve", "--model", str(tiny_model), "--host", "203.0.113.1"]
    )
    assert result.exit_code == 1
    assert "cannot listen" in result.output
    assert "--host" in result.output
