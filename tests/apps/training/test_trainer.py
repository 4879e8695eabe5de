"""Training: on the device that computes op by op, so that it is the trainer that is tested."""

from __future__ import annotations

import dataclasses

import numpy
import pytest

from tests.apps.training.shapes import make_shapes
from tilegrad.apps.training.recipe import Recipe
from tilegrad.apps.training.trainer import EpochDone, StepDone, Trainer
from tilegrad.base.errors import ArgumentError, ShapeError
from tilegrad.base.settings import Settings
from tilegrad.engine import Session
from tilegrad.tensor import Tensor

RECIPE = Recipe(model="convnet-small", epochs=3, batch_size=16, learning_rate=0.02)


@pytest.fixture(autouse=True)
def session():
    with Session(Settings(device="reference")).entered() as session:
        yield session


def test_a_network_learns_what_is_easy():
    events = list(Trainer(make_shapes(), RECIPE).run())
    epochs = [event for event in events if isinstance(event, EpochDone)]
    steps = [event for event in events if isinstance(event, StepDone)]
    assert [event.epoch for event in epochs] == [1, 2, 3]
    assert [event.step for event in steps] == list(range(1, 13))
    assert [event.samples for event in steps] == [16, 32, 48, 64] * 3
    assert epochs[-1].accuracy == 1.0
    assert epochs[-1].loss < epochs[0].loss
    assert epochs[0].loss == pytest.approx(numpy.mean([each.loss for each in steps[:4]]))


def test_the_seed_alone_decides_what_is_learnt():
    def losses(seed: int) -> list[float]:
        recipe = dataclasses.replace(RECIPE, seed=seed, epochs=1, shift=1, is_flipped=True)
        events = Trainer(make_shapes(32), recipe).run()
        return [event.loss for event in events if isinstance(event, StepDone)]

    assert losses(3) == losses(3)
    assert losses(3) != losses(4)


def test_the_last_batch_of_held_out_images_is_counted_rightly(monkeypatch):
    monkeypatch.setattr("tilegrad.apps.training.trainer.EVALUATION_BATCH", 8)
    trainer = Trainer(make_shapes(held_out=20), RECIPE)
    whole = trainer.model(Tensor(trainer.scaling(trainer.dataset.held_out.images)))
    chosen = whole.numpy().argmax(1)
    expected = (chosen == trainer.dataset.held_out.labels).mean()
    assert trainer.measure_accuracy() == pytest.approx(expected)


def test_recipes_that_do_not_fit_are_refused():
    with pytest.raises(ArgumentError, match="no such model"):
        Trainer(make_shapes(), dataclasses.replace(RECIPE, model="transformer"))
    with pytest.raises(ArgumentError, match="more images"):
        Trainer(make_shapes(), dataclasses.replace(RECIPE, batch_size=65))
    images = make_shapes()
    narrow = dataclasses.replace(images.train, images=images.train.images[..., :3])
    with pytest.raises(ShapeError, match="too small"):
        Trainer(dataclasses.replace(images, train=narrow), RECIPE)
