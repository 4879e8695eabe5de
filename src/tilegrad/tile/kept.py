"""Values along a row that a reduction and what follows both need are computed once.

The exponentials of a softmax are added up, and each is then multiplied by one over the sum. Where
they are dear and the row is not too long, the loop that adds them up leaves them in scratch memory.
"""

from __future__ import annotations

from typing import NamedTuple

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import kernel, memory, symbolic, tile
from tilegrad.ops.weights import weight_of
from tilegrad.rewrite.graph import rebuild
from tilegrad.tile.choices.ahead import Ahead
from tilegrad.tile.choices.schedule import Schedule
from tilegrad.tile.decisions import Decider
from tilegrad.tile.environment import Environment
from tilegrad.tile.facts import Facts, constant_extent
from tilegrad.tile.lower import Accumulator, Lowering

LEAST_WEIGHT = 8
"""Values that cost less are computed again."""
MOST_BYTES = 1 << 18
"""A row of values that takes more is not kept."""


class Kept(NamedTuple):
    """Values of a row that are kept.

    Attributes:
        reduction: whose loop leaves them.
        value: the expression, along the axis of the reduction.
        space: the scratch memory.
    """

    reduction: Node
    value: Node
    space: Node


def choose_kept(
    facts: Facts, schedule: Schedule, decider: Decider
) -> dict[Node, tuple[Kept, Node]]:
    """Return what ``find_kept`` finds, nothing if it is decided to compute it again."""
    found = find_kept(facts, schedule)
    if found and decider.take("kept rows", ("kept", "again")) == "again":
        return {}
    return found


def find_kept(facts: Facts, schedule: Schedule) -> dict[Node, tuple[Kept, Node]]:
    """Return the expressions that are read from kept values, with the axis of each."""
    if schedule.rank > 1:
        return {}
    outside = set(facts.regions[None].nodes)
    found: dict[Node, tuple[Kept, Node]] = {}
    reductions = [node for node in outside if node.op is kernel.reduce_over]
    for reduction in sorted(reductions, key=lambda node: facts.regions[node].level):
        axis, *others = reduction.sources[1:]
        if others or not _is_walked(schedule, axis):
            continue
        best: tuple[int, Node, Node, Node] | None = None
        for along in schedule.loops:
            if not _is_walked(schedule, along) or along in facts.free[reduction]:
                continue
            if constant_extent(along) != constant_extent(axis):
                continue
            for inner, outer in _images(facts, reduction, axis, along).items():
                if outer not in outside or inner.dtype is dtypes.index:
                    continue
                weight = _weight(facts, inner, axis, found)
                if weight >= LEAST_WEIGHT and (not best or weight > best[0]):
                    best = weight, inner, outer, along
        if best is None:
            continue
        _, inner, outer, along = best
        size = constant_extent(axis) or 0
        if size * inner.dtype.itemsize <= MOST_BYTES:
            kept = Kept(reduction, inner, memory.make_scratch(len(found), inner.dtype, size))
            found[inner], found[outer] = (kept, axis), (kept, along)
    return found


def _is_walked(schedule: Schedule, axis: Node) -> bool:
    """Whether an axis has a known extent and runs along the lanes in several tiles."""
    extent = constant_extent(axis)
    return extent is not None and axis in schedule.tiles and extent > schedule.tiles[axis].size


def _images(facts: Facts, reduction: Node, axis: Node, along: Node) -> dict[Node, Node]:
    """Return what is computed along the axis of a reduction, with what that is along another."""
    images = {axis: along}
    for node in facts.regions[reduction].nodes:
        if axis in facts.free[node] and node not in images:
            sources = tuple(images.get(source, source) for source in node.sources)
            images[node] = rebuild(node, sources)
    del images[axis]
    return images


def _weight(facts: Facts, value: Node, axis: Node, known: dict[Node, tuple[Kept, Node]]) -> int:
    """Return what computing a value takes, loads left out and what is kept already."""
    leaves = (kernel.reduce_over, kernel.axis, memory.load)
    order = sort_topologically(
        [value], is_leaf=lambda node: node.op in leaves or (node in known and node is not value)
    )
    if value in known:
        return 0
    return sum(
        weight_of(node)
        for node in order
        if axis in facts.free[node] and node.op not in leaves and node not in known
    )


class KeepingLowering(Lowering):
    """Lowers reductions whose loops leave values behind.

    Args:
        facts: of the kernel.
        schedule: how to cut it up.
        kept: what is read from kept values.
        ahead: which loads ask for what comes later.
    """

    def __init__(
        self,
        facts: Facts,
        schedule: Schedule,
        kept: dict[Node, tuple[Kept, Node]],
        ahead: Ahead,
    ) -> None:
        super().__init__(facts, schedule, ahead)
        self.kept = kept
        self.left: dict[object, Node] = {}
        self.prepared: list[Node] | None = None

    def before(self, axis: Node, environment: Environment) -> list[Node]:
        """Return the loops of reductions, to be performed before those along an axis."""
        if all(axis is not along for _, along in self.kept.values()):
            return []
        self.prepared = []
        outside = self.facts.regions[None].nodes
        reductions = [node for node in outside if node.op is kernel.reduce_over]
        for node in sorted(reductions, key=lambda node: self.facts.regions[node].level):
            if self.facts.free[node] <= environment.positions.keys():
                self.reduce(node, environment)
        effects, self.prepared = self.prepared, None
        return effects

    def reduce_group(self, group: list[Node], environment: Environment) -> list[Node]:
        """Return the results of reductions; what they leave is there after an effect."""
        if self.prepared is None or not all(
            node in self.facts.regions[None].nodes for node in group
        ):
            return super().reduce_group(group, environment)
        outer = self.performed
        self.performed = performed = list[Node]()
        results = super().reduce_group(group, environment)
        self.performed = outer
        if not performed:
            return results
        effect = tile.block(*performed)
        self.prepared.append(effect)
        for node in group:
            self.left[node, environment.key(self.facts.free[node])] = effect
        return results

    def read_known(self, node: Node, environment: Environment) -> Node | None:
        """Return the tile of an expression that was kept, None if it was not."""
        if node not in self.kept:
            return None
        kept, axis = self.kept[node]
        after = self.left.get((kept.reduction, environment.key(self.facts.free[kept.reduction])))
        if after is None:
            return None
        position = environment.positions[axis]
        mask = symbolic.as_mask(position.condition)
        return memory.make_load(kept.space, position.value, mask, after)

    def note_loop(self, loop: Node) -> None:
        """Note a loop, which may read or leave values: its place among the effects counts."""
        if self.prepared is not None:
            self.performed.append(loop)

    def note_terms(self, accumulators: list[Accumulator], environment: Environment) -> None:
        """Leave the values of one tile."""
        if self.prepared is None:
            return
        reductions = {accumulator.reduction for accumulator in accumulators}
        for node, (kept, axis) in self.kept.items():
            if kept.value is node and kept.reduction in reductions:
                position = environment.positions[axis]
                mask = symbolic.as_mask(position.condition)
                value = self.value(node, environment)
                self.performed.append(memory.make_store(kept.space, position.value, value, mask))
