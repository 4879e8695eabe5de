"""What launches read that may be asked for before they begin."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from tilegrad.engine.plan import Place, Step
from tilegrad.runtime.buffer import Buffer
from tilegrad.runtime.device import Launch

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


def find_following(
    launches: Sequence[Launch], steps: Sequence[Step]
) -> Iterator[tuple[int, int, int]]:
    """Yield launches and slots whose scalars say where a later launch reads, and their values.

    Of the later launches that is the first one that reads large constants; after the last launch
    comes the first one again. Should memory move, the advice is no longer good, but harmless.

    Args:
        launches: of a recording, in order.
        steps: what they launch.
    """
    following = next((launch.reads[0] for launch in launches if launch.reads), None)
    if following is None:
        return
    for number in reversed(range(len(launches))):
        launch, program = launches[number], steps[number].program.program
        for scalar, pointer in program.following:
            _, dtype, size = program.slots[pointer]
            if isinstance(size, int):
                end = launch.arguments[pointer] + size * dtype.itemsize
                yield number, scalar, following[0] - end
        if launch.reads:
            following = launch.reads[0]
