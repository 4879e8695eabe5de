"""Numbers as unevaluated sums of two float64, high and low, and exact products.

T. J. Dekker, "A floating-point technique for extending the available precision", 1971.
"""

from __future__ import annotations

from typing import NamedTuple

from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.node import Node
from tilegrad.ops import arithmetic

_SPLITTER = float((1 << 27) + 1)


class Pair(NamedTuple):
    """high + low, with |low| at most half a unit in the last place of high."""

    high: Node
    low: Node


def add_exactly(x: Node, y: Node) -> Pair:
    """Return x + y without error."""
    total = x + y
    shown = total - x
    return Pair(total, (x - (total - shown)) + (y - shown))


def add_smaller(x: Node, y: Node) -> Pair:
    """Return x + y without error for |x| ≥ |y| or x = 0."""
    total = x + y
    return Pair(total, y - (total - x))


def multiply_exactly(target: CodegenTarget, x: Node, y: Node) -> Pair:
    """Return x · y without error, but for overflow and underflow."""
    product = x * y
    if target.has_fused_multiply_add:
        return Pair(product, arithmetic.fused_multiply_add(x, y, -product))
    (x_high, x_low), (y_high, y_low) = _halve(x), _halve(y)
    rest = ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low
    return Pair(product, rest)


def _halve(x: Node) -> Pair:
    """Split the mantissa into two halves of at most 26 bits."""
    scaled = x * _SPLITTER
    high = scaled - (scaled - x)
    return Pair(high, x - high)
