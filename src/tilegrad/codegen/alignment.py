"""Which writes fill a line of the caches, whatever the index of the instance or of a loop is."""

from __future__ import annotations

import math

from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ops import arithmetic, comparison, leaves, linear
from tilegrad.ops.linear import LINE_BYTES, AddressAttributes


def fills_line(address: Node, nbytes: int) -> bool:
    """Whether so many bytes at an address are one line if the pointer is at the start of one."""
    if nbytes != LINE_BYTES:
        return False
    while address.op is linear.address:
        scale, displacement = attributes_of(address, AddressAttributes)
        factor = _find_factor(address.sources[1]) if len(address.sources) > 1 else 0
        if math.gcd(scale * factor, displacement) % LINE_BYTES:
            return False
        address = address.sources[0]
    return True


def _find_factor(value: Node) -> int:
    """Return a number that divides an integer, 0 if that is always 0."""
    if value.op is leaves.constant_op:
        return abs(int(leaves.value_of(value)))
    if value.op is linear.loop_position:
        begin = value.sources[0]
        return math.gcd(_find_factor(begin.sources[0]), _find_factor(begin.sources[2]))
    if value.op is arithmetic.multiply:
        return math.prod(map(_find_factor, value.sources))
    if value.op in _MIXING:
        return math.gcd(*map(_find_factor, value.sources))
    if value.op is comparison.where:
        return math.gcd(*map(_find_factor, value.sources[1:]))
    return 1


_MIXING = (arithmetic.add, arithmetic.subtract, arithmetic.maximum, arithmetic.minimum)
