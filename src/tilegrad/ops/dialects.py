"""The dialects below the tensor graph: what each stage of the compiler gives to the next."""

from __future__ import annotations

from collections import Counter

from tilegrad.base.errors import VerifyError
from tilegrad.ir.dialect import Dialect
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.explain import explain_error
from tilegrad.ir.node import Node
from tilegrad.ir.scope import count_carries, has_effects, loop_body, loop_number
from tilegrad.ops import (
    ELEMENTWISE_OPS,
    REDUCTION_OPS,
    SYMBOLIC_OPS,
    kernel,
    leaves,
    linear,
    look_up,
    mathematics,
    matrix,
    memory,
    movement,
    scan,
    tile,
)


def _fail(what: str, node: Node, order: list[Node]) -> VerifyError:
    return VerifyError(what, got="\n" + explain_error(node, what, order[-1:]))


def check_tiles(order: list[Node]) -> None:
    """Check that all shapes are known.

    Raises:
        VerifyError: a tile has a symbolic size.
    """
    for node in order:
        if any(isinstance(size, Node) for size in node.shape):
            raise _fail("a tile has a symbolic size", node, order)


def check_effects(order: list[Node]) -> None:
    """Check that every effect is performed, and only once.

    Raises:
        VerifyError: nothing lists an effect, or two things do.
    """
    listed: Counter[Node] = Counter()
    for node in order:
        if node.op is tile.block:
            listed.update(node.sources)
        elif node.op is tile.loop:
            listed.update(loop_body(node)[count_carries(node) :])
        elif node.op is tile.program:
            listed.update(source for source in node.sources if source.dtype is dtypes.void)
    for node in order:
        is_effect = node.dtype is dtypes.void and node.op is not tile.program
        if node.op is tile.loop and not has_effects(node):
            is_effect = False
        if is_effect and listed[node] != 1:
            times = "twice" if listed[node] else "by nothing"
            raise _fail(f"an effect is performed {times}", node, order)


def check_loops(order: list[Node]) -> None:
    """Check that loops have numbers of their own and that indices and carries are theirs.

    Raises:
        VerifyError: they have not, or are not.
    """
    loops: dict[int, Node] = {}
    for node in order:
        if node.op is tile.loop and loops.setdefault(loop_number(node), node) is not node:
            raise _fail("two loops have one number", node, order)
    for node in order:
        if node.op is not tile.loop_index and node.op is not tile.carry:
            continue
        found = loops.get(loop_number(node))
        if found is None:
            raise _fail(f"a {node.op.name} belongs to no loop", node, order)
        if node.op is tile.loop_index:
            expected = found.sources[:2]
        else:
            position = 3 + node.attributes.position  # type: ignore[union-attr]
            expected = found.sources[position : position + 1]
        if node.sources != expected:
            raise _fail(f"a {node.op.name} differs from its loop", node, order)


kernels = Dialect(
    "kernel",
    "Stores of scalar expressions for every value of named axes, in no order.",
    (
        leaves.constant_op,
        leaves.symbol,
        memory.parameter,
        tile.scalar,
        memory.load,
        memory.store,
        kernel.axis,
        kernel.reduce_over,
        kernel.exponential_sum,
        kernel.kernel,
        look_up.look_up,
        *ELEMENTWISE_OPS,
        *SYMBOLIC_OPS,
    ),
    (kernel.check_shapes,),
)
tiles = Dialect(
    "tile",
    "A grid of program instances that load tiles, compute on them and store them.",
    (
        leaves.constant_op,
        leaves.iota,
        movement.reshape,
        movement.permute,
        movement.expand,
        scan.scan,
        look_up.look_up,
        *tile.OPS,
        *ELEMENTWISE_OPS,
        *REDUCTION_OPS,
        *SYMBOLIC_OPS,
    ),
    (check_tiles, check_effects, check_loops),
)
instructions = Dialect(
    "linear",
    "Instructions in order, on scalars and vectors of register types.",
    (
        leaves.constant_op,
        memory.parameter,
        memory.scratch,
        memory.table,
        tile.scalar,
        *linear.OPS,
        look_up.look_up,
        *mathematics.OPS,
        *matrix.OPS,
        *ELEMENTWISE_OPS,
    ),
)
DIALECTS: tuple[Dialect, ...] = (kernels, tiles, instructions)
"""The dialects, in the order of the stages."""
