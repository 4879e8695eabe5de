"""Strided windows by phases: what lies between the strides of a gradient is never multiplied.

The gradient of a strided convolution or pooling by its input is Σₖ unslide(x), where an element i
gets a term from window position k only if i − k is a multiple of the stride s: of s terms one is
not zero. With k = j·s + p and i = q·s + p this is a sum without strides for each phase p,

    Σₖ unslide(x, stride s)[q·s + p] = Σⱼ unslide(x at k = j·s + p, stride 1)[q]

and the phases lie next to each other in memory. The order of the terms changes, which no sum
promises. (Windows no longer than the stride need no sum at all: ``simplify/windows.py``.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import attributes_of
from tilegrad.ops.movement import pad_with, permute_axes, reshape_to, shrink_to
from tilegrad.ops.reduction import ReduceAttributes, reduce_sum, sum_over
from tilegrad.ops.windows import UnslideAttributes, unslide
from tilegrad.rewrite.graph import transform


def split_phases(nodes: Sequence[Node]) -> list[Node]:
    """Return the nodes with the strides of summed windows taken apart."""
    if not any(node.op is unslide for node in sort_topologically(nodes)):
        return list(nodes)
    return transform(nodes, lambda _, node: _split(node) if node.op is reduce_sum else node)


class _Window(NamedTuple):
    """A strided unslide: its axes, sizes (window, result, samples) and stride, all known."""

    axis: int
    along: int
    steps: int
    size: int
    samples: int
    stride: int

    @property
    def rounds(self) -> int:
        """How many positions of the window each phase has."""
        return -(-self.steps // self.stride)


def _find_window(node: Node, axes: tuple[int, ...]) -> _Window | None:
    axis, along, size, stride, dilation = attributes_of(node, UnslideAttributes)
    if along is None or along not in axes or stride == 1 or dilation != 1:
        return None
    steps, samples = node.sources[0].shape[along], node.sources[0].shape[axis]
    if not (isinstance(steps, int) and isinstance(size, int) and isinstance(samples, int)):
        return None
    return _Window(axis, along, steps, size, samples, stride) if samples else None


def _split(total: Node) -> Node:
    axes = attributes_of(total, ReduceAttributes).axes
    chain: list[Node] = []
    (source,) = total.sources
    while source.op is unslide:
        chain.append(source)
        (source,) = source.sources
    touched = [axis for node in chain for axis in attributes_of(node, UnslideAttributes)[:2]]
    windows = {node: _find_window(node, axes) for node in chain}
    if len(set(touched)) != len(touched) or not any(windows.values()):
        return total
    rank = len(source.shape)
    phases: dict[int, int] = {}  # the axis that a phase belongs to, and where the phase is
    result = source
    for node in reversed(chain):
        window = windows[node]
        if window is None:
            result = unslide(result, attributes=attributes_of(node, UnslideAttributes))
            continue
        phases[window.axis] = rank + len(phases)
        result = _unslide_phases(result, window)
    order: list[int] = []
    for axis in range(rank):
        order += [axis, phases[axis]] if axis in phases else [axis]
    summed = tuple(place for place, axis in enumerate(order) if axis in axes)
    result = sum_over(permute_axes(result, order), summed)
    return _merge(result, total, [one for one in windows.values() if one is not None])


def _unslide_phases(node: Node, window: _Window) -> Node:
    """Return the windows without strides, and the phases along a new last axis."""
    padding: list[tuple[int, int]] = [(0, 0)] * len(node.shape)
    padding[window.along] = (0, window.rounds * window.stride - window.steps)
    padded = pad_with(node, tuple(padding))
    shape = list(padded.shape)
    shape[window.along : window.along + 1] = [window.rounds, window.stride]
    order = [axis for axis in range(len(shape)) if axis != window.along + 1]
    parts = permute_axes(reshape_to(padded, tuple(shape)), [*order, window.along + 1])
    size = window.samples + window.rounds - 1
    return unslide(parts, attributes=UnslideAttributes(window.axis, window.along, size, 1, 1))


def _merge(node: Node, total: Node, windows: Sequence[_Window]) -> Node:
    """Return positions and phases as one axis each, cut or filled up to the size of the total."""
    shape = list(total.shape)
    for window in windows:
        shape[window.axis] = (window.samples + window.rounds - 1) * window.stride
    merged = reshape_to(node, tuple(shape))
    bounds = [(0, size) for size in shape]
    padding: list[tuple[int, int]] = [(0, 0)] * len(shape)
    for window in windows:
        whole = (window.samples + window.rounds - 1) * window.stride
        bounds[window.axis] = (0, min(whole, window.size))
        padding[window.axis] = (0, max(0, window.size - whole))
    return pad_with(shrink_to(merged, tuple(bounds)), tuple(padding))
