"""Ops of the tile dialect that tensors do not have: memory, loops, program instances and ``dot``.

A tile program is a sea of interned nodes whose values are tiles, arrays of static shape and any
rank. Elementwise ops, reductions (``reduce_*``, axes kept with size 1), ``reshape``, ``permute``
and ``expand`` are the same as on tensors. A pointer (``parameter`` or ``scratch``) has the dtype
of the elements that it points to and shape ``()``; it is used only as the first source of
``load``, ``store`` and ``atomic``.

* Offsets are counted in elements and are tiles of dtype ``index``.
* An effect (dtype void: ``store``, ``atomic``, ``block``, a ``loop`` with effects) is performed
  once for each round of the loops around it, where the ``block`` or ``loop`` that lists it puts
  it. The same node is never two effects: a second store of the same value to the same place needs
  its own ``after``.
  A value in a ``block`` is computed there: so a load comes before a store that overwrites it.
* A ``load`` without ``after`` reads memory that the program does not write before it; it may be
  merged and hoisted. With ``after`` it is performed after that effect, and inside every loop that
  stores through the same pointer and needs it.
* Whatever does not depend on a loop's index or carries is computed before the loop.

The ops on memory are defined in ``memory`` and ``atomic``, all others here, and the dialect in
``dialects``. The functions named ``make_`` build nodes with their attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tilegrad.base.errors import DTypeError, ShapeError, VerifyError
from tilegrad.ir.dtype import DType, Kind, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Inferred, Op, Property, attributes_of
from tilegrad.ops import atomic, memory
from tilegrad.ops.affine import Index, as_node
from tilegrad.ops.compiler_ops import check_count, check_slot, compiler_op
from tilegrad.ops.graph import ResultAttributes
from tilegrad.ops.leaves import value_of


class ScalarAttributes(NamedTuple):
    """Number of the launch argument that holds the integer, its name and inclusive bounds."""

    slot: int
    name: str
    minimum: int
    maximum: int


class ProgramIndexAttributes(NamedTuple):
    """The axis of the grid."""

    axis: int


class LoopIndexAttributes(NamedTuple):
    """The number of the loop, unique in the program."""

    loop: int


class CarryAttributes(NamedTuple):
    """The number of the loop and the carry's position among the loop's."""

    loop: int
    position: int


class LoopAttributes(NamedTuple):
    """The number of the loop, unique in the program, and how many tiles it carries."""

    loop: int
    carries: int


class ProgramAttributes(NamedTuple):
    """Name of the native function, number of grid axes, and whether a finish block follows them."""

    name: str
    axes: int
    has_finish: bool = False


def _infer_scalar(sources: tuple[Node, ...], attributes: ScalarAttributes) -> Inferred:
    del sources
    check_slot(f"the scalar {attributes.name}", attributes.slot)
    if attributes.minimum > attributes.maximum:
        raise VerifyError(
            f"the bounds of the scalar {attributes.name} exclude every value",
            got=f"minimum {attributes.minimum}, maximum {attributes.maximum}",
        )
    return dtypes.index, ()


def _infer_program_index(sources: tuple[Node, ...], attributes: ProgramIndexAttributes) -> Inferred:
    del sources
    if attributes.axis < 0:
        raise VerifyError("program_index has a negative axis", got=attributes.axis)
    return dtypes.index, ()


def _check_effect(name: str, node: Node) -> None:
    if node.dtype.kind is not Kind.VOID:
        raise DTypeError(f"{name} lists effects", got=node, expected="a store, block or loop")


def _infer_block(sources: tuple[Node, ...], attributes: None) -> Inferred:
    del sources, attributes
    return dtypes.void, ()


def _check_scalar_index(name: str, node: Node) -> None:
    if node.dtype is not dtypes.index or node.shape != ():
        raise DTypeError(f"{name} is a scalar of dtype index", got=node)


def _infer_loop_index(sources: tuple[Node, ...], attributes: LoopIndexAttributes) -> Inferred:
    del attributes
    for source in sources:
        _check_scalar_index("a bound of a loop", source)
    return dtypes.index, ()


def _infer_carry(sources: tuple[Node, ...], attributes: CarryAttributes) -> Inferred:
    del attributes
    (initial,) = sources
    if initial.dtype.kind is Kind.VOID:
        raise DTypeError("a loop carries values", got=initial)
    return initial.dtype, initial.shape


def _infer_loop(sources: tuple[Node, ...], attributes: LoopAttributes) -> Inferred:
    carries = attributes.carries
    if len(sources) < 3 + 2 * carries:
        raise VerifyError(
            "loop has too few sources",
            got=len(sources),
            expected=f"start, stop, step, {carries} initial values, {carries} next values, effects",
        )
    for source in sources[:3]:
        _check_scalar_index("a bound of a loop", source)
    step = sources[2]
    if step.op.name == "constant" and value_of(step) <= 0:
        raise VerifyError("loop needs a positive step", got=value_of(step))
    following = sources[3 + carries : 3 + 2 * carries]
    for first, second in zip(sources[3 : 3 + carries], following, strict=True):
        if first.dtype is not second.dtype or first.shape != second.shape:
            raise VerifyError(
                "a carried tile changes its dtype or shape in the loop", got=second, expected=first
            )
    for source in sources[3 + 2 * carries :]:
        _check_effect("loop", source)
    return dtypes.void, ()


def _infer_loop_result(sources: tuple[Node, ...], attributes: ResultAttributes) -> Inferred:
    (source,) = sources
    if source.op is not loop:
        raise VerifyError("loop_result needs a loop", got=source)
    carries = attributes_of(source, LoopAttributes).carries
    if not 0 <= attributes.index < carries:
        raise VerifyError(
            "loop_result: the loop has no such carry", got=attributes.index, expected=f"< {carries}"
        )
    initial = source.sources[3 + attributes.index]
    return initial.dtype, initial.shape


def _infer_dot(sources: tuple[Node, ...], attributes: None) -> Inferred:
    del attributes
    a, b, c = sources
    if [len(source.shape) for source in sources] != [2, 2, 2]:
        raise ShapeError("dot takes tiles of rank 2", got=[source.shape for source in sources])
    if not _is_accumulated(a.dtype, b.dtype, c.dtype):
        raise DTypeError(
            "dot multiplies floats or integers and adds to such, at least as wide",
            got=f"{a.dtype.name} · {b.dtype.name} + {c.dtype.name}",
            expected="one dtype on both sides (or int8 and uint8)",
        )
    if a.shape[1] != b.shape[0] or c.shape != (a.shape[0], b.shape[1]):
        raise ShapeError(
            "dot: the shapes do not fit",
            got=f"{a.shape} · {b.shape} + {c.shape}",
            expected="(M, K) · (K, N) + (M, N)",
        )
    return c.dtype, c.shape


def _is_accumulated(left: DType, right: DType, total: DType) -> bool:
    """Whether products of two dtypes can be summed in a third."""
    is_same = left is right or (left in _BYTES and right in _BYTES)
    if not is_same or total.bits < left.bits:
        return False
    return (left.is_float and total.is_float) or (left.is_integer and total.is_integer)


_BYTES = (dtypes.int8, dtypes.uint8)


def _infer_program(sources: tuple[Node, ...], attributes: ProgramAttributes) -> Inferred:
    check_count("program", sources, 1 + attributes.axes + attributes.has_finish)
    _check_effect("program", sources[0])
    for size in sources[1 : 1 + attributes.axes]:
        _check_scalar_index("a size of the grid", size)
    if attributes.has_finish:
        _check_effect("program", sources[-1])
    return dtypes.void, ()


scalar = compiler_op(
    "scalar",
    "An integer passed at launch.",
    0,
    _infer_scalar,
    ScalarAttributes,
)
program_index = compiler_op(
    "program_index",
    "The position of the program instance along an axis of the grid.",
    0,
    _infer_program_index,
    ProgramIndexAttributes,
)
block = compiler_op(
    "block",
    "The effects, and values to be computed, in order.",
    None,
    _infer_block,
    properties=Property.EFFECT,
)
loop_index = compiler_op(
    "loop_index",
    "The index of a loop, from its bounds: loop_index(start, stop).",
    2,
    _infer_loop_index,
    LoopIndexAttributes,
)
carry = compiler_op(
    "carry",
    "A tile carried by a loop: the source (the initial value) in the first round, then the next "
    "value of the round before.",
    1,
    _infer_carry,
    CarryAttributes,
)
loop = compiler_op(
    "loop",
    "for index in range(start, stop, step): effects in order, then carries = next values: "
    "loop(start, stop, step, *initial values, *next values, *effects).",
    None,
    _infer_loop,
    LoopAttributes,
    Property.EFFECT,
)
loop_result = compiler_op(
    "loop_result",
    "What a loop carries at its end; the initial value if it had no round.",
    1,
    _infer_loop_result,
    ResultAttributes,
)
dot = compiler_op(
    "dot",
    "c + a·b for a[M, K], b[K, N], c[M, N], accumulated in the dtype of c: bfloat16 and float16 in "
    "float32, int8 and uint8 in int32, wrapping. Products may be fused with sums and summed in any "
    "order; units for narrow floats may take subnormal numbers for 0.",
    3,
    _infer_dot,
)
program = compiler_op(
    "program",
    "A grid of independent instances that each perform the block: program(block, *grid sizes, "
    "[finish]). The finish block is performed once, after all instances.",
    None,
    _infer_program,
    ProgramAttributes,
    Property.EFFECT,
)

OPS: tuple[Op, ...] = (
    *memory.OPS,
    *atomic.OPS,
    scalar,
    program_index,
    block,
    loop_index,
    carry,
    loop,
    loop_result,
    dot,
    program,
)


def make_scalar(slot: int, name: str, minimum: int, maximum: int) -> Node:
    """Return the integer passed in ``slot``, with inclusive bounds."""
    return scalar(attributes=ScalarAttributes(slot, name, minimum, maximum))


def make_program_index(axis: int) -> Node:
    """Return the instance's position along an axis of the grid."""
    return program_index(attributes=ProgramIndexAttributes(axis))


def make_loop_index(number: int, start: Index, stop: Index) -> Node:
    """Return the index of loop ``number``, which runs from ``start`` to below ``stop``."""
    attributes = LoopIndexAttributes(number)
    return loop_index(as_node(start), as_node(stop), attributes=attributes)


def make_carry(number: int, position: int, initial: Node) -> Node:
    """Return what loop ``number`` carries at ``position``."""
    return carry(initial, attributes=CarryAttributes(number, position))


def make_loop(
    index: Node,
    step: Index = 1,
    carries: Sequence[tuple[Node, Node]] = (),
    effects: Sequence[Node] = (),
) -> Node:
    """Return the loop over ``index``.

    Args:
        index: its ``loop_index``, which gives the number and the bounds.
        step: what is added to the index after each round; positive.
        carries: each ``carry`` node, in order of position, with its value for the next round.
        effects: what each round performs, in order.
    """
    number = attributes_of(index, LoopIndexAttributes).loop
    initial = [node.sources[0] for node, _ in carries]
    following = [value for _, value in carries]
    attributes = LoopAttributes(number, len(carries))
    return loop(
        *index.sources, as_node(step), *initial, *following, *effects, attributes=attributes
    )


def make_loop_results(node: Node) -> tuple[Node, ...]:
    """Return what a loop carries at its end, in order."""
    count = attributes_of(node, LoopAttributes).carries
    return tuple(loop_result(node, attributes=ResultAttributes(index)) for index in range(count))


def make_program(
    name: str, grid: Sequence[Index], effects: Sequence[Node], finish: Sequence[Node] = ()
) -> Node:
    """Return the program that performs ``effects`` for each point of the grid, then ``finish``."""
    attributes = ProgramAttributes(name, len(grid), bool(finish))
    ending = [block(*finish)] if finish else []
    return program(block(*effects), *map(as_node, grid), *ending, attributes=attributes)
