"""The IDX format of the MNIST family: a small header, then the elements, most significant first.

Two zero bytes, one byte for the element's type, one for the number of axes, a 32-bit size for each
axis, then the elements in row-major order (Y. LeCun, "The MNIST database of handwritten digits").
"""

from __future__ import annotations

import struct

import numpy

from tilegrad.base.errors import DataError

_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def parse_idx(data: bytes, name: str) -> numpy.ndarray:
    """Return the array that an IDX file holds, in the machine's byte order.

    Args:
        data: the file's contents, not compressed.
        name: what to call it in an error.

    Raises:
        DataError: the contents are not of that format.
    """
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _DTYPES:
        raise DataError(
            f"{name} is not in the IDX format",
            got=f"a file that begins with {data[:4].hex(' ') or 'nothing'}",
            expected="two zero bytes, a type from 08 to 0e, the number of axes",
        )
    start = 4 + 4 * data[3]
    if len(data) < start:
        raise DataError(f"{name} ends in its header", got=f"{len(data)} bytes", expected=start)
    shape = struct.unpack(f">{data[3]}I", data[4:start])
    dtype = numpy.dtype(_DTYPES[data[2]])
    size = start + dtype.itemsize * int(numpy.prod(shape, dtype=object))
    if len(data) != size:
        raise DataError(
            f"{name} has another size than its header says",
            got=f"{len(data)} bytes",
            expected=f"{size} bytes for shape {shape}",
        )
    elements = numpy.frombuffer(data, dtype, offset=start).reshape(shape)
    return elements.astype(dtype.newbyteorder("="))
