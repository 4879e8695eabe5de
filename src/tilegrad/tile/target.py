"""What choosing tiles needs to know of a processor."""

from __future__ import annotations

from typing import NamedTuple

from tilegrad.ops.matrix import MatrixFacts


class TileTarget(NamedTuple):
    """A processor as the tile stage sees it.

    Attributes:
        vector_bytes: width of a vector register.
        registers: number of vector registers.
        cache_bytes: size of the largest cache that a core has for itself.
        units: what matrix units there are, the preferred ones first.
        threads: how many threads share the instances of a program; results do not depend on it.
    """

    vector_bytes: int = 64
    registers: int = 32
    cache_bytes: int = 2 << 20
    units: tuple[MatrixFacts, ...] = ()
    threads: int = 2
