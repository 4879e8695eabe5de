"""Constants: folding by the ops' references, gathering them, cheaper ops for special ones."""

from __future__ import annotations

import numpy

from tilegrad.ir.dtype import DType, Kind
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ops import ELEMENTWISE_OPS, arithmetic, bits
from tilegrad.ops.leaves import (
    ConstantAttributes,
    constant,
    constant_op,
    value_of,
)
from tilegrad.rewrite.pattern import (
    BITS,
    UNSIGNED,
    Family,
    constant_variables,
    lift,
    variables,
)
from tilegrad.rewrite.rule import Match, Rule, RuleKind
from tilegrad.simplify.guards import has_exact_reciprocal, is_power_of_two

INTEGER = RuleKind.INTEGER


def constant_from(array: numpy.ndarray, dtype: DType) -> Node:
    """Return the constant with the bits of an array of rank 0."""
    return constant_op(attributes=ConstantAttributes(dtype, int(array.view(_bits_of(dtype)))))


def array_of(node: Node) -> numpy.ndarray:
    """Return the value of a constant as an array of rank 0."""
    attributes = attributes_of(node, ConstantAttributes)
    return numpy.array(attributes.bits, _bits_of(node.dtype)).view(node.dtype.numpy)


def _bits_of(dtype: DType) -> str:
    """The integer dtype that constants keep their bits in."""
    return "int64" if dtype.kind is Kind.INDEX else f"uint{8 * dtype.itemsize}"


def _fold(match: Match) -> Node | None:
    node = match.node
    reference = node.op.reference
    if reference is None:
        return None
    arguments = [array_of(source) for source in node.sources]
    record = () if node.op.attributes is None else (node.attributes,)
    return constant_from(numpy.asarray(reference(*arguments, *record)), node.dtype)


x, y = variables("x y")
(n,) = variables("n", BITS)
(u,) = variables("u", UNSIGNED)
(v,) = variables("v", UNSIGNED)
c, d = constant_variables("c d")
(b,) = constant_variables("b", BITS)
maximum, minimum = lift(arithmetic.maximum, arithmetic.minimum)
truncated_divide, truncated_remainder = lift(
    arithmetic.truncated_divide, arithmetic.truncated_remainder
)

FOLDING = (
    Rule(
        "fold_constants",
        Family("elementwise", ELEMENTWISE_OPS, every=(constant_op,)),
        _fold,
        "f(c, d, ...) is computed for constants c, d, ..., by the reference of f",
    ),
)
GATHERING = (
    Rule("add_constants", (x + c) + d, x + (c + d), kind=INTEGER),
    Rule("add_and_subtract_constants", (x + c) - d, x + (c - d), kind=INTEGER),
    Rule("subtract_and_add_constants", (x - c) + d, x + (d - c), kind=INTEGER),
    Rule("subtract_constants", (x - c) - d, x - (c + d), kind=INTEGER),
    Rule("subtract_sum_from_constant", c - (x + d), (c - d) - x, kind=INTEGER),
    Rule("subtract_difference_from_constant", c - (d - x), x + (c - d), kind=INTEGER),
    Rule("multiply_constants", (x * c) * d, x * (c * d), kind=INTEGER),
    Rule("and_constants", (x & c) & d, x & (c & d)),
    Rule("or_constants", (x | c) | d, x | (c | d)),
    Rule("xor_constants", (x ^ c) ^ d, x ^ (c ^ d)),
    Rule("maximum_of_constants", maximum(maximum(x, c), d), maximum(x, maximum(c, d))),
    Rule("minimum_of_constants", minimum(minimum(x, c), d), minimum(x, minimum(c, d))),
)


def _shift_by_logarithm(match: Match) -> Node:
    divisor = match[b]
    count = constant(int(value_of(divisor)).bit_length() - 1, divisor.dtype)
    return bits.shift_right(match[n], count)


STRENGTH = (
    Rule(
        "divide_by_power_of_two",
        x / c,
        x * (1 / c),
        "x / c = x * (1 / c) where c = ±2ᵏ and c and 1 / c are normal numbers",
        guard=has_exact_reciprocal(c),
    ),
    Rule(
        "floor_divide_by_power_of_two",
        n // b,
        _shift_by_logarithm,
        "n // 2ᵏ = n >> k",
        INTEGER,
        guard=is_power_of_two(b),
    ),
    Rule(
        "modulo_power_of_two",
        n % b,
        n & (b - 1),
        "n % b = n & (b - 1) where b = 2ᵏ",
        INTEGER,
        guard=is_power_of_two(b),
    ),
    Rule("truncated_divide_unsigned", truncated_divide(u, v), u // v, kind=INTEGER),
    Rule("truncated_remainder_unsigned", truncated_remainder(u, v), u % v, kind=INTEGER),
)

CONSTANTS = (*FOLDING, *GATHERING, *STRENGTH)
