"""Changing the dtype of a tensor, by value or by bits."""

from __future__ import annotations

from typing import Self

from tilegrad.base.errors import DTypeError, ShapeError
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.movement import reshape_to
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import DTypeLike, resolve_dtype
from tilegrad.tensor.base import TensorBase


class Casting(TensorBase):
    """Conversions between dtypes."""

    __slots__ = ()

    def cast(self, dtype: DTypeLike) -> Self:
        """Return the values in another dtype; the tensor itself if it has that dtype.

        Float to integer goes toward zero and saturates (NaN gives 0), integers wrap, any value but
        zero becomes True, and floats round to nearest even (the FP8 formats saturate).

        Raises:
            DTypeError: ``dtype`` is no dtype of a tensor.
        """
        wanted = dtype if type(dtype) is DType else resolve_dtype(dtype)
        if wanted is self.node.dtype:
            return self
        return self.with_node(cast_to(self.node, wanted))

    def bitcast(self, dtype: DTypeLike) -> Self:
        """Return the bits read as another dtype.

        Where the widths differ, the last axis grows or shrinks by their ratio (little-endian).

        Raises:
            DTypeError: one of the dtypes is bool.
            ShapeError: the last axis does not hold a whole number of wider elements.
        """
        wanted = resolve_dtype(dtype)
        source = self.node.dtype
        if source is wanted:
            return self
        if source.is_boolean or wanted.is_boolean:
            raise DTypeError(
                "a bool has no bits to reinterpret",
                got=f"{source.name} to {wanted.name}",
                mend="cast it to uint8 first, or compare the result with 0",
            )
        if source.bits == wanted.bits:
            return self.with_node(nodes.bitcast(self.node, wanted))
        if source.bits > wanted.bits:
            return self.with_node(_split_bits(self.node, wanted))
        return self.with_node(_join_bits(self.node, wanted))

    def type_as(self, other: TensorBase) -> Self:
        """Return the values in the dtype of another tensor."""
        return self.cast(other.node.dtype)

    def half(self) -> Self:
        """Return the values as float16."""
        return self.cast(dtypes.float16)

    def bfloat16(self) -> Self:
        """Return the values as bfloat16."""
        return self.cast(dtypes.bfloat16)

    def double(self) -> Self:
        """Return the values as float64."""
        return self.cast(dtypes.float64)

    def short(self) -> Self:
        """Return the values as int16."""
        return self.cast(dtypes.int16)

    def long(self) -> Self:
        """Return the values as int64."""
        return self.cast(dtypes.int64)

    # These names hide the builtins in the rest of the class's annotations, so they come last.

    def float(self) -> Self:
        """Return the values as float32."""
        return self.cast(dtypes.float32)

    def int(self) -> Self:
        """Return the values as int32."""
        return self.cast(dtypes.int32)

    def bool(self) -> Self:
        """Return whether each value is not zero."""
        return self.cast(dtypes.bool)


def _unsigned(bits: int) -> DType:
    return {8: dtypes.uint8, 16: dtypes.uint16, 32: dtypes.uint32, 64: dtypes.uint64}[bits]


def _split_bits(node: Node, dtype: DType) -> Node:
    """Return each element as several narrower ones, the least significant bits first."""
    ratio = node.dtype.bits // dtype.bits
    if not node.shape:
        raise ShapeError(
            "a scalar cannot be read as several narrower elements",
            got=f"{node.dtype.name} to {dtype.name}",
            mend="reshape it to (1,) first",
        )
    wide = nodes.bitcast(node, _unsigned(node.dtype.bits))
    rank = len(node.shape) + 1
    shifts = nodes.positions(ratio, wide.dtype, rank, rank - 1) * dtype.bits
    parts = reshape_to(wide, (*node.shape, 1)) >> shifts
    narrow = nodes.bitcast(cast_to(parts, _unsigned(dtype.bits)), dtype)
    return reshape_to(narrow, (*node.shape[:-1], node.shape[-1] * ratio))


def _join_bits(node: Node, dtype: DType) -> Node:
    """Return several neighbouring elements as one wider one."""
    ratio = dtype.bits // node.dtype.bits
    if not node.shape or node.shape[-1] % ratio != 0:
        raise ShapeError(
            f"the last axis does not hold whole elements of {dtype.name}",
            got=f"shape {node.shape} of {node.dtype.name}",
            expected=f"a last axis divisible by {ratio}",
        )
    wide = cast_to(nodes.bitcast(node, _unsigned(node.dtype.bits)), _unsigned(dtype.bits))
    rank = len(node.shape) + 1
    grouped = reshape_to(wide, (*node.shape[:-1], node.shape[-1] // ratio, ratio))
    shifts = nodes.positions(ratio, wide.dtype, rank, rank - 1) * node.dtype.bits
    joined = nodes.reduce_sum(grouped << shifts, (rank - 1,))
    return nodes.bitcast(nodes.drop_axes(joined, (rank - 1,)), dtype)
