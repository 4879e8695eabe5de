"""Matrices of experts that a file has one by one, as those of Mixtral's first months do.

They lie at equal distances in the file. So they are one tensor with gaps, in which the other
matrices of the block lie; nothing is copied.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tilegrad.base.errors import DataError
from tilegrad.frontend.gguf.blocks import Blocks
from tilegrad.frontend.gguf.header import StoredTensor
from tilegrad.tensor import Tensor

_EXPERT = re.compile(r"(blk\.\d+\.ffn_(?:gate|up|down))\.(\d+)\.weight")


class Stack(NamedTuple):
    """Tensors of one format and shape at equal distances.

    Attributes:
        name: that current files give to all of them together.
        parts: them, in order.
        distance: bytes from the start of one to the start of the next.
    """

    name: str
    parts: tuple[StoredTensor, ...]
    distance: int


class Cut(NamedTuple):
    """A matrix in each row of a tensor.

    Attributes:
        rows: shape (matrices, elements from one to the next).
        place: where in a row its matrix begins.
        shape: of a matrix.
    """

    rows: Tensor
    place: int
    shape: tuple[int, ...]

    def pick(self, index: Tensor) -> Tensor:
        """Return some matrices: rows are picked before they are cut, so that none is copied."""
        picked = self.rows[index][..., self.place : self.place + math.prod(self.shape)]
        return picked.unflatten(-1, self.shape)


class Spaced(NamedTuple):
    """Matrices with gaps between them.

    Attributes:
        numbers: of each matrix, or bytes of its blocks.
        halves: of the same blocks, as ``Blocks`` has them.
        is_quantised: whether there are blocks.
    """

    numbers: Cut
    halves: Cut | None
    is_quantised: bool = False

    def pick(self, index: Tensor) -> Blocks | Tensor:
        """Return some matrices as they are stored."""
        numbers = self.numbers.pick(index)
        if not self.is_quantised:
            return numbers
        return Blocks(numbers, None if self.halves is None else self.halves.pick(index))


def find_stacks(tensors: Iterable[StoredTensor], path: Path) -> list[Stack]:
    """Return the experts' matrices that are stored one by one.

    Raises:
        DataError: those of a block differ in format, or lie at unequal distances.
    """
    found: dict[str, dict[int, StoredTensor]] = defaultdict(dict)
    for tensor in tensors:
        match = _EXPERT.fullmatch(tensor.name)
        if match is not None:
            found[match[1]][int(match[2])] = tensor
    return [_stack(prefix, parts, path) for prefix, parts in found.items()]


def _stack(prefix: str, found: dict[int, StoredTensor], path: Path) -> Stack:
    parts = tuple(found[number] for number in sorted(found))
    kinds = {(part.format, part.shape) for part in parts}
    starts = [part.start for part in parts]
    distances = {after - before for before, after in itertools.pairwise(starts)}
    if len(kinds) > 1 or len(distances) > 1:
        raise DataError(
            "the experts of a block are not stored alike",
            got=f"{path}: {prefix}.0.weight and those after it",
            expected="one format and shape, at equal distances",
            mend="take a file that a current converter has written",
        )
    return Stack(f"{prefix}_exps.weight", parts, max(distances, default=0))
