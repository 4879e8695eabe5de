"""The demonstration itself, cut short: real images, the compiled device, the real command."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys

import safetensors

from tilegrad.apps.training import recipe_for, train
from tilegrad.base.settings import Settings
from tilegrad.engine import Session

COMMAND = "from tilegrad.cli import main; main(prog_name='tilegrad')"


def test_digits_are_learnt_by_compiled_kernels(tmp_path, capsys):
    recipe = dataclasses.replace(recipe_for("digits"), epochs=4)
    with Session(Settings(cache_directory=tmp_path)).entered() as session:
        outcome = train(session, "digits", recipe)
    assert outcome.last.accuracy > 0.95
    text = capsys.readouterr().out
    assert "of native code" in text
    assert "replayed as one call" in text
    assert "peak memory: " in text


def test_an_interrupted_command_stops_cleanly_with_its_weights_saved(tmp_path):
    path = tmp_path / "weights.safetensors"
    arguments = ["train", "--model", "convnet-small", "--epochs", "1000", "--save", str(path)]
    command = [sys.executable, "-u", "-c", COMMAND, *arguments]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as it:
        for line in it.stdout:
            lines.append(line)
            if line.startswith("epoch    2/1000") and lines.count(line) == 1:
                it.send_signal(signal.SIGINT)
        errors = it.stderr.read()
    assert (it.returncode, errors) == (130, "")
    assert "interrupted\n" in lines
    assert any(line.startswith("held-out accuracy: ") for line in lines)
    with safetensors.safe_open(path, "numpy") as file:
        assert file.metadata()["model"] == "convnet-small"
