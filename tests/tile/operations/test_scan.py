"""Scans on the interpreter against NumPy."""

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tile.arrays import arrays, shapes
from tests.tile.launch import launch
from tilegrad.ir.dtype import STORABLE, dtypes
from tilegrad.ops.scan import ScanAttributes, scan
from tilegrad.tile.operations.scan import build_scan

KINDS = ("add", "multiply", "maximum", "minimum")


@given(st.data(), st.sampled_from(STORABLE), st.sampled_from(KINDS), shapes())
def test_scan_agrees_with_numpy(data, dtype, kind, shape):
    if dtype.is_boolean:
        kind = data.draw(st.sampled_from(("maximum", "minimum")))
    axis = data.draw(st.integers(0, len(shape) - 1))
    x = data.draw(arrays(dtype, shape))
    (found,) = launch(build_scan(dtype, shape, axis, kind), [x])
    expected = scan.reference(x, ScanAttributes(axis, kind))
    found = found.reshape(shape)
    if dtype.is_float and kind in ("add", "multiply"):
        epsilon = 2.0 ** -(min(dtype.mantissa, 23) - 1)
        found, expected = found.astype(numpy.float64), expected.astype(numpy.float64)
        scale = scan.reference(numpy.abs(x.astype(numpy.float64)), ScanAttributes(axis, kind))
        # Sums in another order can differ by an infinity against a NaN only where both occur.
        with numpy.errstate(invalid="ignore"):
            bound = epsilon * scale
        is_close = numpy.abs(found - expected) <= bound
        is_same = (found == expected) | (numpy.isnan(found) & numpy.isnan(expected))
        assert (is_close | is_same).all()
    else:
        numpy.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(7, 133), (3, 33, 5), (2, 20, 200), (1, 17, 9000)])
def test_one_program_serves_all_sizes(kind, shape):
    smaller = (*shape[:1], 80 if len(shape) == 2 else 16, *shape[2:])
    one = build_scan(dtypes.float32, shape, 1, kind)
    other = build_scan(dtypes.float32, smaller, 1, kind)
    assert one.root is other.root


def test_running_sum_keeps_negative_zero():
    x = numpy.full(20, -0.0, numpy.float32)
    (found,) = launch(build_scan(dtypes.float32, x.shape, 0, "add"), [x])
    assert numpy.signbit(found).all()
