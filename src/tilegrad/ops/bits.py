"""Operations on the bits of integers and bools."""

from __future__ import annotations

import numpy

from tilegrad.ir.op import NotDifferentiable, Property
from tilegrad.ops.elementwise import define
from tilegrad.ops.infer import is_bits, is_whole
from tilegrad.ops.numerics import silent

_BITS = NotDifferentiable("bits are discrete")
_LATTICE = Property.COMMUTATIVE | Property.ASSOCIATIVE | Property.IDEMPOTENT

bitwise_not = define(
    "bitwise_not",
    "Every bit inverted; the logical not of a bool.",
    1,
    is_bits,
    silent(numpy.invert),
    _BITS,
    Property.INVOLUTION,
)
bitwise_and = define(
    "bitwise_and",
    "The bits set in both x and y; logical and of bools.",
    2,
    is_bits,
    silent(numpy.bitwise_and),
    _BITS,
    _LATTICE,
)
bitwise_or = define(
    "bitwise_or",
    "The bits set in x or y; logical or of bools.",
    2,
    is_bits,
    silent(numpy.bitwise_or),
    _BITS,
    _LATTICE,
)
bitwise_xor = define(
    "bitwise_xor",
    "The bits set in one of x and y; exclusive or of bools.",
    2,
    is_bits,
    silent(numpy.bitwise_xor),
    _BITS,
    Property.COMMUTATIVE | Property.ASSOCIATIVE,
)
shift_left = define(
    "shift_left",
    "x · 2ʸ modulo the width. A count y that is negative or at least the width gives 0.",
    2,
    is_whole,
    silent(numpy.left_shift),
    _BITS,
)
shift_right = define(
    "shift_right",
    "⌊x / 2ʸ⌋: signed integers keep their sign. A count y that is negative or at least the width "
    "gives 0, or -1 for a negative x.",
    2,
    is_whole,
    silent(numpy.right_shift),
    _BITS,
)
