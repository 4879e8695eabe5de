"""Random tensor graphs while they are made, with what must come out.

A graph grows by one step at a time. Each step is evaluated by the reference as it is taken, so that
only steps with a determined result are kept (see ``graph_errors``).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy
from hypothesis import strategies as st

from tests.conformance.graph_errors import apply_reference, bound_error
from tests.conformance.values import moderate_values, random_values
from tilegrad.base.errors import TilegradError
from tilegrad.engine.storage import wrap_array
from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op
from tilegrad.ir.text import print_program
from tilegrad.ops.graph import assign
from tilegrad.ops.leaves import constant

LARGEST = 3000
"""No tensor has more elements."""

Shape = tuple[int, ...]
Draw = st.DrawFn


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor of a graph.

    Attributes:
        node: over buffers of the reference device.
        array: its contents by the reference.
        error: how far each element may be off.
        assigned: the leaf that it is written to, if it is an assignment.
    """

    node: Node
    array: numpy.ndarray
    error: numpy.ndarray
    assigned: Node | None = None

    @property
    def shape(self) -> Shape:
        return self.array.shape

    @property
    def dtype(self) -> DType:
        return self.node.dtype

    @property
    def rank(self) -> int:
        return len(self.array.shape)


class Graph:
    """A graph under construction, and what is wanted of it.

    Args:
        draw: makes the choices.
        dtypes: of new tensors.
        targets: dtypes that tensors may be converted to.

    Attributes:
        leaves: realised tensors.
        values: all tensors, newest last.
        sinks: those that are wanted.
    """

    def __init__(self, draw: Draw, dtypes: Sequence[DType], targets: Sequence[DType]) -> None:
        self.draw = draw
        self.dtypes = dtypes
        self.targets = targets
        self.leaves: list[Value] = []
        self.values: list[Value] = []
        self.sinks: list[Value] = []

    def __repr__(self) -> str:
        return print_program([sink.node for sink in self.sinks])

    def add_leaf(self, array: numpy.ndarray) -> Value:
        """Add a realised tensor."""
        array = numpy.array(array, order="C")
        leaf = Value(wrap_array(array, "reference"), array, numpy.zeros(array.shape))
        self.leaves.append(leaf)
        self.values.append(leaf)
        return leaf

    def new_leaf(self, dtype: DType, shape: Shape) -> Value:
        """Add a realised tensor with drawn contents: mostly small numbers."""
        seed = self.draw(st.integers(0, 1000))
        fill = self.draw(st.sampled_from([moderate_values, moderate_values, random_values]))
        return self.add_leaf(numpy.asarray(fill(dtype, shape, seed)))

    def constant(self, dtype: DType) -> Value:
        """Return a scalar constant."""
        choices = [0, 1, 2, 3, 7] if not dtype.is_boolean else [0, 1]
        if not dtype.is_unsigned and not dtype.is_boolean:
            choices += [-1, -2]
        if dtype.is_float:
            choices += [0.5, 0.75, -1.5]  # type: ignore[list-item]
        node = constant(self.draw(st.sampled_from(choices)), dtype)
        array = apply_reference(node.op, [], node.attributes)
        return Value(node, array, numpy.zeros(()))

    def apply(self, op: Op, *sources: Value, attributes: Hashable = None) -> Value | None:
        """Add the application of an op, unless it is refused or its result is not determined."""
        try:
            node = op(*(source.node for source in sources), attributes=attributes)
        except TilegradError:
            return None
        if any(size > LARGEST for size in node.shape) or numpy.prod(node.shape) > LARGEST:
            return None
        arrays = [source.array for source in sources]
        array = apply_reference(op, arrays, attributes)
        errors = [source.error for source in sources]
        error = bound_error(op, arrays, errors, attributes, array)
        if error is None or not numpy.isfinite(error).all():
            return None
        value = Value(node, array, numpy.asarray(error, numpy.float64))
        self.values.append(value)
        return value

    def assign(self, leaf: Value, value: Value) -> None:
        """Let a realised tensor take a value; the assignment is wanted."""
        node = assign(leaf.node, value.node)
        written = Value(node, value.array, value.error, leaf.node)
        self.values.append(written)
        self.sinks.append(written)

    def any(self, test: Callable[[Value], bool] = lambda _: True) -> Value | None:
        """Return one of the tensors that pass a test; the newest come first to mind."""
        fitting = [value for value in self.values if test(value)]
        if not fitting:
            return None
        return fitting[-1 - self.draw(st.integers(0, len(fitting) - 1))]

    def any_dtype(self) -> DType:
        """Return one of the dtypes of this graph."""
        return self.draw(st.sampled_from(self.dtypes))
