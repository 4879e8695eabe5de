"""Where everything that a captured step writes lies: one arena for all of its plans.

What lives only inside the step has its place there, as in a plan. So has what the step makes and
leaves behind for others, such as the gradients of parameters, from the launch that writes it to the
end of the step: until then the place serves what dies before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from tilegrad.engine.memory_plan import Lifetime, plan_arena
from tilegrad.engine.plan import Plan, find_lives
from tilegrad.engine.storage import SharedMemory, memory_of
from tilegrad.ops.leaves import Storage
from tilegrad.runtime.buffer import Buffer


class StepMemory(NamedTuple):
    """The arena of a captured step.

    Attributes:
        temporaries: for each plan, the offsets of its temporaries.
        kept: the offsets of storages that the step makes and that outlive it.
        nbytes: size of the arena.
    """

    temporaries: Sequence[Sequence[int]]
    kept: Mapping[Storage, int]
    nbytes: int

    def move_kept(self, arena: Buffer) -> None:
        """Give the storages their places in the arena, with their contents."""
        for storage, offset in self.kept.items():
            before = memory_of(storage)
            place = SharedMemory(arena.part(offset, before.nbytes))
            place.array()[:] = before.array()
            storage.memory = place


def plan_step(
    plans: Sequence[Plan], made: Sequence[Sequence[Storage]], kept: Collection[Storage]
) -> StepMemory:
    """Return where the memory of a step lies.

    Args:
        plans: what runs, one after the other.
        made: for each plan, the storages that it makes.
        kept: those of them that stay where they are from replay to replay. Those of symbolic size
            are left where they were.
    """
    homes = [
        (number, place, storage)
        for number, (plan, storages) in enumerate(zip(plans, made, strict=True))
        for place, storage in enumerate(storages)
        if storage in kept and isinstance(plan.made[place].size, int)
    ]
    if not homes:
        arenas = [plan.place_temporaries() for plan in plans]
        most = max((arena.nbytes for arena in arenas), default=0)
        return StepMemory([arena.offsets for arena in arenas], {}, most)
    starts = [sum(len(plan.groups) for plan in plans[:number]) for number in range(len(plans))]
    end = sum(len(plan.groups) for plan in plans)
    lifetimes: list[Lifetime] = []
    for plan, start in zip(plans, starts, strict=True):
        for nbytes, first, last in plan.measure_lifetimes():
            lifetimes.append(Lifetime(nbytes, first + start, last + start))
    lives = [find_lives(plan.groups, "made") for plan in plans]
    for number, place, storage in homes:
        first = starts[number] + lives[number].get(place, (0, 0))[0]
        lifetimes.append(Lifetime(memory_of(storage).nbytes, first, end))
    arena = plan_arena(lifetimes)
    offsets = iter(arena.offsets)
    temporaries = [[next(offsets) for _ in plan.temporaries] for plan in plans]
    kept_offsets = {storage: next(offsets) for _, _, storage in homes}
    return StepMemory(temporaries, kept_offsets, arena.nbytes)
