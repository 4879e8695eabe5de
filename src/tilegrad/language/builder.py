"""What stands around the tiles of a kernel: its grid, loops, outputs and memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, ClassVar, NoReturn, Self, overload

from tilegrad.base.errors import ArgumentError, ArgumentTypeError
from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node
from tilegrad.ir.op import Shape, attributes_of
from tilegrad.language.array import Array
from tilegrad.language.indexing import Size, Span, known, size_index
from tilegrad.language.operands import as_operand, check_dtype
from tilegrad.language.ranges import Ranges
from tilegrad.language.tile import Number, Tile
from tilegrad.ops import symbolic
from tilegrad.ops.affine import Index, as_index, as_node
from tilegrad.ops.bounds import bounds
from tilegrad.ops.build import LARGEST, Builder, Loop
from tilegrad.ops.memory import ParameterAttributes, parameter
from tilegrad.ops.program import Program
from tilegrad.rewrite.graph import substitute

Carried = Tile | Sequence[Tile]
"""What a loop carries under one name."""


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
        return self._array(self._builder.scratch(check_dtype(dtype), math.prod(sizes)), sizes)

    def following(self, array: Array) -> Tile:
        """Return where the kernel that runs after this one reads, to ``fetch`` it early.

        Returns:
            How many bytes of memory lie between the end of the whole of an argument and the
            weights that the next kernel of a captured step reads; 0 if nobody knows.

        Raises:
            ArgumentTypeError: the array is scratch memory.
        """
        if array.pointer.op is not parameter:
            raise ArgumentTypeError(
                "memory of an instance has no place among what kernels read",
                got=repr(array),
                expected="an argument, an output or a workspace",
            )
        return Tile(self._builder.following(array.pointer))

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
        self, start: Size, stop: Size | None = None, step: int = 1, **carried: Carried
    ) -> KernelLoop:
        """Return a loop over range(start, stop, step), or range(start), for a ``with`` statement.

        Args:
            start: the first index; the end, if it is given alone.
            stop: the index stays below it.
            step: positive.
            carried: initial values of the tiles that go from round to round, by name; a tuple of
                tiles is carried under one name.

        Raises:
            ArgumentError: a carried tile is called index or span.
            ArgumentTypeError: an initial value is no tile.
        """
        if {"index", "span"} & carried.keys():
            raise ArgumentError("index and span are the loop's own names", got=", ".join(carried))
        if stop is None:
            start, stop = 0, start
        first, last = size_index(start), size_index(stop)
        loop = self._builder.loop(first, last, step, **_as_nodes(carried))
        self._ranges.note(loop.index, first, last, step)
        return KernelLoop(loop, step, carried)

    def when(self, condition: Tile, **carried: Carried) -> KernelLoop:
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
        loop = self._builder.when(condition.node, **_as_nodes(carried))
        return KernelLoop(loop, 1, carried)

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
        given = list(returned) if isinstance(returned, (tuple, list)) else [returned]
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

    def _new_array(
        self, make: Callable[[DType, Index], Node], shape: Size | Sequence[Size], dtype: DType
    ) -> Array:
        sizes, dtype = _as_sizes(shape), check_dtype(dtype)
        back = {scalar: value for value, scalar in self._scalars.items()}
        count = _replace(symbolic.multiply_all(sizes), back)
        return self._array(make(dtype, count), sizes)

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
    it they are what they were at the end. What is set must keep its dtype and shape. Of several
    tiles under one name all are set at once.

    Attributes:
        index: the loop's index.
        span: the positions from the index on, as many as the step.
    """

    __slots__ = ("_loop", "_names", "_step")
    _loop: Loop
    _names: dict[str, str | list[str]]
    _step: int
    tiles_of: ClassVar = "its index is a tile, loop.index; its positions are loop.span"

    def __init__(self, loop: Loop, step: int, carried: Mapping[str, Carried]) -> None:
        object.__setattr__(self, "_loop", loop)
        object.__setattr__(self, "_step", step)
        object.__setattr__(self, "_names", {n: _names_of(n, one) for n, one in carried.items()})

    @property
    def index(self) -> Tile:
        """The loop's index."""
        return Tile(self._loop.index)

    @property
    def span(self) -> Span:
        """The positions from the index on, as many as the step."""
        return Span(self.index, self._step)

    def __iter__(self) -> NoReturn:
        raise ArgumentTypeError(
            "a loop of a kernel is written once, not gone through",
            mend="with build.loop(...) as loop: what each round does, with loop.index",
        )

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

    def __getattr__(self, name: str) -> Any:
        names = self._find(name)
        if isinstance(names, str):
            return Tile(self._loop[names])
        return tuple(Tile(self._loop[one]) for one in names)

    def __setattr__(self, name: str, value: Carried | Number) -> None:
        names = self._find(name)
        if isinstance(names, str):
            self._set(names, value)
            return
        values = list(value) if isinstance(value, Sequence) else [value]
        if len(values) != len(names):
            raise ArgumentError(
                f"{name} carries another number of tiles", got=len(values), expected=len(names)
            )
        for one, tile in zip(names, values, strict=True):
            self._set(one, tile)

    def _set(self, name: str, value: object) -> None:
        node = as_operand(value.node if isinstance(value, Tile) else value, self._loop[name].dtype)
        self._loop[name] = node

    def _find(self, name: str) -> str | list[str]:
        if name not in self._names:
            raise ArgumentError(
                "the loop carries no such tile",
                got=name,
                expected=", ".join(self._names) or "none: it was opened without any",
                mend=f"open it with an initial value: {name}=...",
            )
        return self._names[name]


def _as_sizes(shape: Size | Sequence[Size]) -> tuple[Index, ...]:
    if isinstance(shape, (int, Tile)):
        return (size_index(shape),)
    return tuple(size_index(size) for size in shape)


def _names_of(name: str, carried: Carried) -> str | list[str]:
    """Return under which names tiles are carried: one for each, where there are several."""
    if isinstance(carried, Sequence):
        return [f"{name}[{number}]" for number in range(len(carried))]
    return name


def _as_nodes(carried: Mapping[str, Carried]) -> dict[str, Node]:
    nodes: dict[str, Node] = {}
    for name, given in carried.items():
        names, values = _names_of(name, given), given if isinstance(given, Sequence) else (given,)
        for one, value in zip([names] if isinstance(names, str) else names, values, strict=True):
            if not isinstance(value, Tile):
                raise ArgumentTypeError(
                    f"the initial value of {one} has no dtype and shape",
                    got=repr(value),
                    expected="a tile, such as zeros((8, 32))",
                )
            nodes[one] = value.node
    return nodes


def _replace(size: Index, mapping: dict[Node, Node]) -> Index:
    return size if isinstance(size, int) else as_index(substitute([size], mapping)[0])
