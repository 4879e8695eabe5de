"""What must be known of a whole tile program before its nodes are lowered."""

from __future__ import annotations

from dataclasses import dataclass

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import Property, attributes_of
from tilegrad.ir.scope import loop_number
from tilegrad.ops import MOVEMENT_OPS, memory, tile
from tilegrad.ops.atomic import atomic

INSTANCE = 1
"""The bit of what depends on the program instance."""
ORDERED = 2
"""The bit of what reads memory that the program writes, or writes it."""
_FIRST_LOOP_BIT = 2

_NOTHING: frozenset[Node] = frozenset()
_WRITING = (memory.store, atomic)
_LOOP_HEIGHT = 1 << 20


@dataclass(frozen=True, slots=True)
class Analysis:
    """Facts about the nodes of a program.

    Attributes:
        order: all nodes, sources first.
        free: for each node the bits of the loops whose index or carries it depends on, with
            ``INSTANCE`` and ``ORDERED``.
        loop_bits: the bit of each loop, by its number.
        loops: the loops by number.
        written: for each effect, the pointers that it stores through.
        height: for each node the length of the longest chain below it; that of a loop is longer
            than any without, so that no register has to outlive a loop that does not need it.
        factors: what a ``dot`` multiplies, and what that is computed from.
    """

    order: list[Node]
    free: dict[Node, int]
    loop_bits: dict[int, int]
    loops: dict[int, Node]
    written: dict[Node, frozenset[Node]]
    height: dict[Node, int]
    factors: frozenset[Node]


def analyse(root: Node) -> Analysis:
    """Analyse a tile program."""
    order = sort_topologically([root])
    analysis = Analysis(order, {}, {}, {}, {}, {}, _find_factors(order))
    height = analysis.height
    for node in order:
        below = max((height[source] for source in node.sources), default=0)
        height[node] = below + (_LOOP_HEIGHT if node.op is tile.loop else 1)
        analysis.free[node] = _find_free(analysis, node)
        if node.op is tile.loop:
            analysis.loops[loop_number(node)] = node
        if node.dtype is dtypes.void:
            analysis.written[node] = _find_written(analysis, node)
    return analysis


def _find_factors(order: list[Node]) -> frozenset[Node]:
    factors: set[Node] = set()
    for node in reversed(order):
        if node.op is tile.dot:
            factors.update(node.sources[:2])
        elif node in factors and (node.op in MOVEMENT_OPS or node.op.has(Property.ELEMENTWISE)):
            factors.update(node.sources)
    return frozenset(factors)


def _find_free(analysis: Analysis, node: Node) -> int:
    free = 0
    for source in node.sources:
        free |= analysis.free[source]
    op = node.op
    if op is tile.loop_index or op is tile.carry:
        return free | loop_bit(analysis, loop_number(node))
    if op is tile.loop:
        free &= ~loop_bit(analysis, attributes_of(node, tile.LoopAttributes).loop)
    elif op is tile.program_index:
        free |= INSTANCE
    elif op in _WRITING or (
        op is memory.load and attributes_of(node, memory.LoadAttributes).has_after
    ):
        free |= ORDERED
    return free


def loop_bit(analysis: Analysis, number: int) -> int:
    """Return the bit of a loop, giving it one if it has none."""
    bits = analysis.loop_bits
    if number not in bits:
        bits[number] = 1 << (_FIRST_LOOP_BIT + len(bits))
    return bits[number]


def _find_written(analysis: Analysis, node: Node) -> frozenset[Node]:
    if node.op in _WRITING:
        return frozenset((node.sources[0],))
    written = _NOTHING
    for source in node.sources:
        written |= analysis.written.get(source, _NOTHING)
    return written
