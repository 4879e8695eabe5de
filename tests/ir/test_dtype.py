"""dtypes and what NumPy and ml_dtypes have for them."""

from __future__ import annotations

import ml_dtypes
import numpy
import pytest

from tilegrad.base.errors import DTypeError
from tilegrad.ir.dtype import STORABLE, DType, from_numpy

FLOATS = [dtype for dtype in STORABLE if dtype.is_float]


@pytest.mark.parametrize("dtype", STORABLE, ids=lambda dtype: dtype.name)
def test_each_has_an_equivalent_and_is_its_equivalent(dtype: DType):
    assert from_numpy(dtype.numpy) is dtype
    assert from_numpy(numpy.zeros(3, dtype.numpy)[:1].dtype) is dtype
    assert dtype.numpy.itemsize == dtype.itemsize


@pytest.mark.parametrize(
    "other",
    [
        ">f4",
        "complex64",
        "V2",
        [("bfloat16", "V2")],
        "U3",
        "datetime64[s]",
        ml_dtypes.float8_e4m3b11fnuz,
        ml_dtypes.int4,
    ],
    ids=str,
)
def test_others_have_none(other: object):
    with pytest.raises(DTypeError, match="no equivalent"):
        from_numpy(other)


@pytest.mark.parametrize("dtype", FLOATS, ids=lambda dtype: dtype.name)
def test_limits_are_those_that_the_libraries_know(dtype: DType):
    known = ml_dtypes.finfo(dtype.numpy)
    for name in ("eps", "max", "min", "smallest_normal", "smallest_subnormal"):
        assert float(getattr(dtype.limits, name)) == float(getattr(known, name))
    with numpy.errstate(over="ignore"):
        beyond = numpy.array(numpy.inf).astype(dtype.numpy)
    assert dtype.maximum == (numpy.inf if numpy.isinf(beyond) else known.max)
    assert dtype.minimum == -dtype.maximum
