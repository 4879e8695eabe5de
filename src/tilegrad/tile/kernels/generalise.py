"""One kernel for every length and for other numbers: they become scalars passed at launch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tilegrad.ir.dtype import DType, Kind, dtypes
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import attributes_of
from tilegrad.ops import conversion, kernel
from tilegrad.ops.affine import Index
from tilegrad.ops.leaves import (
    ConstantAttributes,
    SymbolAttributes,
    constant_op,
    symbol,
    value_of,
)
from tilegrad.rewrite.graph import substitute
from tilegrad.tile.uncached import LEAST_BYTES

MOST_LENGTH = 1 << 48
MOST_NUMBERS = 12
"""A kernel with more different numbers keeps them: they would take too many registers."""
_KEPT = (0.0, 0.5, 1.0, 2.0)
"""Numbers that code is better for knowing, either sign."""
_ARITHMETIC = ("add", "subtract", "multiply", "divide", "fused_multiply_add")
_NUMBER_USERS = frozenset((*_ARITHMETIC, "maximum", "minimum", "less", "less_equal", "where"))
_SIGNED = {16: dtypes.int16, 32: dtypes.int32, 64: dtypes.int64}


def generalise(root: Node) -> tuple[Node, Mapping[Node, Index]]:
    """Return a kernel that serves other sizes and numbers, and what its symbols stand for here.

    Only elementwise kernels over one axis are changed; others depend on their sizes in more ways.
    Their extent becomes a symbol, and so do floats, by their bits, and 64-bit integers that are
    only added (the counters of random numbers).
    """
    order = sort_topologically([root])
    axes = [node for node in order if node.op is kernel.axis]
    has_reduction = any(node.op is kernel.reduce_over for node in order)
    extent = kernel.extent_of(axes[0]) if len(axes) == 1 else None
    if has_reduction or not isinstance(extent, int):
        return root, {}
    length = _choose_length(root, extent)
    known: dict[Node, Index] = {length: extent}
    mapping = {axes[0]: kernel.make_axis(kernel.name_of(axes[0]), length)}
    for number, node in enumerate(_find_numbers(order)):
        mapping[node], passed, value = _pass_number(node, number)
        known[passed] = value
    return substitute([root], mapping)[0], known


def _choose_length(root: Node, extent: int) -> Node:
    """Return what stands for the extent: a symbol of great lengths, or of all of them.

    Results of great lengths are written in another way than short ones.
    """
    least = LEAST_BYTES // min(store.sources[2].dtype.itemsize for store in root.sources)
    attributes = SymbolAttributes("length", least if extent >= least else 1, MOST_LENGTH)
    return symbol(attributes=attributes)


def _find_numbers(order: Sequence[Node]) -> list[Node]:
    """Return the constants that a kernel need not know; none if there are too many."""
    users: dict[Node, set[str]] = {node: set() for node in order if node.op is constant_op}
    for node in order:
        for source in node.sources:
            if source in users:
                users[source].add(node.op.name)
    found = [node for node, names in users.items() if _is_passed(node, names)]
    return found if len(found) <= MOST_NUMBERS else []


def _is_passed(node: Node, users: set[str]) -> bool:
    dtype = node.dtype
    if dtype.is_float and dtype.bits in _SIGNED:
        value = abs(float(value_of(node)))
        return math.isfinite(value) and value not in _KEPT and users <= _NUMBER_USERS
    return dtype.kind in (Kind.SIGNED, Kind.UNSIGNED) and dtype.bits == 64 and users == {"add"}


def _pass_number(node: Node, number: int) -> tuple[Node, Node, int]:
    """Return a constant as a function of a symbol, the symbol, and the symbol's value."""
    dtype, bits = attributes_of(node, ConstantAttributes)
    half = 1 << (dtype.bits - 1)
    passed = symbol(attributes=SymbolAttributes(f"number{number}", -half, half - 1))
    return _read_bits(passed, dtype), passed, (bits + half) % (2 * half) - half


def _read_bits(passed: Node, dtype: DType) -> Node:
    signed = _SIGNED[dtype.bits]
    whole = conversion.cast_to(passed, signed)
    if dtype is signed:
        return whole
    return conversion.bitcast(whole, attributes=conversion.CastAttributes(dtype))
