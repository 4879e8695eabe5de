"""From a tile program to a linear program."""

from __future__ import annotations

from collections import Counter

from tilegrad.base.errors import CompileError
from tilegrad.codegen.access import lower_fetch, lower_load, lower_store
from tilegrad.codegen.analysis import analyse
from tilegrad.codegen.atomic import lower_atomic, lower_atomic_result
from tilegrad.codegen.context import Context, Handler, Needs, Vectors
from tilegrad.codegen.contraction import lower_dot
from tilegrad.codegen.decompose import decompose
from tilegrad.codegen.elementwise import (
    lower_cast,
    lower_comparison,
    lower_elementwise,
    lower_index,
    lower_logical,
    lower_not,
    lower_where,
)
from tilegrad.codegen.loops import lower_block, lower_instances, lower_loop, lower_loop_result
from tilegrad.codegen.matrix.groups import find_group_product, lower_groups
from tilegrad.codegen.matrix.units import lower_accumulate, lower_hold, lower_release
from tilegrad.codegen.narrow import is_narrow
from tilegrad.codegen.order import order_instructions
from tilegrad.codegen.rearrange import lower_expand, lower_permute, lower_reshape
from tilegrad.codegen.reduction import lower_reduction, reduction_needs
from tilegrad.codegen.scan import lower_scan
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import DType, Kind, dtypes
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import Op, attributes_of
from tilegrad.ops import (
    affine,
    arithmetic,
    atomic,
    bits,
    comparison,
    conversion,
    exponential,
    leaves,
    linear,
    look_up,
    mathematics,
    matrix,
    memory,
    movement,
    reduction,
    rounding,
    scan,
    tile,
)
from tilegrad.ops.linear_program import LinearFunction, LinearProgram


def lower(program: Node, target: CodegenTarget) -> LinearProgram:
    """Lower a tile program to instructions for a processor.

    Args:
        program: the root of a verified tile program, op ``program``.
        target: the processor.

    Raises:
        CompileError: an op has no lowering.
        VerifyError: a tile has a symbolic size.
    """
    if program.op is not tile.program:
        raise CompileError("codegen lowers tile programs", got=program, expected="op program")
    attributes = attributes_of(program, tile.ProgramAttributes)
    lanes = choose_lanes(program, target)
    program = decompose(program, target)
    analysis = analyse(program)
    grid = program.sources[1 : 1 + attributes.axes]
    context = Context(target, lanes, analysis, _HANDLERS, _NEEDS, grid)
    lower_instances(context, program.sources[0])
    functions = [_finish_function("", context)]
    if attributes.has_finish:
        context = Context(target, lanes, analysis, _HANDLERS, _NEEDS, grid)
        context.value(program.sources[-1])
        functions.append(_finish_function("_finish", context))
    return LinearProgram(attributes.name, tuple(functions))


def _finish_function(suffix: str, context: Context) -> LinearFunction:
    instructions = context.emitter.regions[0].instructions
    return LinearFunction(suffix, order_instructions(instructions, context.target))


def choose_lanes(program: Node, target: CodegenTarget) -> int:
    """Return the number of lanes of a full vector: those of the dtype that is computed with most.

    That is the dtype of the accumulators if there is a contraction of narrower operands, and that
    of the bytes if groups of them are multiplied by one instruction.
    Vectors of wider dtypes then take several registers, those of narrower ones a part of one.
    Floats narrower than 32 bits count as what they are computed in.
    """
    votes: Counter[DType] = Counter()
    for node in sort_topologically([program]):
        shape = node.shape
        if find_group_product(target, node) is not None:
            return target.lanes(dtypes.uint8)
        if node.op is tile.dot and node.sources[0].dtype.bits < node.dtype.bits:
            return target.lanes(node.dtype)
        if shape and shape[-1] != 1 and node.dtype.kind in _COUNTED:
            votes[dtypes.float32 if is_narrow(node.dtype) else node.dtype] += 1
    if not votes:
        return max(target.vector_bits // 32, 1)
    by_lanes: Counter[int] = Counter()
    for dtype, count in votes.items():
        by_lanes[target.lanes(dtype)] += count
    most = max(by_lanes.values())
    return min(lanes for lanes, count in by_lanes.items() if count == most)


_COUNTED = (Kind.SIGNED, Kind.UNSIGNED, Kind.FLOAT)


def _lower_leaf(context: Context, node: Node) -> Vectors:
    return [context.emitter.put(node.op, (), node.attributes)]


def _lower_constant(context: Context, node: Node) -> Vectors:
    del context
    return [node]


def _no_sources(node: Node) -> tuple[Node, ...]:
    del node
    return ()


def _access_needs(node: Node) -> tuple[Node, ...]:
    """Sources of loads and stores that must have vectors: not the pointer, offset and effect."""
    return tuple(source for source in node.sources[2:] if source.dtype.kind is not Kind.VOID)


def _loop_needs(node: Node) -> tuple[Node, ...]:
    return node.sources[: 3 + attributes_of(node, tile.LoopAttributes).carries]


def _first_source(node: Node) -> tuple[Node, ...]:
    return node.sources[:1]


def _reshape_needs(node: Node) -> tuple[Node, ...]:
    """Not a permuted source: what it comes from may lead to the result in one step."""
    return () if node.sources[0].op is movement.permute else _index_needs(node)


def _index_needs(node: Node) -> tuple[Node, ...]:
    """Sources that must have vectors: index tiles are taken apart instead."""
    return tuple(source for source in node.sources if source.dtype.kind is not Kind.INDEX)


_PLAIN: tuple[Op, ...] = (
    arithmetic.negate,
    arithmetic.absolute,
    arithmetic.add,
    arithmetic.subtract,
    arithmetic.multiply,
    arithmetic.divide,
    arithmetic.truncated_divide,
    arithmetic.truncated_remainder,
    arithmetic.fused_multiply_add,
    bits.bitwise_xor,
    bits.shift_left,
    bits.shift_right,
    comparison.is_nan,
    conversion.bitcast,
    exponential.square_root,
    rounding.floor,
    rounding.ceil,
    rounding.truncate,
    rounding.round_even,
    linear.multiply_add,
    look_up.look_up,
    *mathematics.OPS,
)


def _lower_arithmetic(context: Context, node: Node) -> Vectors:
    lowers = lower_index if node.dtype.kind is Kind.INDEX else lower_elementwise
    return lowers(context, node)


_HANDLERS: dict[Op, Handler] = {
    leaves.constant_op: _lower_constant,
    leaves.iota: lower_index,
    affine.affine: lower_index,
    affine.product: lower_index,
    memory.parameter: _lower_leaf,
    memory.scratch: _lower_leaf,
    memory.table: _lower_leaf,
    tile.scalar: _lower_leaf,
    memory.load: lower_load,
    memory.store: lower_store,
    memory.fetch: lower_fetch,
    atomic.atomic: lower_atomic,
    atomic.atomic_result: lower_atomic_result,
    tile.block: lower_block,
    tile.loop: lower_loop,
    tile.loop_result: lower_loop_result,
    tile.dot: lower_dot,
    matrix.hold: lower_hold,
    matrix.accumulate: lower_accumulate,
    matrix.multiply_groups: lower_groups,
    matrix.release: lower_release,
    bits.bitwise_and: lower_logical,
    bits.bitwise_or: lower_logical,
    bits.bitwise_not: lower_not,
    comparison.less: lower_comparison,
    comparison.less_equal: lower_comparison,
    comparison.equal: lower_comparison,
    comparison.not_equal: lower_comparison,
    comparison.where: lower_where,
    conversion.cast: lower_cast,
    arithmetic.floor_divide: lower_index,
    arithmetic.modulo: lower_index,
    arithmetic.maximum: _lower_arithmetic,
    arithmetic.minimum: _lower_arithmetic,
    movement.expand: lower_expand,
    movement.reshape: lower_reshape,
    movement.permute: lower_permute,
    reduction.reduce_sum: lower_reduction,
    reduction.reduce_product: lower_reduction,
    reduction.reduce_maximum: lower_reduction,
    reduction.reduce_minimum: lower_reduction,
    scan.scan: lower_scan,
    **dict.fromkeys(_PLAIN, lower_elementwise),
}
"""How each op that ``decompose`` leaves is lowered."""

_NEEDS: dict[Op, Needs] = {
    memory.load: _access_needs,
    memory.store: _access_needs,
    atomic.atomic: _access_needs,
    tile.block: _no_sources,
    tile.loop: _loop_needs,
    matrix.accumulate: _first_source,
    matrix.multiply_groups: _first_source,
    affine.affine: _index_needs,
    affine.product: _index_needs,
    comparison.less: _index_needs,
    comparison.less_equal: _index_needs,
    comparison.equal: _index_needs,
    comparison.not_equal: _index_needs,
    comparison.where: _index_needs,
    conversion.cast: _index_needs,
    arithmetic.floor_divide: _index_needs,
    arithmetic.modulo: _index_needs,
    arithmetic.maximum: _index_needs,
    arithmetic.minimum: _index_needs,
    movement.expand: _index_needs,
    movement.reshape: _reshape_needs,
    movement.permute: _index_needs,
    **dict.fromkeys(reduction.KINDS, reduction_needs),
}


def lowered_ops() -> tuple[Op, ...]:
    """Return the ops that are lowered to instructions or regions."""
    return tuple(_HANDLERS)
