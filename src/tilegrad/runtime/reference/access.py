"""Performs the loads and stores of the interpreter, with every check there is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy

from tilegrad.base.errors import ArgumentError, TilegradError
from tilegrad.ir.explain import explain_error
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ops.atomic import AtomicAttributes
from tilegrad.ops.memory import (
    LoadAttributes,
    ParameterAttributes,
    ScratchAttributes,
    StoreAttributes,
)
from tilegrad.ops.tile import ScalarAttributes
from tilegrad.runtime.reference.memory import Array, Combine, Memory

Values = Mapping[Node, Any]


class Access:
    """The memory of one execution.

    Attributes:
        place: the instance being executed, as a point of the grid; None outside the grid.
        instance: its number.
        clock: the time, which goes on with every store.
        finds_races: whether instances that meet in one element are reported.
    """

    def __init__(
        self, program: Node, arguments: Sequence[Array | int], undefined: Collection[int]
    ) -> None:
        self._program = program
        self._arguments = arguments
        self._undefined = undefined
        self._memories: dict[int, Memory] = {}
        self.place: tuple[int, ...] | None = None
        self.instance = 0
        self.clock = 0
        self.finds_races = False

    def scalar(self, node: Node) -> int:
        """Return the integer in a slot."""
        slot, name, minimum, maximum = attributes_of(node, ScalarAttributes)
        value = self._argument(slot)
        if not isinstance(value, int) or not minimum <= value <= maximum:
            raise ArgumentError(
                f"slot {slot} holds the size {name}",
                got=value if isinstance(value, int) else "an array",
                expected=f"an integer in {minimum} to {maximum}",
            )
        return value

    def parameter(self, node: Node) -> Memory:
        """Return the memory that a slot points to."""
        slot, dtype = attributes_of(node, ParameterAttributes)
        if slot in self._memories:
            return self._memories[slot]
        array = self._argument(slot)
        if isinstance(array, int) or array.dtype != dtype.numpy or not array.flags.c_contiguous:
            raise ArgumentError(
                f"slot {slot} holds a buffer",
                got=array if isinstance(array, int) else f"{array.dtype}, strides {array.strides}",
                expected=f"a contiguous array of {dtype.name}",
            )
        is_defined = slot not in self._undefined
        memory = Memory(f"slot {slot}", array.reshape(-1), is_defined=is_defined, is_shared=True)
        self._memories[slot] = memory
        return memory

    def scratch(self, node: Node) -> Memory:
        """Return fresh memory of the current instance."""
        identity, dtype, size = attributes_of(node, ScratchAttributes)
        elements = numpy.zeros(size, dtype.numpy)
        return Memory(f"scratch {identity}", elements, is_defined=False, is_shared=False)

    def load(self, node: Node, values: Values, ordered_until: int) -> Array:
        """Return the elements that a ``load`` reads; see ``Memory.check_read`` for the order."""
        memory: Memory = values[node.sources[0]]
        offsets = values[node.sources[1]]
        if attributes_of(node, LoadAttributes).has_mask:
            offsets, mask = numpy.broadcast_arrays(offsets, values[node.sources[2]])
        else:
            mask = numpy.ones(offsets.shape, numpy.bool_)
        chosen = offsets[mask]
        try:
            memory.check_bounds(chosen)
            memory.check_read(chosen, ordered_until, self.instance)
            if self.finds_races:
                memory.note_reader(chosen, self.instance)
        except TilegradError as error:
            raise self.locate(node, error) from None
        result = numpy.zeros(offsets.shape, memory.elements.dtype)
        result[mask] = memory.elements[chosen]
        return result

    def store(self, node: Node, values: Values) -> None:
        """Perform a ``store``."""
        memory: Memory = values[node.sources[0]]
        has_mask = attributes_of(node, StoreAttributes).has_mask
        offsets, elements, mask = _find_written(node, values, has_mask)
        chosen = offsets[mask]
        try:
            memory.check_bounds(chosen)
            if self.finds_races:
                memory.note_writer(chosen, elements[mask], self.instance)
        except TilegradError as error:
            raise self.locate(node, error) from None
        self.clock += 1
        memory.write(chosen, elements[mask], self.clock, self.instance)

    def update(self, node: Node, values: Values, combine: Combine) -> Array:
        """Perform an ``atomic``; return what stood there before, 0 where masked off."""
        memory: Memory = values[node.sources[0]]
        has_mask = attributes_of(node, AtomicAttributes).has_mask
        offsets, elements, mask = _find_written(node, values, has_mask)
        chosen = offsets[mask]
        try:
            memory.check_bounds(chosen)
            memory.check_read(chosen, self.clock, self.instance)
            if self.finds_races:
                memory.note_updater(chosen, self.instance)
        except TilegradError as error:
            raise self.locate(node, error) from None
        self.clock += 1
        result = numpy.zeros(offsets.shape, memory.elements.dtype)
        result[mask] = memory.update(combine, chosen, elements[mask], self.clock)
        return result

    def locate(self, node: Node, error: TilegradError) -> TilegradError:
        """Return an error with the instance and the line of the program added."""
        where = f"instance {self.place}" if self.place is not None else "what is outside the grid"
        lines = explain_error(node, error.what, [self._program])
        got = f"{error.got}, in {where}\n{lines}"
        return type(error)(error.what, got=got, expected=error.expected, mend=error.mend)

    def _argument(self, slot: int) -> Array | int:
        if slot >= len(self._arguments):
            raise ArgumentError(
                "an argument of the program is missing",
                got=f"{len(self._arguments)} arguments",
                expected=f"one for slot {slot}",
            )
        return self._arguments[slot]


def _find_written(node: Node, values: Values, has_mask: bool) -> tuple[Array, Array, Array]:
    """Return the offsets, values and mask of what is written, broadcast to one shape."""
    mask = values[node.sources[3]] if has_mask else numpy.ones((), numpy.bool_)
    tiles = [values[source] for source in node.sources[1:3]]
    offsets, elements, chosen = numpy.broadcast_arrays(*tiles, mask)
    return offsets, elements, chosen
