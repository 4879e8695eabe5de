"""Operands of the language's operators as nodes: numbers, ranks and the dtype of indices.

Tiles broadcast as NumPy's arrays do. Both operands of an operator have one dtype, and nothing is
promoted behind the author's back, but for two things: a Python number takes the other operand's
dtype, and an integer that meets an index becomes one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tilegrad.base.errors import ArgumentTypeError, DTypeError, ShapeError
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op, attributes_of
from tilegrad.ops import arithmetic, comparison, exponential, symbolic
from tilegrad.ops.affine import Index, affine, as_index, as_node, split_terms
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.infer import known_sizes
from tilegrad.ops.leaves import IotaAttributes, constant, iota
from tilegrad.ops.movement import expand_to, reshape_to
from tilegrad.ops.operators import BINARY
from tilegrad.ops.symbolic import Condition, as_condition

StaticShape = tuple[int, ...]

MOST_ELEMENTS = 1 << 16
"""A tile is held in registers (and what memory their overflow takes): larger is a mistake."""

_OPS: dict[str, Op] = {
    "equal": comparison.equal,
    "not_equal": comparison.not_equal,
    "maximum": arithmetic.maximum,
    "minimum": arithmetic.minimum,
    "power": exponential.power,
}
_INDEX: dict[str, Callable[[Index, Index], Index]] = {
    "maximum": symbolic.maximum,
    "minimum": symbolic.minimum,
}


def shape_of(node: Node) -> StaticShape:
    """Return the shape of a tile, which is always known."""
    return known_sizes(node.shape)


def check_size(shape: Sequence[int]) -> StaticShape:
    """Return a shape, checked.

    Raises:
        ShapeError: a size is no positive integer, or there are too many elements.
    """
    count = 1
    for size in shape:
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ShapeError(
                "a tile has sizes that are known when it is written",
                got=tuple(shape),
                expected="positive integers",
                mend="loop over what is only known at launch, in tiles of a fixed size",
            )
        count *= size
    if count > MOST_ELEMENTS:
        raise ShapeError(
            "this tile is too large",
            got=f"{count} elements in {tuple(shape)}",
            expected=f"at most {MOST_ELEMENTS}",
            mend="loop over smaller tiles",
        )
    return tuple(shape)


def as_operand(value: object, dtype: DType) -> Node:
    """Return a number in a dtype, or the node that it already is.

    Raises:
        ArgumentTypeError: it is neither.
    """
    if isinstance(value, Node):
        return value
    if isinstance(value, (bool, int, float)):
        return constant(value, dtype)
    raise ArgumentTypeError(
        "a kernel computes with tiles and numbers",
        got=type(value).__name__,
        expected="a tile, int, float or bool",
        mend=mend_for(value),
    )


def mend_for(value: object) -> str | None:
    """Return how one gets a tile from something else that a kernel is written with, if it says."""
    return getattr(type(value), "tiles_of", None)


def check_dtype(dtype: object) -> DType:
    """Return a dtype, checked.

    Raises:
        ArgumentTypeError: it is none.
    """
    if isinstance(dtype, DType):
        return dtype
    raise ArgumentTypeError("this is no dtype", got=repr(dtype), expected="such as dtypes.float32")


def as_position(node: Node) -> Node:
    """Return integers as dtype index.

    Raises:
        DTypeError: they are no integers.
    """
    if node.dtype is dtypes.index:
        return node
    if not node.dtype.is_integer:
        raise DTypeError("a position is an integer", got=node.dtype.name, expected="integers")
    return cast_to(node, dtypes.index)


def change_rank(node: Node, shape: StaticShape) -> Node:
    """Return a node in a shape that differs from its own by axes of size 1 only.

    Positions stay sums of counts along axes, as the index algebra wants to see them.
    """
    if node.dtype is not dtypes.index or not node.shape:
        return reshape_to(node, shape)
    kept = [axis for axis, size in enumerate(node.shape) if size != 1]
    places = [axis for axis, size in enumerate(shape) if size != 1]
    return as_node(_move_axes(node, dict(zip(kept, places, strict=True)), len(shape)))


def _move_axes(node: Node, places: dict[int, int], rank: int) -> Index:
    """Return positions with their axes at other places of another rank."""
    if not node.shape:
        return as_index(node)
    shape = [1] * rank
    for axis, place in places.items():
        shape[place] = shape_of(node)[axis]
    if node.op is iota and attributes_of(node, IotaAttributes).axis in places:
        axis = places[attributes_of(node, IotaAttributes).axis]
        return iota(attributes=IotaAttributes(tuple(shape), axis))
    if node.op is affine:
        terms, number = split_terms(node)
        moved = [symbolic.multiply(_move_axes(t, places, rank), f) for t, f in terms.items()]
        return symbolic.add(number, *moved)
    return reshape_to(node, tuple(shape))


def align(nodes: Sequence[Node]) -> list[Node]:
    """Return nodes of one rank, axes of size 1 put in front; scalars stay scalars."""
    rank = max(len(node.shape) for node in nodes)
    return [
        change_rank(node, (1,) * (rank - len(node.shape)) + shape_of(node)) if node.shape else node
        for node in nodes
    ]


def broadcast(shapes: Sequence[StaticShape]) -> StaticShape:
    """Return the common shape by NumPy's rule.

    Raises:
        ShapeError: there is none.
    """
    rank = max(map(len, shapes), default=0)
    result = [1] * rank
    for shape in shapes:
        for axis, size in enumerate(shape, rank - len(shape)):
            if size != 1 and result[axis] not in (1, size):
                raise ShapeError(
                    "the shapes of these tiles do not broadcast",
                    got=" and ".join(map(str, shapes)),
                    expected="sizes that, from the last axis on, are equal or 1",
                    mend="add axes: tile[:, None]",
                )
            result[axis] = max(size, result[axis])
    return tuple(result)


def expand(node: Node, shape: StaticShape) -> Node:
    """Return a node broadcast to a shape that it fits."""
    if node.shape == shape:
        return node
    missing = (1,) * (len(shape) - len(node.shape))
    return expand_to(change_rank(node, (*missing, *shape_of(node))), shape)


def meet(first: Node, second: Node) -> tuple[Node, Node]:
    """Return two operands of one rank, integers beside an index as indices.

    Raises:
        DTypeError: their dtypes differ.
        ShapeError: their shapes do not broadcast.
    """
    if first.dtype is not second.dtype:
        is_position = dtypes.index in (first.dtype, second.dtype)
        if not is_position or first.dtype.is_float or second.dtype.is_float:
            raise DTypeError(
                "the dtypes of two tiles differ",
                got=f"{first.dtype.name} and {second.dtype.name}",
                expected="one dtype",
                mend=f"cast one of them: tile.cast(dtypes.{first.dtype.name})",
            )
        first, second = as_position(first), as_position(second)
    broadcast([shape_of(first), shape_of(second)])
    first, second = align([first, second])
    return first, second


def apply_binary(name: str, first: Node, second: Node) -> Node:
    """Return a binary op of two operands of any shapes that broadcast."""
    first, second = meet(first, second)
    result: Index | Condition
    if first.dtype is not dtypes.index:
        if name in BINARY:
            return Node.operators.binary(name, first, second)
        return _OPS[name](first, second)
    if name in _INDEX:
        result = as_node(_INDEX[name](as_index(first), as_index(second)))
    elif name in ("equal", "not_equal"):
        found = as_condition(symbolic.equal(as_index(first), as_index(second)))
        result = found if name == "equal" else ~found
    else:
        result = Node.operators.binary(name, first, second)
    # The index algebra drops what cancels, and with it the axes along which it varied.
    return expand(result, broadcast([shape_of(first), shape_of(second)]))
