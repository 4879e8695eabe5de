"""Networks of comparisons: which places are compared, in order, whatever stands there."""

from __future__ import annotations

Comparison = tuple[int, int]
"""Places of the elements of which the first is to hold the lesser one."""


def sort_levels(size: int) -> list[Comparison]:
    """Return the network that sorts a block: odd-even merges of Batcher, 63 for 16 elements."""
    found: list[Comparison] = []

    def merge(start: int, count: int, step: int) -> None:
        if 2 * step >= count:
            found.append((start, start + step))
            return
        merge(start, count, 2 * step)
        merge(start + step, count, 2 * step)
        inner = range(start + step, start + count - step, 2 * step)
        found.extend((place, place + step) for place in inner)

    def sort(start: int, count: int) -> None:
        if count > 1:
            sort(start, count // 2)
            sort(start + count // 2, count // 2)
            merge(start, count, 1)

    sort(0, size)
    return found


def merge_levels(size: int, count: int) -> list[Comparison]:
    """Return the first levels of a bitonic merge of a block."""
    reaches = [size >> level for level in range(1, count + 1)]
    return [(i, i + reach) for reach in reaches for i in range(size) if not i & reach]
