"""From the nodes computed by one root to the kernel: scalar expressions over named axes.

The value of a tensor node at an index is an expression: movement ops substitute the index, a
reduction binds new axes, a stored node becomes a load. A condition travels along: it says under
which circumstances the value is used at all (outside padding), and loads are guarded by it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tilegrad.base.errors import CompileError
from tilegrad.ir.dtype import DType, Kind, dtypes
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import Property, Shape, attributes_of
from tilegrad.ops import arithmetic, comparison, kernel, memory, symbolic
from tilegrad.ops.affine import Index, as_index, as_node
from tilegrad.ops.bounds import bounds
from tilegrad.ops.combining import accumulator
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.elementwise import zero
from tilegrad.ops.graph import assign
from tilegrad.ops.indexing import GatherAttributes, gather
from tilegrad.ops.leaves import IotaAttributes, constant, constant_op, iota, symbol, value_of
from tilegrad.ops.movement import ConcatenateAttributes, concatenate
from tilegrad.ops.reduction import KINDS
from tilegrad.ops.symbolic import Condition
from tilegrad.rewrite.graph import make
from tilegrad.schedule.access import Indices, flatten, is_movement, list_parts, read_broadcast
from tilegrad.schedule.axes import FreeAxes, axes_of_reduction, identity_indices
from tilegrad.schedule.roots import Fusion, Root, resolve_alias


class Place(NamedTuple):
    """A value that is wanted.

    Attributes:
        node: of which tensor.
        indices: which element.
        condition: the value is used only where this holds.
        is_zeroed: whether it must be zero elsewhere; else it may be anything there.
    """

    node: Node
    indices: Indices
    condition: Condition
    is_zeroed: bool = False


Values = list[Node]
Build = Callable[[Values], Node]
Plan = tuple[list[Place], Build]


class ExpressedKernel(NamedTuple):
    """A kernel and what its parameters stand for.

    Attributes:
        program: the ``kernel`` node.
        parameters: by slot, the stored node (or buffer) behind each parameter.
        stored: how many of the parameters, the first ones, are written.
    """

    program: Node
    parameters: tuple[Node, ...]
    stored: int


class Expressor:
    """Builds the kernel of one root.

    Args:
        root: the kernel to be.
        fusion: what is computed where.
        free: answers which axes are free in an expression.
        copied_back: assignments that are written to memory of their own, not to their target.
    """

    def __init__(
        self, root: Root, fusion: Fusion, free: FreeAxes, copied_back: tuple[Node, ...] = ()
    ) -> None:
        self.root = root
        self.copied_back = copied_back
        self.fusion = fusion
        self.free = free
        self.slots: dict[Node, Node] = {}
        self.values: dict[Place, Node] = {}

    def express(self) -> ExpressedKernel:
        """Return the kernel that computes and stores all outputs of the root."""
        outputs = self.root.outputs
        pointers = [
            self._parameter(output if output in self.copied_back else target_of(output))
            for output in outputs
        ]
        stores = []
        for output, pointer in zip(outputs, pointers, strict=True):
            indices = self.root.places.get(output) or identity_indices(output.shape)
            value = self._value(Place(output, indices, True))
            offset = as_node(flatten(indices, output.shape))
            stores.append(memory.make_store(pointer, offset, value))
        return ExpressedKernel(
            kernel.kernel(*_order_stores(stores)), tuple(self.slots), len(outputs)
        )

    def _parameter(self, home: Node) -> Node:
        pointer = self.slots.get(home)
        if pointer is None:
            pointer = memory.make_parameter(len(self.slots), home.dtype)
            self.slots[home] = pointer
        return pointer

    def _value(self, wanted: Place) -> Node:
        """Return the expression of a value; iterative, as chains may be long."""
        stack: list[tuple[Place, Plan | None]] = [(wanted, None)]
        while stack:
            place, plan = stack.pop()
            if place in self.values:
                continue
            if plan is None:
                plan = self._plan(place)
                missing = [other for other in plan[0] if other not in self.values]
                if missing:
                    stack.append((place, plan))
                    stack.extend((other, None) for other in missing)
                    continue
            self.values[place] = plan[1]([self.values[other] for other in plan[0]])
        return self.values[wanted]

    def _plan(self, place: Place) -> Plan:
        """Return the values that a value is made of, and how."""
        node, indices, condition, _ = place
        if self.fusion.is_loaded(self.root, node):
            return self._plan_load(place)
        if node.op is constant_op or node.op is symbol:
            return [], lambda _: node
        if node.op is iota:
            at = indices[attributes_of(node, IotaAttributes).axis]
            return [], lambda _: as_node(at)
        if is_movement(node):
            return self._plan_movement(place)
        if node.op.has(Property.REDUCTION):
            return self._plan_reduction(place)
        if node.op is gather:
            return self._plan_gather(place)
        if node.op is concatenate:
            return self._plan_concatenate(place)
        if node.op is assign:
            return [Place(node.sources[1], indices, condition)], lambda values: values[0]
        if not node.op.has(Property.ELEMENTWISE):
            raise CompileError(f"{node.op.name} cannot be computed inside a kernel", got=node)
        places = [
            Place(source, read_broadcast(source, indices), condition) for source in node.sources
        ]
        return places, lambda values: _apply(node, values)

    def _plan_load(self, place: Place) -> Plan:
        node, indices, condition, is_zeroed = place
        pointer = self._parameter(target_of(node))
        offset = as_node(flatten(indices, node.shape))
        if not is_zeroed and _lies_within(offset, node.shape):
            condition = True  # it may be loaded anyway
        mask = symbolic.as_mask(condition)
        return [], lambda _: memory.make_load(pointer, offset, mask)

    def _plan_movement(self, place: Place) -> Plan:
        node, indices, condition, is_zeroed = place
        read = self.fusion.movements.read(node, indices)
        source = node.sources[0]
        if read.condition is True:
            inner = Place(source, read.indices, condition, is_zeroed)
            return [inner], lambda values: values[0]
        if read.condition is False:
            return [], lambda _: zero(node.dtype)
        guard = symbolic.as_condition(read.condition)
        inner = Place(source, read.indices, symbolic.logical_and(condition, read.condition))
        if inner.condition is False:
            return [], lambda _: zero(node.dtype)
        if self._is_plain_load(source):
            return [inner._replace(is_zeroed=True)], lambda values: values[0]
        return [inner], lambda values: comparison.where(guard, values[0], zero(node.dtype))

    def _is_plain_load(self, node: Node) -> bool:
        """Whether a guarded load already gives zero where the padding is."""
        while not self.fusion.is_loaded(self.root, node):
            if not is_movement(node):
                return False
            node = node.sources[0]
        return True

    def _plan_reduction(self, place: Place) -> Plan:
        node, indices, condition, _ = place
        taken = self.free.of_all((*indices, condition))
        below, bound = axes_of_reduction(node, indices, taken)
        kind = kernel.ReduceOverAttributes(KINDS[node.op])

        def build(values: Values) -> Node:
            if not bound:
                return values[0]
            wide = accumulator(kind.kind, node.dtype)
            total = kernel.reduce_over(_widen(values[0], wide), *bound, attributes=kind)
            return cast_to(total, node.dtype)

        return [Place(node.sources[0], below, condition)], build

    def _plan_gather(self, place: Place) -> Plan:
        node, indices, condition, _ = place
        data, *positions = node.sources
        rank = len(positions[0].shape)
        axes = attributes_of(node, GatherAttributes).axes
        places = [
            Place(source, read_broadcast(source, indices[:rank]), condition) for source in positions
        ]

        def build(values: Values) -> Node:
            selected = dict(zip(axes, map(_as_position, values), strict=True))
            rest = iter(indices[rank:])
            full = tuple(
                selected[axis] if axis in selected else next(rest)
                for axis in range(len(data.shape))
            )
            inside = [
                test
                for axis in axes
                for test in (
                    symbolic.less_equal(0, full[axis]),
                    symbolic.less(full[axis], data.shape[axis]),
                )
            ]
            condition_inside = symbolic.logical_and(condition, *inside)
            return self._value(Place(data, full, condition_inside, is_zeroed=True))

        return places, build

    def _plan_concatenate(self, place: Place) -> Plan:
        node, indices, condition, _ = place
        axis = attributes_of(node, ConcatenateAttributes).axis
        places: list[Place] = []
        tests: list[Condition] = []
        for source, moved, before_end in list_parts(node, indices):
            inside = symbolic.logical_and(symbolic.less_equal(0, moved[axis]), before_end)
            inside = symbolic.logical_and(condition, inside)
            if inside is not False:
                places.append(Place(source, moved, inside))
                tests.append(before_end)
        return places, lambda values: _select(values, tests)


def reads_memory_of(store: Node, other: Node) -> bool:
    """Whether a store loads from the memory that another one writes."""
    pointer = other.sources[0]
    order = sort_topologically([store.sources[2]], is_leaf=lambda node: node.op is memory.load)
    return any(node.op is memory.load and node.sources[0] is pointer for node in order)


def _order_stores(stores: list[Node]) -> list[Node]:
    """Put what reads a buffer before what overwrites it, as far as that is possible."""
    result: list[Node] = []
    rest = list(stores)
    while len(rest) > 1:
        free = (
            store
            for store in rest
            if not any(reads_memory_of(other, store) for other in rest if other is not store)
        )
        chosen = next(free, rest[0])
        rest.remove(chosen)
        result.append(chosen)
    return [*result, *rest]


def _lies_within(offset: Node, shape: Shape) -> bool:
    """Whether an offset never leaves a buffer of this shape."""
    low, high = bounds(offset)
    return low >= 0 and high < bounds(symbolic.multiply_all(shape))[0]


def _apply(node: Node, values: Values) -> Node:
    if node.op is comparison.relu:
        nothing = zero(node.dtype)
        return comparison.where(comparison.less_equal(values[0], nothing), nothing, values[0])
    return make(node.op, tuple(values), node.attributes)


def _widen(term: Node, dtype: DType) -> Node:
    """Return a term in the dtype of its accumulator; products are not rounded in between."""
    if term.dtype is dtype:
        return term
    if term.op is constant_op:
        return constant(value_of(term), dtype)
    if term.op is comparison.where:
        condition, chosen, other = term.sources
        return comparison.where(condition, _widen(chosen, dtype), _widen(other, dtype))
    if term.op is arithmetic.multiply:
        first, second = term.sources
        return cast_to(first, dtype) * cast_to(second, dtype)
    return cast_to(term, dtype)


def _select(values: Values, tests: list[Condition]) -> Node:
    result = values[-1]
    for value, test in zip(reversed(values[:-1]), reversed(tests[:-1]), strict=True):
        result = comparison.where(symbolic.as_condition(test), value, result)
    return result


def _as_position(value: Node) -> Index:
    return as_index(value if value.dtype.kind is Kind.INDEX else cast_to(value, dtypes.index))


def target_of(node: Node) -> Node:
    """Return the node whose memory holds a stored node: an assignment's is its target."""
    home = resolve_alias(node)
    return home.sources[0] if home.op is assign else home
