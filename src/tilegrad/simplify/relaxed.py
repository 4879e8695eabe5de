"""Laws of real numbers that floats obey only nearly: off unless they are asked for.

They also take for granted that no operand is NaN or infinite, and that zeros have no sign.
"""

from __future__ import annotations

from tilegrad.ops import comparison, exponential, reduction
from tilegrad.ops.arithmetic import reciprocal
from tilegrad.ops.movement import expand
from tilegrad.rewrite.pattern import (
    BOOLEAN,
    constant_variables,
    lift,
    variables,
)
from tilegrad.rewrite.rule import Rule, RuleKind
from tilegrad.simplify.reduction import A, B, E, join_axes, sum_of_expand, x

KIND = RuleKind.RELAXED

y, z = variables("y z")
(p,) = variables("p", BOOLEAN)
c, d = constant_variables("c d")
where, power, expand_term = lift(comparison.where, exponential.power, expand)
inverse, reduce_sum = lift(reciprocal, reduction.reduce_sum)

RELAXED = (
    Rule("add_positive_zero_freely", x + 0, x, kind=KIND, tolerance=1),
    Rule("subtract_itself_freely", x - x, 0, kind=KIND, tolerance=1),
    Rule("multiply_zero_freely", x * 0, 0, kind=KIND, tolerance=1),
    Rule("distribute", x * y + x * z, x * (y + z), kind=KIND, tolerance=4),
    Rule("add_constants_freely", (x + c) + d, x + (c + d), kind=KIND, tolerance=4),
    Rule("multiply_constants_freely", (x * c) * d, x * (c * d), kind=KIND, tolerance=4),
    Rule("divide_by_constant", x / c, x * (1 / c), kind=KIND, tolerance=2),
    Rule("reciprocal_of_product", x * inverse(y), x / y, kind=KIND, tolerance=2),
    Rule("square", power(x, 2), x * x, kind=KIND, tolerance=2),
    Rule("cube", power(x, 3), x * x * x, kind=KIND, tolerance=4),
    Rule("power_minus_one", power(x, -1), inverse(x), kind=KIND, tolerance=2),
    Rule(
        "add_choices",
        where(p, x, 0) + where(p, 0, y),
        where(p, x, y),
        kind=KIND,
        tolerance=1,
    ),
    Rule(
        "sum_of_sum",
        reduce_sum(reduce_sum(x, attributes=A), attributes=B),
        lambda match: join_axes(reduction.reduce_sum, match[x], match[A], match[B]),
        "reduce_sum(reduce_sum(x, A), B) = reduce_sum(x, A ∪ B)",
        KIND,
        tolerance=8,
    ),
    Rule(
        "sum_of_expand_freely",
        reduce_sum(expand_term(x, attributes=E), attributes=A),
        sum_of_expand,
        "reduce_sum(expand(x, E), A) = n · reduce_sum(x, A), with n repetitions along A",
        KIND,
        tolerance=8,
    ),
)
