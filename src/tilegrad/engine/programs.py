"""Tile programs of kernels and of ops that bring their own, each made once."""

from __future__ import annotations

from typing import NamedTuple

from tilegrad.base.errors import CompileError
from tilegrad.engine.operations import count_operations, count_own_operations
from tilegrad.engine.winners import Winners
from tilegrad.engine.work import measure_work
from tilegrad.ir.digest import digest
from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node
from tilegrad.ops import dialects, kernel, memory, symbolic
from tilegrad.ops.affine import Index
from tilegrad.ops.graph import CallAttributes
from tilegrad.ops.indexing import ScatterAttributes
from tilegrad.ops.program import Program, Slot
from tilegrad.ops.scan import ScanAttributes
from tilegrad.ops.scatter_sources import find_scatter_sources
from tilegrad.ops.sorting import ArgsortAttributes, SortAttributes
from tilegrad.schedule.cost import estimate
from tilegrad.schedule.express import ExpressedKernel
from tilegrad.schedule.passes import simplify_kernel
from tilegrad.tile.decisions import Decider
from tilegrad.tile.derive import derive, derive_packed
from tilegrad.tile.facts import Facts, count_points
from tilegrad.tile.kernels.raise_program import raise_program
from tilegrad.tile.memory.write_past_caches import write_past_caches
from tilegrad.tile.target import TileTarget

UNITS = (None, 0, 1, 2, 8, 16)
"""What may be decided for the units of a launch, the default first; see ``Derived``."""


class Source(NamedTuple):
    """A kernel as the scheduler made it, without the tensors that it is for.

    Attributes:
        program: the ``kernel`` node.
        slots: what its parameters are.
        name: of the native function; None if it is to say what the kernel does.
    """

    program: Node
    slots: tuple[Slot, ...]
    name: str | None = None


class Derived(NamedTuple):
    """A program and how much it does.

    Attributes:
        program: the tile program.
        kernel: the kernel that it was derived from; None if it was written by hand.
        work: about how many elements it handles, for dividing it among threads.
        operations: how many floating-point operations it does.
        source: what it was lowered from, if there are other ways to lower it.
        units: into how many parts for each thread its grid is divided; 0 for one part altogether,
            None where its size decides.
    """

    program: Program
    kernel: Node | None
    work: float
    operations: Index
    source: Source | None = None
    units: int | None = None


class PackedDerived(NamedTuple):
    """A program that reads panels, and what packs them.

    Attributes:
        reading: the program; the panels are its last slot.
        packing: fills its last slot from the others.
        sources: the slots of ``reading`` that stand for these.
    """

    reading: Derived
    packing: Derived
    sources: tuple[int, ...]


class Programs:
    """Remembers the program of every kernel.

    Args:
        target: the processor.
        winners: schedules that are known to be better than the default.
        verifies: whether every kernel and program is checked against its dialect.
    """

    def __init__(
        self, target: TileTarget, winners: Winners | None = None, *, verifies: bool = False
    ) -> None:
        self.target = target
        self.winners = winners or Winners("")
        self.verifies = verifies
        self._derived: dict[Node, Derived] = {}
        self._called: dict[Program, Derived] = {}
        self._packed: dict[tuple[Node, frozenset[int]], PackedDerived | None] = {}

    def derive(self, expressed: ExpressedKernel) -> Derived:
        """Return the program of a kernel that the scheduler made."""
        found = self._derived.get(expressed.program)
        if found is None:
            found = self._derived[expressed.program] = self._decide(source_of(expressed))
        return found

    def _decide(self, source: Source) -> Derived:
        return self.lower(source, Decider(self.winners.find(digest(source.program))))

    def lower(self, source: Source, decider: Decider) -> Derived:
        """Return a program of a kernel; unlike ``derive``, made anew each time.

        Args:
            source: the kernel.
            decider: makes the decisions: those of ``tilegrad.tile.derive`` and ``units``.
        """
        found = self._lower(source, decider)
        if self.verifies:
            dialects.kernels.verify([source.program])
            dialects.tiles.verify([found.program.root])
        return found

    def _lower(self, source: Source, decider: Decider) -> Derived:
        root = simplify_kernel(source.program)
        facts = Facts(root)
        work = sum(
            count_points(region.axes) * (1 + len(region.loads)) for region in facts.regions.values()
        )
        program = derive(
            root, source.slots, self.target, source.name or name_kernel(facts), decider
        )
        units = decider.take("units", UNITS, label=_name_units) if self.target.threads > 1 else None
        return Derived(program, root, work, count_operations(facts), source, units)

    def derive_packed(self, derived: Derived, constants: frozenset[int]) -> PackedDerived | None:
        """Return a program that reads panels kept for it, and the one that packs them.

        Args:
            derived: a program of a kernel that the scheduler made.
            constants: the slots of what does not change.

        Returns:
            None if nothing that depends on these slots only is packed.
        """
        source = derived.source
        if source is None or derived.kernel is None or not constants:
            return None
        key = source.program, constants
        if key not in self._packed:
            choices = self.winners.find(digest(source.program))
            packed = derive_packed(
                derived.kernel,
                source.slots,
                self.target,
                source.name or name_kernel(Facts(derived.kernel)),
                Decider(choices),
                constants,
            )
            found = None
            if packed is not None:
                reading = derived._replace(program=packed.program, source=None)
                found = PackedDerived(reading, measure(packed.packing), packed.sources)
            self._packed[key] = found
        return self._packed[key]

    def copy(self, dtype: DType, size: Index) -> Derived:
        """Return the program that copies ``size`` elements from slot 1 to slot 0."""
        axis = kernel.make_axis("i0", size)
        value = memory.make_load(memory.make_parameter(1, dtype), axis)
        root = kernel.kernel(memory.make_store(memory.make_parameter(0, dtype), axis, value))
        slots = [Slot("output", dtype, size), Slot("input", dtype, size)]
        return Derived(derive(root, slots, self.target, "copy"), root, estimate(size), 0)

    def build(self, node: Node) -> Derived:
        """Return the program of an op that brings its own kernel.

        Raises:
            CompileError: there is none for this op.
        """
        if isinstance(node.attributes, CallAttributes):
            return self._build_call(node.attributes.program)
        work = estimate(symbolic.multiply_all(node.sources[0].shape))
        return Derived(_build(node), None, 4 * work, count_own_operations(node))

    def _build_call(self, program: object) -> Derived:
        """Return a program that was written by hand, decided on here if it says no more than what.

        Raises:
            CompileError: it is no program.
        """
        if not isinstance(program, Program):
            raise CompileError("a call has a tile program", got=program)
        found = self._called.get(program)
        if found is None:
            raised = raise_program(program)
            if raised is None:
                found = measure(write_past_caches(program, self.target))
            else:
                found = self._decide(Source(raised.kernel, raised.slots, program.name))
            self._called[program] = found
        return found


def source_of(expressed: ExpressedKernel) -> Source:
    """Return a kernel without the tensors, whose memory nothing that is remembered may keep."""
    slots = tuple(
        Slot(
            "output" if slot < expressed.stored else "input",
            node.dtype,
            symbolic.multiply_all(node.shape),
        )
        for slot, node in enumerate(expressed.parameters)
    )
    return Source(expressed.program, slots)


def _name_units(units: int | None) -> str:
    return "by size" if units is None else str(units)


def measure(program: Program) -> Derived:
    """Return a program that was written by hand with what it does."""
    elements, operations = measure_work(program)
    # A multiply-add in registers counts as an element: much of it is worth dividing, too.
    return Derived(program, None, max(elements, operations / 2), int(operations))


def _build(node: Node) -> Program:
    # Models that have none of these ops start without the modules that write their programs.
    from tilegrad.tile.operations.scan import build_scan
    from tilegrad.tile.operations.scatter import build_scatter
    from tilegrad.tile.operations.sort import build_argsort, build_sort

    source = node.sources[0]
    attributes = node.attributes
    if isinstance(attributes, ScanAttributes):
        return build_scan(source.dtype, source.shape, attributes.axis, attributes.kind)
    if isinstance(attributes, SortAttributes):
        axis, is_descending = attributes
        return build_sort(source.dtype, source.shape, axis, is_descending=is_descending)
    if isinstance(attributes, ArgsortAttributes):
        return build_argsort(
            source.dtype,
            source.shape,
            attributes.axis,
            is_descending=attributes.descending,
            count=attributes.count,
        )
    if isinstance(attributes, ScatterAttributes):
        found = find_scatter_sources(node)
        return build_scatter(
            source.dtype,
            source.shape,
            node.sources[2].shape,
            found.indices,
            attributes.axes,
            attributes.mode,
            found.fill,
        )
    raise CompileError(f"{node.op.name} has no kernel on this device", got=node)


def name_kernel(facts: Facts) -> str:
    """Return a name that says what a kernel does: kinds of loops and their extents."""
    reductions = [region for region in facts.regions.values() if region.reduction is not None]
    outputs = [kernel.extent_of(axis) for axis in facts.outputs]
    if not reductions:
        kind = "map"
        if len(outputs) == 1:
            return kind
    else:
        kind = "reduce" if len(reductions) == 1 else "rows"
    extents = [str(extent) if isinstance(extent, int) else "n" for extent in outputs]
    inner = reductions[0].own if reductions else ()
    bound = [kernel.extent_of(axis) for axis in inner]
    extents += [f"r{extent}" if isinstance(extent, int) else "rn" for extent in bound]
    return "_".join([kind, *extents])
