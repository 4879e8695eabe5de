"""Symbolic integers: index arithmetic that is normalised by construction.

An index is a Python int or a node of dtype ``index``. The functions here are smart constructors:
each returns the normal form, so that equal expressions are the same object and no rewriting is
needed afterwards. The normal form of a sum is one ``affine`` node, a constant plus integer
multiples of *atoms* (axes, symbols, quotients, remainders, products ...), which is also what
address generation wants to read: the coefficient of an atom is its stride.

Index arithmetic is exact (dtype ``index`` never wraps), so the laws of integers hold:

* floor((d·q + r) / d) = q and (d·q + r) mod d = r where 0 ≤ r < d is known from bounds;
* floor(floor(x / a) / b) = floor(x / (a·b)); (x mod (a·b)) mod b = x mod b;
* floor((g·x + c) / (g·d)) = floor(x / d) where 0 ≤ c < g;
* d·floor(x / d) + x mod d = x.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from tilegrad.base.errors import VerifyError
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op
from tilegrad.ops import arithmetic, bits, comparison
from tilegrad.ops.affine import (
    Index,
    Terms,
    as_index,
    as_node,
    join_terms,
    order_key,
    product,
    split_terms,
)
from tilegrad.ops.bounds import bounds
from tilegrad.ops.leaves import constant, value_of

Condition = bool | Node


def as_condition(condition: Condition) -> Node:
    """Return a condition as a bool node."""
    return condition if isinstance(condition, Node) else constant(condition, dtypes.bool)


def as_mask(condition: Condition) -> Node | None:
    """Return a condition as the mask of an access, None if it always holds."""
    return None if condition is True else as_condition(condition)


def add(*operands: Index) -> Index:
    """Return the sum of indices."""
    return combine((operand, 1) for operand in operands)


def combine(parts: Iterable[tuple[Index, int]]) -> Index:
    """Return the sum of indices, each times a number."""
    total: Terms = {}
    constant_part = 0
    for index, factor in parts:
        if isinstance(index, int):
            constant_part += index * factor
            continue
        terms, more = split_terms(index)
        constant_part += more * factor
        for atom, coefficient in terms.items():
            total[atom] = total.get(atom, 0) + coefficient * factor
    return _join_merged(total, constant_part) if total else constant_part


def _join_merged(terms: Terms, constant_part: int) -> Index:
    merged = any(atom.op is arithmetic.modulo for atom in terms) and len(terms) > 1
    while merged:
        merged, gained = _merge_quotients(terms)
        constant_part += gained
    return join_terms(terms, constant_part)


def subtract(first: Index, second: Index) -> Index:
    """Return first − second."""
    if isinstance(first, int) and isinstance(second, int):
        return first - second
    return combine(((first, 1), (second, -1)))


def multiply(first: Index, second: Index) -> Index:
    """Return the product of two indices; sums are multiplied out by constants and by atoms."""
    if isinstance(first, int) and isinstance(second, int):
        return first * second
    if isinstance(first, int):
        first, second = second, first
    first_terms, first_constant = split_terms(first)
    second_terms, second_constant = split_terms(second)
    result: Terms = {}
    for atom, coefficient in first_terms.items():
        result[atom] = result.get(atom, 0) + coefficient * second_constant
    for atom, coefficient in second_terms.items():
        result[atom] = result.get(atom, 0) + coefficient * first_constant
    for left, left_coefficient in first_terms.items():
        for right, right_coefficient in second_terms.items():
            atom = _product_of(left, right)
            result[atom] = result.get(atom, 0) + left_coefficient * right_coefficient
    return join_terms(result, first_constant * second_constant)


def _factors(atom: Node) -> tuple[Node, ...]:
    return atom.sources if atom.op is product else (atom,)


def _product_of(*atoms: Node) -> Node:
    factors = sorted((factor for atom in atoms for factor in _factors(atom)), key=order_key)
    return factors[0] if len(factors) == 1 else product(*factors)


def multiply_all(factors: Iterable[Index]) -> Index:
    """Return the product of any number of indices (1 for none), such as the size of a shape."""
    result: Index = 1
    for factor in factors:
        if isinstance(factor, int) and isinstance(result, int):
            result *= factor
        else:
            result = multiply(result, factor)
    return result


def floor_divide(value: Index, divisor: Index) -> Index:
    """Return ⌊value / divisor⌋ for a positive divisor.

    Raises:
        VerifyError: the divisor is a constant that is not positive.
    """
    if not isinstance(divisor, int):
        return _floor_divide_symbolic(value, divisor)
    _check_divisor(divisor)
    if isinstance(value, int):
        return value // divisor
    if divisor == 1:
        return value
    terms, constant_part = split_terms(value)
    whole = {atom: c // divisor for atom, c in terms.items() if c % divisor == 0}
    rest = {atom: c for atom, c in terms.items() if c % divisor}
    shift, remainder_constant = divmod(constant_part, divisor)
    remainder = join_terms(rest, remainder_constant)
    return add(join_terms(whole, shift), _divide_remainder(remainder, divisor))


def _divide_remainder(value: Index, divisor: int) -> Index:
    if isinstance(value, int):
        return value // divisor
    quotient = _known_quotient(value, divisor)
    if quotient is not None:
        return quotient
    terms, constant_part = split_terms(value)
    common = math.gcd(divisor, *terms.values())
    if common > 1:
        reduced = join_terms({a: c // common for a, c in terms.items()}, constant_part // common)
        return floor_divide(reduced, divisor // common)
    if len(terms) == 1:
        ((atom, coefficient),) = terms.items()
        inner = atom.sources[1] if atom.op is arithmetic.floor_divide else None
        if coefficient == 1 and inner is not None and isinstance(as_index(inner), int):
            step = int(value_of(inner))
            return floor_divide(add(atom.sources[0], constant_part * step), step * divisor)
    return arithmetic.floor_divide(value, as_node(divisor))


def _known_quotient(value: Index, divisor: int) -> int | None:
    """Return ⌊value / divisor⌋ if the bounds of the value allow only one, else None."""
    low, high = bounds(value)
    if low > -math.inf and high < math.inf and low // divisor == high // divisor:
        return int(low // divisor)
    return None


def _check_divisor(divisor: int) -> None:
    if divisor <= 0:
        raise VerifyError("index division needs a positive divisor", got=divisor)


def modulo(value: Index, divisor: Index) -> Index:
    """Return value mod divisor, in [0, divisor), for a positive divisor.

    Raises:
        VerifyError: the divisor is a constant that is not positive.
    """
    if not isinstance(divisor, int):
        return subtract(value, multiply(floor_divide(value, divisor), divisor))
    _check_divisor(divisor)
    if isinstance(value, int):
        return value % divisor
    terms, constant_part = split_terms(value)
    rest = {atom: c % divisor for atom, c in terms.items() if c % divisor}
    remainder = join_terms(rest, constant_part % divisor)
    if isinstance(remainder, int):
        return remainder % divisor
    for candidate in (
        remainder,
        join_terms({a: c for a, c in terms.items() if a in rest}, constant_part),
    ):
        quotient = _known_quotient(candidate, divisor)
        if quotient is not None:
            return add(candidate, -quotient * divisor)
    terms, constant_part = split_terms(remainder)
    common = math.gcd(divisor, *terms.values())
    if common > 1:
        shift, low_part = divmod(constant_part, common)
        reduced = join_terms({a: c // common for a, c in terms.items()}, shift)
        return add(multiply(modulo(reduced, divisor // common), common), low_part)
    if len(terms) == 1 and constant_part == 0:
        ((atom, coefficient),) = terms.items()
        inner = as_index(atom.sources[1]) if atom.op is arithmetic.modulo else None
        if coefficient == 1 and isinstance(inner, int) and inner % divisor == 0:
            return modulo(atom.sources[0], divisor)
    return arithmetic.modulo(remainder, as_node(divisor))


def _floor_divide_symbolic(value: Index, divisor: Node) -> Index:
    terms, constant_part = split_terms(value)
    whole: Index = 0
    rest: Terms = {}
    factors = _factors(divisor)
    for atom, coefficient in terms.items():
        left = list(_factors(atom))
        if divisor.op.name != "affine" and all(factor in left for factor in factors):
            for factor in factors:
                left.remove(factor)
            whole = add(whole, multiply(multiply_all(left), coefficient))
        else:
            rest[atom] = coefficient
    remainder = join_terms(rest, constant_part)
    if value is divisor:
        return 1
    if less_equal(0, remainder) is True and less(remainder, divisor) is True:
        return whole
    return add(whole, arithmetic.floor_divide(as_node(remainder), divisor))


def minimum(first: Index, second: Index) -> Index:
    """Return the lesser of two indices."""
    if less_equal(first, second) is True:
        return first
    if less_equal(second, first) is True:
        return second
    return arithmetic.minimum(*sorted((as_node(first), as_node(second)), key=order_key))


def maximum(first: Index, second: Index) -> Index:
    """Return the greater of two indices."""
    if less_equal(first, second) is True:
        return second
    if less_equal(second, first) is True:
        return first
    return arithmetic.maximum(*sorted((as_node(first), as_node(second)), key=order_key))


def less(first: Index, second: Index) -> Condition:
    """Return whether first < second: a bool where bounds decide, else a bool node."""
    if isinstance(first, int) and isinstance(second, int):
        return first < second
    difference = subtract(first, second)
    if _upper(difference) < 0:
        return True
    if bounds(difference)[0] >= 0:
        return False
    return comparison.less(*_split_sides(difference))


def less_equal(first: Index, second: Index) -> Condition:
    """Return whether first ≤ second, as first < second + 1."""
    return less(first, add(second, 1))


def equal(first: Index, second: Index) -> Condition:
    """Return whether two indices are equal: a bool where that is known, else a bool node."""
    difference = subtract(first, second)
    if isinstance(difference, int):
        return difference == 0
    low, high = bounds(difference)
    if low > 0 or high < 0:
        return False
    return comparison.equal(*_split_sides(difference))


def _split_sides(difference: Index) -> tuple[Node, Node]:
    """Return two sums without negative terms, but for a constant, whose difference this is."""
    terms, constant_part = split_terms(difference)
    left = join_terms({atom: c for atom, c in terms.items() if c > 0}, 0)
    right = join_terms({atom: -c for atom, c in terms.items() if c < 0}, -constant_part)
    return as_node(left), as_node(right)


def logical_and(*conditions: Condition) -> Condition:
    """Return the conjunction; True and False vanish or decide."""
    kept: dict[Node, None] = {}
    for condition in conditions:
        if condition is False:
            return False
        if isinstance(condition, Node):
            kept[condition] = None
    if not kept:
        return True
    first, *rest = kept
    for condition in rest:
        first = bits.bitwise_and(first, condition)
    return first


def split_conjunction(condition: Node) -> list[Node]:
    """Return the conditions that a conjunction is made of; the condition itself if it is none."""
    parts: list[Node] = []
    stack = [condition]
    while stack:
        node = stack.pop()
        if node.op is bits.bitwise_and:
            stack.extend(node.sources)
        else:
            parts.append(node)
    return parts


def _upper(index: Index) -> float:
    """The greatest value, using i ≤ extent − 1 for axes whose extent is itself symbolic."""
    if isinstance(index, int):
        return index
    parts: list[tuple[Index, int]] = [(index, 1)]
    for atom, coefficient in split_terms(index)[0].items():
        if coefficient > 0 and atom.op.name == "axis" and atom.sources:
            extent = as_index(atom.sources[0])
            parts += [(atom, -coefficient), (extent, coefficient), (-1, coefficient)]
    return bounds(combine(parts) if len(parts) > 1 else index)[1]


def _merge_quotients(terms: Terms) -> tuple[bool, int]:
    """Apply d·⌊x/d⌋ + x mod d = x once, in place; return whether it did, and the new constant."""
    for atom, coefficient in terms.items():
        if atom.op is not arithmetic.modulo:
            continue
        value, divisor = atom.sources
        quotient = floor_divide(value, as_index(divisor))
        if not isinstance(quotient, Node) or not isinstance(as_index(divisor), int):
            continue
        wanted = coefficient * int(value_of(divisor))
        if terms.get(quotient) != wanted:
            continue
        del terms[quotient], terms[atom]
        more, constant_part = split_terms(value)
        for other, scale in more.items():
            terms[other] = terms.get(other, 0) + coefficient * scale
            if not terms[other]:
                del terms[other]
        return True, coefficient * constant_part
    return False, 0


ARITHMETIC: Mapping[Op, Callable[[Index, Index], Index]] = {
    arithmetic.add: add,
    arithmetic.subtract: subtract,
    arithmetic.multiply: multiply,
    arithmetic.floor_divide: floor_divide,
    arithmetic.modulo: modulo,
    arithmetic.minimum: minimum,
    arithmetic.maximum: maximum,
}
"""The ops of two indices that have a normal form, and what gives it."""

TESTS: Mapping[Op, Callable[[Index, Index], Condition]] = {
    comparison.less: less,
    comparison.less_equal: less_equal,
    comparison.equal: equal,
}
"""The comparisons of indices that bounds may decide."""
