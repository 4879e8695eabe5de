"""Conditions on what a rule has matched."""

from __future__ import annotations

import math

from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node
from tilegrad.ops import arithmetic, conversion, exponential
from tilegrad.ops.comparison import relu, where
from tilegrad.ops.leaves import constant_op, value_of
from tilegrad.ops.movement import expand, flip, permute, reshape, shrink
from tilegrad.rewrite.pattern import Variable
from tilegrad.rewrite.rule import Guard, Match

DEPTH = 4
"""How far below a node its sign is looked for; a bound on the work of each guard."""


def is_least(variable: Variable) -> Guard:
    """A constant is the least value of its dtype (-∞ if it has that)."""
    return lambda match: value_of(match[variable]) == match[variable].dtype.minimum


def is_greatest(variable: Variable) -> Guard:
    """A constant is the greatest value of its dtype (∞ if it has that)."""
    return lambda match: value_of(match[variable]) == match[variable].dtype.maximum


def has_all_bits(variable: Variable) -> Guard:
    """Every bit of a constant is set."""
    return lambda match: value_of(match[variable]) in (-1, (1 << match[variable].dtype.bits) - 1)


def is_power_of_two(variable: Variable) -> Guard:
    """A constant integer is a power of two, and positive."""

    def guard(match: Match) -> bool:
        value = value_of(match[variable])
        return value > 0 and int(value) & (int(value) - 1) == 0

    return guard


def has_exact_reciprocal(variable: Variable) -> Guard:
    """A constant float is ± a power of two, and both it and 1 / it are normal numbers."""

    def guard(match: Match) -> bool:
        constant = match[variable]
        value = float(value_of(constant))
        if not math.isfinite(value) or abs(math.frexp(value)[0]) != 0.5:
            return False
        least, greatest = _normal_range(constant.dtype)
        return least <= abs(value) <= greatest and least <= abs(1 / value) <= greatest

    return guard


def _normal_range(dtype: DType) -> tuple[float, float]:
    return float(dtype.limits.smallest_normal), float(dtype.limits.max)


def cannot_be_negative_zero(variable: Variable) -> Guard:
    """No element of a tensor is -0, by the ops that made it."""
    return lambda match: _cannot_be_negative_zero(match[variable], DEPTH)


_KEEPS_ELEMENTS = (reshape, permute, expand, shrink, flip)
_NEVER_NEGATIVE_ZERO = (exponential.exp, exponential.exp2, arithmetic.absolute, relu)


def _cannot_be_negative_zero(node: Node, depth: int) -> bool:
    if not node.dtype.is_float or node.op in _NEVER_NEGATIVE_ZERO:
        return True
    if node.op is constant_op:
        value = value_of(node)
        return value != 0 or math.copysign(1, value) > 0
    if node.op is arithmetic.multiply and node.sources[0] is node.sources[1]:
        return True
    if not depth:
        return False
    sources = (_cannot_be_negative_zero(source, depth - 1) for source in node.sources)
    if node.op is arithmetic.add:
        # A sum is -0 only if both of its operands are.
        return any(sources)
    if node.op is where:
        return all(list(sources)[1:])
    if node.op in _KEEPS_ELEMENTS or node.op is conversion.cast:
        return not node.sources[0].dtype.is_float or next(sources)
    return False
