import itertools

import ml_dtypes
import numpy
import pytest

from tests.rewrite.graphs import leaf
from tests.simplify.simplified import simplify
from tilegrad.ir.dtype import STORABLE, dtypes
from tilegrad.ops.conversion import cast_to
from tilegrad.simplify.conversion import holds


def extreme_values(dtype):
    """Return the values of a dtype that another one is most likely not to hold."""
    if dtype.is_boolean:
        return [0, 1]
    if dtype.is_float:
        limits = ml_dtypes.finfo(dtype.numpy)
        special = [numpy.inf] if dtype is not dtypes.float8_e4m3 else []
        small = limits.smallest_subnormal
        return [float(v) for v in (limits.max, small, 1 + float(limits.eps), *special)]
    limits = numpy.iinfo(dtype.numpy)
    return [limits.min, limits.max, limits.max - 1]


@pytest.mark.parametrize("wide", STORABLE)
def test_holds_is_what_numpy_shows(wide):
    for narrow in STORABLE:
        values = numpy.array(extreme_values(narrow), object)
        with numpy.errstate(all="ignore"):
            there = values.astype(narrow.numpy).astype(wide.numpy)
        assert holds(wide, narrow) == (there.tolist() == list(values)), narrow


def test_way_through_a_wider_dtype_is_skipped():
    x = leaf(dtypes.float16)
    assert simplify(cast_to(cast_to(x, dtypes.float32), dtypes.bfloat16)) is cast_to(
        x, dtypes.bfloat16
    )
    assert simplify(cast_to(cast_to(x, dtypes.float64), dtypes.float16)) is x


def test_ways_that_change_values_are_kept():
    lossy = (
        (dtypes.float32, dtypes.float16, dtypes.float32),
        (dtypes.int32, dtypes.int8, dtypes.int32),
        (dtypes.int32, dtypes.float64, dtypes.int8),  # saturates where a direct cast wraps
        (dtypes.int8, dtypes.uint8, dtypes.int32),
        (dtypes.int64, dtypes.float64, dtypes.int64),
    )
    for first, middle, last in lossy:
        node = cast_to(cast_to(leaf(first), middle), last)
        assert simplify(node) is node


def test_integers_may_be_cut_in_steps():
    for first, middle, last in itertools.product((dtypes.int64, dtypes.uint32), repeat=3):
        x = leaf(first)
        node = cast_to(cast_to(x, middle), last)
        if last is dtypes.uint32:
            assert simplify(node) is cast_to(x, last)


def test_truth_values_come_back():
    flag = leaf(dtypes.bool)
    for dtype in STORABLE:
        assert simplify(cast_to(cast_to(flag, dtype), dtypes.bool)) is flag
