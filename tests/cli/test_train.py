"""`tilegrad train`: its arguments."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tilegrad.apps.training import recipe_for
from tilegrad.apps.training.run import Outcome
from tilegrad.cli import main
from tilegrad.cli import train as module


@pytest.fixture
def calls(monkeypatch) -> list:
    """Note what would be trained."""
    noted = []

    def note(session, *arguments):
        noted.append((session.settings, *arguments))
        return Outcome(is_complete=len(noted) == 1)

    monkeypatch.setattr(module, "run", note)
    return noted


def test_the_data_set_decides_what_is_not_given(calls):
    result = CliRunner().invoke(main, ["train"])
    assert result.exit_code == 0, result.output
    ((_, dataset, recipe, save),) = calls
    assert (dataset, recipe, save) == ("digits", recipe_for("digits"), None)


def test_options_replace_the_recipe_and_the_settings(calls):
    arguments = "train --dataset fashion-mnist --model convnet-deep --epochs 3 --batch-size 32"
    arguments += " --learning-rate 0.5 --seed 7 --threads 1 --device reference --save a.safetensors"
    result = CliRunner().invoke(main, arguments.split())
    assert result.exit_code == 0, result.output
    ((settings, dataset, recipe, save),) = calls
    assert (settings.threads, settings.device) == (1, "reference")
    assert (dataset, save) == ("fashion-mnist", Path("a.safetensors"))
    assert (recipe.model, recipe.epochs, recipe.batch_size) == ("convnet-deep", 3, 32)
    assert (recipe.learning_rate, recipe.seed, recipe.is_flipped) == (0.5, 7, True)


def test_an_interrupted_training_exits_as_an_interrupted_program(calls):
    CliRunner().invoke(main, ["train"])
    assert CliRunner().invoke(main, ["train"]).exit_code == 130


@pytest.mark.parametrize(
    "arguments", [["--epochs", "0"], ["--dataset", "letters"], ["--model", "big"], ["--seed", "-1"]]
)
def test_values_that_make_no_sense_are_refused(calls, arguments):
    result = CliRunner().invoke(main, ["train", *arguments])
    assert result.exit_code == 2
    assert calls == []


def test_an_unknown_device_is_named():
    result = CliRunner().invoke(main, ["train", "--device", "abacus"])
    assert result.exit_code == 1
    assert "abacus" in result.stderr
    assert "reference" in result.stderr
