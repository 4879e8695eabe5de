"""ResNet-50, forward (K. He et al., "Deep Residual Learning for Image Recognition", 2015).

The stride of a block that narrows is in its 3x3 convolution, as is usual since.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.libraries import Library
from benchmarks.libraries.library import Array, Parameters

STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))
EXPANSION, CLASSES = 4, 1000


def _convolutions() -> Iterator[tuple[str, int, int, int]]:
    """Yield name, channels in, channels out and window of every convolution."""
    yield "stem", 3, 64, 7
    channels = 64
    for stage, (blocks, width) in enumerate(STAGES):
        for block in range(blocks):
            name = f"{stage}.{block}"
            yield f"{name}.reduce", channels, width, 1
            yield f"{name}.middle", width, width, 3
            yield f"{name}.expand", width, EXPANSION * width, 1
            if block == 0:
                yield f"{name}.shortcut", channels, EXPANSION * width, 1
            channels = EXPANSION * width


def make_weights(
    generator: np.random.Generator, inputs: int, outputs: int, window: int
) -> np.ndarray:
    """Return random weights of a convolution that keep the numbers in range."""
    scale = np.float32((2 / (inputs * window * window)) ** 0.5)
    return generator.standard_normal((outputs, inputs, window, window), np.float32) * scale


def make_parameters(generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Return random weights and statistics that keep the numbers in range."""
    parameters = {}
    for name, inputs, outputs, window in _convolutions():
        parameters[name] = make_weights(generator, inputs, outputs, window)
        gain = 0.2 if name.endswith("expand") else 1.0
        parameters[f"{name}.weight"] = np.full(outputs, gain, np.float32)
        parameters[f"{name}.bias"] = np.zeros(outputs, np.float32)
        parameters[f"{name}.mean"] = generator.standard_normal(outputs, np.float32) * 0.1
        parameters[f"{name}.variance"] = 1 + generator.random(outputs, np.float32)
    head = generator.standard_normal((STAGES[-1][1] * EXPANSION, CLASSES), np.float32)
    parameters["head"] = head * np.float32(0.02)
    return parameters


def forward(library: Library, parameters: Parameters, images: Array) -> Array:
    """Return the logits (batch, 1000) of images (batch, 3, 224, 224)."""

    def layer(x: Array, name: str, stride: int = 1, padding: int = 0) -> Array:
        x = library.conv2d(x, parameters[name], stride, padding)
        kinds = ("weight", "bias", "mean", "variance")
        return library.frozen_batch_norm(x, *(parameters[f"{name}.{kind}"] for kind in kinds))

    x = library.maximum(layer(images, "stem", 2, 3), 0)
    x = library.max_pool2d(x, 3, 2, 1)
    for stage, (blocks, _) in enumerate(STAGES):
        for block in range(blocks):
            name, stride = f"{stage}.{block}", 2 if stage and not block else 1
            inner = library.maximum(layer(x, f"{name}.reduce"), 0)
            inner = library.maximum(layer(inner, f"{name}.middle", stride, 1), 0)
            shortcut = x if block else layer(x, f"{name}.shortcut", stride)
            x = library.maximum(layer(inner, f"{name}.expand") + shortcut, 0)
    return library.mean(x, (2, 3)) @ parameters["head"]
