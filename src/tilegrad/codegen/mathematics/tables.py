"""Functions by tables that are registers, from which one instruction looks up a vector."""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad.codegen.mathematics.building import (
    bits_of,
    choose,
    equal,
    format_of,
    fuse,
    is_single,
)
from tilegrad.codegen.mathematics.look_up import PERMUTATION, look_up_in_register
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node

TABLE_SIZE = 16
"""How many numbers of 32 bits a table in a register has."""


def has_tables(target: CodegenTarget, x: Node) -> bool:
    """Whether sixteen numbers are looked up in a register."""
    return is_single(x) and target.has("avx512f", "avx512vl", "avx512dq")


def look_up(place: Node, table: tuple[int, ...]) -> Node:
    """Return the float32 of a table, given by its bits, that stands at a place modulo 16."""
    return look_up_in_register(place, dtypes.float32, table, PERMUTATION)


def interpolate(x: Node, step: float, tables: Sequence[tuple[int, ...]]) -> Node:
    """Return a function of x ≥ 0 by a polynomial around the nearest of sixteen points.

    Args:
        x: float32, less than fifteen and a half steps.
        step: how far points are apart, about.
        tables: bits of the points c, of the values there, and of the coefficients of
            (f(c + d) - f(c)) / d. The first point is 0, about which f is the identity but for what
            the polynomial adds: small arguments keep their relative accuracy.
    """
    places = bits_of(fuse(x, 1.0 / step, format_of(x.dtype).shifter))
    point, value, *terms = (look_up(places, table) for table in tables)
    d = x - point  # exact, as the point is x within a factor of two, or 0
    total = terms[-1]
    for term in terms[-2::-1]:
        total = fuse(d, total, term)
    return fuse(d, total, choose(equal(point, 0.0), x, value))
