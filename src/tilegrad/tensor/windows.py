"""Windows over spatial axes: what convolutions and pooling share.

There is one path for every stride, dilation and padding: each spatial axis gets a second axis,
which counts through the window, and ``slide`` moves the samples along it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tilegrad.base.errors import ArgumentError, ShapeError
from tilegrad.ir.node import Node
from tilegrad.ops import symbolic
from tilegrad.ops.movement import expand_to, reshape_to
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import check_choice, per_axis
from tilegrad.tensor.broadcasting import show_shape
from tilegrad.tensor.size import Index

Numbers = int | Sequence[int]
Padding = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows over some axes, with one number for each axis.

    Attributes:
        sizes: number of samples in a window.
        strides: distance between windows.
        dilations: distance between the samples of a window.
        padding: elements before and after.
    """

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    padding: Padding

    @property
    def spans(self) -> tuple[int, ...]:
        """The length that a window covers, along each axis."""
        pairs = zip(self.sizes, self.dilations, strict=True)
        return tuple((size - 1) * dilation + 1 for size, dilation in pairs)

    def count(self, extents: Sequence[Index]) -> tuple[Index, ...]:
        """Return how many windows fit along each axis.

        Args:
            extents: the sizes without padding.

        Raises:
            ShapeError: not even one fits.
        """
        counts = []
        for extent, span, stride, pair in zip(
            extents, self.spans, self.strides, self.padding, strict=True
        ):
            room = symbolic.add(extent, pair[0] + pair[1] - span)
            if symbolic.less(room, 0) is True:
                raise ShapeError(
                    "the window is longer than the padded axis",
                    got=f"a window over {span} of {extent} + {pair[0]} + {pair[1]}",
                    expected=f"at most {symbolic.add(extent, pair[0] + pair[1])}",
                )
            counts.append(symbolic.add(symbolic.floor_divide(room, stride), 1))
        return tuple(counts)


def read_windows(
    sizes: tuple[int, ...],
    stride: int | Sequence[int],
    dilation: int | Sequence[int],
    padding: int | Sequence[int] | str,
) -> Windows:
    """Return windows from the arguments of a method.

    Args:
        sizes: number of samples in a window, along each axis.
        stride: distance between windows, one number or one for each axis.
        dilation: distance between the samples of a window, likewise.
        padding: one number for all; one for each axis; or, flat, before and after for each axis
            from the last on; "valid" for none; "same" to keep the size at stride 1.

    Raises:
        ArgumentError: a number is missing or out of its range.
    """
    count = len(sizes)
    strides = per_axis(stride, count, "stride")
    dilations = per_axis(dilation, count, "dilation")
    if min((*sizes, *strides, *dilations), default=1) < 1:
        raise ArgumentError(
            "these windows make no sense",
            got=f"window {sizes}, stride {strides}, dilation {dilations}",
            expected="numbers of 1 or more",
        )
    plan = Windows(sizes, strides, dilations, ((0, 0),) * count)
    return replace(plan, padding=_read_padding(padding, count, plan.spans))


def _read_padding(padding: int | Sequence[int] | str, count: int, spans: Sequence[int]) -> Padding:
    if isinstance(padding, str):
        check_choice("padding", padding, ("valid", "same"))
        if padding == "valid":
            return ((0, 0),) * count
        return tuple(((span - 1) // 2, span - 1 - (span - 1) // 2) for span in spans)
    if isinstance(padding, Sequence) and len(padding) == 2 * count and count > 0:
        flat = tuple(int(amount) for amount in padding)
        pairs = tuple((flat[i], flat[i + 1]) for i in range(0, 2 * count, 2))[::-1]
    else:
        amounts = per_axis(padding, count, "padding")
        pairs = tuple((amount, amount) for amount in amounts)
    if any(amount < 0 for pair in pairs for amount in pair):
        raise ArgumentError("the padding is negative", got=padding, expected="0 or more")
    return pairs


def open_windows(node: Node, windows: Windows, counts: Sequence[Index]) -> Node:
    """Return windows over the last axes of a node that is already padded.

    Returns:
        A node of shape (.., *counts, *sizes).
    """
    spatial = len(windows.sizes)
    first = len(node.shape) - spatial
    wide = reshape_to(node, node.shape + (1,) * spatial)
    wide = expand_to(wide, node.shape + windows.sizes)
    for place in range(spatial):
        step = (windows.strides[place], windows.dilations[place])
        axis, along = first + place, first + spatial + place
        if windows.sizes[place] == 1 and step[0] == 1 and wide.shape[axis] == counts[place]:
            continue
        wide = nodes.slide(wide, axis, along, counts[place], step)
    return wide


def check_rank(name: str, node: Node, expected: Sequence[int], layout: str) -> None:
    """Check that a tensor has one of some numbers of axes.

    Raises:
        ShapeError: it has another.
    """
    if len(node.shape) not in expected:
        raise ShapeError(
            f"{name} needs a tensor with {' or '.join(map(str, expected))} axes",
            got=f"shape {show_shape(node.shape)}",
            expected=layout,
        )
