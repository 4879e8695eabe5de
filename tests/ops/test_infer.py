from __future__ import annotations

import numpy
import pytest

from tests.ops.building import Arrays, size
from tilegrad.base.errors import DTypeError, ShapeError, VerifyError
from tilegrad.ir.dtype import dtypes
from tilegrad.ops.arithmetic import add
from tilegrad.ops.comparison import less, where
from tilegrad.ops.infer import known_sizes
from tilegrad.ops.movement import expand_to


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((2, 3), (2, 3), (2, 3)),
        ((2, 1), (1, 3), (2, 3)),
        ((), (2, 3), (2, 3)),
        ((2, 3), (), (2, 3)),
        ((1, 3), (0, 3), (0, 3)),
        ((), (), ()),
    ],
)
def test_broadcast(first: tuple[int, ...], second: tuple[int, ...], expected: tuple[int, ...]):
    arrays = Arrays()
    x, y = arrays.leaf(numpy.zeros(first)), arrays.leaf(numpy.zeros(second))
    assert add(x, y).shape == expected
    assert less(x, y).shape == expected
    assert arrays.value(add(x, y)).shape == expected


@pytest.mark.parametrize(("first", "second"), [((2,), (3,)), ((3,), (2, 3)), ((0,), (2,))])
def test_shapes_that_do_not_broadcast(first: tuple[int, ...], second: tuple[int, ...]):
    arrays = Arrays()
    x, y = arrays.leaf(numpy.zeros(first)), arrays.leaf(numpy.zeros(second))
    with pytest.raises(ShapeError, match="do not broadcast"):
        add(x, y)


def test_symbolic_sizes_broadcast_by_identity():
    n, m = size("n"), size("m")
    x = Arrays().leaf([[1.0]])
    assert add(expand_to(x, (n, 1)), expand_to(x, (1, m))).shape == (n, m)
    assert add(expand_to(x, (n, 1)), expand_to(x, (n, 2))).shape == (n, 2)
    with pytest.raises(ShapeError):
        add(expand_to(x, (n, 1)), expand_to(x, (m, 1)))


def test_where():
    arrays = Arrays()
    x, y = arrays.leaf([1.0, 2.0]), arrays.leaf([1, 2])
    assert where(x < 2, x, x + 1).dtype is dtypes.float64
    with pytest.raises(DTypeError, match="a bool condition"):
        where(x, x, x)
    with pytest.raises(DTypeError, match="dtypes of the two values differ"):
        where(x < 2, x, y)


def test_known_sizes():
    assert known_sizes((2, 3)) == (2, 3)
    with pytest.raises(VerifyError, match="must get its value"):
        known_sizes((2, size("n")))
