import pytest

from tests.rewrite.graphs import leaf
from tests.simplify.simplified import simplify
from tilegrad.ir.dtype import STORABLE, dtypes
from tilegrad.ops import arithmetic, comparison
from tilegrad.ops.leaves import constant


@pytest.mark.parametrize("dtype", STORABLE)
def test_choosing_one_or_zero_is_the_condition_for_bools_only(dtype):
    condition = leaf(dtypes.bool)
    choice = comparison.where(condition, constant(1, dtype), constant(0, dtype))
    assert simplify(choice) is (condition if dtype.is_boolean else choice)


def test_nested_choices_merge():
    p, q, x, y = leaf(dtypes.bool), leaf(dtypes.bool), leaf(), leaf()
    where = comparison.where
    assert simplify(where(p, where(q, x, y), y)) is where(p & q, x, y)
    assert simplify(where(p, where(p, x, y), x)) is x
    assert simplify(where(~p, x, y)) is where(p, y, x)


def test_only_integers_are_always_ordered():
    for dtype in (dtypes.int32, dtypes.float32):
        x, y = leaf(dtype), leaf(dtype)
        assert (simplify(~(x < y)) is (y <= x)) == dtype.is_integer
        assert (simplify(comparison.equal(x, x)).op is comparison.equal) == dtype.is_float


def test_bits_absorb():
    x, y = leaf(), leaf()
    assert simplify(x & (x | y)) is x
    assert simplify(x ^ constant(-1, dtypes.int32)) is ~x
    flag = leaf(dtypes.bool)
    assert simplify(arithmetic.maximum(flag, flag) & constant(True, dtypes.bool)) is flag
