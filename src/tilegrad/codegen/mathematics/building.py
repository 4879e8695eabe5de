"""What the formulas are written with."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import arithmetic, bits, comparison, conversion, linear
from tilegrad.ops.leaves import Number, constant


class Format(NamedTuple):
    """The layout of a float dtype.

    Attributes:
        integer: the signed integer dtype of the same width.
        mantissa: number of stored mantissa bits.
        bias: what is added to the exponent.
        shifter: 1.5 · 2^mantissa: adding it rounds a small number to a whole one, which then
            stands in the low bits of the sum.
        smallest_normal: the least positive normal number.
    """

    integer: DType
    mantissa: int
    bias: int
    shifter: float
    smallest_normal: float


@functools.cache
def format_of(dtype: DType) -> Format:
    """Return the layout of float32 or float64."""
    mantissa, bias = dtype.mantissa, (1 << (dtype.exponent - 1)) - 1
    integer = dtypes.int32 if dtype.bits == 32 else dtypes.int64
    return Format(integer, mantissa, bias, 1.5 * 2.0**mantissa, 2.0 ** (1 - bias))


def is_single(x: Node) -> bool:
    """Whether a node is float32 (else it is float64)."""
    return x.dtype is dtypes.float32


def fuse(x: Node, y: Node | Number, z: Node | Number) -> Node:
    """Return x·y + z, rounded once where the target can."""
    return linear.multiply_add(x, as_operand(y, x.dtype), as_operand(z, x.dtype))


def as_operand(value: Node | Number, dtype: DType) -> Node:
    """Return a number as a constant, a node as it is."""
    return value if isinstance(value, Node) else constant(value, dtype)


def polynomial(x: Node, coefficients: Sequence[float]) -> Node:
    """Return Σ coefficientᵢ xⁱ by Horner's scheme; at least two coefficients."""
    total: Node | float = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        total = fuse(x, total, coefficient)
    return as_operand(total, x.dtype)


def choose(condition: Node, chosen: Node | Number, other: Node | Number) -> Node:
    """Return ``chosen`` where the condition holds, else ``other``; one of them is a node."""
    known = chosen if isinstance(chosen, Node) else other
    if not isinstance(known, Node):
        raise TypeError("one of the values must be a node")
    sources = as_operand(chosen, known.dtype), as_operand(other, known.dtype)
    return comparison.where(condition, *sources)


def bits_of(x: Node) -> Node:
    """Return the bits of a float as a signed integer."""
    return bitcast(x, format_of(x.dtype).integer)


def bitcast(x: Node, dtype: DType) -> Node:
    """Return the same bits as another dtype."""
    if x.dtype is dtype:
        return x
    return conversion.bitcast(x, attributes=conversion.CastAttributes(dtype))


def cast(x: Node, dtype: DType) -> Node:
    """Return x converted to a register dtype."""
    return conversion.cast_to(x, dtype)


def magnitude(x: Node) -> Node:
    """Return |x| of a float."""
    return arithmetic.absolute(x)


def maximum(x: Node, y: Node | Number) -> Node:
    """Return the greater of two numbers; NaN if one is NaN."""
    return arithmetic.maximum(x, as_operand(y, x.dtype))


def minimum(x: Node, y: Node | Number) -> Node:
    """Return the lesser of two numbers; NaN if one is NaN."""
    return arithmetic.minimum(x, as_operand(y, x.dtype))


def equal(x: Node, y: Node | Number) -> Node:
    """Return whether x = y."""
    return comparison.equal(x, as_operand(y, x.dtype))


def is_nan(x: Node) -> Node:
    """Return whether x is NaN."""
    return comparison.is_nan(x)


def is_infinite(x: Node) -> Node:
    """Return whether x is an infinity."""
    return equal(magnitude(x), math.inf)


def both(first: Node, second: Node) -> Node:
    """Return the conjunction of two bools."""
    return bits.bitwise_and(first, second)


def either(first: Node, second: Node) -> Node:
    """Return the disjunction of two bools."""
    return bits.bitwise_or(first, second)


def sign_mask(dtype: DType) -> int:
    """Return the integer with only the sign bit set."""
    return -(1 << (dtype.bits - 1))


def with_sign(value: Node, signed: Node) -> Node:
    """Return |value| with the sign of ``signed``, by their bits."""
    mask = sign_mask(value.dtype)
    return bitcast((bits_of(value) & ~mask) | (bits_of(signed) & mask), value.dtype)


def flip_sign(value: Node, signed: Node) -> Node:
    """Return the value, negated where ``signed`` is negative."""
    return bitcast(bits_of(value) ^ (bits_of(signed) & sign_mask(value.dtype)), value.dtype)


def has_sign(x: Node) -> Node:
    """Return whether the sign bit is set, also of zeros and NaN."""
    return bits_of(x) < 0


def power_of_two(n: Node, dtype: DType) -> Node:
    """Return 2ⁿ for an integer n in the range of normal exponents."""
    layout = format_of(dtype)
    return bitcast((n + layout.bias) << constant(layout.mantissa, n.dtype), dtype)


def through_float64(function: Callable[..., Node]) -> Callable[..., Node]:
    """Make a function of float64 also one of float32: computed in float64, rounded at the end.

    What it takes before its numbers, such as the target, is passed on.
    """

    @functools.wraps(function)
    def either_width(*arguments: object) -> Node:
        given = [one for one in arguments if not isinstance(one, Node)]
        numbers = [one for one in arguments if isinstance(one, Node)]
        wide = [cast(number, dtypes.float64) for number in numbers]
        return cast(function(*given, *wide), numbers[0].dtype)

    return either_width
