"""Executes a tile program, one instance of its grid after another, one node after another."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy

from tilegrad.base.errors import CompileError, VerifyError
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ir.scope import count_carries, loop_body
from tilegrad.ops.atomic import AtomicAttributes
from tilegrad.ops.graph import ResultAttributes
from tilegrad.ops.memory import LoadAttributes
from tilegrad.ops.numerics import round_to
from tilegrad.ops.tile import (
    CarryAttributes,
    ProgramAttributes,
    ProgramIndexAttributes,
    carry,
)
from tilegrad.runtime.reference.access import Access
from tilegrad.runtime.reference.memory import Array, Combine
from tilegrad.runtime.reference.schedule import Schedule, Scheduler

_FINISH = -3
"""Number of the instance that performs the finish block."""


def interpret(
    program: Node,
    arguments: Sequence[Array | int],
    *,
    undefined: Collection[int] = (),
    finds_races: bool = False,
) -> None:
    """Execute a tile program; the arrays among the arguments are read and written in place.

    Args:
        program: the ``program`` node.
        arguments: for each slot a contiguous array (its elements are counted in row-major order)
            or an integer.
        undefined: slots of arrays whose contents mean nothing at the start (outputs, workspaces).
        finds_races: whether to report instances that meet in one element.

    Raises:
        ArgumentError: an argument is missing or does not fit its slot.
        OutOfRangeError: a load or store reaches outside its memory.
        VerifyError: undefined memory is read, the order of a load and a store is not stated, or
            instances meet.
    """
    access = Access(program, arguments, undefined)
    attributes = attributes_of(program, ProgramAttributes)
    block, *rest = program.sources
    scheduler = Scheduler(program)
    sizes = _Instance(access).run(scheduler.order(rest[: attributes.axes]))
    grid = [range(int(sizes[size])) for size in rest[: attributes.axes]]
    access.finds_races = finds_races
    schedule = scheduler.order([block])
    for access.instance, access.place in enumerate(itertools.product(*grid)):
        _Instance(access).run(schedule)
    if attributes.has_finish:
        access.instance, access.place, access.finds_races = _FINISH, None, False
        _Instance(access).run(scheduler.order(rest[attributes.axes :]))


class _Instance:
    """The execution of one instance: ``values`` of the nodes computed so far."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._values: dict[Node, Any] = {}
        self._done_at: dict[Node, int] = {}
        self._round_started = [0]
        self._rules: dict[str, Callable[[Node], Any]] = {
            "program_index": self._program_index,
            "scalar": lambda node: _index(access.scalar(node)),
            "parameter": access.parameter,
            "scratch": access.scratch,
            "load": self._load,
            "store": lambda node: access.store(node, self._values),
            "fetch": lambda _: None,  # advice
            "atomic": lambda node: access.update(node, self._values, _combine_of(node)),
            "atomic_result": lambda node: self._values[node.sources[0]],
            "block": lambda _: None,  # its effects are steps of their own
            "loop_result": self._loop_result,
            "dot": self._dot,
        }

    def run(self, schedule: Schedule) -> dict[Node, Any]:
        """Compute the nodes of a schedule; return all values."""
        for node in schedule.steps:
            if node.op.name == "loop":
                self._values[node] = self._loop(node, schedule.bodies[node])
            else:
                self._values[node] = self._rules.get(node.op.name, self._compute)(node)
            if node.dtype is dtypes.void:
                self._done_at[node] = self._access.clock
        return self._values

    def _loop(self, loop: Node, body: Schedule) -> list[Array]:
        """Execute the rounds of a loop; return what it carries at the end."""
        start, stop, step = (int(self._values[bound]) for bound in loop.sources[:3])
        if step <= 0:
            error = VerifyError("a loop needs a positive step", got=step)
            raise self._access.locate(loop, error)
        carries = count_carries(loop)
        carried = [self._values[source] for source in loop.sources[3 : 3 + carries]]
        self._round_started.append(0)
        for index in range(start, stop, step):
            self._round_started[-1] = self._access.clock
            for node in body.binders:
                if node.op is carry:
                    value = carried[attributes_of(node, CarryAttributes).position]
                else:
                    value = _index(index)
                self._values[node] = value
            self.run(body)
            carried = [self._values[node] for node in loop_body(loop)[:carries]]
        self._round_started.pop()
        return carried

    def _loop_result(self, node: Node) -> Array:
        carried: list[Array] = self._values[node.sources[0]]
        return carried[attributes_of(node, ResultAttributes).index]

    def _load(self, node: Node) -> Array:
        until = 0
        if attributes_of(node, LoadAttributes).has_after:
            until = max(self._done_at[node.sources[-1]], self._round_started[-1])
        return self._access.load(node, self._values, until)

    def _program_index(self, node: Node) -> Array:
        axis = attributes_of(node, ProgramIndexAttributes).axis
        place = self._access.place or ()
        if axis >= len(place):
            error = VerifyError("the grid has no such axis here", got=axis)
            raise self._access.locate(node, error)
        return _index(place[axis])

    def _dot(self, node: Node) -> Array:
        """Sum in float64 (integers in their own dtype) and round once."""
        a, b, c = (self._values[source] for source in node.sources)
        if not node.dtype.is_float:
            return numpy.asarray(a.astype(c.dtype) @ b.astype(c.dtype) + c)
        wide = a.astype(numpy.float64) @ b.astype(numpy.float64) + c.astype(numpy.float64)
        return round_to(wide, c.dtype)

    def _compute(self, node: Node) -> Array:
        """Return the value of an op by its NumPy reference."""
        reference = node.op.reference
        if reference is None:
            raise CompileError("this op cannot be interpreted", got=node)
        extra = () if node.op.attributes is None else (node.attributes,)
        result = numpy.asarray(reference(*(self._values[s] for s in node.sources), *extra))
        if result.shape != node.shape or result.dtype != node.dtype.numpy:
            raise CompileError(
                f"the reference of {node.op.name} breaks its dtype or shape rule",
                got=f"{result.dtype}{list(result.shape)}",
                expected=node,
            )
        return result


def _combine_of(node: Node) -> Combine:
    """Return what an ``atomic`` makes of an element and a value."""
    return _UPDATES[attributes_of(node, AtomicAttributes).kind]


_UPDATES: dict[str, Combine] = {
    "add": numpy.add,
    "maximum": numpy.maximum,
    "minimum": numpy.minimum,
    "exchange": lambda _, value: value,
}


def _index(value: int) -> Array:
    return numpy.asarray(value, numpy.int64)
