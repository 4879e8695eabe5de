"""What a kernel does, read off its expressions once: axes, reductions, loads and their strides."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import attributes_of
from tilegrad.ops import kernel, memory
from tilegrad.ops.affine import AffineAttributes, affine, as_index, split_terms
from tilegrad.ops.arithmetic import floor_divide, modulo
from tilegrad.ops.bounds import bounds
from tilegrad.ops.kernel import Axes

IRREGULAR = 1 << 40
"""The stride of an access that is not linear in an axis."""
PATTERNED = IRREGULAR + 1
"""The same, but neighbours repeat a pattern of few elements: a few vectors and a shuffle do."""
PATTERN_REACH = 4
"""So many vectors hold the elements of a patterned one."""
LONGEST_PATTERN = 8
"""Patterns that repeat after more elements are no concern of tiles."""
SYMBOLIC_EXTENT = 1024
"""What an unknown extent is taken for."""


def extent_number(axis: Node) -> float:
    """Return an axis's extent as a number, a guess if it is symbolic."""
    extent = kernel.extent_of(axis)
    if isinstance(extent, int):
        return extent
    return max(1.0, min(bounds(extent)[1], SYMBOLIC_EXTENT))


def count_points(axes: Axes) -> float:
    """Return the number of combinations of the axes' values."""
    return math.prod(extent_number(axis) for axis in axes)


@dataclass(eq=False, slots=True)
class Region:
    """The part of a kernel outside or directly inside one reduction.

    Attributes:
        reduction: the ``reduce_over`` node, or None for the part around all reductions.
        parent: the region around it (one of them, if there are several).
        axes: all axes in scope: those free in the reduction and its own.
        nodes: what is computed here, sources first.
        loads: the loads among them.
        level: how many loops come before, one after the other, as reductions wait for others.
    """

    reduction: Node | None
    parent: Region | None
    axes: Axes
    nodes: list[Node] = field(default_factory=list)
    loads: list[Node] = field(default_factory=list)
    level: int = 0

    @property
    def own(self) -> tuple[Node, ...]:
        """The axes that the reduction binds."""
        return self.reduction.sources[1:] if self.reduction is not None else ()


class Facts:
    """What a kernel does.

    Attributes:
        stores: its stores.
        outputs: the axes of the stores, outermost first.
        free: for every node, the axes that it depends on.
        regions: the region of each reduction; None is the part outside.
    """

    def __init__(self, program: Node) -> None:
        self.program = program
        self.stores = program.sources
        self.free = kernel.find_free(program)
        names = {axis for store in self.stores for axis in self.free[store]}
        self.outputs = tuple(sorted(names, key=kernel.number_of))
        self.regions: dict[Node | None, Region] = {}
        self._add_region(None, None)
        for node in sort_topologically([program]):
            if node.op is kernel.reduce_over:
                region = self.regions[node]
                inner = [n for n in region.nodes if n.op is kernel.reduce_over]
                region.level = 1 + max((self.regions[n].level for n in inner), default=-1)
        self._raise_levels()
        self.stored_slots = {store.sources[0] for store in self.stores}

    def _add_region(self, reduction: Node | None, parent: Region | None) -> None:
        pending: list[tuple[Node | None, Region | None]] = [(reduction, parent)]
        while pending:
            reduction, parent = pending.pop(0)
            if reduction in self.regions:
                continue
            axes = frozenset(self.outputs)
            roots = list(self.stores)
            if reduction is not None:
                roots = [reduction.sources[0]]
                axes = self.free[reduction] | frozenset(reduction.sources[1:])
            region = Region(reduction, parent, axes)
            region.nodes = sort_topologically(
                roots, is_leaf=lambda node: node.op in (kernel.reduce_over, kernel.axis)
            )
            region.loads = [node for node in region.nodes if node.op is memory.load]
            self.regions[reduction] = region
            pending += [(n, region) for n in region.nodes if n.op is kernel.reduce_over]

    def _raise_levels(self) -> None:
        """Let reductions that no other waits for share the loop of those that wait longest."""
        reductions = [region for region in self.regions.values() if region.reduction is not None]
        awaited = {node for region in reductions for node in region.nodes}
        latest: dict[tuple[tuple[Node, ...], Axes], int] = {}
        for region in reductions:
            along = region.own, region.axes
            latest[along] = max(latest.get(along, 0), region.level)
        for region in reductions:
            if region.reduction not in awaited:
                region.level = latest[region.own, region.axes]

    @property
    def rows(self) -> list[Axes]:
        """For each reduction outside all others, the axes that it is free in."""
        outer = self.regions[None].nodes
        return [self.free[node] for node in outer if node.op is kernel.reduce_over]

    def stride(self, access: Node, axis: Node) -> int:
        """Return by how many elements a load or store moves when an axis advances by one.

        ``PATTERNED`` or ``IRREGULAR`` if that is not a constant.
        """
        offset = access.sources[1]
        if axis not in self.free[offset]:
            return 0
        if offset is axis:
            return 1
        if offset.op is not affine:
            return IRREGULAR
        total, reach = 0, 0.0
        coefficients = attributes_of(offset, AffineAttributes).coefficients
        for atom, coefficient in zip(offset.sources, coefficients, strict=True):
            if atom is axis:
                total = coefficient
            elif axis in self.free[atom]:
                reach += abs(coefficient) * _reach(atom, axis)
        if reach == 0:
            return total
        return PATTERNED if reach + abs(total) <= PATTERN_REACH else IRREGULAR

    def period(self, axis: Node) -> int:
        """Return after how many values of an axis the short patterns of all accesses repeat."""
        accesses = (*self.regions[None].loads, *self.stores)
        atoms = {atom for access in accesses for atom in access.sources[1].sources}
        divisors = (_divisor(atom, axis) or 1 for atom in atoms)
        return math.lcm(*(divisor for divisor in divisors if divisor <= LONGEST_PATTERN))


def _divisor(atom: Node, axis: Node) -> int | None:
    """Return what an axis is divided by in an atom, None if it is no quotient or rest of it."""
    if atom.op not in (floor_divide, modulo) or split_terms(atom.sources[0])[0].get(axis) != 1:
        return None
    divisor = as_index(atom.sources[1])
    return divisor if isinstance(divisor, int) and divisor > 0 else None


def _reach(atom: Node, axis: Node) -> float:
    """Return how far an atom moves, on average, when an axis advances by one."""
    divisor = _divisor(atom, axis)
    if divisor is None:
        return math.inf
    return 1 / divisor if atom.op is floor_divide else 1.0


def constant_extent(axis: Node) -> int | None:
    """Return an axis's extent if it is an int."""
    extent = kernel.extent_of(axis)
    index = extent if isinstance(extent, int) else as_index(extent)
    return index if isinstance(index, int) else None
