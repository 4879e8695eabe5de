"""Look-ups in small constant tables, which many processors do within registers."""

from __future__ import annotations

from typing import NamedTuple

import numpy

from tilegrad.base.errors import ArgumentError, DTypeError
from tilegrad.ir.dtype import STORABLE, DType
from tilegrad.ir.node import Node
from tilegrad.ir.op import Inferred, NotDifferentiable, Op, Property
from tilegrad.ops.infer import is_whole

LARGEST_TABLE = 256
"""The most numbers that a table has: as many as a byte tells apart."""


class LookUpAttributes(NamedTuple):
    """A table, and the instruction for it.

    Attributes:
        dtype: of its numbers.
        bits: of each number; they are 2ⁿ.
        instruction: its name, empty until code generation has chosen one.
        register_bits: of the widest vector that the instruction takes.
    """

    dtype: DType
    bits: tuple[int, ...]
    instruction: str = ""
    register_bits: int = 0


def _infer_look_up(sources: tuple[Node, ...], attributes: LookUpAttributes) -> Inferred:
    (place,) = sources
    if not is_whole(place.dtype):
        raise DTypeError(
            "places in a table are integers", got=place.dtype.name, expected="integers or indices"
        )
    if attributes.dtype not in STORABLE or attributes.dtype.is_boolean:
        raise DTypeError(
            "a table holds numbers", got=attributes.dtype.name, expected="integers or floats"
        )
    size = len(attributes.bits)
    if not 0 < size <= LARGEST_TABLE or size & (size - 1):
        raise ArgumentError(
            "the table of a look-up has another size",
            got=f"{size} numbers",
            expected=f"1, 2, 4, ... or {LARGEST_TABLE}",
            mend="fill it up with any numbers, or repeat it",
        )
    return attributes.dtype, place.shape


def _look_up_reference(place: numpy.ndarray, attributes: LookUpAttributes) -> numpy.ndarray:
    dtype, bits = attributes.dtype, attributes.bits
    table = numpy.array(bits, f"u{dtype.itemsize}").view(dtype.numpy)
    return table[place.astype(numpy.int64) & (len(bits) - 1)]


look_up = Op(
    "look_up",
    "The number of a constant table that stands at the place modulo the table's size, 2ⁿ.",
    1,
    _infer_look_up,
    LookUpAttributes,
    _look_up_reference,
    NotDifferentiable("a place is an integer"),
    Property.ELEMENTWISE,
)
