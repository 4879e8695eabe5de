"""ResNet-18 in training (K. He et al., "Deep Residual Learning for Image Recognition", 2015)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.libraries import Library
from benchmarks.libraries.library import Array, Parameters
from benchmarks.networks.resnet import make_weights

WIDTHS, BLOCKS, CLASSES = (64, 128, 256, 512), 2, 1000


def _convolutions() -> Iterator[tuple[str, int, int, int]]:
    """Yield name, channels in, channels out and window of every convolution."""
    yield "stem", 3, 64, 7
    channels = 64
    for stage, width in enumerate(WIDTHS):
        for block in range(BLOCKS):
            yield f"{stage}.{block}.first", channels, width, 3
            yield f"{stage}.{block}.second", width, width, 3
            if channels != width:
                yield f"{stage}.{block}.shortcut", channels, width, 1
            channels = width


def make_parameters(generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Return random weights."""
    parameters = {}
    for name, inputs, outputs, window in _convolutions():
        parameters[name] = make_weights(generator, inputs, outputs, window)
        parameters[f"{name}.weight"] = np.ones(outputs, np.float32)
        parameters[f"{name}.bias"] = np.zeros(outputs, np.float32)
    head = generator.standard_normal((WIDTHS[-1], CLASSES), np.float32)
    parameters["head"] = head * np.float32(0.02)
    return parameters


def make_batch(
    generator: np.random.Generator, images: int, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return images (count, 3, side, side) and labels (count,)."""
    pixels = generator.standard_normal((images, 3, side, side), np.float32)
    return pixels, generator.integers(0, CLASSES, images)


def loss(library: Library, parameters: Parameters, images: Array, labels: Array) -> Array:
    """Return the mean cross-entropy, with norms by the batch's statistics."""

    def layer(x: Array, name: str, stride: int = 1, padding: int = 1) -> Array:
        x = library.conv2d(x, parameters[name], stride, padding)
        return library.batch_norm(x, parameters[f"{name}.weight"], parameters[f"{name}.bias"])

    x = library.maximum(layer(images, "stem", 2, 3), 0)
    x = library.max_pool2d(x, 3, 2, 1)
    for stage in range(len(WIDTHS)):
        for block in range(BLOCKS):
            name, stride = f"{stage}.{block}", 2 if stage and not block else 1
            inner = library.maximum(layer(x, f"{name}.first", stride), 0)
            shortcut = layer(x, f"{name}.shortcut", stride, 0) if stride > 1 else x
            x = library.maximum(layer(inner, f"{name}.second") + shortcut, 0)
    return library.cross_entropy(library.mean(x, (2, 3)) @ parameters["head"], labels)
