"""The index algebra: values, bounds and normal forms of random expressions."""

from __future__ import annotations

import operator
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.schedule.indices import value_at
from tilegrad.base.errors import VerifyError
from tilegrad.ir.node import Node
from tilegrad.ops import symbolic
from tilegrad.ops.affine import Index, affine
from tilegrad.ops.bounds import bounds
from tilegrad.ops.kernel import extent_of, make_axis
from tilegrad.ops.leaves import SymbolAttributes, symbol

N = symbol(attributes=SymbolAttributes("n", 1, 12))
M = symbol(attributes=SymbolAttributes("m", -5, 7))
ROW, COLUMN = make_axis("i0", 6), make_axis("i1", 10)
PLACE = make_axis("i2", N)
ATOMS = (ROW, COLUMN, PLACE, N, M)

BINARY = {
    "add": (symbolic.add, operator.add),
    "subtract": (symbolic.subtract, operator.sub),
    "multiply": (symbolic.multiply, operator.mul),
    "minimum": (symbolic.minimum, min),
    "maximum": (symbolic.maximum, max),
}
DIVISIONS = {
    "floor_divide": (symbolic.floor_divide, operator.floordiv),
    "modulo": (symbolic.modulo, operator.mod),
}
TESTS = {
    "less": (symbolic.less, operator.lt),
    "less_equal": (symbolic.less_equal, operator.le),
    "equal": (symbolic.equal, operator.eq),
}

Recipe = tuple
NUMBERS = st.integers(-20, 20)


def _extend(parts: st.SearchStrategy[Recipe]) -> st.SearchStrategy[Recipe]:
    divisors = st.integers(1, 12).map(lambda number: ("number", number)) | st.just(("atom", N))
    return (
        st.tuples(st.sampled_from(sorted(BINARY)), parts, parts)
        | st.tuples(st.sampled_from(sorted(DIVISIONS)), parts, divisors)
        | st.tuples(st.just("multiply"), parts, NUMBERS.map(lambda number: ("number", number)))
    )


RECIPES = st.recursive(
    st.sampled_from(ATOMS).map(lambda atom: ("atom", atom))
    | NUMBERS.map(lambda number: ("number", number)),
    _extend,
    max_leaves=8,
)


def build(recipe: Recipe) -> Index:
    """Return the expression in normal form."""
    kind, *parts = recipe
    if kind in ("atom", "number"):
        return parts[0]
    return {**BINARY, **DIVISIONS}[kind][0](*map(build, parts))


def evaluate(recipe: Recipe, values: Mapping[Node, int]) -> int:
    """Return the value by Python's integers."""
    kind, *parts = recipe
    if kind == "number":
        return parts[0]
    if kind == "atom":
        return values[parts[0]]
    return {**BINARY, **DIVISIONS}[kind][1](*(evaluate(part, values) for part in parts))


@st.composite
def assignments(draw: st.DrawFn) -> dict[Node, int]:
    """Values of the atoms within their bounds."""
    n = draw(st.integers(1, 12))
    return {
        N: n,
        M: draw(st.integers(-5, 7)),
        PLACE: draw(st.integers(0, n - 1)),
        ROW: draw(st.integers(0, 5)),
        COLUMN: draw(st.integers(0, 9)),
    }


@given(RECIPES, st.lists(assignments(), min_size=5, max_size=5))
@settings(max_examples=400)
def test_the_normal_form_has_the_same_value(recipe, points):
    index = build(recipe)
    for values in points:
        assert value_at(index, values) == evaluate(recipe, values), index


@given(RECIPES, st.lists(assignments(), min_size=5, max_size=5))
@settings(max_examples=400)
def test_bounds_bound(recipe, points):
    low, high = bounds(build(recipe))
    for values in points:
        assert low <= evaluate(recipe, values) <= high


@given(st.sampled_from(sorted(TESTS)), RECIPES, RECIPES, st.lists(assignments(), min_size=5))
@settings(max_examples=200)
def test_conditions_hold_where_they_should(name, first, second, points):
    make, expected = TESTS[name]
    condition = make(build(first), build(second))
    for values in points:
        wanted = expected(evaluate(first, values), evaluate(second, values))
        assert bool(value_at(condition, values)) == wanted, condition


@given(st.lists(st.tuples(st.sampled_from(ATOMS), NUMBERS), max_size=8), NUMBERS, st.randoms())
def test_sums_in_any_order_are_one_node(terms, constant, random):
    def total(parts: list[Index]) -> Index:
        result: Index = 0
        for part in parts:
            result = symbolic.add(result, part)
        return result

    parts: list[Index] = [constant, *(symbolic.multiply(atom, number) for atom, number in terms)]
    shuffled = list(parts)
    random.shuffle(shuffled)
    half = len(shuffled) // 2
    assert total(parts) == total(shuffled)  # equality of nodes is identity
    assert symbolic.add(*shuffled) == total(parts)
    assert symbolic.add(total(shuffled[:half]), total(shuffled[half:])) == total(parts)


@given(st.lists(st.sampled_from(ATOMS), min_size=1, max_size=5), st.randoms())
def test_products_in_any_order_are_one_node(factors, random):
    shuffled = list(factors)
    random.shuffle(shuffled)
    assert symbolic.multiply_all(factors) is symbolic.multiply_all(shuffled)


@given(RECIPES, RECIPES)
def test_no_sum_is_a_term_of_a_sum(first, second):
    for index in (symbolic.add(build(first), build(second)), symbolic.multiply(build(first), 3)):
        if isinstance(index, Node) and index.op is affine:
            assert all(source.op is not affine for source in index.sources)


@given(RECIPES, RECIPES)
def test_the_order_of_operands_does_not_matter(first, second):
    a, b = build(first), build(second)
    for combine in (symbolic.add, symbolic.multiply, symbolic.minimum, symbolic.maximum):
        assert combine(a, b) == combine(b, a)


@pytest.mark.parametrize("divisor", [1, 2, 3, 8])
def test_quotient_and_remainder_make_the_whole(divisor):
    value = symbolic.add(ROW, COLUMN, 1)
    quotient, rest = symbolic.floor_divide(value, divisor), symbolic.modulo(value, divisor)
    assert symbolic.add(symbolic.multiply(quotient, divisor), rest) is value


def test_nested_divisions_become_one():
    value = symbolic.add(symbolic.multiply(ROW, 10), COLUMN)
    assert symbolic.floor_divide(value, 10) is ROW
    assert symbolic.modulo(value, 10) is COLUMN
    inner = symbolic.floor_divide(value, 7)
    assert symbolic.floor_divide(inner, 4) is symbolic.floor_divide(value, 28)
    assert symbolic.modulo(symbolic.modulo(value, 12), 4) is symbolic.modulo(value, 4)


def test_an_axis_stays_below_its_symbolic_extent():
    assert symbolic.less(PLACE, N) is True
    assert symbolic.less_equal(0, PLACE) is True
    flat = symbolic.add(symbolic.multiply(ROW, N), PLACE)
    assert symbolic.floor_divide(flat, N) is ROW
    assert symbolic.modulo(flat, N) is PLACE
    assert extent_of(PLACE) is N


def test_divisors_are_positive():
    for divide in (symbolic.floor_divide, symbolic.modulo):
        for divisor in (0, -3):
            with pytest.raises(VerifyError, match="positive divisor"):
                divide(ROW, divisor)


def test_the_product_of_nothing_is_one():
    assert symbolic.multiply_all(()) == 1
    assert symbolic.add() == 0
    assert symbolic.logical_and() is True
