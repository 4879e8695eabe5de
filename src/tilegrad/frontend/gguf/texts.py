"""Lists of texts in a file's header: a vocabulary is looked at once, so its texts are not kept."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from mmap import mmap
from typing import overload


class Texts(Sequence[str]):
    """Texts of a mapped file, each made when it is looked at.

    Args:
        mapped: the file.
        places: where each begins and ends, in turn.
    """

    def __init__(self, mapped: mmap, places: array[int]) -> None:
        self._mapped, self._places = mapped, places

    def __len__(self) -> int:
        return len(self._places) // 2

    def __iter__(self) -> Iterator[str]:
        places = iter(self._places)
        for begin in places:
            yield self._mapped[begin : next(places)].decode()

    @overload
    def __getitem__(self, number: int) -> str: ...

    @overload
    def __getitem__(self, number: slice) -> list[str]: ...

    def __getitem__(self, number: int | slice) -> str | list[str]:
        found = range(len(self))[number]
        if isinstance(found, range):
            return [self[one] for one in found]
        begin, end = self._places[2 * found : 2 * found + 2]
        return self._mapped[begin:end].decode()
