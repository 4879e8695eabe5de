"""The IDX format."""

from __future__ import annotations

import struct

import numpy
import pytest

from tilegrad.apps.datasets.idx import parse_idx
from tilegrad.base.errors import DataError


def encode(array: numpy.ndarray, code: int) -> bytes:
    header = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize(
    ("code", "dtype"),
    [(8, "u1"), (9, "i1"), (11, "i2"), (12, "i4"), (13, "f4"), (14, "f8")],
)
@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (0, 3), ()])
def test_every_type_and_rank_is_read(code, dtype, shape):
    expected = numpy.arange(numpy.prod(shape, dtype=int)).astype(dtype).reshape(shape)
    found = parse_idx(encode(expected, code), "a file")
    assert found.dtype == numpy.dtype(dtype)
    numpy.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not in the IDX format"),
        (b"\x1f\x8b\x08\x00", "not in the IDX format"),
        (b"\0\0\x07\x01\0\0\0\0", "not in the IDX format"),
        (b"\0\0\x08\x02\0\0\0\0", "ends in its header"),
        (encode(numpy.arange(3, dtype="u1"), 8)[:-1], "another size"),
        (encode(numpy.arange(3, dtype="u1"), 8) + b"\0", "another size"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "another size"),
    ],
)
def test_what_is_no_idx_file_is_refused(data, message):
    with pytest.raises(DataError, match=message):
        parse_idx(data, "a file")
