"""Laws of arithmetic: neutral and absorbing elements, signs, and ops that undo themselves."""

from __future__ import annotations

from tilegrad.ir.op import Op, Property
from tilegrad.ops import ELEMENTWISE_OPS, arithmetic, comparison, exponential
from tilegrad.rewrite.pattern import (
    DISCRETE,
    FLOAT,
    SIGNED,
    UNSIGNED,
    apply,
    constant_variables,
    lift,
    variables,
)
from tilegrad.rewrite.rule import Rule, RuleKind
from tilegrad.simplify.guards import cannot_be_negative_zero, is_greatest, is_least

INTEGER = RuleKind.INTEGER

x, y = variables("x y")
(f,) = variables("f", FLOAT)
i, j = variables("i j", DISCRETE)
(s,) = variables("s", SIGNED)
(u,) = variables("u", UNSIGNED)
(c,) = constant_variables("c")
(k,) = constant_variables("k", DISCRETE)
maximum, minimum, absolute = lift(arithmetic.maximum, arithmetic.minimum, arithmetic.absolute)
(relu,) = lift(comparison.relu)
truncated_divide, truncated_remainder, power = lift(
    arithmetic.truncated_divide, arithmetic.truncated_remainder, exponential.power
)

NEUTRAL = (
    Rule("add_zero", x + -0.0, x, "x + (-0) = x (of floats, -0 is the neutral element, not +0)"),
    Rule(
        "add_positive_zero",
        f + 0,
        f,
        "f + 0 = f where no element of f can be -0, by the ops that made it",
        guard=cannot_be_negative_zero(f),
    ),
    Rule("subtract_zero", x - 0, x),
    Rule("multiply_one", x * 1, x),
    Rule("divide_one", x / 1, x),
    Rule("floor_divide_one", x // 1, x, kind=INTEGER),
    Rule("truncated_divide_one", truncated_divide(x, 1), x, kind=INTEGER),
    Rule("power_one", power(x, 1), x),
)
ABSORBING = (
    Rule("subtract_itself", x - x, 0, kind=INTEGER),
    Rule("multiply_zero", x * 0, 0, kind=INTEGER),
    Rule("modulo_one", x % 1, 0, kind=INTEGER),
    Rule("truncated_remainder_one", truncated_remainder(x, 1), 0, kind=INTEGER),
    Rule("power_zero", power(x, 0), 1),
)
SIGNS = (
    Rule("subtract_from_zero", -0.0 - x, -x, "(-0) - x = -x"),
    Rule("multiply_minus_one", x * -1, -x),
    Rule("divide_minus_one", x / -1, -x),
    Rule("add_negation", x + -y, x - y),
    Rule("subtract_negation", x - -y, x + y),
    Rule("multiply_negations", -x * -y, x * y),
    Rule("divide_negations", -x / -y, x / y),
    Rule("multiply_negation_by_constant", -x * c, x * -c),
    Rule("negate_product_with_constant", -(x * c), x * -c),
    Rule("negate_difference", -(x - y), y - x, kind=INTEGER),
    Rule("absolute_of_negation", absolute(-s), absolute(s)),
    Rule("absolute_of_unsigned", absolute(u), u, kind=INTEGER),
    Rule("relu_of_unsigned", relu(u), u, kind=INTEGER),
)
LEAST = "is the least value of the dtype (-∞ if it has that)"
GREATEST = "is the greatest value of the dtype (∞ if it has that)"
EXTREMES = (
    Rule(
        "maximum_with_least", maximum(x, c), x, f"max(x, c) = x where c {LEAST}", guard=is_least(c)
    ),
    Rule(
        "minimum_with_greatest",
        minimum(x, c),
        x,
        f"min(x, c) = x where c {GREATEST}",
        guard=is_greatest(c),
    ),
    Rule(
        "maximum_with_greatest",
        maximum(i, k),
        k,
        f"max(i, k) = k where k {GREATEST}",
        INTEGER,
        guard=is_greatest(k),
    ),
    Rule(
        "minimum_with_least",
        minimum(i, k),
        k,
        f"min(i, k) = k where k {LEAST}",
        INTEGER,
        guard=is_least(k),
    ),
    Rule("maximum_of_maximum", maximum(maximum(x, y), y), maximum(x, y)),
    Rule("minimum_of_minimum", minimum(minimum(x, y), y), minimum(x, y)),
    Rule("maximum_absorbs_minimum", maximum(i, minimum(i, j)), i, kind=INTEGER),
    Rule("minimum_absorbs_maximum", minimum(i, maximum(i, j)), i, kind=INTEGER),
)


def _state_idempotence(op: Op) -> Rule:
    name = f"{op.name}_is_idempotent"
    once = apply(op, x) if op.arity == 1 else x
    return Rule(name, apply(op, once) if op.arity == 1 else apply(op, x, x), once)


def _state_involution(op: Op) -> Rule:
    return Rule(f"{op.name}_is_an_involution", apply(op, apply(op, x)), x)


PROPERTIES = (
    *(_state_idempotence(op) for op in ELEMENTWISE_OPS if op.has(Property.IDEMPOTENT)),
    *(_state_involution(op) for op in ELEMENTWISE_OPS if op.has(Property.INVOLUTION)),
)
"""What the definitions of the ops say about themselves."""

IDENTITIES = (*PROPERTIES, *NEUTRAL, *ABSORBING, *SIGNS, *EXTREMES)
