"""Counter-based random bits: the same on every device and in any order of evaluation."""

from __future__ import annotations

import numpy

from tilegrad.base.errors import DTypeError
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Inferred, NotDifferentiable, Op, Property
from tilegrad.ops.infer import broadcast_shapes
from tilegrad.ops.numerics import Array, silent

ROUNDS = 20
ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
"""Left rotations of the rounds, repeating."""
PARITY = 0x1BD11BDA
"""The third word of the key schedule is this, exclusive-or the two words of the key."""


def _infer_threefry(sources: tuple[Node, ...], attributes: None) -> Inferred:
    del attributes
    for source in sources:
        if source.dtype is not dtypes.uint64:
            raise DTypeError(
                "threefry does not take this dtype", got=source.dtype.name, expected="uint64"
            )
    return dtypes.uint64, broadcast_shapes("threefry", sources)


def _words(x: Array) -> tuple[Array, Array]:
    return x.astype(numpy.uint32), (x >> numpy.uint64(32)).astype(numpy.uint32)


def _rotate(x: Array, count: int) -> Array:
    return (x << numpy.uint32(count)) | (x >> numpy.uint32(32 - count))


@silent
def _threefry_reference(counter: Array, key: Array) -> Array:
    first, second = _words(counter)
    key_words = _words(key)
    schedule = (*key_words, key_words[0] ^ key_words[1] ^ numpy.uint32(PARITY))
    first, second = first + schedule[0], second + schedule[1]
    for number in range(ROUNDS):
        first = first + second
        second = _rotate(second, ROTATIONS[number % 8]) ^ first
        if number % 4 == 3:
            injection = number // 4 + 1
            first = first + schedule[injection % 3]
            second = second + schedule[(injection + 1) % 3] + numpy.uint32(injection)
    return first.astype(numpy.uint64) | (second.astype(numpy.uint64) << numpy.uint64(32))


threefry = Op(
    "threefry",
    "Threefry-2x32-20 of a counter under a key (Salmon, Moraes, Dror and Shaw, 'Parallel random "
    "numbers: as easy as 1, 2, 3', 2011). The first 32-bit word of each pair is the low half.",
    2,
    _infer_threefry,
    reference=_threefry_reference,
    gradient=NotDifferentiable("random bits are discrete"),
    properties=Property.ELEMENTWISE,
)
