"""How much a hand-written kernel does: for dividing it among threads, and for its roofline."""

from __future__ import annotations

import math
from typing import NamedTuple

from tilegrad.ir.node import Node
from tilegrad.ir.op import Property
from tilegrad.ir.scope import find_free_loops, loop_number, order_nodes
from tilegrad.ops import memory, tile
from tilegrad.ops.affine import Index, as_index
from tilegrad.ops.atomic import atomic
from tilegrad.ops.infer import broadcast_shapes
from tilegrad.ops.program import Program
from tilegrad.ops.tile import ScalarAttributes
from tilegrad.rewrite.graph import substitute
from tilegrad.schedule.cost import estimate


class Work(NamedTuple):
    """What all instances of a program do, estimated where sizes or bounds are symbolic.

    Attributes:
        elements: how many are loaded, stored and multiplied in ``dot``.
        operations: how many floating-point operations are done, a product with its sum as two.
    """

    elements: float
    operations: float


def measure_work(program: Program) -> Work:
    """Return what a program does."""
    order = order_nodes([program.root])
    sizes = {
        node: program.slots[node.attributes.slot].size
        for node in order
        if isinstance(node.attributes, ScalarAttributes)
    }
    free = find_free_loops(order)
    loops = {loop_number(node): _count_rounds(node, sizes) for node in order if _is_loop(node)}
    instances = math.prod(_estimate(size, sizes) for size in program.grid)
    elements = operations = 0.0
    for node in order:
        rounds = instances * math.prod(loops[number] for number in free[node])
        elements += rounds * _count_elements(node)
        operations += rounds * _count_operations(node)
    return Work(elements, operations)


def _is_loop(node: Node) -> bool:
    return node.op is tile.loop


def _estimate(size: Node, sizes: dict[Node, Index]) -> float:
    known = {scalar: value for scalar, value in sizes.items() if isinstance(value, Node)}
    return estimate(as_index(substitute([size], known)[0]))


def _count_rounds(loop: Node, sizes: dict[Node, Index]) -> float:
    start, stop = (as_index(source) for source in loop.sources[:2])
    first = 0.0 if start == 0 else _estimate(loop.sources[0], sizes)
    last = 0.0 if stop == 0 else _estimate(loop.sources[1], sizes)
    return max(1.0, (last - first) / _estimate(loop.sources[2], sizes))


def _count_elements(node: Node) -> float:
    if node.op is memory.load:
        return _count(node.shape)
    if node.op in (memory.store, atomic):
        return _count(broadcast_shapes(node.op.name, node.sources[1:3]))
    if node.op is tile.dot:
        return _count(node.shape) * _count(node.sources[0].shape[1:])
    return 0.0


def _count_operations(node: Node) -> float:
    if not node.dtype.is_float:
        return 0.0
    if node.op is tile.dot:
        return 2.0 * _count_elements(node)
    if node.op.has(Property.REDUCTION):
        return _count(node.sources[0].shape)
    return _count(node.shape) if node.op.has(Property.ELEMENTWISE) else 0.0


def _count(shape: tuple[int | Node, ...]) -> float:
    return float(math.prod(int(size) for size in shape))  # type: ignore[arg-type]
