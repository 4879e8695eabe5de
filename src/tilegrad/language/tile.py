"""Tiles: the values that a kernel computes with."""

from __future__ import annotations

from typing import NoReturn

from tilegrad.base.errors import ArgumentError, ArgumentTypeError, OutOfRangeError, ShapeError
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op
from tilegrad.language.operands import (
    StaticShape,
    apply_binary,
    as_operand,
    broadcast,
    change_rank,
    check_dtype,
    check_size,
    expand,
    shape_of,
)
from tilegrad.ops import arithmetic, comparison, conversion, reduction
from tilegrad.ops.build import lanes
from tilegrad.ops.conversion import CastAttributes, cast_to
from tilegrad.ops.movement import permute_axes, reshape_to
from tilegrad.ops.reduction import ReduceAttributes
from tilegrad.ops.scan import Kind, ScanAttributes, scan

Number = bool | int | float


class Tile:
    """An array of fixed shape whose elements are computed together; a scalar has shape ().

    Tiles are values: every operation makes a new one. Operators and methods mean what they mean on
    tensors, except that dtypes are never promoted (see ``operands``). Positions have the dtype
    index: whole numbers without a limit.

    Attributes:
        node: the expression of the value.
    """

    __slots__ = ("node",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, node: Node) -> None:
        self.node = node

    @property
    def shape(self) -> StaticShape:
        """The sizes."""
        return shape_of(self.node)

    @property
    def dtype(self) -> DType:
        """The dtype of the elements."""
        return self.node.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.node.shape)

    def __repr__(self) -> str:
        return f"<tile {self.dtype.name}{list(self.shape)}>"

    def __bool__(self) -> NoReturn:
        raise ArgumentTypeError(
            "a tile has no value while the kernel is written",
            got=repr(self),
            mend="choose elements with where(), combine conditions by & and |, or guard a part of "
            "the kernel with build.when()",
        )

    def __index__(self) -> NoReturn:
        raise ArgumentTypeError(
            "a tile is no number while the kernel is written",
            got=repr(self),
            mend="loop with build.loop(); cast() makes a tile of another dtype",
        )

    __int__ = __float__ = __index__

    def __array_ufunc__(self, function: object, *_: object, **__: object) -> NoReturn:
        raise ArgumentTypeError(
            "NumPy does not compute with tiles",
            got=repr(function),
            mend="take the function of tilegrad.language, such as tl.exp",
        )

    def __iter__(self) -> NoReturn:
        raise ArgumentTypeError("a tile cannot be taken apart into a sequence", got=repr(self))

    # --- operators ---

    def _binary(self, name: str, other: object) -> Tile:
        return Tile(apply_binary(name, self.node, as_operand(_unwrap(other), self.dtype)))

    def _reflected(self, name: str, other: object) -> Tile:
        return Tile(apply_binary(name, as_operand(_unwrap(other), self.dtype), self.node))

    def __add__(self, other: Tile | Number) -> Tile:
        return self._binary("add", other)

    def __radd__(self, other: Number) -> Tile:
        return self._reflected("add", other)

    def __sub__(self, other: Tile | Number) -> Tile:
        return self._binary("subtract", other)

    def __rsub__(self, other: Number) -> Tile:
        return self._reflected("subtract", other)

    def __mul__(self, other: Tile | Number) -> Tile:
        return self._binary("multiply", other)

    def __rmul__(self, other: Number) -> Tile:
        return self._reflected("multiply", other)

    def __truediv__(self, other: Tile | Number) -> Tile:
        return self._binary("divide", other)

    def __rtruediv__(self, other: Number) -> Tile:
        return self._reflected("divide", other)

    def __floordiv__(self, other: Tile | Number) -> Tile:
        return self._binary("floor_divide", other)

    def __rfloordiv__(self, other: Number) -> Tile:
        return self._reflected("floor_divide", other)

    def __mod__(self, other: Tile | Number) -> Tile:
        return self._binary("modulo", other)

    def __rmod__(self, other: Number) -> Tile:
        return self._reflected("modulo", other)

    def __pow__(self, other: Tile | Number) -> Tile:
        return self._binary("power", other)

    def __rpow__(self, other: Number) -> Tile:
        return self._reflected("power", other)

    def __and__(self, other: Tile | Number) -> Tile:
        return self._binary("bitwise_and", other)

    def __rand__(self, other: Number) -> Tile:
        return self._reflected("bitwise_and", other)

    def __or__(self, other: Tile | Number) -> Tile:
        return self._binary("bitwise_or", other)

    def __ror__(self, other: Number) -> Tile:
        return self._reflected("bitwise_or", other)

    def __xor__(self, other: Tile | Number) -> Tile:
        return self._binary("bitwise_xor", other)

    def __rxor__(self, other: Number) -> Tile:
        return self._reflected("bitwise_xor", other)

    def __lshift__(self, other: Tile | Number) -> Tile:
        return self._binary("shift_left", other)

    def __rlshift__(self, other: Number) -> Tile:
        return self._reflected("shift_left", other)

    def __rshift__(self, other: Tile | Number) -> Tile:
        return self._binary("shift_right", other)

    def __rrshift__(self, other: Number) -> Tile:
        return self._reflected("shift_right", other)

    def __lt__(self, other: Tile | Number) -> Tile:
        return self._binary("less", other)

    def __le__(self, other: Tile | Number) -> Tile:
        return self._binary("less_equal", other)

    def __gt__(self, other: Tile | Number) -> Tile:
        return self._reflected("less", other)

    def __ge__(self, other: Tile | Number) -> Tile:
        return self._reflected("less_equal", other)

    def __eq__(self, other: object) -> Tile:  # type: ignore[override]
        return self._binary("equal", other)

    def __ne__(self, other: object) -> Tile:  # type: ignore[override]
        return self._binary("not_equal", other)

    def __neg__(self) -> Tile:
        return Tile(-self.node)

    def __invert__(self) -> Tile:
        return Tile(~self.node)

    def __abs__(self) -> Tile:
        return Tile(arithmetic.absolute(self.node))

    # --- dtype and shape ---

    def cast(self, dtype: DType) -> Tile:
        """Return the values in another dtype; see the op ``cast`` for what does not fit."""
        return Tile(cast_to(self.node, check_dtype(dtype)))

    def bitcast(self, dtype: DType) -> Tile:
        """Return the same bits as another dtype of the same width."""
        return Tile(conversion.bitcast(self.node, attributes=CastAttributes(dtype)))

    def reshape(self, *shape: int) -> Tile:
        """Return the elements, in row-major order, in another shape."""
        return Tile(reshape_to(self.node, check_size(shape)))

    def expand(self, *shape: int) -> Tile:
        """Return the tile repeated along axes that it lacks or where its size is 1."""
        if broadcast([self.shape, shape]) != shape:
            raise ShapeError("a tile does not expand so", got=self.shape, expected=f"like {shape}")
        return Tile(expand(self.node, check_size(shape)))

    def permute(self, *order: int) -> Tile:
        """Return the tile with its axes in another order."""
        return Tile(permute_axes(self.node, [self.axis(axis) for axis in order]))

    def transpose(self, first: int = -2, second: int = -1) -> Tile:
        """Return the tile with two axes exchanged."""
        order = list(range(self.ndim))
        one, other = self.axis(first), self.axis(second)
        order[one], order[other] = other, one
        return Tile(permute_axes(self.node, order))

    @property
    def T(self) -> Tile:  # noqa: N802 - as on arrays
        """The tile with its last two axes exchanged."""
        return self.transpose()

    def __getitem__(self, key: object) -> Tile:
        """Return the tile with axes of size 1 where the key has None; the rest is ``:``.

        Raises:
            ArgumentError: the key selects elements.
        """
        items = key if isinstance(key, tuple) else (key,)
        shape: list[int] = []
        rest = list(self.shape)
        for number, item in enumerate(items):
            if item is None:
                shape.append(1)
            elif item is Ellipsis:
                taken = sum(one is not None for one in items[number + 1 :])
                shape += rest[: len(rest) - taken]
                rest = rest[len(rest) - taken :]
            elif item == slice(None) and rest:
                shape.append(rest.pop(0))
            else:
                raise ArgumentError(
                    "a tile is indexed to add axes only",
                    got=repr(key),
                    expected=f"None, and : for each of {self.ndim} axes",
                    mend="choose elements with where() and a reduction, or index memory instead",
                )
        return Tile(change_rank(self.node, (*shape, *rest)))

    # --- reductions and scans ---

    def sum(self, axis: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Tile:
        """Return the sum along one axis, several or all."""
        return _reduce(self, reduction.reduce_sum, axis, keepdim)

    def prod(self, axis: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Tile:
        """Return the product along one axis, several or all."""
        return _reduce(self, reduction.reduce_product, axis, keepdim)

    def max(self, axis: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Tile:
        """Return the greatest element along one axis, several or all; NaN if there is one."""
        return _reduce(self, reduction.reduce_maximum, axis, keepdim)

    def min(self, axis: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Tile:
        """Return the least element along one axis, several or all; NaN if there is one."""
        return _reduce(self, reduction.reduce_minimum, axis, keepdim)

    def any(self, axis: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Tile:
        """Return whether an element is not 0 along one axis, several or all."""
        return _reduce(
            self if self.dtype.is_boolean else self != 0, reduction.reduce_maximum, axis, keepdim
        )

    def all(self, axis: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Tile:
        """Return whether no element is 0 along one axis, several or all."""
        return _reduce(
            self if self.dtype.is_boolean else self != 0, reduction.reduce_minimum, axis, keepdim
        )

    def argmax(self, axis: int = -1, keepdim: bool = False) -> Tile:
        """Return the first position of the greatest element along an axis, as int32."""
        return _find(self == self.max(axis, keepdim=True), self.axis(axis), keepdim)

    def argmin(self, axis: int = -1, keepdim: bool = False) -> Tile:
        """Return the first position of the least element along an axis, as int32."""
        return _find(self == self.min(axis, keepdim=True), self.axis(axis), keepdim)

    def cumsum(self, axis: int = -1) -> Tile:
        """Return the running sums along an axis."""
        return _scan(self, "add", axis)

    def cumprod(self, axis: int = -1) -> Tile:
        """Return the running products along an axis."""
        return _scan(self, "multiply", axis)

    def cummax(self, axis: int = -1) -> Tile:
        """Return the running maxima along an axis."""
        return _scan(self, "maximum", axis)

    def cummin(self, axis: int = -1) -> Tile:
        """Return the running minima along an axis."""
        return _scan(self, "minimum", axis)

    def axis(self, axis: int) -> int:
        """Return the number of an axis that may be counted from the end.

        Raises:
            OutOfRangeError: the tile has no such axis.
        """
        if not -self.ndim <= axis < self.ndim:
            raise OutOfRangeError(
                "the tile has no such axis",
                got=axis,
                expected=f"from {-self.ndim} to {self.ndim - 1}" if self.ndim else "none",
            )
        return axis % self.ndim


def _reduce(tile: Tile, op: Op, axis: int | tuple[int, ...] | None, keepdim: bool) -> Tile:
    chosen = tuple(range(tile.ndim)) if axis is None else axis
    axes = tuple(sorted(map(tile.axis, (chosen,) if isinstance(chosen, int) else chosen)))
    if not axes:
        return tile
    if tile.dtype is dtypes.index:
        return _reduce(tile.cast(dtypes.int64), op, axes, keepdim).cast(dtypes.index)
    found = op(tile.node, attributes=ReduceAttributes(axes))
    kept = tuple(size for number, size in enumerate(tile.shape) if number not in axes)
    return Tile(found if keepdim else reshape_to(found, kept))


def _scan(tile: Tile, kind: Kind, axis: int) -> Tile:
    if tile.dtype is dtypes.index:
        return _scan(tile.cast(dtypes.int64), kind, axis).cast(dtypes.index)
    return Tile(scan(tile.node, attributes=ScanAttributes(tile.axis(axis), kind)))


def _find(condition: Tile, axis: int, keepdim: bool) -> Tile:
    """Return the first position along an axis at which a condition holds."""
    size = condition.shape[axis]
    places = cast_to(lanes(size, condition.ndim, axis), dtypes.int32)
    chosen = comparison.where(condition.node, places, as_operand(size, dtypes.int32))
    return Tile(chosen).min(axis, keepdim=keepdim)


def _unwrap(value: object) -> object:
    return value.node if isinstance(value, Tile) else value
