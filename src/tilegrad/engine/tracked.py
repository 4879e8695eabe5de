"""Tensors as the session sees them: which of them see memory that is about to be overwritten."""

from __future__ import annotations

import itertools
import weakref
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from tilegrad.engine.storage import Contents, concrete_shape, copy_storage, storage_of
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops.leaves import Storage, buffer
from tilegrad.schedule.roots import resolve_alias

MOST_CHANGES = 1024
"""So many are remembered."""


class Tracked(Protocol):
    """A tensor as the session sees it."""

    @property
    def node(self) -> Node:
        """The expression of its value; a ``buffer`` once it is realised."""
        ...

    def settle(self, contents: Contents) -> None:
        """Take the memory with the value that ``node`` expressed."""
        ...


class Changes:
    """Which tensors were made or assigned to lately, in order. It keeps none of them alive.

    Whoever has looked at all tensors once need only look at those that have changed since.

    Attributes:
        count: how many changes there have been.
    """

    def __init__(self) -> None:
        self.count = 0
        self._newest: deque[weakref.ref[Tracked]] = deque(maxlen=MOST_CHANGES)

    def note(self, tensor: weakref.ref[Tracked]) -> None:
        """Take note of a tensor that has been made or assigned to."""
        self.count += 1  # first: whoever looks meanwhile sees one too many, not one too few
        self._newest.append(tensor)

    def since(self, count: int) -> list[Tracked] | None:
        """Return the living tensors of the changes since, or None if that is too long ago.

        Args:
            count: how many changes there had been.
        """
        newest = self._newest.copy()  # at once, as other threads go on making tensors
        missing = self.count - count
        if missing > len(newest):
            return None
        latest = [*itertools.islice(reversed(newest), missing)]
        found = (reference() for reference in reversed(latest))
        return [*{id(tensor): tensor for tensor in found if tensor is not None}.values()]


class Snapshot:
    """Which tensors there were at some time, and what they were then. It keeps none of them alive.

    Args:
        tensors: those that are there now.
    """

    def __init__(self, tensors: Iterable[Tracked]) -> None:
        self._known = {
            id(tensor): (weakref.ref(tensor), weakref.ref(tensor.node)) for tensor in tensors
        }

    def __contains__(self, tensor: Tracked) -> bool:
        known = self._known.get(id(tensor))
        return known is not None and known[0]() is tensor

    def has_unchanged(self, tensor: Tracked) -> bool:
        """Whether a tensor was there and is still the same expression."""
        return tensor in self and self._known[id(tensor)][1]() is tensor.node


def find_holders(live: Iterable[Tracked], storages: Collection[Storage]) -> list[Tracked]:
    """Return the tensors that are realised in one of the storages."""
    return [
        tensor
        for tensor in live
        if tensor.node.op is buffer and storage_of(tensor.node) in storages
    ]


def find_readers(
    live: Sequence[Tracked], targets: Collection[Storage], assignments: Iterable[Node] = ()
) -> list[Tracked]:
    """Return the tensors that read a target and are not the result of an assignment."""
    assigned = set(assignments)
    candidates = [tensor for tensor in live if tensor.node not in assigned]
    # Most are nothing but memory: these are looked at by themselves, as every replay comes here.
    reading = {
        tensor.node
        for tensor in candidates
        if tensor.node.op is buffer and storage_of(tensor.node) in targets
    }
    lazy = [tensor.node for tensor in candidates if tensor.node.op is not buffer]
    for node in sort_topologically(lazy):
        if node.op is buffer:
            is_reading = storage_of(node) in targets
        else:
            is_reading = any(source in reading for source in node.sources)
        if is_reading:
            reading.add(node)
    return [tensor for tensor in candidates if tensor.node in reading] if reading else []


def part_with_memory(tensor: Tracked) -> bool:
    """Give a tensor that is nothing but memory under some shape memory of its own, if it is."""
    home = resolve_alias(tensor.node)
    if home.op is not buffer:
        return False
    shape = concrete_shape(tensor.node)
    tensor.settle((copy_storage(storage_of(home), shape), shape))
    return True
