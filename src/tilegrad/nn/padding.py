"""Padding as layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tilegrad.nn.module import Module
from tilegrad.tensor import Tensor


class _Pad(Module):
    """Elements before and after the last axes.

    Args:
        padding: how many on every side; or, from the last axis on, before and after each.
    """

    axes: ClassVar[int]
    mode: ClassVar[str]

    def __init__(self, padding: int | Sequence[int]) -> None:
        count = 2 * self.axes
        self.padding = (padding,) * count if isinstance(padding, int) else tuple(padding)

    def forward(self, x: Tensor) -> Tensor:
        """Return the padded tensor."""
        return x.pad(self.padding, self.mode)


class _ConstantPad(_Pad):
    mode = "constant"

    def __init__(self, padding: int | Sequence[int], value: float = 0.0) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        """Return the padded tensor."""
        return x.pad(self.padding, self.mode, self.value)


class _ZeroPad(_ConstantPad):
    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__(padding)


class ConstantPad1d(_ConstantPad):
    """A number before and after the last axis."""

    axes = 1


class ConstantPad2d(_ConstantPad):
    """A number before and after the last two axes."""

    axes = 2


class ConstantPad3d(_ConstantPad):
    """A number before and after the last three axes."""

    axes = 3


class ZeroPad1d(_ZeroPad):
    """Zeros before and after the last axis."""

    axes = 1


class ZeroPad2d(_ZeroPad):
    """Zeros before and after the last two axes."""

    axes = 2


class ZeroPad3d(_ZeroPad):
    """Zeros before and after the last three axes."""

    axes = 3


class ReflectionPad1d(_Pad):
    """The elements in reverse order, without the edge, before and after the last axis."""

    axes = 1
    mode = "reflect"


class ReflectionPad2d(_Pad):
    """The elements in reverse order, without the edge, before and after the last two axes."""

    axes = 2
    mode = "reflect"


class ReflectionPad3d(_Pad):
    """The elements in reverse order, without the edge, before and after the last three axes."""

    axes = 3
    mode = "reflect"


class ReplicationPad1d(_Pad):
    """The edge before and after the last axis."""

    axes = 1
    mode = "replicate"


class ReplicationPad2d(_Pad):
    """The edge before and after the last two axes."""

    axes = 2
    mode = "replicate"


class ReplicationPad3d(_Pad):
    """The edge before and after the last three axes."""

    axes = 3
    mode = "replicate"


class CircularPad1d(_Pad):
    """The elements from the other end before and after the last axis."""

    axes = 1
    mode = "circular"


class CircularPad2d(_Pad):
    """The elements from the other end before and after the last two axes."""

    axes = 2
    mode = "circular"


class CircularPad3d(_Pad):
    """The elements from the other end before and after the last three axes."""

    axes = 3
    mode = "circular"
