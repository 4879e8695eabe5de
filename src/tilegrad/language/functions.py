"""Functions of tiles: all elementwise ops, new tiles, and ``dot``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tilegrad.base.errors import ArgumentTypeError, DTypeError, ShapeError
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op, attributes_of
from tilegrad.language.operands import (
    align,
    apply_binary,
    as_operand,
    broadcast,
    check_dtype,
    check_size,
    expand,
    meet,
    mend_for,
    shape_of,
)
from tilegrad.language.tile import Number, Tile
from tilegrad.ops import (
    arithmetic,
    bits,
    comparison,
    exponential,
    movement,
    random,
    rounding,
    special,
    tile,
    trigonometry,
)
from tilegrad.ops import look_up as look_ups
from tilegrad.ops.build import lanes
from tilegrad.ops.leaves import ConstantAttributes
from tilegrad.ops.look_up import LookUpAttributes

Operand = Tile | Number


def _unary(op: Op) -> Callable[[Tile], Tile]:
    def function(x: Tile) -> Tile:
        return Tile(op(_node(x)))

    function.__name__ = function.__qualname__ = op.name
    function.__doc__ = f"Elementwise: {op.documentation}"
    return function


def _binary(op: Op) -> Callable[[Operand, Operand], Tile]:
    def function(x: Operand, y: Operand) -> Tile:
        first, second = meet(*_nodes(x, y))
        return Tile(op(first, second))

    function.__name__ = function.__qualname__ = op.name
    function.__doc__ = f"Elementwise: {op.documentation}"
    return function


def _node(x: object) -> Node:
    """Return the node of a tile.

    Raises:
        ArgumentTypeError: it is something else.
    """
    if isinstance(x, Tile):
        return x.node
    raise ArgumentTypeError(
        "this function takes a tile", got=type(x).__name__, expected="a tile", mend=mend_for(x)
    )


def _nodes(*operands: Operand) -> list[Node]:
    """Return operands as nodes; numbers take the dtype of the first tile among them."""
    dtype = next((one.dtype for one in operands if isinstance(one, Tile)), dtypes.index)
    return [as_operand(one.node if isinstance(one, Tile) else one, dtype) for one in operands]


exp = _unary(exponential.exp)
exp2 = _unary(exponential.exp2)
expm1 = _unary(exponential.expm1)
log = _unary(exponential.log)
log2 = _unary(exponential.log2)
log10 = _unary(exponential.log10)
log1p = _unary(exponential.log1p)
sqrt = _unary(exponential.square_root)
rsqrt = _unary(exponential.reciprocal_square_root)
reciprocal = _unary(arithmetic.reciprocal)
sin = _unary(trigonometry.sin)
cos = _unary(trigonometry.cos)
tan = _unary(trigonometry.tan)
asin = _unary(trigonometry.asin)
acos = _unary(trigonometry.acos)
atan = _unary(trigonometry.atan)
sinh = _unary(trigonometry.sinh)
cosh = _unary(trigonometry.cosh)
tanh = _unary(trigonometry.tanh)
asinh = _unary(trigonometry.asinh)
acosh = _unary(trigonometry.acosh)
atanh = _unary(trigonometry.atanh)
erf = _unary(special.erf)
lgamma = _unary(special.lgamma)
floor = _unary(rounding.floor)
ceil = _unary(rounding.ceil)
trunc = _unary(rounding.truncate)
round = _unary(rounding.round_even)  # noqa: A001 - as on tensors
sign = _unary(arithmetic.sign)
relu = _unary(comparison.relu)
isnan = _unary(comparison.is_nan)
isinf = _unary(comparison.is_infinite)
bitwise_not = _unary(bits.bitwise_not)
atan2 = _binary(trigonometry.atan2)
copysign = _binary(rounding.copy_sign)
nextafter = _binary(rounding.next_after)
truncated_divide = _binary(arithmetic.truncated_divide)
fmod = _binary(arithmetic.truncated_remainder)
threefry = _binary(random.threefry)


def maximum(x: Operand, y: Operand) -> Tile:
    """Return the greater of two elements, NaN if one is."""
    return Tile(apply_binary("maximum", *_nodes(x, y)))


def minimum(x: Operand, y: Operand) -> Tile:
    """Return the lesser of two elements, NaN if one is."""
    return Tile(apply_binary("minimum", *_nodes(x, y)))


def where(condition: Tile, chosen: Operand, other: Operand) -> Tile:
    """Return ``chosen`` where a condition holds, else ``other``.

    Raises:
        DTypeError: the condition is not bool, or the dtypes of the choices differ.
    """
    first, second = meet(*_nodes(chosen, other))
    decider = _node(condition)
    broadcast([shape_of(decider), shape_of(first), shape_of(second)])
    return Tile(comparison.where(*align([decider, first, second])))


def fma(a: Operand, b: Operand, c: Operand) -> Tile:
    """Return a·b + c, rounded once."""
    first, second, third = _nodes(a, b, c)
    broadcast([shape_of(node) for node in (first, second, third)])
    return Tile(arithmetic.fused_multiply_add(*align([first, second, third])))


def look_up(places: Tile, table: Sequence[Number], dtype: DType = dtypes.float32) -> Tile:
    """Return the numbers of a constant table that stand at the places modulo its size.

    Of a place only as many low bits count as the table has places for. Many processors find a
    register of bytes by one instruction.

    Args:
        places: integers.
        table: 2ⁿ numbers, at most 256.
        dtype: of the numbers.

    Raises:
        ArgumentError: the table has another size.
        ArgumentTypeError: the places are no tile, or the table holds something else than numbers.
        DTypeError: the places are no integers, or the table's dtype is no number's.
    """
    check_dtype(dtype)
    numbers = [attributes_of(as_operand(one, dtype), ConstantAttributes) for one in table]
    attributes = LookUpAttributes(dtype, tuple(number.bits for number in numbers))
    return Tile(look_ups.look_up(_node(places), attributes=attributes))


def arange(count: int) -> Tile:
    """Return the positions 0, 1, ..., count − 1, of dtype index."""
    check_size((count,))
    return Tile(lanes(count))


def full(shape: int | tuple[int, ...], value: Number, dtype: DType = dtypes.float32) -> Tile:
    """Return a tile of one value."""
    return Tile(movement.filled(value, check_dtype(dtype), _as_shape(shape)))


def zeros(shape: int | tuple[int, ...], dtype: DType = dtypes.float32) -> Tile:
    """Return a tile of zeros."""
    return full(shape, 0, dtype)


def ones(shape: int | tuple[int, ...], dtype: DType = dtypes.float32) -> Tile:
    """Return a tile of ones."""
    return full(shape, 1, dtype)


def _as_shape(shape: int | tuple[int, ...]) -> tuple[int, ...]:
    return check_size((shape,) if isinstance(shape, int) else shape)


def dot(a: Tile, b: Tile, accumulator: Tile | None = None, dtype: DType | None = None) -> Tile:
    """Return accumulator + a·b for matrices a (M, K) and b (K, N).

    Products are neither rounded nor do they wrap before they are added, in any order.

    Args:
        a: of the same dtype as ``b``.
        b: the other factor.
        accumulator: (M, N); zeros if it is left out.
        dtype: of these zeros; by default what ``accumulator_of`` gives.

    Raises:
        ShapeError: the shapes do not fit.
        DTypeError: the dtypes of the factors differ, or are no numbers.
    """
    left, right = _node(a), _node(b)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise ShapeError(
            "dot: the shapes do not fit",
            got=f"{a.shape} · {b.shape}",
            expected="(M, K) · (K, N)",
        )
    if a.dtype is not b.dtype:
        raise DTypeError(
            "dot: the dtypes of the factors differ",
            got=f"{a.dtype.name} and {b.dtype.name}",
            expected="one dtype",
        )
    if accumulator is None:
        accumulator = zeros((a.shape[0], b.shape[1]), dtype or accumulator_of(a.dtype))
    return Tile(tile.dot(left, right, expand(accumulator.node, (a.shape[0], b.shape[1]))))


def accumulator_of(dtype: DType) -> DType:
    """Return the dtype to add up in: float32 for narrower floats, int32 for narrower integers."""
    if dtype.bits >= 32:
        return dtype
    return dtypes.float32 if dtype.is_float else dtypes.int32


__all__ = [
    "accumulator_of",
    "acos",
    "acosh",
    "arange",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "bitwise_not",
    "ceil",
    "copysign",
    "cos",
    "cosh",
    "dot",
    "erf",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "fma",
    "fmod",
    "full",
    "isinf",
    "isnan",
    "lgamma",
    "log",
    "log10",
    "log1p",
    "log2",
    "look_up",
    "maximum",
    "minimum",
    "nextafter",
    "ones",
    "reciprocal",
    "relu",
    "round",
    "rsqrt",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
    "threefry",
    "trunc",
    "truncated_divide",
    "where",
    "zeros",
]
