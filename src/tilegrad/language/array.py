"""Arrays: memory with a shape, from which a kernel loads tiles and into which it stores them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NoReturn

from tilegrad.base.errors import ArgumentTypeError, DTypeError, ShapeError
from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node
from tilegrad.language.indexing import WHOLE, Place, Size, as_mask, locate, size_index
from tilegrad.language.operands import align, as_operand, broadcast, expand, shape_of
from tilegrad.language.ranges import Ranges
from tilegrad.language.tile import Number, Tile
from tilegrad.ops import bits, symbolic
from tilegrad.ops.affine import Index, as_index, as_node
from tilegrad.ops.atomic import is_updatable
from tilegrad.ops.build import Builder
from tilegrad.ops.comparison import where
from tilegrad.ops.leaves import constant, is_true
from tilegrad.ops.symbolic import as_condition


class Array:
    """An argument, output, workspace or scratch memory of a kernel.

    ``array[rows, columns]`` loads a tile and ``array[rows, columns] = tile`` stores one; see
    ``indexing`` for what may stand in the brackets. Positions outside the array read 0 (False) and
    write nothing. What is known to lie inside is not checked when the kernel runs.

    Attributes:
        pointer: the address of its first element.
        dtype: of its elements.
    """

    __slots__ = ("_base", "_builder", "_ranges", "_sizes", "dtype", "pointer")
    tiles_of: ClassVar = "an array is memory; load a tile of it: array[row, :], or array[...]"

    def __init__(
        self,
        builder: Builder,
        ranges: Ranges,
        pointer: Node,
        sizes: Sequence[Index],
        base: Place = WHOLE,
    ) -> None:
        self._builder = builder
        self._ranges = ranges
        self._sizes = tuple(sizes)
        self._base = base
        self.pointer = pointer
        self.dtype: DType = pointer.dtype

    @property
    def shape(self) -> tuple[Size, ...]:
        """The sizes: integers, or scalar tiles where they are known at launch only."""
        return tuple(Tile(size) if isinstance(size, Node) else size for size in self._sizes)

    @property
    def indices(self) -> tuple[Index, ...]:
        """The sizes as the index algebra has them."""
        return self._sizes

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._sizes)

    @property
    def size(self) -> Size:
        """The number of elements."""
        count = symbolic.multiply_all(self._sizes)
        return Tile(count) if isinstance(count, Node) else count

    @property
    def flat(self) -> Array:
        """The same memory as an array of one axis: its positions are offsets."""
        count = symbolic.multiply_all(self._sizes)
        return Array(self._builder, self._ranges, self.pointer, (count,), self._base)

    def reshape(self, *sizes: Size) -> Array:
        """Return the same memory as an array of other sizes.

        Raises:
            ShapeError: it has another number of elements, or one that is known at launch only.
        """
        indices = tuple(size_index(size) for size in sizes)
        count = symbolic.multiply_all(indices)
        if isinstance(count, Node) or count != symbolic.multiply_all(self._sizes):
            raise ShapeError(
                "an array keeps its elements when it gets another shape",
                got=f"{self!r} as {list(sizes)}",
                expected="as many elements, and sizes that are known when the kernel is written",
            )
        return Array(self._builder, self._ranges, self.pointer, indices, self._base)

    def at(self, *positions: Size) -> Array:
        """Return the array of the other axes at single positions along the first ones.

        Raises:
            OutOfRangeError: a position lies outside its axis in every instance and round.
        """
        count = len(positions)
        place = locate(self._sizes[:count], positions, self._ranges)
        inner = symbolic.multiply_all(self._sizes[count:])
        offset = symbolic.multiply(as_index(place.offset), inner)
        base = self._base.move(Place(as_node(offset), place.inside, ()))
        return Array(self._builder, self._ranges, self.pointer, self._sizes[count:], base)

    def __repr__(self) -> str:
        return f"<array {self.dtype.name}{list(self.shape)}>"

    def _compute(self, _: object) -> NoReturn:
        raise ArgumentTypeError(
            "a kernel computes with tiles", got=repr(self), expected="a tile", mend=self.tiles_of
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _compute
    __truediv__ = __rtruediv__ = __pow__ = __lt__ = __le__ = __gt__ = __ge__ = _compute

    def __getitem__(self, key: object) -> Tile:
        return self.load(key)

    def __setitem__(self, key: object, value: Tile | Number) -> None:
        self.store(key, value)

    def load(
        self, key: object, mask: Tile | None = None, other: Number = 0, *, ahead: int = 0
    ) -> Tile:
        """Return the tile at some positions.

        Args:
            key: what else stands in the brackets.
            mask: where it is false nothing is read; it broadcasts to the tile's shape.
            other: the value there, and outside the array.
            ahead: what lies so many elements further on is read soon, and may be fetched already;
                0 for no such advice.

        Raises:
            ArgumentError, ArgumentTypeError: the key, the mask or ``ahead`` makes no sense.
            OutOfRangeError: the positions lie outside the array in every instance and round.
        """
        if type(ahead) is not int:
            raise ArgumentTypeError(
                "how far ahead a load asks is known when the kernel is written",
                got=repr(ahead),
                expected="a Python integer, in elements",
            )
        place, inside = self._find(key, mask)
        node = self._builder.load(self.pointer, place.offset, inside, ahead=ahead)
        if inside is not None and (other != 0 or str(other) == "-0.0"):
            node = where(inside, node, constant(other, self.dtype))
        return Tile(expand(node, place.shape))

    def store(self, key: object, value: Tile | Number, mask: Tile | None = None) -> None:
        """Write a tile, or a number, to some positions.

        Args:
            key: what else stands in the brackets.
            value: of the array's dtype; it broadcasts to the shape of the positions.
            mask: where it is false nothing is written.

        Raises:
            ArgumentError, ArgumentTypeError: the key or mask makes no sense, or it is an argument.
            DTypeError: the tile has another dtype.
            ShapeError: the tile does not broadcast to the positions' shape.
            OutOfRangeError: the positions lie outside the array in every instance and round.
        """
        place, inside = self._find(key, mask)
        self._builder.store(self.pointer, place.offset, self._fit(place, value), inside)

    def fetch(self, start: Size, size: int) -> None:
        """Say that elements are read soon, so that they may be brought into a cache already.

        Args:
            start: the first one's offset in memory from the beginning of the array; it may lie
                outside.
            size: how many follow each other from there on.

        Raises:
            ArgumentTypeError: the size is no positive Python integer.
        """
        if type(size) is not int or size < 1:
            raise ArgumentTypeError(
                "how many elements are asked for is known when the kernel is written",
                got=repr(size),
                expected="a positive Python integer",
            )
        offset = symbolic.add(as_index(self._base.offset), size_index(start))
        self._builder.fetch(self.pointer, offset, size)

    def atomic_add(self, key: object, value: Tile | Number, mask: Tile | None = None) -> Tile:
        """Add to elements that other instances change, too; return what they were before.

        Args:
            key: what may stand in the brackets; where positions repeat, each counts.
            value: of the array's dtype; it broadcasts to the shape of the positions.
            mask: where it is false nothing is changed, and the result is 0.

        Raises:
            DTypeError: the tile has another dtype, or the array's has no 32 or 64 bits.
            ArgumentError, ArgumentTypeError, ShapeError, OutOfRangeError: as of ``store``.
        """
        return self._update("add", key, value, mask)

    def atomic_max(self, key: object, value: Tile | Number, mask: Tile | None = None) -> Tile:
        """Raise elements to at least a value; return what they were. See ``atomic_add``."""
        return self._update("maximum", key, value, mask)

    def atomic_min(self, key: object, value: Tile | Number, mask: Tile | None = None) -> Tile:
        """Lower elements to at most a value; return what they were. See ``atomic_add``."""
        return self._update("minimum", key, value, mask)

    def atomic_exchange(self, key: object, value: Tile | Number, mask: Tile | None = None) -> Tile:
        """Replace elements by a value; return what they were. See ``atomic_add``."""
        return self._update("exchange", key, value, mask)

    def _update(self, kind: str, key: object, value: Tile | Number, mask: Tile | None) -> Tile:
        if not is_updatable(self.dtype):
            raise DTypeError(
                "arrays of this dtype have no atomic updates",
                got=self.dtype.name,
                expected="numbers of 32 or 64 bits",
                mend="update a workspace of float32 or int32, and cast it in build.after_all()",
            )
        place, inside = self._find(key, mask)
        node = self._fit(place, value)
        before = self._builder.update_atomically(kind, self.pointer, place.offset, node, inside)
        return Tile(expand(before, place.shape))

    def _fit(self, place: Place, value: Tile | Number) -> Node:
        """Return what is to be written to some positions, checked and with their rank."""
        node = as_operand(value.node if isinstance(value, Tile) else value, self.dtype)
        if node.dtype is not self.dtype:
            raise DTypeError(
                "the tile has another dtype than the array that it is stored to",
                got=node.dtype.name,
                expected=self.dtype.name,
                mend=f"cast it: tile.cast(dtypes.{self.dtype.name})",
            )
        if broadcast([place.shape, shape_of(node)]) != place.shape:
            raise ShapeError(
                "the tile has another shape than the positions that it is stored to",
                got=shape_of(node),
                expected=place.shape,
            )
        return align([place.offset, node])[1]

    def _find(self, key: object, mask: Tile | None) -> tuple[Place, Node | None]:
        """Return positions, and the condition for reaching memory there or None if there is none.

        The condition has the rank of the positions.
        """
        place = locate(self._sizes, key, self._ranges).move(self._base)
        inside = as_condition(place.inside)
        if mask is not None:
            given = as_mask(mask)
            if broadcast([place.shape, shape_of(given)]) != place.shape:
                raise ShapeError(
                    "the mask does not fit the positions", got=mask.shape, expected=place.shape
                )
            given = align([place.offset, given])[1]
            inside = given if _holds(inside) else bits.bitwise_and(*align([given, inside]))
        return place, None if _holds(inside) else inside


def _holds(condition: Node) -> bool:
    while condition.op.name in ("reshape", "expand"):
        condition = condition.sources[0]
    return is_true(condition)
