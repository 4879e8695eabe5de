"""What a tile program computes, as a kernel: the compiler then decides how.

An instance that loads, computes and stores, without loops and without memory of its own, says what
the elements of its results are, and hardly anything of how they are found. Most of what is written
by hand is of this kind, and is then the kernel that the scheduler would have made of the formula:
axes of the grid and of tiles become axes, a reduction of a tile binds its axis, offsets stay what
they are. How rows are cut, kept, fetched and stored is so decided for both in one place. A loop or
scratch memory is a decision of the author's; programs with one are lowered as they are written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import Property, attributes_of
from tilegrad.ops import arithmetic, kernel, leaves, memory, movement, tile
from tilegrad.ops.affine import Index, affine, as_index, as_node, product
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.kernel import ReduceOverAttributes, find_free
from tilegrad.ops.leaves import IotaAttributes
from tilegrad.ops.memory import LoadAttributes, ParameterAttributes
from tilegrad.ops.movement import PermuteAttributes
from tilegrad.ops.program import Program, Slot
from tilegrad.ops.reduction import KINDS, ReduceAttributes
from tilegrad.ops.tile import ProgramIndexAttributes, ScalarAttributes
from tilegrad.rewrite.graph import make, substitute
from tilegrad.tile.kernels.join_blocks import join_blocks

_SAID = frozenset(
    (
        leaves.constant_op,
        leaves.iota,
        affine,
        product,
        movement.expand,
        movement.permute,
        memory.parameter,
        tile.dot,
        tile.scalar,
        tile.program_index,
        *KINDS,
    )
)


class Raised(NamedTuple):
    """What a program computes.

    Attributes:
        kernel: the ``kernel`` node.
        slots: what its parameters are: those of the program but for the scalars, whose symbols the
            kernel has itself.
    """

    kernel: Node
    slots: tuple[Slot, ...]


def raise_program(program: Program) -> Raised | None:
    """Return the kernel that a program says, None if it says how or what no kernel can say."""
    stores = _find_stores(program)
    if stores is None:
        return None
    root = join_blocks(_Raising(program).raise_stores(stores))
    if root is None or not _is_in_place(root):
        return None
    return Raised(root, tuple(slot for slot in program.slots if slot.role != "scalar"))


def _find_stores(program: Program) -> list[Node] | None:
    """Return the stores of a program that does nothing else, each to memory of its own.

    What it reads of that memory, it reads before.
    """
    attributes = attributes_of(program.root, tile.ProgramAttributes)
    if attributes.has_finish or not {slot.role for slot in program.slots} <= _ROLES:
        return None
    stores = list(program.root.sources[0].sources)
    pointers = {store.sources[0] for store in stores if store.op is memory.store}
    if len(pointers) != len(stores):
        return None
    for node in sort_topologically(stores):
        if node.op is memory.load:
            _, has_after, ahead = attributes_of(node, LoadAttributes)
            is_said = not has_after and not ahead
        elif node.op is movement.reshape:
            is_said = _long_axes(node.sources[0]) == _long_axes(node)
        else:
            is_said = node in stores or node.op in _SAID or node.op.has(Property.ELEMENTWISE)
        if not is_said:
            return None
    return stores


_ROLES = frozenset(("input", "update", "output", "scalar"))


def _is_in_place(root: Node) -> bool:
    """Whether of memory that is written only the element is read that is written from it."""
    offsets = {store.sources[0]: store.sources[1] for store in root.sources}
    return all(
        offsets.get(node.sources[0], node.sources[1]) is node.sources[1]
        for node in sort_topologically([root])
        if node.op is memory.load
    )


def _long_axes(node: Node) -> list[Index]:
    return [size for size in node.shape if size != 1]


class _Raising:
    """Gives the scalar expressions of tiles, over places on the grid and along their axes.

    Along axis k, places of tiles that have n elements there are one axis, whatever the tile. Such
    axes are called t, those of the grid i, and those that reductions bind r.
    """

    def __init__(self, program: Program) -> None:
        self.slots = program.slots
        self.known: dict[Node, Node] = {}
        self.bound: list[Node] = []
        for node in sort_topologically([program.root]):
            if node.op is tile.scalar:
                slot = attributes_of(node, ScalarAttributes).slot
                self.known[node] = as_node(self.slots[slot].size)
        sizes = substitute(program.grid, self.known)
        self.grid = [
            as_node(0) if as_index(size) == 1 else kernel.make_axis(f"i{n}", as_index(size))
            for n, size in enumerate(sizes)
        ]

    def raise_stores(self, stores: list[Node]) -> Node:
        """Return the kernel of some stores, which may have masks."""
        for node in sort_topologically(stores):
            if node not in self.known:
                self.known[node] = self._raise(node)
        return kernel.kernel(*(self.known[store] for store in stores))

    def _raise(self, node: Node) -> Node:
        sources = tuple(self.known[source] for source in node.sources)
        attributes = node.attributes
        if isinstance(attributes, IotaAttributes):
            return _place(attributes.axis, attributes.shape[attributes.axis])
        if isinstance(attributes, ProgramIndexAttributes):
            return self.grid[attributes.axis]
        if isinstance(attributes, ParameterAttributes):
            before = self.slots[: attributes.slot]
            slot = sum(slot.role != "scalar" for slot in before)
            return memory.make_parameter(slot, attributes.dtype)
        if node.op is movement.expand:
            return sources[0]
        if isinstance(attributes, PermuteAttributes):
            return _move(sources[0], node, attributes.order)
        if node.op is movement.reshape:
            return _move(sources[0], node, _match_axes(node))
        if isinstance(attributes, ReduceAttributes):
            return self._reduce(node, sources[0], attributes.axes)
        if node.op is tile.dot:
            return self._multiply(node, *sources)
        return make(node.op, sources, attributes)

    def _reduce(self, node: Node, body: Node, axes: tuple[int, ...]) -> Node:
        shape = node.sources[0].shape
        places = [_place(axis, shape[axis]) for axis in axes if shape[axis] != 1]
        bound: dict[Node, Node] = {}
        for place in places:
            bound[place] = self._bind({place: body}, bound.values())
        (body,) = substitute([body], bound)
        return _combine(body, KINDS[node.op], bound.values())

    def _multiply(self, node: Node, left: Node, right: Node, total: Node) -> Node:
        """Return an element of a product of matrices and of what it is added to."""
        length = node.sources[0].shape[1]
        bound: list[Node] = []
        if length != 1:
            bodies = {_place(1, length): left, _place(0, length): right}
            bound = [self._bind(bodies)]
            left, right = (
                substitute([body], {place: bound[0]})[0] for place, body in bodies.items()
            )
        each = arithmetic.multiply(cast_to(left, node.dtype), cast_to(right, node.dtype))
        return arithmetic.add(total, _combine(each, "add", bound))

    def _bind(self, bodies: Mapping[Node, Node], used: Collection[Node] = ()) -> Node:
        """Return the axis that a reduction binds: the first that is bound nowhere in its way.

        Args:
            bodies: by the place along which each is reduced, all of one extent.
            used: axes that the reduction binds already.
        """
        taken = {
            axis
            for place, body in bodies.items()
            for inner, around in find_free(body).items()
            if inner.op is kernel.reduce_over and place in around
            for axis in inner.sources[1:]
        }
        extent = kernel.extent_of(next(iter(bodies)))
        for axis in self.bound:
            if kernel.extent_of(axis) == extent and axis not in taken and axis not in used:
                return axis
        self.bound.append(kernel.make_axis(f"r{len(self.bound)}", extent))
        return self.bound[-1]


def _combine(body: Node, kind: str, axes: Collection[Node]) -> Node:
    """Return the combination of a body over axes, the body itself if there are none."""
    if not axes:
        return body
    return kernel.reduce_over(body, *axes, attributes=ReduceOverAttributes(kind))


def _place(axis: int, size: Index) -> Node:
    """Return the place along an axis of tiles that have so many elements there."""
    return as_node(0) if size == 1 else kernel.make_axis(f"t{axis}x{size}", size)


def _match_axes(node: Node) -> tuple[int, ...]:
    """Return for each axis of a reshaped tile which one of its source it is; -1 for new ones."""
    (source,) = node.sources
    long = iter([axis for axis, size in enumerate(source.shape) if size != 1])
    return tuple(-1 if size == 1 else next(long) for size in node.shape)


def _move(value: Node, node: Node, order: tuple[int, ...]) -> Node:
    """Return what a tile is at the places of another one, whose axes are those axes of it."""
    moved = {
        _place(before, size): _place(after, size)
        for after, (before, size) in enumerate(zip(order, node.shape, strict=True))
        if size != 1 and before != after
    }
    return substitute([value], moved)[0] if moved else value
