"""Writes tile programs by hand.

A builder records what a kernel does in the order in which it is written; values are nodes and take
Python's operators::

    build = Builder("sum_of_rows")
    x = build.input(dtypes.float32, rows * columns)
    y = build.output(dtypes.float32, rows)
    width = build.scalar("columns", columns)
    row = build.instance(build.scalar("rows", rows))
    lane = lanes(16)
    with build.loop(0, width, 16, total=filled(0.0, dtypes.float32, (16,))) as loop:
        column = loop.index + lane
        loop["total"] = loop["total"] + build.load(x, row * width + column, column < width)
    build.store(y, row, combine(loop["total"], "add"))
    program = build.program()

Loads and stores of memory that the program writes happen in the order in which they are written.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from tilegrad.base.errors import ArgumentError, DTypeError
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ir.scope import find_needed_loops, loop_number
from tilegrad.ops import reduction, symbolic, tile
from tilegrad.ops.affine import Index, as_node
from tilegrad.ops.atomic import atomic_result, make_atomic
from tilegrad.ops.comparison import where
from tilegrad.ops.frame import Frame
from tilegrad.ops.leaves import IotaAttributes, Number, constant, iota, is_true
from tilegrad.ops.memory import (
    ParameterAttributes,
    make_fetch,
    make_load,
    make_parameter,
    make_scratch,
    make_store,
)
from tilegrad.ops.movement import reshape_to
from tilegrad.ops.program import Following, Program, Role, Slot

LARGEST = 1 << 48
"""Sizes stay below this, so that offsets stay far below 2⁶³."""

_UNROLLED = 8
"""So many tiles of a known length are written without a loop."""

_REDUCTIONS = {kind: op for op, kind in reduction.KINDS.items()}


def lanes(count: int, rank: int = 1, axis: int = 0) -> Node:
    """Return the index tile 0, 1, ..., count − 1 along one axis; the other axes have size 1."""
    shape = tuple(count if position == axis else 1 for position in range(rank))
    return iota(attributes=IotaAttributes(shape, axis))


def combine(tile_: Node, kind: str, axis: int | None = None) -> Node:
    """Return a tile combined along an axis, which stays with size 1, or whole to a scalar.

    Args:
        tile_: the tile.
        kind: add, multiply, maximum or minimum.
        axis: along which; None for all, the result then has shape ().
    """
    axes = tuple(range(len(tile_.shape))) if axis is None else (axis,)
    result = _REDUCTIONS[kind](tile_, attributes=reduction.ReduceAttributes(axes))
    return reshape_to(result, ()) if axis is None else result


class Builder:
    """A tile program being written.

    Args:
        name: of the native function.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._slots: list[Slot] = []
        self._grid: list[Node] = []
        self._read_only: set[Node] = set()
        self._read: set[Node] = set()
        self._performed: set[Node] = set()
        self._homes: dict[Node, Frame] = {}
        self._following: list[Following] = []
        self._scratches = 0
        self._loops = 0
        self._open: list[int] = []
        self._main = Frame(tile.block())
        self._finish = Frame(tile.block(as_node(0)))
        self._frames = [self._main]

    # --- arguments ---

    def input(self, dtype: DType, size: Index) -> Node:
        """Return the next slot's pointer, to ``size`` elements that the program only reads."""
        pointer = self._pointer("input", dtype, size)
        self._read_only.add(pointer)
        return pointer

    def output(self, dtype: DType, size: Index) -> Node:
        """Return the next slot's pointer, to ``size`` elements that the program writes."""
        return self._pointer("output", dtype, size)

    def update(self, pointer: Node) -> None:
        """Let an input be written, too.

        Raises:
            ArgumentError: it is no input, or it has been read already.
        """
        if pointer not in self._read_only or pointer in self._read:
            raise ArgumentError(
                "only an input that has not been read yet can be updated",
                mend="update it before the first load, and once",
            )
        self._read_only.discard(pointer)
        slot = attributes_of(pointer, ParameterAttributes).slot
        self._slots[slot] = self._slots[slot]._replace(role="update")

    def workspace(self, dtype: DType, size: Index) -> Node:
        """Return the next slot's pointer, to ``size`` elements that all instances share."""
        return self._pointer("workspace", dtype, size)

    def declare(self, slots: Sequence[Slot]) -> None:
        """Take these slots, known before, as the program's first; their inputs are only read."""
        for slot in slots:
            self._slots.append(slot)
            if slot.role == "input":
                self._read_only.add(make_parameter(len(self._slots) - 1, slot.dtype))

    def scalar(self, name: str, value: Index, minimum: int = 0, maximum: int = LARGEST - 1) -> Node:
        """Return the next slot's integer, which is ``value`` at launch."""
        self._slots.append(Slot("scalar", dtypes.index, value))
        return tile.make_scalar(len(self._slots) - 1, name, minimum, maximum)

    def following(self, pointer: Node) -> Node:
        """Return the next slot's integer: how far behind a slot's memory the next launch reads.

        See ``program.Following``; it is 0 where nobody knows.
        """
        distance = self.scalar(f"following{len(self._slots)}", 0, -LARGEST, LARGEST - 1)
        slot = attributes_of(pointer, ParameterAttributes).slot
        self._following.append(Following(len(self._slots) - 1, slot))
        return distance

    def scratch(self, dtype: DType, size: int) -> Node:
        """Return a pointer to ``size`` elements that are private to the instance."""
        self._scratches += 1
        return make_scratch(self._scratches - 1, dtype, size)

    def instance(self, size: Index) -> Node:
        """Add an axis to the grid (the last runs fastest); return the instance's place on it."""
        self._grid.append(as_node(size))
        return tile.make_program_index(len(self._grid) - 1)

    def _pointer(self, role: Role, dtype: DType, size: Index) -> Node:
        self._slots.append(Slot(role, dtype, size))
        return make_parameter(len(self._slots) - 1, dtype)

    # --- memory ---

    def load(
        self, pointer: Node, offset: Index, mask: Node | None = None, *, ahead: int = 0
    ) -> Node:
        """Return the tile at ``pointer[offset]``, 0 where ``mask`` is false.

        What lies ``ahead`` elements further on is read soon; 0 says nothing.
        """
        mask = _drop_true(mask)
        if pointer in self._read_only:
            self._read.add(pointer)
            return make_load(pointer, offset, mask, ahead=ahead)
        frame = self._frames[-1]
        value = make_load(pointer, offset, mask, self._before(pointer), ahead=ahead)
        if self._homes.setdefault(value, frame) is not frame and len(self._frames) > 1:
            # In each round it may read something else than where it was read before the loop.
            value = make_load(pointer, offset, mask, frame.start(), ahead=ahead)
        frame.loads.setdefault(pointer, []).append(value)
        return value

    def fetch(self, pointer: Node, offset: Index, size: int) -> None:
        """Say that ``size`` elements from ``pointer[offset]`` on are read soon."""
        self.perform(make_fetch(pointer, offset, size), [])

    def store(
        self, pointer: Node, offset: Index, value: Node | Number, mask: Node | None = None
    ) -> None:
        """Write ``pointer[offset] = value`` where ``mask`` is true.

        Raises:
            ArgumentError: the pointer was declared as an input.
        """
        self._check_written(pointer)
        tile_ = value if isinstance(value, Node) else constant(value, pointer.dtype)
        effect = make_store(pointer, offset, tile_, _drop_true(mask))
        if effect in self._performed:
            effect = make_store(pointer, offset, tile_, _drop_true(mask), self._before(pointer))
        self.perform(effect, [pointer])

    def update_atomically(
        self, kind: str, pointer: Node, offset: Index, value: Node, mask: Node | None = None
    ) -> Node:
        """Update ``pointer[offset]`` where ``mask`` is true; return what stood there before.

        Raises:
            ArgumentError: the pointer was declared as an input.
        """
        self._check_written(pointer)
        effect = make_atomic(kind, pointer, offset, value, _drop_true(mask))
        if effect in self._performed:
            before = self._before(pointer)
            effect = make_atomic(kind, pointer, offset, value, _drop_true(mask), before)
        self.perform(effect, [pointer])
        return atomic_result(effect)

    def _check_written(self, pointer: Node) -> None:
        if pointer in self._read_only:
            raise ArgumentError(
                "an input of a program is not written", mend="declare an output, or an update"
            )

    def _before(self, pointer: Node) -> Node | None:
        """Return the last effect on a pointer, or None if a load of it needs no order.

        In a loop a load is ordered even if no store came before: one may follow in the loop.
        """
        for frame in reversed(self._frames):
            if pointer in frame.last:
                return frame.last[pointer]
        return self._frames[0].start() if len(self._frames) > 1 else None

    # --- control ---

    def loop(self, start: Index, stop: Index, step: Index = 1, **carried: Node) -> Loop:
        """Return the loop over range(start, stop, step), to be used in a ``with`` statement.

        Args:
            start: first index.
            stop: the index stays below it.
            step: positive.
            carried: initial values of the tiles that go from one round to the next, by name.

        Raises:
            ArgumentError: one of them belongs to a round of a loop that has ended.
        """
        self.check_open([as_node(start), as_node(stop), *carried.values()])
        self._loops += 1
        return Loop(self, self._loops - 1, (start, stop, step), carried)

    def for_each(
        self, start: Index, stop: Index, width: int, write: Callable[[Node, Node | None], None]
    ) -> None:
        """Write a loop over range(start, stop) in tiles of ``width``, and one for the rest.

        Args:
            start: first index.
            stop: the indices stay below it.
            width: lanes of a tile.
            write: writes the body for an index tile and its mask, which is None but at the end.
        """
        length = symbolic.subtract(stop, start)
        if isinstance(length, int) and length <= _UNROLLED * width:
            for base in range(0, length, width):
                write(start + base + lanes(min(width, length - base)), None)
            return
        end = symbolic.add(start, symbolic.multiply(symbolic.floor_divide(length, width), width))
        with self.loop(start, end, width) as whole:
            write(whole.index + lanes(width), None)
        with self.loop(end, stop, width) as rest:
            place = rest.index + lanes(width)
            write(place, place < stop)

    def when(self, condition: Node, **carried: Node) -> Loop:
        """Return a loop of one round if a scalar condition holds, else of none.

        What does not depend on a store in it may be computed before, whether the condition holds or
        not: a load that is only then within its memory needs the condition as its mask, too.
        """
        one, zero = constant(1, dtypes.index), constant(0, dtypes.index)
        return self.loop(0, where(condition, one, zero), **carried)

    @contextmanager
    def after_all(self) -> Generator[None, None, None]:
        """Write the part that is performed once, after all instances of the grid."""
        self._frames = [self._finish]
        yield
        self._frames = [self._main]

    def program(self) -> Program:
        """Return the program.

        Raises:
            ArgumentError: a loop has not been left.
        """
        if self._frames != [self._main]:
            raise ArgumentError("the program ends inside a loop", mend="leave the with statement")
        ending = [self._finish.block()] if self._finish.effects else []
        attributes = tile.ProgramAttributes(self._name, len(self._grid), bool(ending))
        root = tile.program(self._main.block(), *self._grid, *ending, attributes=attributes)
        return Program(root, tuple(self._slots), tuple(self._following))

    def open_frame(self, index: Node) -> None:
        """Begin the body of the loop with this index."""
        self._open.append(loop_number(index))
        self._frames.append(Frame(tile.block(index)))

    def close_frame(self) -> Frame:
        """End the body of a loop; return what it performs."""
        self._open.pop()
        return self._frames.pop()

    def check_open(self, values: Iterable[Node]) -> None:
        """Check that values belong to no round of a loop that has ended.

        Raises:
            ArgumentError: one does.
        """
        if self._loops > len(self._open) and find_needed_loops(values).difference(self._open):
            raise ArgumentError(
                "what is computed in a round of a loop is used outside of it",
                expected="a tile that the loop carries",
                mend="carry it: with build.loop(..., total=zeros(())) as loop: loop.total = ...",
            )

    def perform(self, effect: Node, pointers: list[Node]) -> None:
        """Add an effect that writes through ``pointers``, after all loads through them so far.

        Raises:
            ArgumentError: what is written belongs to a round of a loop that has ended.
        """
        self.check_open(source for source in effect.sources if effect.op is not tile.loop)
        self._performed.add(effect)
        self._frames[-1].perform(effect, pointers)


class Loop:
    """A loop being written: ``index``, and the carried tiles by name.

    Within the ``with`` statement ``loop[name]`` is the current value of a carried tile and can be
    set; after it, the value at the end of the loop.
    """

    def __init__(
        self,
        builder: Builder,
        number: int,
        bounds: tuple[Index, Index, Index],
        carried: dict[str, Node],
    ) -> None:
        self._builder = builder
        self._step = bounds[2]
        self.index = tile.make_loop_index(number, bounds[0], bounds[1])
        self._carries = {
            name: tile.make_carry(number, position, initial)
            for position, (name, initial) in enumerate(carried.items())
        }
        self._values = dict(self._carries)

    def __enter__(self) -> Self:
        self._builder.open_frame(self.index)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        frame = self._builder.close_frame()
        if error is not None:
            return
        pairs = [(carry, self._values[name]) for name, carry in self._carries.items()]
        loop = tile.make_loop(self.index, self._step, pairs, frame.effects)
        if frame.effects:
            self._builder.perform(loop, list(frame.last))
        self._values = dict(zip(self._carries, tile.make_loop_results(loop), strict=True))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the carried tiles, in order."""
        return tuple(self._carries)

    def __getitem__(self, name: str) -> Node:
        return self._values[name]

    def __setitem__(self, name: str, value: Node) -> None:
        carry = self._carries[name]
        if value.dtype is not carry.dtype or value.shape != carry.shape:
            raise DTypeError(
                f"the carried tile {name} changes its dtype or shape",
                got=f"{value.dtype.name}{list(value.shape)}",
                expected=f"{carry.dtype.name}{list(carry.shape)}",
            )
        self._builder.check_open([value])
        self._values[name] = value


def _drop_true(mask: Node | None) -> Node | None:
    return None if mask is not None and is_true(mask) else mask
