from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy
import pytest

from tests.ops.building import Arrays, size
from tilegrad.base.errors import ArgumentError, DTypeError
from tilegrad.ir.dtype import dtypes
from tilegrad.ops.affine import affine
from tilegrad.ops.leaves import constant, value_of

FLOAT = (operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv)
WHOLE = (operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift)
COMMON = (operator.mod, operator.lt, operator.le, operator.gt, operator.ge)

Operator = Callable[[Any, Any], Any]


@pytest.mark.parametrize("operation", [*FLOAT, *COMMON])
def test_floats(operation: Operator):
    check(operation, numpy.array([1.5, -2.0, 7.0]), numpy.array([2.0, 0.75, -3.0]), 2.5)


@pytest.mark.parametrize("operation", [*WHOLE, *COMMON, operator.add, operator.floordiv])
def test_integers(operation: Operator):
    check(operation, numpy.array([1, -2, 70]), numpy.array([2, 3, 5]), 3)


def check(operation: Operator, x: numpy.ndarray, y: numpy.ndarray, number: float) -> None:
    """Compare with NumPy's operators, also with a plain number on either side."""
    arrays = Arrays()
    first, second = arrays.leaf(x), arrays.leaf(y)
    pairs = [
        (operation(first, second), operation(x, y)),
        (operation(first, number), operation(x, number)),
    ]
    if operation not in (operator.lshift, operator.rshift):
        pairs.append((operation(number, first), operation(number, x)))
    for node, expected in pairs:
        numpy.testing.assert_array_equal(arrays.value(node), expected)


def test_unary():
    arrays = Arrays()
    assert arrays.value(-arrays.leaf([1, -2])).tolist() == [-1, 2]
    assert arrays.value(~arrays.leaf([True, False])).tolist() == [False, True]


def test_numbers_take_the_dtype_of_the_node():
    x = Arrays().leaf(numpy.array([1.0], numpy.float16))
    assert (x * 3).sources[1] is constant(3, dtypes.float16)
    with pytest.raises(ArgumentError, match="must be whole"):
        Arrays().leaf([1, 2]) * 0.5


def test_index_goes_to_the_symbolic_algebra():
    n = size("n")
    assert (n + 1).op is affine
    assert n - n is constant(0, dtypes.index)
    assert 2 * n + n is 3 * n
    assert -n is n * -1
    assert (n * 4) // 2 is n * 2
    assert value_of((n * 4 + 3) % 4) == 3
    assert (n < 1) is constant(False, dtypes.bool)
    assert (n <= 100) is constant(True, dtypes.bool)
    assert (n < 50).op.name == "less"


def test_other_types_are_left_to_themselves():
    x = Arrays().leaf([1, 2])
    with pytest.raises(TypeError):
        x + "1"
    with pytest.raises(DTypeError):
        x + size("n")
