import numpy
import pytest

from tests.rewrite.graphs import leaf
from tests.simplify.simplified import simplify
from tilegrad.ir.dtype import STORABLE, dtypes
from tilegrad.ops import arithmetic, bits, exponential
from tilegrad.ops.leaves import constant, value_of
from tilegrad.simplify.constants import array_of, constant_from


@pytest.mark.parametrize("dtype", [*STORABLE, dtypes.index])
def test_constants_to_arrays_and_back(dtype):
    for value in (0, 1, *(() if dtype.is_boolean or dtype.is_unsigned else (-1,))):
        node = constant(value, dtype)
        array = array_of(node)
        assert (array.shape, array.dtype) == ((), dtype.numpy)
        assert constant_from(array, dtype) is node


def test_folding_wraps_rounds_and_saturates_as_the_ops_do():
    def fold(op, *values, dtype):
        return value_of(simplify(op(*(constant(value, dtype) for value in values))))

    assert fold(arithmetic.add, 200, 100, dtype=dtypes.uint8) == 44
    assert fold(arithmetic.add, 1.0, 2.0**-11, dtype=dtypes.float16) == 1.0
    assert fold(arithmetic.multiply, 400.0, 2.0, dtype=dtypes.float8_e4m3) == 448.0
    assert fold(arithmetic.floor_divide, 1, 0, dtype=dtypes.int32) == 0
    assert numpy.isnan(fold(exponential.log, -1.0, dtype=dtypes.float32))


def test_constants_gather_at_the_end():
    x = leaf()
    assert simplify(((x + 3) - 5) + 1) is x + -1
    assert simplify(10 - (x + 3)) is 7 - x
    assert simplify((3 * x) * 5) is x * 15
    y = leaf(dtypes.float32)
    kept = (y + 0.1) + 0.2
    assert simplify(kept) is kept


def test_powers_of_two_are_cheap():
    x, i = leaf(dtypes.float32), leaf(dtypes.int32)
    assert simplify(x / constant(-8.0, dtypes.float32)) is x * -0.125
    assert simplify(i // constant(8, dtypes.int32)) is i >> constant(3, dtypes.int32)
    assert simplify(i % constant(8, dtypes.int32)) is bits.bitwise_and(i, constant(7, dtypes.int32))
    for divisor in (3.0, 2.0**-127, 2.0**127, float("inf")):
        kept = x / constant(divisor, dtypes.float32)
        assert simplify(kept) is kept
