"""Comparisons, tests and the choice between two values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy

from tilegrad.ir.node import Node
from tilegrad.ir.op import Op, Property
from tilegrad.ops.elementwise import define, define_test, zero
from tilegrad.ops.infer import infer_where, is_any, is_float, is_number
from tilegrad.ops.numerics import Array, selecting, silent, widened

less = define_test(
    "less",
    "x < y. False if either is NaN; False < True.",
    2,
    is_any,
    widened(numpy.less),
)
less_equal = define_test(
    "less_equal",
    "x ≤ y. False if either is NaN.",
    2,
    is_any,
    widened(numpy.less_equal),
)
equal = define_test(
    "equal",
    "x = y. NaN equals nothing; -0 equals +0.",
    2,
    is_any,
    widened(numpy.equal),
    Property.COMMUTATIVE,
)
not_equal = define_test(
    "not_equal",
    "x ≠ y. True if either is NaN.",
    2,
    is_any,
    widened(numpy.not_equal),
    Property.COMMUTATIVE,
)
is_nan = define_test("is_nan", "Whether x is NaN.", 1, is_float, widened(numpy.isnan))
is_infinite = define_test(
    "is_infinite",
    "Whether x is +∞ or -∞.",
    1,
    is_float,
    widened(numpy.isinf),
)


def _where_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    condition, nothing = node.sources[0], zero(upstream.dtype)
    return None, where(condition, upstream, nothing), where(condition, nothing, upstream)


where = Op(
    "where",
    "a where the condition holds, else b: where(condition, a, b).",
    3,
    infer_where,
    reference=silent(numpy.where),
    gradient=_where_gradient,
    properties=Property.ELEMENTWISE,
)


def split_guards(value: Node) -> tuple[list[Node], Node]:
    """Return the conditions outside of which a value is zero, outermost first, and the value."""
    guards: list[Node] = []
    while value.op is where and value.sources[2] is zero(value.dtype):
        guards.append(value.sources[0])
        value = value.sources[1]
    return guards, value


def guard_by(guards: Sequence[Node], value: Node) -> Node:
    """Return a value where all conditions hold, zero elsewhere; the inverse of ``split_guards``."""
    for guard in reversed(guards):
        value = where(guard, value, zero(value.dtype))
    return value


def _relu_reference(x: Array) -> Array:
    return numpy.where(x <= 0, numpy.zeros((), x.dtype), x)


def _relu_gradient(node: Node, upstream: Node) -> tuple[Node | None, ...]:
    # In terms of the result, so that the argument need not be kept.
    return (where(less_equal(node, zero(node.dtype)), zero(upstream.dtype), upstream),)


relu = define(
    "relu",
    "x above 0, else +0; NaN stays NaN. The gradient at 0 is 0.",
    1,
    is_number,
    selecting(_relu_reference),
    _relu_gradient,
    Property.IDEMPOTENT,
)
