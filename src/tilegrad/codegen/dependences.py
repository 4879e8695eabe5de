"""What must stay before what: the one account by which every move of an instruction is checked.

Three things bind instructions between the beginnings and ends of loops:

- data: a node stands after its sources, effects that an address waits for among them;
- memory: accesses that have a place in the order of effects stay in it where both are to the same
  memory and one of them writes. Memories of different parameters, and of different scratches, do
  not overlap;
- tile registers: there are few of them and they cannot be copied, so that what makes matrices
  keeps its order.

Nothing moves into a loop or out of one here: that is decided when instructions are put in place
(``emitter``).
"""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import linear, matrix, memory
from tilegrad.ops.linear_program import WRITES, find_pointer

Dependences = dict[Node, tuple[Node, ...]]

_POINTERS = (memory.parameter, memory.scratch, memory.table)


def find_dependences(segment: Sequence[Node]) -> Dependences:
    """Return for each instruction of a segment without loops those of it that stay before it."""
    found: Dependences = {}
    order = _MemoryOrder()
    last_matrix: Node | None = None
    for node in segment:
        before = dict.fromkeys(source for source in node.sources if source in found)
        if is_ordered(node):
            before |= dict.fromkeys(order.place(node))
        if matrix.is_matrix(node):
            if last_matrix is not None:
                before[last_matrix] = None
            last_matrix = node
        found[node] = tuple(before)
    return found


def is_ordered(node: Node) -> bool:
    """Whether an instruction has a place in the order of effects."""
    if node.dtype is dtypes.void or node.op is linear.update:
        return True
    attributes = node.attributes
    reads = (linear.ReadAttributes, matrix.MatrixAttributes)
    return isinstance(attributes, reads) and attributes.order > 0


class _MemoryOrder:
    """The accesses so far that later ones may have to wait for."""

    def __init__(self) -> None:
        self._written: dict[Node, Node] = {}
        self._read: dict[Node, list[Node]] = {}
        self._all: list[Node] = []
        self._barrier: Node | None = None

    def place(self, node: Node) -> list[Node]:
        """Return what an access comes after, and note it."""
        pointer = _find_memory(node)
        if pointer is None:
            before, self._barrier, self._all = [*self._all], node, [node]
            self._written.clear()
            self._read.clear()
            return before
        before = [] if self._barrier is None else [self._barrier]
        if pointer in self._written:
            before.append(self._written[pointer])
        if node.op in WRITES:
            before += self._read.pop(pointer, ())
            self._written[pointer] = node
        else:
            self._read.setdefault(pointer, []).append(node)
        self._all.append(node)
        return before


def _find_memory(node: Node) -> Node | None:
    """Return the memory that an access is to; None for other effects, which all wait for."""
    if not node.sources:
        return None
    pointer = find_pointer(node.sources[0])
    return pointer if pointer.op in _POINTERS else None
