"""The tile program of a kernel that the scheduler made."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ops import memory, tile
from tilegrad.ops.affine import Index
from tilegrad.ops.leaves import SymbolAttributes, symbol
from tilegrad.ops.program import Program, Slot
from tilegrad.rewrite.graph import transform
from tilegrad.tile.choices.ahead import choose_ahead
from tilegrad.tile.choices.schedule import choose_schedule
from tilegrad.tile.columns import derive_columns, nest_rows
from tilegrad.tile.decisions import Decider
from tilegrad.tile.derivation import Derivation
from tilegrad.tile.facts import Facts
from tilegrad.tile.kept import KeepingLowering, choose_kept
from tilegrad.tile.kernels.generalise import generalise
from tilegrad.tile.kernels.join_short_rows import join_short_rows
from tilegrad.tile.kernels.moments import join_moments
from tilegrad.tile.lower import Lowering
from tilegrad.tile.memory.overlapped_rows import overlap_rows
from tilegrad.tile.products.choose_staging import choose_staging
from tilegrad.tile.products.contraction import Contraction, find_contraction
from tilegrad.tile.products.kept_panels import derive_packing, find_keepable
from tilegrad.tile.products.padding import pad_sum
from tilegrad.tile.products.staged import StagedDerivation
from tilegrad.tile.split import derive_split, fill_parts
from tilegrad.tile.streams.program import derive_stream
from tilegrad.tile.streams.stream import find_stream
from tilegrad.tile.target import TileTarget
from tilegrad.tile.uncached import choose_uncached


def derive(
    root: Node,
    slots: Sequence[Slot],
    target: TileTarget,
    name: str,
    decider: Decider | None = None,
) -> Program:
    """Return a tile program that does what a kernel says.

    Args:
        root: the ``kernel`` node.
        slots: what its parameters are, by slot.
        target: the processor.
        name: name of the native function.
        decider: makes the decisions; by default the cost model alone does.
    """
    decider = decider or Decider()
    root, known = generalise(root)
    root = join_short_rows(root)
    root, slots = _bind_symbols(root, list(slots), known)
    stream = find_stream(root)
    program = None if stream is None else derive_stream(stream, slots, target, name, decider)
    if program is not None:
        return program
    root = join_moments(root, decider)
    facts, contraction = _find_contraction(root, target)
    staging = None if contraction is None else choose_staging(facts, contraction, target, decider)
    if staging is not None:
        return StagedDerivation(facts, staging).program(slots, name)
    nested = nest_rows(facts, decider)
    facts, schedule = nested or (facts, choose_schedule(facts, target, decider))
    if schedule.columns is not None:
        return derive_columns(facts, schedule, schedule.columns, slots, name)
    if schedule.parts > 1:
        ahead = choose_ahead(facts, schedule, decider)
        return derive_split(facts, schedule, slots, name, fill_parts, ahead)
    kept = choose_kept(facts, schedule, decider)
    uncached = choose_uncached(facts, target, decider)
    ahead = choose_ahead(facts, schedule, decider, kept, uncached)
    lowering = Lowering(facts, schedule, ahead)
    if kept:
        lowering = KeepingLowering(facts, schedule, kept, ahead)
    program = Derivation(facts, schedule, lowering, uncached).program(slots, name)
    return replace(program, root=overlap_rows(program.root, decider))


class Packed(NamedTuple):
    """A kernel, one of whose factors is packed by another one.

    Attributes:
        program: the kernel; the panels are its last slot.
        packing: what fills them, its last slot, from the others.
        sources: the kernel's slots that stand for these.
    """

    program: Program
    packing: Program
    sources: tuple[int, ...]


def derive_packed(
    root: Node,
    slots: Sequence[Slot],
    target: TileTarget,
    name: str,
    decider: Decider,
    constants: Collection[int],
) -> Packed | None:
    """Return a kernel with what depends on constant slots packed apart; None if nothing is packed.

    Args:
        root: the ``kernel`` node.
        slots: what its parameters are, by slot.
        target: the processor.
        name: name of the native function.
        decider: makes the decisions; the cost model knows what is packed only once.
        constants: the slots.
    """
    root, bound = _bind_symbols(root, list(slots), {})
    if len(bound) > len(slots) or not all(isinstance(slot.size, int) for slot in slots):
        return None
    facts, contraction = _find_contraction(root, target)
    staging = None
    if contraction is not None:
        staging = choose_staging(facts, contraction, target, decider, constants)
    keepable = None if staging is None else find_keepable(staging, slots, constants)
    if staging is None or keepable is None:
        return None
    dtype = (staging.rows, staging.lanes)[keepable.dimension].value.dtype
    pointer = memory.make_parameter(len(slots), dtype)
    derivation = StagedDerivation(facts, staging, {keepable.dimension: pointer})
    program = derivation.program([*slots, Slot("input", dtype, keepable.size)], name)
    packing = derive_packing(facts, staging, keepable, slots)
    return Packed(program, packing, keepable.sources)


def _find_contraction(root: Node, target: TileTarget) -> tuple[Facts, Contraction | None]:
    """Return the facts of a kernel and the contraction that it is, of whole words if there are."""
    facts = Facts(root)
    contraction = find_contraction(facts)
    padded = None if contraction is None else pad_sum(root, contraction, target)
    if padded is None:
        return facts, contraction
    facts = Facts(padded)
    return facts, find_contraction(facts)


def _bind_symbols(
    root: Node, slots: list[Slot], known: Mapping[Node, Index]
) -> tuple[Node, list[Slot]]:
    """Replace each symbolic size by a scalar passed at launch; some have known values here."""

    def bind(node: Node, new: Node) -> Node:
        if node.op is not symbol:
            return new
        slots.append(Slot("scalar", dtypes.index, known.get(node, node)))
        label, minimum, maximum = attributes_of(node, SymbolAttributes)
        return tile.make_scalar(len(slots) - 1, label, minimum, maximum)

    return transform([root], bind)[0], slots
