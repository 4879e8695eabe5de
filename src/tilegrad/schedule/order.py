"""The order of the kernels, and what an assignment needs so that nobody reads what it overwrites.

A kernel comes after those whose results it loads, and before an assignment that overwrites a buffer
which it reads. Where these two wishes make a circle, or where a kernel reads its own target at
other places than it writes, the assignment goes to memory of its own and is copied at the end. Of
those that can run, one that lets go of much memory goes first: the gradient of a weight as soon as
what it needs is there, so that activations do not wait for the end of a training step. One that
takes much more memory than another goes later: gradients of large weights of small activations come
last. And one that could run at any time, as it needs nothing that others make, comes just before
the first that needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from tilegrad.base.errors import CompileError
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import memory
from tilegrad.ops.graph import assign
from tilegrad.ops.scatter_sources import stored_sources
from tilegrad.schedule.alike import AlikeKernels
from tilegrad.schedule.axes import FreeAxes
from tilegrad.schedule.cost import count_elements
from tilegrad.schedule.express import (
    ExpressedKernel,
    Expressor,
    reads_memory_of,
    target_of,
)
from tilegrad.schedule.roots import Fusion, Root, resolve_alias

LEAST_FREED = 1 << 18
"""Steps change places for so many bytes."""


class Item(NamedTuple):
    """One step of a schedule.

    Attributes:
        root: what it computes.
        kernel: its kernel, or None if the node brings its own.
        writes: the stored nodes (after ``resolve_alias``) that it writes.
        reads: the stored nodes and buffers that it reads.
        copied_back: those of ``writes`` that are assignments written to memory of their own first.
    """

    root: Root
    kernel: ExpressedKernel | None
    writes: tuple[Node, ...]
    reads: tuple[Node, ...]
    copied_back: tuple[Node, ...]


def order_kernels(
    fusion: Fusion, note: Callable[[ExpressedKernel], object] = lambda _: None
) -> list[Item]:
    """Return the steps in an order in which they can run one after the other.

    Args:
        fusion: the kernels.
        note: is told of each kernel before they are put in order.
    """
    express = _Express(fusion, note)
    return _sort([express.item(root) for root in fusion.roots], express)


class _Express:
    def __init__(self, fusion: Fusion, note: Callable[[ExpressedKernel], object]) -> None:
        self.fusion = fusion
        self.note = note
        self.free = FreeAxes()
        self.alike = AlikeKernels(fusion)
        self._loads: dict[Node, list[Node]] = {}

    def item(self, root: Root, copied_back: tuple[Node, ...] = ()) -> Item:
        """Return the step of a root."""
        writes = tuple(root.outputs)
        if root.is_opaque:
            reads = tuple(resolve_alias(source) for source in stored_sources(root.node))
            return Item(root, None, writes, reads, copied_back)
        expressor = Expressor(root, self.fusion, self.free, copied_back)
        expressed = self.alike.find(root, copied_back, expressor.express)
        loads = self._loads_of(expressed.program)
        clashing = tuple(
            node
            for node in writes
            if node not in copied_back and _overwrites_what_it_reads(node, expressed, loads)
        )
        if clashing:
            return self.item(root, (*copied_back, *clashing))
        self.note(expressed)
        slots = {memory.slot_of(load) for load in loads}
        reads = tuple(node for slot, node in enumerate(expressed.parameters) if slot in slots)
        return Item(root, expressed, writes, reads, copied_back)

    def _loads_of(self, program: Node) -> list[Node]:
        found = self._loads.get(program)
        if found is None:
            order = sort_topologically([program])
            found = self._loads[program] = [node for node in order if node.op is memory.load]
        return found


def _overwrites_what_it_reads(
    node: Node, expressed: ExpressedKernel, loads: Iterable[Node]
) -> bool:
    """Whether the kernel of an assignment reads its target elsewhere, or after it is written."""
    if node.op is not assign:
        return False
    slot = expressed.parameters.index(target_of(node))
    pointer = memory.make_parameter(slot, node.dtype)
    places = {
        store.sources[1] for store in expressed.program.sources if store.sources[0] is pointer
    }
    stores = expressed.program.sources
    place = next(i for i, store in enumerate(stores) if store.sources[0] is pointer)
    if any(reads_memory_of(later, stores[place]) for later in stores[place + 1 :]):
        return True
    return any(load.sources[0] is pointer and load.sources[1] not in places for load in loads)


def _sort(items: list[Item], express: _Express) -> list[Item]:
    writer = {node: number for number, item in enumerate(items) for node in item.writes}
    overwriter = {
        target_of(node): number
        for number, item in enumerate(items)
        for node in item.writes
        if node.op is assign and node not in item.copied_back
    }
    needs: list[set[int]] = [set() for _ in items]
    before: list[set[int]] = [set() for _ in items]
    for number, item in enumerate(items):
        for node in item.reads:
            if node in writer:
                needs[number].add(writer[node])
            over = overwriter.get(node)
            if over is not None and over != number:
                before[over].add(number)
    return _emit(items, needs, before, express)


class _Memory:
    """The memory that steps take, while they are put in order.

    Attributes:
        freed: for each step, how many bytes it would let go of now, less those that it takes.
    """

    def __init__(self, items: Sequence[Item], wanted: frozenset[Node]) -> None:
        self._bytes: dict[Node, int] = {}
        self.freed: list[int] = []
        for item in items:
            made = [node for node in item.writes if node.op is not assign]
            sizes = {node: int(count_elements(node)) * node.dtype.itemsize for node in made}
            self._bytes.update((node, size) for node, size in sizes.items() if node not in wanted)
            self.freed.append(-sum(sizes.values()))
        self._readers: dict[Node, set[int]] = {node: set() for node in self._bytes}
        for number, item in enumerate(items):
            for node in item.reads:
                if node in self._readers:
                    self._readers[node].add(number)
        for node in self._readers:
            self._note_last(node)

    def run(self, number: int, item: Item) -> None:
        """Note that a step has run."""
        for node in item.reads:
            readers = self._readers.get(node)
            if readers is not None and number in readers:
                readers.remove(number)
                self._note_last(node)

    def _note_last(self, node: Node) -> None:
        """Let the only step that has yet to read a node let go of it."""
        readers = self._readers[node]
        if len(readers) == 1:
            (last,) = readers
            self.freed[last] += self._bytes[node]


def _emit(
    items: list[Item], needs: list[set[int]], before: list[set[int]], express: _Express
) -> list[Item]:
    """Sort by both relations; where they make a circle, give up ``before`` of one assignment."""
    after = [needs[number] | before[number] for number in range(len(items))]
    users: list[list[int]] = [[] for _ in items]
    for number in range(len(items)):
        for other in after[number]:
            users[other].append(number)
    order: list[Item] = []
    done: set[int] = set()
    memory_taken = _Memory(items, express.fusion.wanted)
    waiting = {
        number
        for number, freed in enumerate(memory_taken.freed)
        if users[number] and not after[number] and -freed >= LEAST_FREED
    }
    missing = [len(others - waiting) for others in after]
    ready = [n for n in range(len(items)) if not missing[n] and n not in waiting]

    def run(number: int) -> None:
        memory_taken.run(number, items[number])
        done.add(number)
        order.append(items[number])

    while len(order) < len(items):
        if not ready:
            stuck = _break_circle(items, needs, done | waiting)
            assigned = tuple(node for node in items[stuck].writes if node.op is assign)
            items[stuck] = express.item(items[stuck].root, assigned)
            missing[stuck] = 0
            ready.append(stuck)
        number = _take(ready, items, memory_taken.freed)
        for other in sorted((after[number] & waiting) - done):
            run(other)
        run(number)
        for user in users[number]:
            missing[user] -= 1
            if missing[user] == 0 and user not in done:
                ready.append(user)
    return order


def _take(ready: list[int], items: list[Item], freed: Sequence[int]) -> int:
    """Take the next step: what frees most, else the newest, unless another takes much less memory.

    The newest uses memory soon. Small assignments end up next to each other at the end, so that
    alike updates of many tensors become one launch.
    """
    best = max(ready, key=freed.__getitem__)
    if freed[best] >= LEAST_FREED:
        ready.remove(best)
        return best
    places = [
        place
        for place, number in enumerate(ready)
        if not any(node.op is assign for node in items[number].writes)
    ]
    if not places:
        return ready.pop()
    newest = places[-1]
    cheapest = max(places, key=lambda place: (freed[ready[place]], place))
    is_dear = freed[ready[cheapest]] - freed[ready[newest]] >= LEAST_FREED
    return ready.pop(cheapest if is_dear else newest)


def _break_circle(items: list[Item], needs: list[set[int]], done: set[int]) -> int:
    """Return a step whose inputs are there: it may write to memory of its own."""
    for number in range(len(items)):
        if number not in done and needs[number] <= done:
            return number
    raise CompileError("the kernels of a schedule depend on each other in a circle")
