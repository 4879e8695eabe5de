"""What launches read that may be asked for before they begin."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from tilegrad.engine.plan import Place, Step
from tilegrad.runtime.buffer import Buffer

LONG_READ = 1 << 16
"""A constant of so many bytes is in no first cache when a launch begins to read it."""


def find_reads(
    step: Step, memory: Mapping[Place, Buffer], constants: Collection[Place]
) -> tuple[tuple[int, int], ...]:
    """Return addresses and lengths of the large constants that a launch reads as a whole.

    Args:
        step: what is launched.
        memory: where everything is.
        constants: what nothing writes.
    """
    found = [
        memory[place]
        for slot, place in zip(step.program.program.slots, step.places, strict=True)
        if place is not None and place in constants and isinstance(slot.size, int)
        if slot.size <= step.program.work  # a look-up of a few rows does less
    ]
    spans = ((one.address, one.nbytes) for one in found if one.nbytes >= LONG_READ)
    return tuple(dict.fromkeys(spans))
