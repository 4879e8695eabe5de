"""The end of each row is computed together with the next row.

An instance that reads a row, computes for long and then writes it lets memory rest while it
computes, and the processor while it writes. So an instance takes several rows, and the loop that
writes a row becomes part of the dearest loop over the next one, which asks for the row after that:
memory reads and writes while exponentials are computed. Of

    for row in rows: early(row), with its dearest loop; last(row)

it makes

    early(0)
    for row in rows from 1: early(row), with its dearest loop and last(row - 1) in one
    last(rows - 1)

What the last loop takes from those before it is carried from row to row. What it reads of memory
that the instance keeps, it reads in each round before that place is written for the next row.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import NamedTuple

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, intern, sort_topologically
from tilegrad.ir.op import attributes_of
from tilegrad.ir.scope import count_carries, find_free_loops, loop_number, order_nodes
from tilegrad.ops import atomic, memory, symbolic, tile
from tilegrad.ops.affine import Index, as_index, as_node
from tilegrad.ops.build import lanes
from tilegrad.ops.memory import LoadAttributes, StoreAttributes
from tilegrad.ops.weights import weight_of
from tilegrad.tile.decisions import Decider
from tilegrad.tile.memory.copies import Copies

LEAST_WEIGHT = 10
"""Loops without an exponential, or what weighs as much, have no time to spare."""
ROWS, LEAST_INSTANCES = 16, 16
"""An instance has so many rows, or fewer, so that there are so many instances at least."""


class _Rows(NamedTuple):
    """What an instance does with a row.

    Attributes:
        place: of the row, an index of the program.
        early: effects before the last loop, in order.
        dear: the loop that the last one becomes part of.
        last: the loop that writes results.
        live: what the last loop takes from loops before it.
        kept: what the last loop loads from memory of the instance, where the dear loop left it.
    """

    place: Node
    early: tuple[Node, ...]
    dear: Node
    last: Node
    live: tuple[Node, ...]
    kept: tuple[Node, ...]


def overlap_rows(root: Node, decider: Decider) -> Node:
    """Return a tile program whose instances compute the end of each row with the next one.

    Args:
        root: a tile program. If its instances do not do what is described above, or their results
            are not written past the caches, it is returned as it is.
        decider: decides ``rows``.
    """
    rows = _find_rows(root)
    if rows is None or decider.take("rows", ("overlapped", "in turn")) == "in turn":
        return root
    *others, size = map(as_index, root.sources[1:])
    count = min(ROWS, size // LEAST_INSTANCES) if isinstance(size, int) else ROWS
    first = symbolic.multiply(rows.place, count)
    stop = symbolic.add(first, count)
    if not isinstance(size, int) or size % count:
        stop = symbolic.minimum(size, stop)
    blocks = symbolic.floor_divide(symbolic.add(size, count - 1), count)
    name = attributes_of(root, tile.ProgramAttributes).name
    return tile.make_program(name, [*others, blocks], _write(rows, first, stop, root))


def _find_rows(root: Node) -> _Rows | None:
    """Return what the instances of a program do with a row; None if it is something else."""
    attributes = attributes_of(root, tile.ProgramAttributes)
    last = root.sources[0].sources[-1]
    if attributes.has_finish or not attributes.axes or not _writes_past_caches(last):
        return None
    size = as_index(root.sources[attributes.axes])
    if isinstance(size, int) and size < 2 * LEAST_INSTANCES:
        return None
    order = order_nodes([root])
    dear = _find_dear(order, last)
    inside = find_inside(last)
    if dear is None or not _is_apart(order, inside) or _reads_too_much(dear, inside):
        return None
    written = {node.sources[0] for node in order if node.op is memory.store}
    kept = [node for node in inside if node.op is memory.load and node.sources[0] in written]
    live = _find_live(last, inside)
    if not _is_left_by(dear, last, kept, order) or any(one.dtype is dtypes.index for one in live):
        return None
    place = tile.make_program_index(attributes.axes - 1)
    return _Rows(place, root.sources[0].sources[:-1], dear, last, live, tuple(kept))


def _writes_past_caches(effect: Node) -> bool:
    """Whether an effect is a loop that only stores results which are larger than the caches."""
    return (
        effect.op is tile.loop
        and not count_carries(effect)
        and all(
            inner.op is memory.store and attributes_of(inner, StoreAttributes).is_uncached
            for inner in effect.sources[3:]
        )
    )


def _find_dear(order: list[Node], last: Node) -> Node | None:
    """Return the dearest of the loops that go as the last one, which is in no other loop."""
    free = find_free_loops(order)
    loops = [
        node
        for node in order
        if node.op is tile.loop and node.sources[:3] == last.sources[:3] and not free[node]
    ]
    others = [loop for loop in loops if loop is not last]
    dear = max(others, key=lambda loop: sum(_weigh(loop)), default=None)
    return None if dear is None or max(_weigh(dear), default=0) < LEAST_WEIGHT else dear


def _reads_too_much(dear: Node, inside: Sequence[Node]) -> bool:
    """Whether one loop would wait for two arrays, as they are too short to be asked for."""
    together = [node for node in (*find_inside(dear), *inside) if node.op is memory.load]
    arrays = {load.sources[0] for load in together if load.sources[0].op is not memory.scratch}
    return len(arrays) > 1 and not any(ahead_of(load) for load in together)


def find_inside(loop: Node) -> list[Node]:
    """Return what a loop computes anew in each round."""
    own = {index_of(loop)}
    inside: dict[Node, None] = {}
    for node in sort_topologically(loop.sources[3:]):
        is_carry = node.op is tile.carry and loop_number(node) == loop_number(loop)
        if node in own or is_carry or any(source in inside for source in node.sources):
            inside[node] = None
    return list(inside)


def _weigh(loop: Node) -> list[int]:
    """Return what each op takes that a loop computes for an element."""
    inside = find_inside(loop)
    values = [node for node in inside if node.dtype not in (dtypes.index, dtypes.void)]
    return [weight_of(node) for node in values if node.op is not memory.load]


def _find_live(last: Node, inside: Sequence[Node]) -> tuple[Node, ...]:
    """Return the values that a loop takes from other loops."""
    derived: set[Node] = set()
    for node in sort_topologically(last.sources):
        if node.op is tile.loop or not derived.isdisjoint(node.sources):
            derived.add(node)
    own = set(inside)
    taken = [source for node in inside for source in node.sources if source not in own]
    return tuple(
        dict.fromkeys(one for one in taken if one in derived and one.dtype is not dtypes.void)
    )


def _is_apart(order: Sequence[Node], inside: Collection[Node]) -> bool:
    """Whether the last loop alone writes results, nothing reads these, and no loop is in it."""
    loaded = {node.sources[0] for node in order if node.op is memory.load}
    stores = [node for node in order if node.op is memory.store]
    results = [store for store in stores if store.sources[0].op is not memory.scratch]
    is_alone = all(store in inside and store.sources[0] not in loaded for store in results)
    has_loops = any(node.op is tile.loop for node in inside)
    return is_alone and not has_loops and not any(node.op is atomic.atomic for node in order)


def _is_left_by(dear: Node, last: Node, kept: Sequence[Node], order: Sequence[Node]) -> bool:
    """Whether what the last loop loads was stored in the same round of the dear loop."""
    written = set(find_inside(dear))
    loads = [node for node in find_inside(last) if node.op is memory.load]
    if any(attributes_of(load, LoadAttributes).has_after != (load in kept) for load in loads):
        return False
    for load in kept:
        stores = [
            one for one in order if one.op is memory.store and one.sources[0] is load.sources[0]
        ]
        is_alone = len(stores) == 1 and stores[0] in written and len(stores[0].sources) == 3
        if not is_alone or not _is_own(stores[0], dear) or not _is_own(load, last):
            return False
    return True


def _is_own(access: Node, loop: Node) -> bool:
    """Whether each round of a loop accesses places of its own, as many as the index advances."""
    step = as_index(loop.sources[2])
    if not isinstance(step, int):
        return False
    offset = symbolic.subtract(as_index(access.sources[1]), as_index(index_of(loop)))
    return offset is (lanes(step) if step > 1 else 0)


def ahead_of(node: Node) -> int:
    """Return how many elements ahead a node asks, 0 if it is no load that does."""
    return attributes_of(node, LoadAttributes).ahead if node.op is memory.load else 0


def index_of(loop: Node) -> Node:
    """Return the index of a loop."""
    return tile.make_loop_index(loop_number(loop), *map(as_index, loop.sources[:2]))


def _write(rows: _Rows, first: Index, stop: Index, root: Node) -> list[Node]:
    """Return the effects of an instance that has the rows from ``first`` to below ``stop``."""
    numbers = [loop_number(node) for node in sort_topologically([root]) if node.op is tile.loop]
    count = 1 + max(numbers)
    first_row = Copies({rows.place: as_node(first)})
    before = [first_row.of(effect) for effect in rows.early]
    initial = [first_row.of(value) for value in rows.live]

    row = tile.make_loop_index(2 * count, symbolic.add(first, 1), stop)
    carries = [tile.make_carry(2 * count, *pair) for pair in enumerate(initial)]
    joint = _join(rows, row, carries, count)
    effects = [joint.of(effect) for effect in rows.early]
    if all(rows.dear not in (effect, *effect.sources) for effect in rows.early):
        effects.append(joint.of(rows.dear))
    pairs = [(carry, joint.of(value)) for carry, value in zip(carries, rows.live, strict=True)]
    loop = tile.make_loop(row, 1, pairs, effects)

    results = tile.make_loop_results(loop)
    index = index_of(rows.last)
    _, after = _copy_last(rows, symbolic.subtract(stop, 1), results, loop, index)
    return [*before, loop, tile.make_loop(index, as_index(rows.last.sources[2]), (), after)]


def _join(rows: _Rows, row: Node, live: Sequence[Node], offset: int) -> Copies:
    """Return the copy of what a row needs, whose dearest loop writes the row before, too.

    Args:
        rows: what an instance does with a row.
        row: which one it is.
        live: the values that the last loop takes from others, of the row before.
        offset: what is added to the numbers of loops.
    """
    bounds = map(as_index, rows.dear.sources[:2])
    index = tile.make_loop_index(loop_number(rows.dear) + offset, *bounds)
    start = tile.block(index)
    kept, effects = _copy_last(rows, symbolic.subtract(row, 1), live, start, index)
    loads = [node for node in find_inside(rows.dear) if ahead_of(node)]
    asking = [load for load in loads if not attributes_of(load, LoadAttributes).has_after]

    def join(dear: Node) -> Node:
        own = 3 + 2 * count_carries(dear)
        # What waits for memory comes last, what it is asked for comes first.
        early = tile.block(*(joint.of(load) for load in asking), *kept)
        sources = *dear.sources[:own], start, early, *dear.sources[own:], *effects
        return intern(tile.loop, sources, dear.attributes)

    def keep_order(load: Node) -> Node:
        attributes = attributes_of(load, LoadAttributes)._replace(has_after=True)
        return intern(memory.load, (*load.sources, start), attributes)

    changes = {rows.dear: join, **dict.fromkeys(asking, keep_order)}
    joint = Copies({rows.place: row}, offset, changes)
    return joint


def _copy_last(
    rows: _Rows, row: Index, live: Sequence[Node], after: Node, index: Node
) -> tuple[list[Node], list[Node]]:
    """Return the loads of what was kept, and the effects of a round of the last loop.

    Args:
        rows: what an instance does with a row.
        row: which one it is.
        live: the values that the loop takes from others.
        after: the effect after which it reads what was kept.
        index: of the loop that it becomes a part of.
    """
    known = {rows.place: as_node(row), index_of(rows.last): index}
    known |= dict(zip(rows.live, live, strict=True))
    known |= {load.sources[-1]: after for load in rows.kept}
    # The row after this one is there already, the one after that is asked for only once.
    read = {node.sources[0] for node in find_inside(rows.dear) if node.op is memory.load}
    loads = [node for node in find_inside(rows.last) if ahead_of(node)]
    changes = {
        load: partial(_ask, ahead=0 if load.sources[0] in read else 2 * ahead_of(load))
        for load in loads
    }
    copy = Copies(known, changes=changes)
    return [copy.of(load) for load in rows.kept], [copy.of(one) for one in rows.last.sources[3:]]


def _ask(load: Node, ahead: int) -> Node:
    attributes = attributes_of(load, LoadAttributes)._replace(ahead=ahead)
    return intern(memory.load, load.sources, attributes)
