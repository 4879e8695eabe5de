"""Training: one captured step for every batch, and the accuracy on held-out images in between."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy

from tilegrad import nn
from tilegrad.apps.datasets import Dataset
from tilegrad.apps.training.batches import Scaling, count_batches, even_batches, shuffled_batches
from tilegrad.apps.training.recipe import Recipe, build_model
from tilegrad.tensor import Tensor
from tilegrad.tensor.jit import jit

EVALUATION_BATCH = 256


@dataclass(frozen=True, slots=True)
class StepDone:
    """A batch was learnt from.

    Attributes:
        epoch: number of the epoch, from 1.
        step: number of the step in all, from 1.
        loss: mean over the batch.
        samples: images so far in this epoch.
        seconds: since the epoch began.
    """

    epoch: int
    step: int
    loss: float
    samples: int
    seconds: float


@dataclass(frozen=True, slots=True)
class EpochDone:
    """All images were seen once more.

    Attributes:
        epoch: its number, from 1.
        loss: mean over its steps.
        accuracy: share of the held-out images that were told rightly afterwards, from 0 to 1.
        samples: images that were learnt from.
        seconds: that learning took, without the held-out images.
    """

    epoch: int
    loss: float
    accuracy: float
    samples: int
    seconds: float

    @property
    def rate(self) -> float:
        """Images learnt from in a second."""
        return self.samples / self.seconds


class Trainer:
    """A network that learns a data set by a recipe, on the session's default device.

    Args:
        dataset: what is learnt.
        recipe: how.

    Attributes:
        model: the network.
        steps: number of steps in all epochs.
        learn: the captured training step.

    Raises:
        ArgumentError: the recipe does not fit the data set.
        ShapeError: the images are too small for the model.
    """

    def __init__(self, dataset: Dataset, recipe: Recipe) -> None:
        self.dataset, self.recipe = dataset, recipe
        Tensor.manual_seed(recipe.seed)
        self.model = build_model(recipe, dataset)
        self.steps = recipe.epochs * count_batches(dataset, recipe)
        self.scaling = Scaling(dataset.train.images)
        self.optimizer = nn.optim.AdamW(
            self.model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.learn = jit(self._learn)
        self._classify = jit(self._choose)

    def run(self) -> Iterator[StepDone | EpochDone]:
        """Train, telling each step and each epoch when it is done."""
        schedule = nn.optim.lr_scheduler.OneCycleLR(
            self.optimizer, self.recipe.learning_rate, self.steps + 1
        )
        step = 0
        for epoch in range(1, self.recipe.epochs + 1):
            losses: list[float] = []
            samples, start, seconds = 0, time.perf_counter(), 0.0
            batches = shuffled_batches(self.dataset, self.scaling, self.recipe, epoch)
            for images, labels in batches:
                losses.append(self.learn(Tensor(images), Tensor(labels)).item())
                schedule.step()
                step += 1
                samples += len(labels)
                seconds = time.perf_counter() - start
                yield StepDone(epoch, step, losses[-1], samples, seconds)
            loss = float(numpy.mean(losses))
            yield EpochDone(epoch, loss, self.measure_accuracy(), samples, seconds)

    def measure_accuracy(self) -> float:
        """Return the share of the held-out images that the network tells rightly, from 0 to 1."""
        correct = 0
        for images, labels in even_batches(
            self.dataset.held_out, self.scaling, min(EVALUATION_BATCH, len(self.dataset.held_out))
        ):
            chosen = self._classify(Tensor(images)).numpy()[: len(labels)]
            correct += int((chosen == labels).sum())
        return correct / len(self.dataset.held_out)

    def _learn(self, images: Tensor, labels: Tensor) -> Tensor:
        """Take a step and return the loss before it."""
        with Tensor.train():
            self.optimizer.zero_grad()
            logits = self.model(images)
            smoothing = self.recipe.label_smoothing
            loss = logits.sparse_categorical_crossentropy(labels, label_smoothing=smoothing)
            loss.backward()
            self.optimizer.step(loss)
        return loss.detach()

    def _choose(self, images: Tensor) -> Tensor:
        return self.model(images).argmax(1)
