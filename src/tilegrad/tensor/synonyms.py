"""Other names that PyTorch has for methods of tensors, and tensors made like another."""

from __future__ import annotations

from typing import Self

from tilegrad.base.errors import ShapeError
from tilegrad.tensor.arithmetic import Operand
from tilegrad.tensor.base import Number
from tilegrad.tensor.broadcasting import show_shape
from tilegrad.tensor.conversion import Data, node_of
from tilegrad.tensor.placing import Placing
from tilegrad.tensor.size import Size


class Synonyms(Placing):
    """Names only, where a line names the method, and the smallest of methods."""

    __slots__ = ()

    absolute = Placing.abs
    argwhere = Placing.nonzero
    arccos = Placing.acos
    arccosh = Placing.acosh
    arcsin = Placing.asin
    arcsinh = Placing.asinh
    arctan = Placing.atan
    arctan2 = Placing.atan2
    arctanh = Placing.atanh
    bitwise_left_shift = Placing.lshift
    bitwise_right_shift = Placing.rshift
    concat = Placing.cat
    concatenate = Placing.cat
    divide = Placing.div
    fix = Placing.trunc
    ger = Placing.outer
    greater = Placing.gt
    greater_equal = Placing.ge
    less = Placing.lt
    less_equal = Placing.le
    multiply = Placing.mul
    ndimension = Placing.dim
    negative = Placing.neg
    nelement = Placing.numel
    not_equal = Placing.ne
    ravel = Placing.flatten
    split_with_sizes = Placing.split
    subtract = Placing.sub
    swapdims = Placing.transpose
    trapz = Placing.trapezoid
    true_divide = Placing.div
    view_as = Placing.reshape_as

    def clamp_min(self, minimum: Operand) -> Self:
        """Return x where it is above a limit, else the limit."""
        return self.maximum(minimum)

    def clamp_max(self, maximum: Operand) -> Self:
        """Return x where it is below a limit, else the limit."""
        return self.minimum(maximum)

    def equal(self, other: Self) -> bool:
        """Return whether two tensors have one shape and equal elements; they are realised."""
        return self.shape == other.shape and bool((self == other).all())

    def is_signed(self) -> bool:
        """Return whether the dtype has negative numbers."""
        return not self.dtype.is_unsigned and not self.dtype.is_boolean

    def t(self) -> Self:
        """Return a matrix transposed; a vector or a scalar as it is.

        Raises:
            ShapeError: there are more than two axes.
        """
        if self.ndim > 2:
            raise ShapeError(
                "t needs two axes at most",
                got=show_shape(self.node.shape),
                mend="name the axes: .transpose(0, 1)",
            )
        return self.transpose(0, 1) if self.ndim == 2 else self

    def new_full(self, size: tuple[Size, ...], fill_value: Number) -> Self:
        """Return a tensor of one value, of this dtype and on this device."""
        node = self.as_operand(fill_value, self.node.dtype)
        return self.with_node(node).reshape(*(1 for _ in size)).expand(*size)

    def new_zeros(self, *size: Size) -> Self:
        """Return zeros of this dtype and on this device."""
        return self.new_full(size, 0)

    new_empty = new_zeros

    def new_tensor(self, data: Data) -> Self:
        """Return a tensor of data, of this dtype and on this device."""
        return self.with_node(node_of(data, self.dtype, self.device))

    def new_ones(self, *size: Size) -> Self:
        """Return ones of this dtype and on this device."""
        return self.new_full(size, 1)
