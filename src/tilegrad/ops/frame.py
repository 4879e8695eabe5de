"""What a block or a round of a loop performs, in order, while a program is written."""

from __future__ import annotations

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import tile
from tilegrad.ops.atomic import atomic
from tilegrad.ops.memory import store


class Frame:
    """The effects of a block or of a round of a loop, and the last one on each pointer.

    Args:
        nothing: an effect that does nothing, and is that of no other frame.

    Attributes:
        effects: what is performed, in order.
        last: for each pointer the last effect that writes through it.
        loads: for each pointer the loads through it since then.
    """

    def __init__(self, nothing: Node) -> None:
        self.effects: list[Node] = []
        self.last: dict[Node, Node] = {}
        self.loads: dict[Node, list[Node]] = {}
        self._nothing = nothing

    def perform(self, effect: Node, pointers: list[Node]) -> None:
        """Add an effect that writes through ``pointers``, after all loads through them so far."""
        loads = [load for pointer in pointers for load in self.loads.pop(pointer, ())]
        is_access = effect.op in (store, atomic)
        needed = set(sort_topologically([effect])) if loads and is_access else ()
        before = [load for load in loads if load not in needed]
        if before:  # what a store does not need itself would else be read after it
            self.effects.append(tile.block(*before))
        self.effects.append(effect)
        self.last.update(dict.fromkeys(pointers, effect))

    def start(self) -> Node:
        """Return an effect that does nothing, before all others."""
        if self._nothing not in self.effects[:1]:
            self.effects.insert(0, self._nothing)
        return self._nothing

    def block(self) -> Node:
        """Return the effects as one."""
        return tile.block(*self.effects)
