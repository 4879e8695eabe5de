"""A whole training: what is shown and saved, and what an interrupt does."""

from __future__ import annotations

import re
import signal

import pytest
import safetensors

from tests.apps.training.shapes import make_shapes
from tilegrad.apps.training import run as module
from tilegrad.apps.training.display import Display
from tilegrad.apps.training.recipe import Recipe
from tilegrad.apps.training.run import train
from tilegrad.base.errors import DataError
from tilegrad.base.settings import Settings
from tilegrad.engine import Session
from tilegrad.nn.state import safe_load

RECIPE = Recipe(model="convnet-small", epochs=2, batch_size=16, learning_rate=0.02)


@pytest.fixture
def session(monkeypatch) -> Session:
    monkeypatch.setattr(module, "load_dataset", lambda _name, _cache, _meter: make_shapes(32, 12))
    return Session(Settings(device="reference"))


def test_every_epoch_and_a_summary_are_told(session, capsys):
    outcome = train(session, "shapes", RECIPE)
    assert outcome.is_complete
    text = capsys.readouterr().out
    assert "shapes from a test: 32 images to learn from, 12 held out" in text
    assert re.search(r"epoch 1/2  loss \d\.\d{4}  held-out \d+\.\d{2}%  [\d,]+ samples/s", text)
    assert re.search(r"held-out accuracy: \d+\.\d{2}% after 2 epochs, in ", text)
    assert "time to the first step: " in text


def test_the_best_weights_are_saved(session, tmp_path):
    path = tmp_path / "weights.safetensors"
    outcome = train(session, "shapes", RECIPE, path)
    with safetensors.safe_open(path, "numpy") as file:
        facts = file.metadata()
    assert facts["model"] == "convnet-small"
    assert facts["epoch"] == str(outcome.best.epoch)
    names = {name for name, tensor in safe_load(path).items() if tensor.shape}
    assert "classifier.weight" in names


def test_an_interrupt_ends_it_and_keeps_what_was_saved(session, tmp_path, monkeypatch, capsys):
    def interrupt(self, event) -> None:
        if event.epoch == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Display, "show", interrupt)
    path = tmp_path / "weights.safetensors"
    outcome = train(session, "shapes", RECIPE, path)
    assert not outcome.is_complete
    assert outcome.last.epoch == 1
    assert safe_load(path)
    text = capsys.readouterr().out
    assert "interrupted" in text
    assert f"saved: {path} (epoch 1" in text


def test_an_interrupt_before_the_first_epoch_saves_nothing(session, tmp_path, monkeypatch, capsys):
    def interrupt(self, event) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Display, "show", interrupt)
    outcome = train(session, "shapes", RECIPE, tmp_path / "weights.safetensors")
    assert (outcome.is_complete, outcome.last) == (False, None)
    assert list(tmp_path.iterdir()) == []
    assert "saved: nothing" in capsys.readouterr().out


def test_a_folder_that_is_missing_is_said_before_anything_is_trained(session, tmp_path):
    with pytest.raises(DataError, match="cannot be saved"):
        train(session, "shapes", RECIPE, tmp_path / "missing" / "weights.safetensors")
