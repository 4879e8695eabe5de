"""Panels that are kept: what is constant is packed once, by a program of its own.

The panels of all tiles, for all blocks of the sum, lie one after the other in a parameter instead
of the scratch memory of each instance: by the batch, the outer axes of the sum, its blocks, and the
number of the tile.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

from tilegrad.ir.node import Node
from tilegrad.ops import kernel, memory, symbolic, tile
from tilegrad.ops.affine import Index
from tilegrad.ops.program import Program, Slot
from tilegrad.rewrite.graph import substitute
from tilegrad.tile.choices.schedule import Schedule
from tilegrad.tile.environment import Environment, Position
from tilegrad.tile.facts import Facts, constant_extent
from tilegrad.tile.lower import Lowering
from tilegrad.tile.products.blocks import loop_over_blocks
from tilegrad.tile.products.packing import Panels
from tilegrad.tile.products.staging import PanelOrder, Side, Staging
from tilegrad.tile.products.supply import Read
from tilegrad.tile.products.terms import Block
from tilegrad.tile.products.tiling import Range

MOST_GROWTH = 1.5
"""Panels that are kept are not larger than this many times what they are packed from."""


class Keepable(NamedTuple):
    """A side whose panels can be kept.

    Attributes:
        dimension: of a tile of results that it runs along.
        size: elements of all panels.
        sources: the slots of what they are packed from.
    """

    dimension: int
    size: int
    sources: tuple[int, ...]


def find_keepable(
    staging: Staging, slots: Sequence[Slot], constants: Collection[int]
) -> Keepable | None:
    """Return the side that depends on constant slots only, and is packed; None if none does."""
    for dimension, side in enumerate((staging.rows, staging.lanes)):
        loads = memory.loads_in(side.value)
        sources = tuple({memory.slot_of(load): None for load in loads})
        is_packed = side.order is not PanelOrder.PLACE and not side.windows
        if not is_packed or not sources or not constants or not set(sources) <= set(constants):
            continue
        size = _count_panels(staging, side) * Panels.count_elements(side, staging.sums)
        given = sum(_known_size(slots[slot].size) * slots[slot].dtype.itemsize for slot in sources)
        if size * side.value.dtype.itemsize <= MOST_GROWTH * given:
            return Keepable(dimension, size, sources)
    return None


def _known_size(size: Index) -> int:
    return size if isinstance(size, int) else 0


def _count_panels(staging: Staging, side: Side) -> int:
    sums = staging.sums
    around = [constant_extent(axis) or 1 for axis in (*staging.batch, *sums.outer)]
    return math.prod(around) * -(-sums.extents[0] // sums.size) * side.total


class KeptPanels(Panels):
    """The panels of a side in a parameter.

    Args:
        lowering: of the kernel.
        staging: of the contraction.
        dimension: which dimension of a tile of results the side runs along.
        pointer: the parameter.
    """

    def __init__(self, lowering: Lowering, staging: Staging, dimension: int, pointer: Node) -> None:
        side = (staging.rows, staging.lanes)[dimension]
        super().__init__(lowering, side, staging.sums, dimension, 1)
        self.memory = pointer
        self.batch = staging.batch

    def fill(self, tiles: Range, block: Block, at: Environment) -> None:
        """Nothing is to be made ready."""

    def pack(self, number: Index, block: Block, at: Environment) -> Node:
        """Return the effect that packs one tile."""
        return self.store_tile(self._place(number, block, at), number, block, at)

    def panel_of(self, read: Read) -> Index:
        """Return the number of a panel."""
        return self._place(read.number, read.block, read.at)

    def _place(self, number: Index, block: Block, at: Environment) -> Index:
        sums = self.sums
        place: Index = 0
        for axis in (*self.batch, *sums.outer):
            place = symbolic.multiply(place, kernel.extent_of(axis))
            place = symbolic.add(place, at.positions[axis].value)
        place = symbolic.multiply(place, -(-sums.extents[0] // sums.size))
        place = symbolic.add(place, symbolic.floor_divide(block.first, sums.size))
        return symbolic.add(symbolic.multiply(place, self.side.total), number)


def derive_packing(
    facts: Facts, staging: Staging, keepable: Keepable, slots: Sequence[Slot]
) -> Program:
    """Return the program that packs a side, a tile in each instance.

    Its slots are the sources of the side, in order, and the panels. Nothing in it tells which
    kernel reads the panels, so kernels that read equal panels share them.

    Args:
        facts: of the kernel.
        staging: of its contraction.
        keepable: the side.
        slots: of the kernel.
    """
    lowering = Lowering(facts, Schedule(2, {}, (), (), 1))
    side = (staging.rows, staging.lanes)[keepable.dimension]
    dtype = side.value.dtype
    pointer = memory.make_parameter(len(slots), dtype)
    panels = KeptPanels(lowering, staging, keepable.dimension, pointer)
    sizes: list[Index] = [kernel.extent_of(axis) for axis in staging.batch]
    at = Environment({})
    for number, axis in enumerate(staging.batch):
        index = tile.make_program_index(number) if sizes[number] != 1 else 0
        at = at.bind(axis, Position(index))
    number: Index = tile.make_program_index(len(sizes)) if side.total > 1 else 0

    def pack(block: Block, at: Environment) -> list[Node]:
        return [panels.pack(number, block, at)]

    effects = loop_over_blocks(lowering, staging.sums, at, pack)
    extents = "_".join(map(str, (*side.extents, *staging.sums.extents)))
    root = tile.make_program(f"pack_{extents}", [*sizes, side.total], effects)
    kept = [slots[source]._replace(role="input") for source in keepable.sources]
    kept.append(Slot("output", dtype, keepable.size))
    numbers = {
        memory.make_parameter(old, slot.dtype): memory.make_parameter(new, slot.dtype)
        for new, (old, slot) in enumerate(zip((*keepable.sources, len(slots)), kept, strict=True))
    }
    return Program(substitute([root], numbers)[0], tuple(kept))
