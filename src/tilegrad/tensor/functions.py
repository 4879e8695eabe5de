"""Functions of one tensor, elementwise, and the few of two that are their relatives.

The functions of real analysis give floats: integers and bools are first cast to float32. 16-bit
and 8-bit floats keep their dtype; the device computes in float32 and rounds once.
"""

from __future__ import annotations

import math
from typing import Self

from tilegrad.ir.node import Node, intern
from tilegrad.ir.op import Op
from tilegrad.ops import arithmetic, comparison, exponential, rounding, special, trigonometry
from tilegrad.tensor import nodes
from tilegrad.tensor.arithmetic import Operand
from tilegrad.tensor.base import as_float
from tilegrad.tensor.comparison import Comparison


class Functions(Comparison):
    """Elementwise functions."""

    __slots__ = ()

    def _apply(self, op: Op) -> Self:
        return self.with_node(intern(op, (as_float(self.node),)))

    def _round(self, op: Op) -> Self:
        return self.with_node(intern(op, (self.node,))) if self.node.dtype.is_float else self

    def exp(self) -> Self:
        """Return eˣ."""
        return self._apply(exponential.exp)

    def exp2(self) -> Self:
        """Return 2ˣ."""
        return self._apply(exponential.exp2)

    def expm1(self) -> Self:
        """Return eˣ - 1, accurate near 0."""
        return self._apply(exponential.expm1)

    def log(self) -> Self:
        """Return the natural logarithm; -∞ at 0, NaN below."""
        return self._apply(exponential.log)

    def log2(self) -> Self:
        """Return the logarithm to base 2."""
        return self._apply(exponential.log2)

    def log10(self) -> Self:
        """Return the logarithm to base 10."""
        return self._apply(exponential.log10)

    def log1p(self) -> Self:
        """Return log(1 + x), accurate near 0."""
        return self._apply(exponential.log1p)

    def sqrt(self) -> Self:
        """Return the square root; NaN below 0."""
        return self._apply(exponential.square_root)

    def rsqrt(self) -> Self:
        """Return 1 / √x."""
        return self._apply(exponential.reciprocal_square_root)

    def reciprocal(self) -> Self:
        """Return 1 / x."""
        return self._apply(arithmetic.reciprocal)

    def sin(self) -> Self:
        """Return the sine of radians."""
        return self._apply(trigonometry.sin)

    def cos(self) -> Self:
        """Return the cosine of radians."""
        return self._apply(trigonometry.cos)

    def tan(self) -> Self:
        """Return the tangent of radians."""
        return self._apply(trigonometry.tan)

    def asin(self) -> Self:
        """Return the inverse sine, in [-π/2, π/2]."""
        return self._apply(trigonometry.asin)

    def acos(self) -> Self:
        """Return the inverse cosine, in [0, π]."""
        return self._apply(trigonometry.acos)

    def atan(self) -> Self:
        """Return the inverse tangent, in [-π/2, π/2]."""
        return self._apply(trigonometry.atan)

    def sinh(self) -> Self:
        """Return the hyperbolic sine."""
        return self._apply(trigonometry.sinh)

    def cosh(self) -> Self:
        """Return the hyperbolic cosine."""
        return self._apply(trigonometry.cosh)

    def tanh(self) -> Self:
        """Return the hyperbolic tangent."""
        return self._apply(trigonometry.tanh)

    def asinh(self) -> Self:
        """Return the inverse hyperbolic sine."""
        return self._apply(trigonometry.asinh)

    def acosh(self) -> Self:
        """Return the inverse hyperbolic cosine; NaN below 1."""
        return self._apply(trigonometry.acosh)

    def atanh(self) -> Self:
        """Return the inverse hyperbolic tangent; NaN outside [-1, 1]."""
        return self._apply(trigonometry.atanh)

    def erf(self) -> Self:
        """Return the error function 2/√π ∫₀ˣ exp(-t²) dt."""
        return self._apply(special.erf)

    def lgamma(self) -> Self:
        """Return the logarithm of |Γ(x)|."""
        return self._apply(special.lgamma)

    def floor(self) -> Self:
        """Return the greatest whole number not above x."""
        return self._round(rounding.floor)

    def ceil(self) -> Self:
        """Return the least whole number not below x."""
        return self._round(rounding.ceil)

    def trunc(self) -> Self:
        """Return x without its fraction."""
        return self._round(rounding.truncate)

    def round(self, decimals: int = 0) -> Self:
        """Return the nearest whole number, halves to the even one.

        Args:
            decimals: how many decimal places to keep; negative ones round to tens, hundreds ...
        """
        if decimals == 0:
            return self._round(rounding.round_even)
        if not self.node.dtype.is_float and decimals > 0:
            return self
        factor = 10.0 ** abs(decimals)
        scaled = self * factor if decimals > 0 else self / factor
        whole = scaled.round()
        return (whole / factor if decimals > 0 else whole * factor).cast(self.node.dtype)

    def frac(self) -> Self:
        """Return x without its whole part, with the sign of x."""
        return self - self.trunc()

    def __abs__(self) -> Self:
        return self.abs()

    def sign(self) -> Self:
        """Return -1, 0 or 1; NaN for NaN. A bool is itself."""
        if self.node.dtype.is_boolean:
            return self
        return self.with_node(intern(arithmetic.sign, (self.node,)))

    def signbit(self) -> Self:
        """Return where the sign bit is set: below zero, and -0.0."""
        if not self.node.dtype.is_float:
            return self < 0
        one = self.with_node(self.as_operand(1.0))
        return one.copysign(self) < 0

    def copysign(self, other: Operand) -> Self:
        """Return the magnitude of self with the sign of ``other``, in a float dtype."""
        return self.with_node(intern(rounding.copy_sign, self.as_floats(other)))

    def nextafter(self, other: Operand) -> Self:
        """Return the next representable number from self toward ``other``, in a float dtype."""
        return self.with_node(intern(rounding.next_after, self.as_floats(other)))

    def atan2(self, other: Operand) -> Self:
        """Return the angle of the point (other, self) in radians, in (-π, π]."""
        return self.with_node(intern(trigonometry.atan2, self.as_floats(other)))

    def square(self) -> Self:
        """Return x·x."""
        return self * self

    def hypot(self, other: Operand) -> Self:
        """Return √(self² + other²) without undue overflow."""
        left, right = map(self.with_node, self.as_floats(other))
        large = left.abs().maximum(right.abs())
        small = left.abs().minimum(right.abs())
        ratio = small / ((large == 0) | large.isinf()).where(1.0, large)
        result = large * (ratio * ratio + 1.0).sqrt()
        return (left.isinf() | right.isinf()).where(math.inf, result)

    def logaddexp(self, other: Operand) -> Self:
        """Return log(eˢᵉˡᶠ + eᵒᵗʰᵉʳ) without undue overflow."""
        return self.with_node(add_in_logarithms(*self.as_floats(other)))

    def xlogy(self, other: Operand) -> Self:
        """Return self · log(other), which is 0 where self is 0 (unless other is NaN)."""
        left, right = map(self.with_node, self.as_floats(other))
        is_undefined = (left == 0.0) & ((right <= 0.0) | right.isinf())
        return left * is_undefined.where(1.0, right).log()

    def logit(self, eps: float | None = None) -> Self:
        """Return log(x / (1 - x)).

        Args:
            eps: x is first limited to [eps, 1 - eps], if given.
        """
        x = self.with_node(as_float(self.node))
        if eps is not None:
            x = x.clamp(eps, 1.0 - eps)
        return x.log() - (-x).log1p()

    def sinc(self) -> Self:
        """Return sin(πx) / (πx), and 1 at 0."""
        x = self * math.pi
        is_zero = x == 0.0
        safe = is_zero.where(1.0, x)
        return is_zero.where(1.0, safe.sin() / safe)

    def lerp(self, end: Operand, weight: Operand) -> Self:
        """Return self + weight · (end - self)."""
        return self + (self.with_node(self.as_operand(end)) - self) * weight

    def addcmul(self, first: Operand, second: Operand, *, value: float = 1) -> Self:
        """Return self + value · first · second."""
        product = self.with_node(self.as_operand(first)) * second
        return self + (product if value == 1 else product * value)

    def addcdiv(self, first: Operand, second: Operand, *, value: float = 1) -> Self:
        """Return self + value · first / second."""
        quotient = self.with_node(self.as_operand(first)) / second
        return self + (quotient if value == 1 else quotient * value)

    def nan_to_num(
        self, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
    ) -> Self:
        """Return finite numbers: NaN and infinities replaced.

        Args:
            nan: what replaces NaN.
            posinf: what replaces +∞; the greatest finite number if None.
            neginf: what replaces -∞; the least finite number if None.
        """
        dtype = self.node.dtype
        if not dtype.is_float:
            return self
        greatest = float(dtype.limits.max)
        high = greatest if posinf is None else posinf
        low = -greatest if neginf is None else neginf
        finite = self.isposinf().where(high, self.isneginf().where(low, self))
        return self.isnan().where(nan, finite)

    def heaviside(self, values: Operand) -> Self:
        """Return 0 where x < 0, 1 where x > 0, and ``values`` where x = 0."""
        step = (self > 0).where(1, 0).cast(self.node.dtype)
        result = (self == 0).where(values, step)
        return self.isnan().where(self, result) if self.node.dtype.is_float else result

    def deg2rad(self) -> Self:
        """Return degrees as radians."""
        return self * (math.pi / 180.0)

    def rad2deg(self) -> Self:
        """Return radians as degrees."""
        return self * (180.0 / math.pi)


def add_in_logarithms(first: Node, second: Node) -> Node:
    """Return log(eˣ + eʸ) of float nodes; equal infinities have no difference."""
    is_equal = intern(comparison.equal, (first, second))
    is_same = is_equal & intern(comparison.is_infinite, (first,))
    gap = nodes.where(is_same, 0.0, first - second)
    larger = nodes.where(gap >= 0.0, first, second)
    distance = nodes.where(gap >= 0.0, -gap, gap)
    return larger + exponential.log1p(exponential.exp(distance))
