from __future__ import annotations

import numpy
import pytest

from tests.ops.building import Arrays
from tilegrad.base.errors import DTypeError
from tilegrad.ops.random import threefry

# The known answers for threefry2x32-20 that its authors' library, Random123, is tested with:
# counter words, key words, result words.
KNOWN_ANSWERS = (
    ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
)


def join(words: tuple[int, int]) -> int:
    """Return two words as one number, the first in the low half."""
    return words[0] | words[1] << 32


def test_known_answers():
    arrays = Arrays()
    counter, key = (
        arrays.leaf(numpy.array([join(row[i]) for row in KNOWN_ANSWERS], numpy.uint64))
        for i in range(2)
    )
    expected = [join(row[2]) for row in KNOWN_ANSWERS]
    assert arrays.value(threefry(counter, key)).tolist() == expected


def test_scalar_key_broadcasts():
    arrays = Arrays()
    counter = arrays.leaf(numpy.arange(3, dtype=numpy.uint64))
    key = arrays.leaf(numpy.uint64(5))
    assert len(set(arrays.value(threefry(counter, key)).tolist())) == 3


def test_refuses_other_dtypes():
    arrays = Arrays()
    with pytest.raises(DTypeError, match="uint64"):
        threefry(arrays.leaf(numpy.int64(1)), arrays.leaf(numpy.uint64(1)))
