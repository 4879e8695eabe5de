"""How each data set is learnt: what `tilegrad train` does unless its options say otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from tilegrad.apps.datasets import Dataset
from tilegrad.apps.models import ConvNet
from tilegrad.base.errors import ArgumentError, ShapeError

# The channels of each stage of the convnets, by the name on the command line.
MODELS: dict[str, tuple[int, ...]] = {
    "convnet-small": (16, 32),
    "convnet": (32, 64),
    "convnet-deep": (16, 32, 64),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is trained, how long, and how.

    Attributes:
        model: one of `MODELS`.
        epochs: how often all images are seen.
        batch_size: images a step.
        learning_rate: the highest in the one-cycle schedule.
        weight_decay: of AdamW.
        dropout: share of the features that are dropped before the last layer.
        label_smoothing: share of each label that is given to all classes alike.
        shift: pixels by which images are moved at random, at most, each way.
        is_flipped: whether half of the images are mirrored.
        seed: of the weights, the order, the changes to images, and dropout.
    """

    model: str
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.01
    dropout: float = 0.25
    label_smoothing: float = 0.1
    shift: int = 0
    is_flipped: bool = False
    seed: int = 0


_RECIPES = {
    "digits": Recipe(model="convnet", epochs=20, batch_size=64, learning_rate=0.01, shift=1),
    "fashion-mnist": Recipe(
        model="convnet-deep",
        epochs=4,
        batch_size=128,
        learning_rate=0.01,
        dropout=0.1,
        label_smoothing=0.0,
        is_flipped=True,
    ),
}


def recipe_for(dataset: str) -> Recipe:
    """Return the recipe of a data set by its name.

    Raises:
        ArgumentError: there is none.
    """
    if dataset not in _RECIPES:
        raise ArgumentError(
            "There is no such data set", got=dataset, expected=" or ".join(_RECIPES)
        )
    return _RECIPES[dataset]


def build_model(recipe: Recipe, dataset: Dataset) -> ConvNet:
    """Return a new network of the recipe's kind for the images of a data set.

    Raises:
        ArgumentError: there is no such model, or there are fewer images than in one batch.
        ShapeError: the images are too small for it.
    """
    widths = MODELS.get(recipe.model)
    if widths is None:
        raise ArgumentError("There is no such model", got=recipe.model, expected=", ".join(MODELS))
    if recipe.batch_size > len(dataset.train):
        raise ArgumentError(
            "A batch holds more images than there are to learn from",
            got=recipe.batch_size,
            expected=f"at most {len(dataset.train)}",
        )
    channels, height, width = dataset.image_shape
    if min(height, width) < 2 ** len(widths):
        raise ShapeError(
            f"The images are too small for {recipe.model}",
            got=f"{height}x{width}",
            expected=f"at least {2 ** len(widths)} pixels a side",
        )
    return ConvNet(len(dataset.classes), channels, widths, recipe.dropout)
