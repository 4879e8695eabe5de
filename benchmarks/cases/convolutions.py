"""Convolutions: layers of ResNet-50, separate channels, strides and gaps."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.cases.case import Case, captured_call, tolerance_of
from benchmarks.libraries import Library
from benchmarks.libraries.library import Array


class Layer(NamedTuple):
    """A convolution; what is not named is as in PyTorch."""

    batch: int
    inputs: int
    outputs: int
    image: int
    window: int
    stride: int = 1
    groups: int = 1
    dilation: int = 1
    dtype: str = "float32"


RESNET = (
    (3, 64, 224, 7, 2),
    (64, 64, 56, 3, 1),
    (128, 128, 28, 3, 1),
    (256, 256, 14, 3, 1),
    (512, 512, 7, 3, 1),
    (128, 256, 56, 3, 2),
    (512, 512, 14, 3, 2),
    (256, 64, 56, 1, 1),
    (1024, 2048, 14, 1, 2),
)
LAYERS = (
    *(Layer(batch, *numbers) for batch in (1, 16) for numbers in RESNET),
    Layer(16, 32, 64, 28, 3),
    *(Layer(batch, 128, 128, 56, 3, groups=128) for batch in (1, 16)),
    Layer(1, 256, 256, 56, 3, 2, groups=256),
    Layer(1, 128, 128, 28, 3, groups=4),
    *(Layer(batch, 128, 128, 28, 3, dilation=2) for batch in (1, 16)),
    *(Layer(batch, 64, 64, 56, 3, dtype="bfloat16") for batch in (1, 16)),
    Layer(1, 256, 64, 56, 1, dtype="bfloat16"),
)


def make_case(layer: Layer) -> Case:
    reach = layer.dilation * (layer.window - 1)
    padding = reach // 2

    def convolve(library: Library, x: Array, weight: Array) -> Array:
        return library.conv2d(x, weight, layer.stride, padding, layer.groups, layer.dilation)

    side = (layer.image + 2 * padding - reach - 1) // layer.stride + 1
    inner = layer.inputs // layer.groups
    shapes = (
        (layer.batch, layer.inputs, layer.image, layer.image),
        (layer.outputs, inner, layer.window, layer.window),
    )
    name = f"conv-{layer.batch}x{layer.inputs}-{layer.outputs}-{layer.image}-{layer.window}"
    text = f"conv {layer.inputs}→{layer.outputs} of {layer.image}², {layer.window}×{layer.window}"
    parts = [f"stride {layer.stride}", f"batch {layer.batch}"]
    name += f"s{layer.stride}"
    if layer.groups > 1:
        name += f"g{layer.groups}"
        parts.append(f"{layer.groups} groups")
    if layer.dilation > 1:
        name += f"d{layer.dilation}"
        parts.append(f"dilation {layer.dilation}")
    if layer.dtype != "float32":
        name += f"-{layer.dtype}"
        parts.append(layer.dtype)
    return Case(
        name=name,
        group="convolutions",
        title=", ".join([text, *parts]),
        prepare=captured_call(convolve, *shapes, dtype=layer.dtype),
        work=(2.0 * layer.batch * layer.outputs * side**2 * inner * layer.window**2, "FLOP"),
        is_quick=layer == Layer(1, 64, 64, 56, 3),
        tolerance=tolerance_of(layer.dtype),
    )


CASES = tuple(map(make_case, LAYERS))
