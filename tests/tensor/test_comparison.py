import operator

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tensor.support import SMALL_INTEGERS, check, random_array
from tilegrad import Tensor, dtypes
from tilegrad.base.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError

COMPARISONS = (
    operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge,
)  # fmt: skip


@pytest.mark.parametrize("function", COMPARISONS)
@pytest.mark.parametrize("dtype", [*SMALL_INTEGERS, dtypes.float32, dtypes.bool], ids=str)
def test_comparisons_are_those_of_numpy(function, dtype):
    left, right = random_array((5, 4), dtype), random_array((4,), dtype, seed=1)
    check(function(Tensor(left), Tensor(right)), function(left, right))
    check(function(Tensor(left), 1), function(left, 1))
    check(function(1, Tensor(left)), function(1, left))


@given(st.integers(-(2**70), 2**70), st.sampled_from(SMALL_INTEGERS), st.data())
def test_integers_compare_by_value(number, dtype, data):
    values = data.draw(st.lists(st.integers(dtype.minimum, dtype.maximum), min_size=1))
    tensor = Tensor(numpy.array(values, dtype.numpy))
    if dtype.bits == 64 and number > 2**63 - 1:
        number = 2**64  # beside uint64, int64 is compared as float64
    assert (tensor < number).tolist() == [value < number for value in values]
    assert (tensor == number).tolist() == [value == number for value in values]


def test_choices():
    array = random_array((3, 4))
    tensor, condition = Tensor(array), Tensor(array > 0)
    check(condition.where(tensor, 0), numpy.where(array > 0, array, numpy.float32(0)))
    check(condition.where(1, 0), numpy.where(array > 0, 1, 0))
    assert condition.where(1, 0.5).dtype is dtypes.float32
    assert condition.where(Tensor([1], dtype="int8"), 2).dtype is dtypes.int8
    row = random_array((4,), seed=1)
    check(condition.where(Tensor(row), tensor), numpy.where(array > 0, row, array))
    check(Tensor(True).where(tensor, 1.0), array)
    with pytest.raises(DTypeError, match="must be bool"):
        tensor.where(1, 0)
    with pytest.raises(ShapeError, match="broadcast"):
        condition.where(Tensor.ones(3), Tensor.ones(4))
    with pytest.raises(ArgumentTypeError, match="cannot compute"):
        condition.where("a", 0)


def test_limits():
    array = random_array((20,))
    for arguments in ((-0.5, 0.5), (0.0, None), (None, 0.0), (0.5, -0.5)):
        low, high = arguments
        expected = numpy.minimum(
            numpy.maximum(array, -numpy.inf if low is None else numpy.float32(low)),
            numpy.inf if high is None else numpy.float32(high),
        ).astype(numpy.float32)
        check(Tensor(array).clamp(*arguments), expected)
        check(Tensor(array).clip(min=low, max=high), expected)
    assert Tensor([1, 5, 9]).clamp(Tensor([2, 2, 2]), 6).tolist() == [2, 5, 6]
    assert numpy.isnan(Tensor([numpy.nan]).clamp(0, 1).item())
    with pytest.raises(ArgumentError, match="no bound"):
        Tensor([1]).clamp()


def test_tests_of_integers():
    tensor = Tensor([1, 2])
    assert tensor.isnan().tolist() == tensor.isinf().tolist() == [False, False]
    assert tensor.isfinite().tolist() == [True, True]
    assert Tensor([numpy.inf, -numpy.inf]).isinf(detect_positive=False).tolist() == [False, True]


def test_tensors_are_keys_by_identity():
    first, second = Tensor([1, 2]), Tensor([1, 2])
    table = {first: 1, second: 2}
    assert table[first] == 1
    assert table[second] == 2
