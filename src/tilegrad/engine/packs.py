"""Packed copies of what is constant in captured steps: weights laid out once, not at every replay.

A contraction packs its factors into panels, the order in which it reads them. Where a factor
depends on tensors only that no launch of a captured step writes, and that are none of its
arguments, the panels are kept. Steps share them. When something else overwrites such a tensor, the
panels are packed anew before they are read next.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import numpy

from tilegrad.engine.storage import Moves, memory_of
from tilegrad.ir.node import Node
from tilegrad.ops.leaves import Storage
from tilegrad.runtime.buffer import Buffer
from tilegrad.runtime.device import Device, Recording


@dataclass(eq=False, slots=True, weakref_slot=True)
class Pack:
    """A packed copy.

    Attributes:
        storages: what it is made of, in the order of the launch's slots.
        memory: where it is.
        recording: the launch that packs.
        is_stale: whether the storages have changed since.
    """

    storages: tuple[Storage, ...]
    memory: Buffer
    recording: Recording
    is_stale: bool = True

    def refresh(self, device: Device[Any]) -> None:
        """Pack, if what is packed is not that of now."""
        if self.is_stale:
            device.queue.run(self.recording, self._prepare)
            self.is_stale = False

    def _prepare(self) -> None:
        for slot, storage in enumerate(self.storages):
            place = self.recording.place_of(0, slot)
            self.recording.arguments[place] = memory_of(storage).address


class Packs:
    """The packed copies that captured steps of a device use.

    Args:
        limit: how many bytes all of them may have.
        moves: is told when a copy has become stale.
    """

    def __init__(self, limit: int, moves: Moves) -> None:
        self.limit = limit
        self._moves = moves
        self._known: WeakValueDictionary[tuple[object, ...], Pack] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._known)

    def has_room(self, nbytes: int) -> bool:
        """Whether a copy of so many bytes may be made."""
        return nbytes + sum(pack.memory.nbytes for pack in self._known.values()) <= self.limit

    def find(self, packing: Node, storages: Sequence[Storage]) -> Pack | None:
        """Return the copy that a program makes of storages, None if there is none yet."""
        return self._known.get((packing, *map(id, storages)))

    def add(self, packing: Node, pack: Pack) -> None:
        """Remember a copy for as long as a step uses it; it keeps its storages alive."""
        self._known[packing, *map(id, pack.storages)] = pack

    def note_written(self, storages: AbstractSet[Storage]) -> None:
        """Take note of storages that have been overwritten."""
        if not (self._known and storages):
            return
        for pack in list(self._known.values()):
            if not storages.isdisjoint(pack.storages):
                pack.is_stale = True
                self._moves.count += 1


def is_constant(storage: Storage) -> bool:
    """Whether nobody but this process's launches can overwrite a storage.

    It is memory of our own, or borrowed from an array that is read-only down to its base.
    """
    memory = memory_of(storage)
    if memory.is_writable:
        return True
    base = memory.keeper
    while isinstance(base, numpy.ndarray):
        if base.flags.writeable:
            return False
        base = base.base
    return base is not memory.keeper
