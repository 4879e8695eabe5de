"""Memory of what lives only within a replay: all captured steps of a device share one piece.

Replays take turns, and nothing in this memory means anything after one. So a step that needs more
than there is takes a larger piece, and the others use it from their next replay on.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass

from tilegrad.engine.storage import Moves
from tilegrad.runtime.buffer import Buffer
from tilegrad.runtime.device import Allocator


class Scratch:
    """The memory that the captured steps of a device share; it goes with the last of them.

    Args:
        allocator: the device's.
        moves: is told when another piece is taken.
    """

    def __init__(self, allocator: Allocator, moves: Moves) -> None:
        self._allocator = allocator
        self._moves = moves
        self._latest: weakref.ref[Buffer] | None = None

    @property
    def latest(self) -> Buffer | None:
        """The piece that was taken last, if a step still uses it."""
        return None if self._latest is None else self._latest()

    def take(self, nbytes: int) -> Buffer:
        """Return memory of at least so many bytes."""
        found = self.latest
        if found is None or found.nbytes < nbytes:
            found = self._allocator.allocate(max(1, nbytes))
            self._latest = weakref.ref(found)
            self._moves.count += 1
        return found


@dataclass(slots=True)
class ScratchUse:
    """What a step uses of it.

    Attributes:
        scratch: what is shared.
        memory: the piece that the step uses now.
        addresses: the arguments of its recording that lie within, and how far from the beginning.
    """

    scratch: Scratch
    memory: Buffer
    addresses: Sequence[tuple[int, int]] = ()

    def follow(self, arguments: memoryview[int]) -> None:
        """Let the arguments of a recording lie in a larger piece, if one has been taken since."""
        latest = self.scratch.latest
        if latest is None or latest is self.memory or latest.nbytes < self.memory.nbytes:
            return
        self.memory = latest
        for argument, offset in self.addresses:
            arguments[argument] = latest.address + offset
