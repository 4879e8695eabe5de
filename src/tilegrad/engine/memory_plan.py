"""Where temporary buffers lie: offsets in one arena, reused as soon as their contents are dead."""

from __future__ import annotations

import itertools
from bisect import insort
from collections.abc import Sequence
from typing import NamedTuple

ALIGNMENT = 256


class Lifetime(NamedTuple):
    """A temporary buffer.

    Attributes:
        nbytes: its size.
        first: the group of launches that writes it first.
        last: the group that uses it last.
    """

    nbytes: int
    first: int
    last: int


class Arena(NamedTuple):
    """Offsets of the buffers, in the order given, and the size of all."""

    offsets: tuple[int, ...]
    nbytes: int


def plan_arena(lifetimes: Sequence[Lifetime]) -> Arena:
    """Return offsets such that buffers alive at the same time do not overlap.

    Largest first, each at the lowest offset that is free during its life: the greedy-by-size
    strategy of Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference",
    2020.
    """
    sizes = [-(-life.nbytes // ALIGNMENT) * ALIGNMENT for life in lifetimes]
    offsets = [0] * len(lifetimes)
    placed: list[int] = []  # by offset
    total = 0
    for number in sorted(range(len(lifetimes)), key=lambda n: (-lifetimes[n].nbytes, n)):
        life, nbytes = lifetimes[number], sizes[number]
        offset = 0
        for other in placed:
            neighbour = lifetimes[other]
            if neighbour.last < life.first or life.last < neighbour.first:
                continue
            if offset + nbytes <= offsets[other]:
                break
            offset = max(offset, offsets[other] + sizes[other])
        offsets[number] = offset
        insort(placed, number, key=offsets.__getitem__)
        total = max(total, offset + nbytes)
    return Arena(tuple(offsets), total)


def count_alive(lifetimes: Sequence[Lifetime], groups: int) -> list[int]:
    """Return the bytes alive in each group of launches; no plan can need less than the most."""
    changes = [0] * (groups + 1)
    for life in lifetimes:
        nbytes = -(-life.nbytes // ALIGNMENT) * ALIGNMENT
        changes[life.first] += nbytes
        changes[life.last + 1] -= nbytes
    return list(itertools.accumulate(changes[:-1]))
