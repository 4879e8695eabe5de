"""The blocks of a quantised matrix, and the small steps by which their bits become numbers."""

from __future__ import annotations

from dataclasses import dataclass

from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ops import arithmetic
from tilegrad.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Blocks:
    """Blocks as they are stored, seen as bytes and as 16-bit words over the same memory.

    Attributes:
        bytes: uint8 of shape (.., bytes of a block).
        halves: float16 of shape (.., bytes of a block // 2); None for formats of odd size.
    """

    bytes: Tensor
    halves: Tensor | None

    def pick(self, index: Tensor) -> Blocks:
        """Return some rows, or some matrices of many."""
        return Blocks(self.bytes[index], None if self.halves is None else self.halves[index])

    def part(self, start: int, stop: int, *shape: int) -> Tensor:
        """Return some bytes of each block, in another shape."""
        return self.bytes[..., start:stop].unflatten(-1, shape)

    def number(self, place: int, rank: int) -> Tensor:
        """Return the float16 number at an even place of each block, with axes of size 1 behind.

        Args:
            place: in bytes.
            rank: how many axes of a block it is to stand before.
        """
        return self.words(place, 1).float().unflatten(-1, (1,) * rank)

    def words(self, place: int, count: int, dtype: DType = dtypes.float16) -> Tensor:
        """Return 16-bit words from an even place (in bytes) of each block on."""
        if self.halves is None:
            raise NotImplementedError("blocks of an odd size hold no 16-bit words")
        first = place // 2
        return self.halves[..., first : first + count].bitcast(dtype)


def fields(packed: Tensor, bits: int, axis: int) -> Tensor:
    """Return the numbers of so many bits that bytes hold, the lowest bits first.

    Args:
        packed: uint8, of size 1 along the axis.
        bits: 1, 2 or 4.
        axis: which becomes the axis of a byte's numbers.
    """
    mask = (1 << bits) - 1
    parts = [packed if shift == 0 else packed >> shift for shift in range(0, 8, bits)]
    return Tensor.cat(*(part & mask for part in parts[:-1]), parts[-1], dim=axis)


def scale(levels: Tensor, factor: Tensor, offset: Tensor) -> Tensor:
    """Return levels · factor + offset, float32, rounded once; all three are of one rank."""
    node = arithmetic.fused_multiply_add(levels.float().node, factor.node, offset.node)
    return Tensor.from_node(node, levels.device)
