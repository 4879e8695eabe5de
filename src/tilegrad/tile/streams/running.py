"""The law of running sums: what attention, and every softmax, can be computed by in one pass.

With m = maxₜ s(t) and factors a that do not depend on t,

    Σₜ a · exp(s(t) − m) · w(t) = a · E,   E = Σₜ exp(s(t) − maxₜ s(t)) · w(t)

and E is a homomorphism: for two parts of the axis with their own maxima and sums (m₁, E₁) and
(m₂, E₂), those of the whole are m = max(m₁, m₂) and E = exp(m₁ − m)·E₁ + exp(m₂ − m)·E₂. So a walk
along the axis needs the maximum and the sums so far, rescaled when the maximum grows, and no
exponent or weight twice. (The online softmax of Milakov and Gimelshein, arXiv:1805.02867; with a
product as exponent and another as sum it is FlashAttention, Dao et al., arXiv:2205.14135.)

The law is one of real numbers: floats are rounded at other places than in the formula.
"""

from __future__ import annotations

from typing import NamedTuple

from tilegrad.ir.node import Node
from tilegrad.ops import arithmetic, exponential, kernel
from tilegrad.ops.comparison import where
from tilegrad.ops.elementwise import zero
from tilegrad.ops.kernel import find_free
from tilegrad.ops.leaves import constant
from tilegrad.rewrite.graph import substitute, transform

_MAXIMUM = kernel.ReduceOverAttributes("maximum")


MOST_FACTORS = 32
"""A longer product is not taken apart further: a power shares its factors, and has very many."""


class Factor(NamedTuple):
    """A factor of a product, or what it is divided by."""

    value: Node
    is_divisor: bool


def merge_running(program: Node) -> Node:
    """Return a kernel with every sum of shifted exponentials as an ``exponential_sum``."""
    return transform([program], lambda _, node: as_running_sum(node))[0]


def as_running_sum(total: Node) -> Node:
    """Return a sum of shifted exponentials over one axis by the law; any other node as it is."""
    if not kernel.is_sum(total) or len(total.sources) != 2 or not total.dtype.is_float:
        return total
    body, axis = total.sources
    inside: list[Factor] = []
    outside: list[Factor] = []
    for factor in split_factors(body):
        free = find_free(factor.value)[factor.value]
        (inside if axis in free else outside).append(factor)
    exponents = [_find_exponent(factor, axis) for factor in inside]
    found = [exponent for exponent in exponents if exponent is not None]
    if len(found) != 1 or any(factor.is_divisor for factor in inside):
        return total
    pairs = zip(inside, exponents, strict=True)
    weight = multiply_all([factor.value for factor, one in pairs if one is None], total)
    result = kernel.exponential_sum(found[0], weight, axis)
    for factor in outside:  # one division a row, not one for each column
        scale = constant(1.0, total.dtype) / factor.value if factor.is_divisor else factor.value
        result = result * scale
    return result


def multiply_all(factors: list[Node], like: Node) -> Node:
    """Return the product of factors; one of the dtype of ``like`` if there are none."""
    if not factors:
        return constant(1.0, like.dtype)
    result = factors[0]
    for factor in factors[1:]:
        result = result * factor
    return result


def split_factors(body: Node) -> list[Factor]:
    """Return the factors of a product; a choice of x or zero is x times one or zero."""
    result: list[Factor] = []
    stack = [Factor(body, is_divisor=False)]
    while stack:
        value, is_divisor = stack.pop()
        if len(result) + len(stack) >= MOST_FACTORS:
            result.append(Factor(value, is_divisor))
        elif value.op is arithmetic.multiply:
            stack += [Factor(source, is_divisor) for source in reversed(value.sources)]
        elif value.op is arithmetic.divide:
            first, second = value.sources
            stack.append(Factor(second, not is_divisor))
            if first is not constant(1.0, value.dtype):
                stack.append(Factor(first, is_divisor))
        elif value.op is where and value.sources[2] is zero(value.dtype) and not is_divisor:
            condition, chosen, other = value.sources
            one = where(condition, constant(1.0, value.dtype), other)
            result.append(Factor(one, is_divisor=False))
            stack.append(Factor(chosen, is_divisor=False))
        else:
            result.append(Factor(value, is_divisor))
    return result


def _find_exponent(factor: Factor, axis: Node) -> Node | None:
    """Return s where a factor is exp(s − max s) along the axis."""
    value = factor.value
    if factor.is_divisor or value.op is not exponential.exp:
        return None
    if value.sources[0].op is not arithmetic.subtract:
        return None
    exponent, shift = value.sources[0].sources
    if shift.op is not kernel.reduce_over or shift.attributes != _MAXIMUM:
        return None
    body, *bound = shift.sources
    if len(bound) != 1 or kernel.extent_of(bound[0]) != kernel.extent_of(axis):
        return None
    (renamed,) = substitute([body], {bound[0]: axis})
    return exponent if renamed is exponent else None
