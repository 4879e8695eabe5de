import pytest

from tests.rewrite.graphs import leaf
from tests.simplify.simplified import simplify
from tilegrad.ir.dtype import dtypes
from tilegrad.ops import reduction
from tilegrad.ops.leaves import SymbolAttributes, constant, symbol
from tilegrad.ops.movement import expand_to, filled
from tilegrad.ops.reduction import ReduceAttributes, sum_over


def maximum_over(node, axes):
    return reduction.reduce_maximum(node, attributes=ReduceAttributes(axes))


@pytest.mark.parametrize("dtype", [dtypes.int32, dtypes.float32])
def test_reductions_of_a_kind_merge_where_that_is_exact(dtype):
    x = leaf(dtype)
    assert simplify(maximum_over(maximum_over(x, (0,)), (1,))) is maximum_over(x, (0, 1))
    is_merged = simplify(sum_over(sum_over(x, (0,)), (1,))) is sum_over(x, (0, 1))
    assert is_merged == (not dtype.is_float)


def test_single_elements_need_no_reduction():
    x = leaf(dtypes.float32, (1, 4))
    assert simplify(maximum_over(x, (0,))) is x
    assert simplify(maximum_over(x, (0, 1))) is maximum_over(x, (1,))
    assert simplify(sum_over(x, (0,))) is x + constant(0.0, dtypes.float32)


def test_repeated_elements_are_reduced_once():
    x = leaf(dtypes.int32, (3, 1))
    grown = expand_to(x, (3, 5))
    assert simplify(maximum_over(grown, (1,))) is x
    assert simplify(sum_over(grown, (1,))) is x * 5
    assert simplify(sum_over(grown, (0, 1))) is sum_over(x, (0,)) * 5
    nothing = expand_to(x, (3, 0))
    assert simplify(maximum_over(nothing, (1,))) is maximum_over(nothing, (1,))
    n = symbol(attributes=SymbolAttributes("n", 0, 8))
    unknown = maximum_over(expand_to(x, (3, n)), (1,))
    assert simplify(unknown) is unknown


def test_sums_of_constants_are_computed_where_no_order_rounds():
    assert simplify(sum_over(filled(0.5, dtypes.float32, (3, 4)), (1,))) is filled(
        2.0, dtypes.float32, (3, 1)
    )
    inexact = simplify(sum_over(filled(0.1, dtypes.float32, (3, 4)), (1,)))
    one_row = sum_over(filled(0.1, dtypes.float32, (1, 4)), (1,))
    assert inexact is expand_to(one_row, (3, 1))
    assert simplify(sum_over(filled(100, dtypes.uint8, (3, 4)), (1,))) is filled(
        400 % 256, dtypes.uint8, (3, 1)
    )
