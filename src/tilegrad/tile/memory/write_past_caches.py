"""Large results of programs with loops of their own are written past the caches, too.

Where the compiler writes the loops, it decides so before (see ``uncached``). Where an author did,
it can be seen that the rounds of a loop write one place after the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from tilegrad.ir.node import Node, intern, sort_topologically
from tilegrad.ir.op import attributes_of
from tilegrad.ir.scope import loop_number
from tilegrad.ops import memory, symbolic, tile
from tilegrad.ops.affine import as_index, split_terms
from tilegrad.ops.atomic import atomic
from tilegrad.ops.leaves import IotaAttributes
from tilegrad.ops.linear import LINE_BYTES
from tilegrad.ops.memory import ParameterAttributes, StoreAttributes
from tilegrad.ops.program import Program, Slot
from tilegrad.rewrite.graph import transform
from tilegrad.tile.target import TileTarget
from tilegrad.tile.uncached import LEAST_BYTES, LEAST_LINES


def write_past_caches(program: Program, target: TileTarget) -> Program:
    """Return a program whose large results pass the caches where they are written in long runs."""
    if target.vector_bytes != LINE_BYTES or not any(map(_is_large, program.slots)):
        return program
    order = sort_topologically([program.root])
    loops = {loop_number(node): node for node in order if node.op is tile.loop}
    reached = Counter(node.sources[0] for node in order if node.op in _REACHING)

    def pass_caches(node: Node, new: Node) -> Node:
        if node.op is not memory.store or reached[node.sources[0]] > 1:
            return new
        pointer = node.sources[0].attributes
        is_large = isinstance(pointer, ParameterAttributes) and _is_large(
            program.slots[pointer.slot]
        )
        if not is_large or not _is_run(node, loops):
            return new
        attributes = attributes_of(node, StoreAttributes)._replace(is_uncached=True)
        return intern(node.op, new.sources, attributes)

    return replace(program, root=transform([program.root], pass_caches)[0])


_REACHING = (memory.load, memory.store, atomic)


def _is_large(slot: Slot) -> bool:
    size = slot.size if isinstance(slot.size, int) else 0
    return slot.role == "output" and size * slot.dtype.itemsize >= LEAST_BYTES


def _is_run(store: Node, loops: Mapping[int, Node]) -> bool:
    """Whether a store writes some lines at once, or goes on where the round before ended."""
    offset, value = store.sources[1:3]
    terms, _ = split_terms(as_index(offset))
    width = offset.shape[-1] if offset.shape else 1
    is_contiguous = any(
        factor == 1
        and isinstance(atom.attributes, IotaAttributes)
        and atom.attributes.axis == len(offset.shape) - 1
        for atom, factor in terms.items()
    )
    if not is_contiguous or not isinstance(width, int):
        return False
    steps = {
        symbolic.multiply(as_index(loops[loop_number(atom)].sources[2]), factor)
        for atom, factor in terms.items()
        if atom.op is tile.loop_index
    }
    return width in steps or width * value.dtype.itemsize >= LEAST_LINES * LINE_BYTES
