"""The convolutional network that reads handwritten digits, as `tilegrad train` builds it."""

from __future__ import annotations

import numpy as np

from benchmarks.libraries import Library
from benchmarks.libraries.library import Array, Parameters

WIDTH, CLASSES = 32, 10


def make_parameters(generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the parameters for images of 8x8 pixels."""
    shapes = {
        "first": (WIDTH, 1, 3, 3),
        "second": (WIDTH, WIDTH, 3, 3),
        "third": (2 * WIDTH, WIDTH, 3, 3),
        "head": (2 * WIDTH * 4, CLASSES),
    }
    parameters = {}
    for name, shape in shapes.items():
        fan_in = int(np.prod(shape[1:])) if len(shape) == 4 else shape[0]
        scale = np.float32(fan_in**-0.5)
        parameters[name] = generator.standard_normal(shape, np.float32) * scale
        if name != "head":
            parameters[f"{name}.weight"] = np.ones(shape[0], np.float32)
            parameters[f"{name}.bias"] = np.zeros(shape[0], np.float32)
    parameters["head.bias"] = np.zeros(CLASSES, np.float32)
    return parameters


def make_batch(generator: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images (size, 1, 8, 8) and labels (size,)."""
    images = generator.standard_normal((size, 1, 8, 8), np.float32)
    return images, generator.integers(0, CLASSES, size)


def loss(library: Library, parameters: Parameters, images: Array, labels: Array) -> Array:
    """Return the mean cross-entropy."""

    def block(x: Array, name: str) -> Array:
        x = library.conv2d(x, parameters[name], padding=1)
        weight, bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
        return library.maximum(library.batch_norm(x, weight, bias), 0)

    x = library.max_pool2d(block(block(images, "first"), "second"), 2, 2)
    x = library.max_pool2d(block(x, "third"), 2, 2)
    logits = x.reshape(len(images), -1) @ parameters["head"] + parameters["head.bias"]
    return library.cross_entropy(logits, labels)
