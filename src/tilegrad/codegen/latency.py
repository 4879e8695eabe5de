"""How long results take and how much room they need: the model that instructions are ordered by.

Latencies are in cycles, those that processors of the last ten years have in common, rounded; an
order that is good for one is good for its neighbours, since they put instructions into an order of
their own too, as far as they see ahead.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op
from tilegrad.ops import arithmetic, exponential, linear, matrix

ISSUED = 2
"""Vector instructions that begin in a cycle."""

FOLDED_SPILLS = 0.2
"""Spills for each instruction that cost little where reloads are operands of instructions."""
_WIDE = 512
"""Vectors of so many bits begin one at a time."""

_READ, _ARITHMETIC, _LANES, _LONG, _SHORT = 7, 4, 3, 16, 1
_LATENCIES: dict[Op, int] = {
    **dict.fromkeys((linear.read, linear.read_scattered, linear.read_lanes), _READ),
    **dict.fromkeys((linear.shuffle, linear.splat, linear.extract, linear.insert), _LANES),
    **dict.fromkeys((arithmetic.divide, exponential.square_root, linear.reduce_lanes), _LONG),
    **dict.fromkeys((linear.multiply_add, matrix.multiply_words), _ARITHMETIC),
    arithmetic.fused_multiply_add: _ARITHMETIC,
}
_FLOATS = (arithmetic.add, arithmetic.subtract, arithmetic.multiply)


def latency_of(node: Node) -> int:
    """Return after how many cycles the result of an instruction can be used."""
    if node.op in _FLOATS:
        return _ARITHMETIC if node.dtype.is_float else _SHORT
    return _LATENCIES.get(node.op, _SHORT)


def registers_of(node: Node, target: CodegenTarget) -> int:
    """Return how many vector registers a value takes."""
    lanes = linear.lanes_of(node)
    if not lanes:
        # An x86 processor takes a single number out of memory for all lanes as it computes.
        return int(target.is_arm and node.dtype.is_float and not linear.is_address(node))
    bits = node.dtype.bits
    if node.dtype is dtypes.bool:
        if target.has("avx512f"):
            return 0  # masks have registers of their own
        bits = node.sources[0].dtype.bits if node.sources else 1
    return max(lanes * bits // target.vector_bits, 1)


def bearable_spills(count: int, target: CodegenTarget) -> float:
    """Return how many spills so many instructions may have before another order is tried.

    Narrow vectors begin two at a time: to have enough of them under way is worth every reload.
    """
    if target.is_arm:
        return 0.0
    return FOLDED_SPILLS * count if target.vector_bits >= _WIDE else math.inf


def count_spills(segment: Sequence[Node], kept: Collection[Node], target: CodegenTarget) -> int:
    """Return how many registers' contents a segment without loops leaves to the stack.

    Each time that one value more is alive than there are registers, one is stored, and loaded when
    it is needed.

    Args:
        segment: the instructions in order.
        kept: those whose results are used after the segment.
        target: the processor.
    """
    last_use = {source: i for i, node in enumerate(segment) for source in node.sources}
    ends: dict[int, int] = {}
    registers = target.registers
    live = spilled = before = 0
    for i, node in enumerate(segment):
        live -= ends.pop(i, 0)  # a result may take the register of what it is computed from
        size = registers_of(node, target)
        live += size
        if size and node not in kept:
            end = last_use.get(node, i + 1)
            ends[end] = ends.get(end, 0) + size
        excess = max(live - registers, 0)
        spilled += max(excess - before, 0)
        before = excess
    return spilled
