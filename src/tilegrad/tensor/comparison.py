"""Comparisons, tests, choices, and the logic of bools."""

from __future__ import annotations

import math
from typing import Self

from tilegrad.base.errors import ArgumentError, DTypeError
from tilegrad.ir.dtype import DType, dtypes, promote
from tilegrad.ir.node import Node, intern
from tilegrad.ir.op import Op
from tilegrad.ops import arithmetic, bits, comparison
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.leaves import constant
from tilegrad.tensor import nodes
from tilegrad.tensor.arithmetic import Arithmetic, Operand
from tilegrad.tensor.base import Number, TensorBase, default_dtype, is_operand, weak_dtype
from tilegrad.tensor.broadcasting import unify


class Comparison(Arithmetic):
    """Comparisons (dtype bool), ``where``, greater and lesser, and logic."""

    __slots__ = ()

    def compare(self, op: Op, other: object, reverse: bool = False) -> Self:
        """Return the bool tensor that a comparison gives.

        A Python integer outside the range of an integer dtype is compared by its value.
        """
        dtype = self.node.dtype
        if dtype.is_integer and isinstance(other, int) and not _fits(other, dtype):
            right = _wide_constant(other)
        else:
            right = self.as_operand(other)
        left, right = unify(self.node, right)
        return self.with_node(intern(op, (right, left) if reverse else (left, right)))

    def eq(self, x: Operand) -> Self:
        """Return where self = x; NaN equals nothing."""
        return self.compare(comparison.equal, x)

    def ne(self, x: Operand) -> Self:
        """Return where self ≠ x."""
        return self.compare(comparison.not_equal, x)

    def lt(self, x: Operand) -> Self:
        """Return where self < x."""
        return self.compare(comparison.less, x)

    def le(self, x: Operand) -> Self:
        """Return where self ≤ x."""
        return self.compare(comparison.less_equal, x)

    def gt(self, x: Operand) -> Self:
        """Return where self > x."""
        return self.compare(comparison.less, x, True)

    def ge(self, x: Operand) -> Self:
        """Return where self ≥ x."""
        return self.compare(comparison.less_equal, x, True)

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> Self:  # type: ignore[override]
        return self.eq(other) if is_operand(other) else NotImplemented

    def __ne__(self, other: object) -> Self:  # type: ignore[override]
        return self.ne(other) if is_operand(other) else NotImplemented

    def __lt__(self, other: object) -> Self:
        return self.lt(other) if is_operand(other) else NotImplemented

    def __le__(self, other: object) -> Self:
        return self.le(other) if is_operand(other) else NotImplemented

    def __gt__(self, other: object) -> Self:
        return self.gt(other) if is_operand(other) else NotImplemented

    def __ge__(self, other: object) -> Self:
        return self.ge(other) if is_operand(other) else NotImplemented

    def isnan(self) -> Self:
        """Return where the value is NaN."""
        return self._test(comparison.is_nan)

    def isinf(self, detect_positive: bool = True, detect_negative: bool = True) -> Self:
        """Return where the value is infinite, of either sign or of one."""
        infinite = self._test(comparison.is_infinite)
        if detect_positive and detect_negative:
            return infinite
        if not detect_positive and not detect_negative:
            return infinite & False
        return infinite & (self > 0 if detect_positive else self < 0)

    def isposinf(self) -> Self:
        """Return where the value is +∞."""
        return self.isinf(detect_negative=False)

    def isneginf(self) -> Self:
        """Return where the value is -∞."""
        return self.isinf(detect_positive=False)

    def isfinite(self) -> Self:
        """Return where the value is neither infinite nor NaN."""
        return (self.isinf() | self.isnan()).logical_not()

    def _test(self, op: Op) -> Self:
        if self.node.dtype.is_float:
            return self.with_node(intern(op, (self.node,)))
        never = constant(False, dtypes.bool)
        return self.with_node(nodes.expand(never, self.node.shape))

    def isclose(
        self, other: Operand, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
    ) -> Self:
        """Return where the values are close; infinities only if they are equal.

        Close means: self and other are at most atol + rtol · (magnitude of other) apart.

        Args:
            other: what to compare with.
            rtol: relative tolerance.
            atol: absolute tolerance.
            equal_nan: whether NaN is close to NaN.
        """
        left, right = (self.with_node(node) for node in unify(self.node, self.as_operand(other)))
        near = left.sub(right).abs() <= right.abs() * rtol + atol
        close = (left == right) | (near & right.isfinite() & left.isfinite())
        return close | (left.isnan() & right.isnan()) if equal_nan else close

    def abs(self) -> Self:
        """Return the magnitude; the least signed integer wraps to itself."""
        dtype = self.node.dtype
        if dtype.is_boolean or dtype.is_unsigned:
            return self
        return self.with_node(intern(arithmetic.absolute, (self.node,)))

    def logical_not(self) -> Self:
        """Return where the value is zero."""
        return self.with_node(intern(bits.bitwise_not, (cast_to(self.node, dtypes.bool),)))

    def logical_and(self, x: Operand) -> Self:
        """Return where both values are not zero."""
        return self._logical(bits.bitwise_and, x)

    def logical_or(self, x: Operand) -> Self:
        """Return where either value is not zero."""
        return self._logical(bits.bitwise_or, x)

    def logical_xor(self, x: Operand) -> Self:
        """Return where one of both values is not zero."""
        return self._logical(bits.bitwise_xor, x)

    def _logical(self, op: Op, x: Operand) -> Self:
        right = self.as_operand(x)
        operands = unify(cast_to(self.node, dtypes.bool), cast_to(right, dtypes.bool))
        return self.with_node(intern(op, operands))

    def maximum(self, x: Operand) -> Self:
        """Return the greater of self and x; NaN if either is NaN."""
        return self.combine(arithmetic.maximum, x)

    def minimum(self, x: Operand) -> Self:
        """Return the lesser of self and x; NaN if either is NaN."""
        return self.combine(arithmetic.minimum, x)

    def fmax(self, x: Operand) -> Self:
        """Return the greater of self and x; the other one where one is NaN."""
        left, right = map(self.with_node, unify(self.node, self.as_operand(x)))
        return (right.isnan() | (left >= right)).where(left, right)

    def fmin(self, x: Operand) -> Self:
        """Return the lesser of self and x; the other one where one is NaN."""
        left, right = map(self.with_node, unify(self.node, self.as_operand(x)))
        return (right.isnan() | (left <= right)).where(left, right)

    def clamp(
        self,
        min_: Operand | None = None,
        max_: Operand | None = None,
        *,
        min: Operand | None = None,
        max: Operand | None = None,
    ) -> Self:
        """Return the value limited to between two bounds; NaN stays NaN.

        Args:
            min_: least value, or None.
            max_: greatest value, or None; it wins where it is below ``min_``.
            min: the same as ``min_``.
            max: the same as ``max_``.

        Raises:
            ArgumentError: neither bound was given.
        """
        low, high = min_ if min is None else min, max_ if max is None else max
        if low is None and high is None:
            raise ArgumentError("clamp got no bound", expected="a minimum, a maximum or both")
        # At a bound the value is kept, so that its gradient is 1 there.
        result = self
        if low is not None:
            least = self.with_node(self.as_operand(low))
            result = ((result < least) | least.isnan()).where(least, result)
        if high is not None:
            greatest = self.with_node(self.as_operand(high))
            result = ((result > greatest) | greatest.isnan()).where(greatest, result)
        return result

    clip = clamp

    def where(self, x: Operand, y: Operand) -> Self:
        """Return x where self is True, else y.

        Raises:
            DTypeError: self is not bool.
            ArgumentTypeError: x or y is no tensor, array or number.

        Example:
            ``(a > 0).where(a, 0.0)``
        """
        if not self.node.dtype.is_boolean:
            raise DTypeError(
                "the condition of where must be bool",
                got=self.node.dtype.name,
                mend="compare it: (tensor != 0).where(x, y)",
            )
        chosen, other = self._choices(x, y)
        chosen, other = unify(chosen, other)
        rank = max(len(self.node.shape), len(chosen.shape), len(other.shape))
        sources = (nodes.with_rank(node, rank) for node in (self.node, chosen, other))
        return self.with_node(nodes.where(*sources))

    def _choices(self, x: Operand, y: Operand) -> tuple[Node, Node]:
        """Return two values as nodes, where a Python number adapts to the other value."""
        if isinstance(x, Number) and isinstance(y, Number):
            joint = promote(default_dtype(x), default_dtype(y))
            return self.as_operand(x, joint), self.as_operand(y, joint)
        if isinstance(x, Number):
            other = self.as_operand(y)
            return self.as_operand(x, weak_dtype(other.dtype, x)), other
        chosen = self.as_operand(x)
        if isinstance(y, Number):
            return chosen, self.as_operand(y, weak_dtype(chosen.dtype, y))
        return chosen, self.as_operand(y)

    def masked_fill(self, mask: TensorBase, value: Operand) -> Self:
        """Return self with ``value`` where the mask is True, in the common dtype.

        Raises:
            DTypeError: the mask is not bool.
        """
        condition = self.with_node(self.as_operand(mask))
        return condition.where(value, self)


def _fits(value: int, dtype: DType) -> bool:
    return dtype.minimum <= value <= dtype.maximum


def _wide_constant(value: int) -> Node:
    """Return an integer in a dtype that can hold it: int64, uint64 or else float64."""
    for dtype in (dtypes.int64, dtypes.uint64):
        if _fits(value, dtype):
            return constant(value, dtype)
    large = math.copysign(math.inf, value) if abs(value) > 2**1023 else value
    return constant(float(large), dtypes.float64)
