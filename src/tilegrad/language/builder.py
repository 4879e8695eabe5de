"""What stands around the tiles of a kernel: its grid, loops, outputs and memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self, overload

from tilegrad.base.errors import ArgumentError, ArgumentTypeError
from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node
from tilegrad.ir.op import Shape, attributes_of
from tilegrad.language.array import Array
from tilegrad.language.indexing import Size, Span, known, size_index
from tilegrad.language.operands import as_operand
from tilegrad.language.ranges import Ranges
from tilegrad.language.tile import Number, Tile
from tilegrad.ops import symbolic
from tilegrad.ops.affine import Index, as_index, as_node
from tilegrad.ops.bounds import bounds
from tilegrad.ops.build import LARGEST, Builder, Loop
from tilegrad.ops.memory import ParameterAttributes
from tilegrad.ops.program import Program
from tilegrad.rewrite.graph import substitute


class KernelBuilder:
    """The first argument of a kernel's function: what it is written with.

    Args:
        name: of the native function.
    """

    def __init__(self, name: str) -> None:
        self._builder = Builder(name)
        self._ranges = Ranges()
        self._outputs: list[Array] = []
        self._scalars: dict[Node, Node] = {}

    # --- memory ---

    def arguments(self, signatures: Sequence[tuple[DType, Shape]]) -> list[Array]:
        """Return the arrays that the kernel reads; sizes that are symbols are passed at launch."""
        pointers = [
            self._builder.input(dtype, symbolic.multiply_all(shape)) for dtype, shape in signatures
        ]
        return [
            self._array(pointer, [self._scalar(size) for size in shape])
            for pointer, (_, shape) in zip(pointers, signatures, strict=True)
        ]

    def output(self, shape: Size | Sequence[Size], dtype: DType) -> Array:
        """Return a new array that the kernel writes and gives back."""
        array = self._new_array(self._builder.output, shape, dtype)
        self._outputs.append(array)
        return array

    def update(self, array: Array) -> Array:
        """Let an argument be written in place; return it as one of the kernel's outputs.

        The kernel's result is the argument's new value. Where that is assigned to the tensor that
        was passed, its own memory is written; else a copy is made first.

        Raises:
            ArgumentError: it is no argument, or it has been read already.
        """
        self._builder.update(array.pointer)
        self._outputs.append(array)
        self._outputs.sort(key=lambda one: attributes_of(one.pointer, ParameterAttributes).slot)
        return array

    def workspace(self, shape: Size | Sequence[Size], dtype: DType) -> Array:
        """Return memory that all instances share and that is gone after the kernel."""
        return self._new_array(self._builder.workspace, shape, dtype)

    def scratch(self, shape: Size | Sequence[Size], dtype: DType) -> Array:
        """Return memory of the instance itself, to stage copies in; it holds nothing at first.

        Raises:
            ShapeError: a size is only known at launch.
        """
        sizes = [known(size) for size in ([shape] if isinstance(shape, (int, Tile)) else shape)]
        return self._array(self._builder.scratch(dtype, math.prod(sizes)), sizes)

    # --- control ---

    @overload
    def grid(self, size: Size) -> Tile: ...
    @overload
    def grid(self, size: Size, step: int) -> Span: ...
    def grid(self, size: Size, step: int | None = None) -> Tile | Span:
        """Add an axis to the grid of instances, the last fastest; return the instance's part of it.

        Args:
            size: how many positions there are.
            step: how many of them each instance does; the last one may reach beyond the size.

        Returns:
            The instance's position, or, with ``step``, the span of its positions.
        """
        width = 1 if step is None else step
        count = symbolic.floor_divide(symbolic.add(size_index(size), width - 1), width)
        index = self._builder.instance(count)
        self._ranges.note(index, 0, count, 1)
        if step is None:
            return Tile(index)
        return Span(Tile(as_node(symbolic.multiply(index, width))), width)

    def loop(
        self, start: Size, stop: Size | None = None, step: int = 1, **carried: Tile
    ) -> KernelLoop:
        """Return a loop over range(start, stop, step), or range(start), for a ``with`` statement.

        Args:
            start: the first index; the end, if it is given alone.
            stop: the index stays below it.
            step: positive.
            carried: initial values of the tiles that go from round to round, by name.

        Raises:
            ArgumentError: a carried tile is called index or span.
        """
        if {"index", "span"} & carried.keys():
            raise ArgumentError("index and span are the loop's own names", got=", ".join(carried))
        if stop is None:
            start, stop = 0, start
        first, last = size_index(start), size_index(stop)
        loop = self._builder.loop(first, last, step, **_as_nodes(carried))
        self._ranges.note(loop.index, first, last, step)
        return KernelLoop(loop, step)

    def when(self, condition: Tile, **carried: Tile) -> KernelLoop:
        """Return what is performed only if a scalar condition holds, for a ``with`` statement.

        Args:
            condition: a bool of shape ().
            carried: values that it may change, by name.

        Raises:
            ArgumentTypeError: the condition is something else.
        """
        if condition.ndim or not condition.dtype.is_boolean:
            raise ArgumentTypeError(
                "a condition is one bool", got=repr(condition), mend="reduce it: .any() or .all()"
            )
        return KernelLoop(self._builder.when(condition.node, **_as_nodes(carried)), 1)

    def after_all(self) -> AbstractContextManager[None]:
        """Return the part that is performed once, after all instances, for a ``with`` statement."""
        return self._builder.after_all()

    # --- the end ---

    def finish(self, returned: object) -> tuple[Program, tuple[tuple[DType, Shape], ...]]:
        """Return the program, and dtype and shape of its outputs over the arguments' symbols.

        Args:
            returned: what the kernel's function returned.

        Raises:
            ArgumentError: that is not its outputs in the order in which they were made.
        """
        given = list(returned) if isinstance(returned, tuple) else [returned]
        if not self._outputs or [id(one) for one in given] != [id(one) for one in self._outputs]:
            raise ArgumentError(
                "a kernel returns what it updates, in the order of its arguments, and then its "
                "outputs in the order in which it made them",
                got=", ".join(map(repr, given)),
                expected=", ".join(map(repr, self._outputs)) or "at least one build.output()",
            )
        back = {scalar: value for value, scalar in self._scalars.items()}
        results = tuple(
            (one.dtype, tuple(_replace(size, back) for size in one.indices))
            for one in self._outputs
        )
        return self._builder.program(), results

    def _new_array(self, make: object, shape: Size | Sequence[Size], dtype: DType) -> Array:
        sizes = _as_sizes(shape)
        back = {scalar: value for value, scalar in self._scalars.items()}
        count = _replace(symbolic.multiply_all(sizes), back)
        return self._array(make(dtype, count), sizes)  # type: ignore[operator]

    def _array(self, pointer: Node, sizes: Sequence[Index]) -> Array:
        return Array(self._builder, self._ranges, pointer, sizes)

    def _scalar(self, size: Index) -> Index:
        """Return a size as the kernel sees it: a number that is passed at launch if symbolic."""
        if isinstance(size, int):
            return size
        if size not in self._scalars:
            low, high = bounds(size)
            name = f"n{len(self._scalars)}"
            most = int(min(high, LARGEST - 1))
            self._scalars[size] = self._builder.scalar(name, size, int(max(low, 0)), most)
        return self._scalars[size]


class KernelLoop:
    """A loop of a kernel, or a part that is performed under a condition.

    Within the ``with`` statement the carried tiles are attributes that can be read and set; after
    it they are what they were at the end. What is set must keep its dtype and shape.

    Attributes:
        index: the loop's index.
        span: the positions from the index on, as many as the step.
    """

    __slots__ = ("_loop", "_step")
    _loop: Loop
    _step: int

    def __init__(self, loop: Loop, step: int) -> None:
        object.__setattr__(self, "_loop", loop)
        object.__setattr__(self, "_step", step)

    @property
    def index(self) -> Tile:
        """The loop's index."""
        return Tile(self._loop.index)

    @property
    def span(self) -> Span:
        """The positions from the index on, as many as the step."""
        return Span(self.index, self._step)

    def __enter__(self) -> Self:
        self._loop.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.__exit__(kind, error, trace)

    def __getattr__(self, name: str) -> Tile:
        self._check(name)
        return Tile(self._loop[name])

    def __setattr__(self, name: str, value: Tile | Number) -> None:
        self._check(name)
        carry = self._loop[name]
        node = as_operand(value.node if isinstance(value, Tile) else value, carry.dtype)
        self._loop[name] = node

    def _check(self, name: str) -> None:
        if name not in self._loop.names:
            raise ArgumentError(
                "the loop carries no such tile",
                got=name,
                expected=", ".join(self._loop.names) or "none: it was opened without any",
                mend=f"open it with an initial value: {name}=...",
            )


def _as_sizes(shape: Size | Sequence[Size]) -> tuple[Index, ...]:
    if isinstance(shape, (int, Tile)):
        return (size_index(shape),)
    return tuple(size_index(size) for size in shape)


def _as_nodes(carried: dict[str, Tile]) -> dict[str, Node]:
    for name, value in carried.items():
        if not isinstance(value, Tile):
            raise ArgumentTypeError(
                f"the initial value of {name} has no dtype and shape",
                got=repr(value),
                expected="a tile, such as zeros((8, 32))",
            )
    return {name: value.node for name, value in carried.items()}


def _replace(size: Index, mapping: dict[Node, Node]) -> Index:
    return size if isinstance(size, int) else as_index(substitute([size], mapping)[0])
