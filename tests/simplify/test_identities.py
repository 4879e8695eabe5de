import pytest

from tests.rewrite.graphs import leaf
from tests.simplify.simplified import simplify
from tilegrad.ir.dtype import STORABLE, dtypes
from tilegrad.ops import arithmetic, comparison, exponential
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import filled

FLOATS = [dtype for dtype in STORABLE if dtype.is_float]
INTEGERS = [dtype for dtype in STORABLE if dtype.is_integer]


@pytest.mark.parametrize("dtype", FLOATS)
def test_of_floats_only_the_negative_zero_is_neutral(dtype):
    x = leaf(dtype)
    assert simplify(x + constant(-0.0, dtype)) is x
    assert simplify(x + constant(0.0, dtype)) is not x
    assert simplify(x - constant(0.0, dtype)) is x
    assert simplify(x - constant(-0.0, dtype)) is not x


@pytest.mark.parametrize("dtype", FLOATS)
def test_positive_zero_goes_where_no_element_is_a_negative_zero(dtype):
    x, zero = leaf(dtype), constant(0.0, dtype)
    for positive in (exponential.exp(x), arithmetic.absolute(x), comparison.relu(x), x * x):
        assert simplify(positive + zero) is positive
    assert simplify((x + zero) + zero) is simplify(x + zero)


@pytest.mark.parametrize("dtype", FLOATS)
def test_floats_keep_what_nan_and_infinity_need(dtype):
    x = leaf(dtype)
    for node in (x * constant(0.0, dtype), x - x, x / x):
        assert simplify(node) is node


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_have_their_laws(dtype):
    x, zero = leaf(dtype), constant(0, dtype)
    nothing = filled(0, dtype, x.shape)
    assert simplify(x + zero) is x
    assert simplify(x * zero) is nothing
    assert simplify(x - x) is nothing
    assert simplify(x % constant(1, dtype)) is nothing
    assert simplify(-(x - leaf(dtype))).op is arithmetic.subtract


def test_signs_move_into_constants():
    x = leaf(dtypes.float32)
    assert simplify(-(x * 3.0)) is x * -3.0
    assert simplify(-x * 3.0) is x * -3.0
    assert simplify(x + -x) is x - x
    assert simplify(-x * -x) is x * x


@pytest.mark.parametrize("dtype", STORABLE)
def test_extremes_know_the_least_and_greatest_values(dtype):
    x = leaf(dtype)
    least, greatest = constant(dtype.minimum, dtype), constant(dtype.maximum, dtype)
    assert simplify(arithmetic.maximum(x, least)) is x
    assert simplify(arithmetic.minimum(greatest, x)) is x
    is_settled = simplify(arithmetic.maximum(x, greatest)) is filled(dtype.maximum, dtype, x.shape)
    assert is_settled == (not dtype.is_float)
