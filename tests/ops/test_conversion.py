from __future__ import annotations

import numpy
import pytest

from tests.ops.building import Arrays
from tilegrad.base.errors import DTypeError
from tilegrad.ir.dtype import STORABLE, DType, dtypes
from tilegrad.ops.conversion import CastAttributes, bitcast, cast_to

NUMBERS = [dtype for dtype in STORABLE if not dtype.is_boolean]


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
def test_bitcast_keeps_the_bytes(dtype: DType):
    arrays = Arrays()
    source = numpy.arange(1 << 8, dtype=numpy.uint8).view(dtype.numpy)
    for target in NUMBERS:
        attributes = CastAttributes(target)
        if target.bits == dtype.bits:
            result = arrays.value(bitcast(arrays.leaf(source), attributes=attributes))
            assert result.tobytes() == source.tobytes()
        else:
            with pytest.raises(DTypeError, match="one width"):
                bitcast(arrays.leaf(source), attributes=attributes)


def test_cast_to_the_same_dtype_is_nothing():
    x = Arrays().leaf(numpy.float32(1))
    assert cast_to(x, dtypes.float32) is x


def test_long_integers_round_once():
    arrays = Arrays()
    # Just above and at a tie between two bfloat16 numbers; float32 cannot tell them apart.
    values = numpy.array([(1 << 62) + (1 << 54) + 1, (1 << 62) + (1 << 54)], numpy.int64)
    result = arrays.value(cast_to(arrays.leaf(values), dtypes.bfloat16))
    assert result.astype(float).tolist() == [2.0**62 + 2.0**55, 2.0**62]
