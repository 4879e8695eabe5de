"""Values put at places of a tensor, by PyTorch's names. Each gives a new tensor."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Self

from tilegrad.base.errors import ShapeError
from tilegrad.ir.dtype import dtypes
from tilegrad.ops import symbolic
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import as_integer, resolve_axis
from tilegrad.tensor.arithmetic import Operand
from tilegrad.tensor.broadcasting import show_shape
from tilegrad.tensor.linear_algebra import LinearAlgebra, identity, row_numbers


class Placing(LinearAlgebra):
    """Writing by index, mask, slice and diagonal; the new tensor is returned."""

    __slots__ = ()

    def index_copy(self, dim: int, index: Self, source: Operand) -> Self:
        """Return self with slices of ``source`` at positions along an axis."""
        return self._put((*self._before(dim), index), source)

    def index_fill(self, dim: int, index: Self, value: Operand) -> Self:
        """Return self with one value at positions along an axis."""
        return self._put((*self._before(dim), index), value)

    def index_put(self, indices: Sequence[Self], values: Operand, accumulate: bool = False) -> Self:
        """Return self with values at positions along the first axes, written or added.

        Args:
            indices: integers for each of these axes, which broadcast to one shape; or masks.
            values: what broadcasts to that shape and the sizes of the other axes.
            accumulate: whether to add, so that values at equal places add up.
        """
        if not accumulate:
            return self._put(tuple(indices), values)
        count = symbolic.multiply_all(self.node.shape)
        places = self.with_node(nodes.positions(count, dtypes.int64)).reshape_as(self)
        chosen = places[tuple(indices)]
        wide = self.with_node(self.as_operand(values, self.dtype)).expand(*chosen.shape)
        return self.flatten().index_add(0, chosen.flatten(), wide.flatten()).reshape_as(self)

    def put(self, index: Self, source: Self, accumulate: bool = False) -> Self:
        """Return self with elements at positions of the flattened tensor, written or added."""
        flat, values = self.flatten(), source.flatten()
        places = index.flatten()
        if accumulate:
            return flat.index_add(0, places, values).reshape_as(self)
        return flat.index_copy(0, places, values).reshape_as(self)

    def masked_scatter(self, mask: Self, source: Self) -> Self:
        """Return self with the elements of ``source``, in order, where the mask is True."""
        wide = mask.expand(*self.shape)
        number = (wide.cast(dtypes.int64).flatten().cumsum(0) - 1).clamp(0).reshape_as(self)
        return wide.where(source.take(number), self)

    def take_along_dim(self, indices: Self, dim: int) -> Self:
        """Return elements at positions along an axis; see ``take_along_axis``."""
        return self.take_along_axis(indices, dim)

    def select(self, dim: int, index: int) -> Self:
        """Return the part at one position along an axis, without the axis."""
        return self[(*self._before(dim), index)]

    def select_scatter(self, src: Self, dim: int, index: int) -> Self:
        """Return self with ``src`` in place of ``select(dim, index)``."""
        return self._put((*self._before(dim), index), src)

    def slice_scatter(
        self,
        src: Self,
        dim: int = 0,
        start: int | None = None,
        end: int | None = None,
        step: int = 1,
    ) -> Self:
        """Return self with ``src`` in place of a slice along an axis."""
        return self._put((*self._before(dim), slice(start, end, step)), src)

    def diagonal_scatter(self, src: Self, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Self:
        """Return self with ``src`` in place of ``diagonal(offset, dim1, dim2)``."""
        last = self.movedim((dim1, dim2), (-2, -1))
        height, width = (as_integer(size, "a size") for size in last.shape[-2:])
        wide = src.diag_embed(offset)
        rows, columns = (as_integer(size, "a size") for size in wide.shape[-2:])
        wide = wide.pad((0, max(0, width - columns), 0, max(0, height - rows)))
        wide = wide.narrow(-2, 0, height).narrow(-1, 0, width)
        gap = self.with_node(nodes.positions(width, dtypes.int64, 2, 1)) - row_numbers(height, self)
        return (gap == offset).where(wide, last).movedim((-2, -1), (dim1, dim2))

    def diag_embed(self, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Self:
        """Return matrices with the last axis on a diagonal and zeros elsewhere."""
        size = as_integer(self.shape[-1], "the size of a diagonal")
        wide = self.unsqueeze(-1) * identity(size, self)
        before, after = max(0, offset), max(0, -offset)
        wide = wide.pad((before, after, after, before))
        return wide.movedim((-2, -1), (dim1, dim2))

    def diagflat(self, offset: int = 0) -> Self:
        """Return a matrix with all elements on a diagonal and zeros elsewhere."""
        return self.flatten().diag_embed(offset)

    def block_diag(self, *others: Self) -> Self:
        """Return a matrix with this and other matrices along the diagonal and zeros elsewhere."""
        blocks = [one if one.ndim == 2 else one.reshape(1, -1) for one in (self, *others)]
        rows: list[Self] = []
        total = sum(as_integer(block.shape[1], "a size") for block in blocks)
        start = 0
        for block in blocks:
            width = as_integer(block.shape[1], "a size")
            rows.append(block.pad((start, total - start - width)))
            start += width
        return rows[0].cat(*rows[1:], dim=0)

    def rot90(self, k: int = 1, dims: tuple[int, int] = (0, 1)) -> Self:
        """Return the tensor turned k times by 90°, from the first of two axes to the second."""
        first, second = dims
        turns = k % 4
        if turns == 2:
            return self.flip(first, second)
        if turns == 0:
            return self
        turned = self.transpose(first, second)
        return turned.flip(first) if turns == 1 else turned.flip(second)

    def fliplr(self) -> Self:
        """Return the columns (axis 1) in reverse order."""
        return self.flip(1)

    def flipud(self) -> Self:
        """Return the rows (axis 0) in reverse order."""
        return self.flip(0)

    def hstack(self, *others: Self) -> Self:
        """Return tensors joined along axis 1; vectors along their only axis."""
        wide = [one if one.ndim else one.reshape(1) for one in (self, *others)]
        return wide[0].cat(*wide[1:], dim=0 if wide[0].ndim == 1 else 1)

    def vstack(self, *others: Self) -> Self:
        """Return tensors joined along axis 0; vectors become rows."""
        rows = [one if one.ndim > 1 else one.reshape(1, -1) for one in (self, *others)]
        return rows[0].cat(*rows[1:], dim=0)

    def tensor_split(self, indices_or_sections: int | Sequence[int], dim: int = 0) -> list[Self]:
        """Return parts along an axis: as many as said, almost equal, or cut before positions."""
        axis = resolve_axis(dim, self.ndim)
        size = as_integer(self.shape[axis], "the axis to split")
        if isinstance(indices_or_sections, int):
            count = indices_or_sections
            extra = size % count
            edges = [i * (size // count) + min(i, extra) for i in range(count + 1)]
        else:
            edges = [
                0,
                *(min(max(i if i >= 0 else i + size, 0), size) for i in indices_or_sections),
            ]
            edges.append(size)
        pairs = itertools.pairwise(edges)
        return [self.narrow(axis, start, max(0, stop - start)) for start, stop in pairs]

    def vander(self, n: int | None = None, increasing: bool = False) -> Self:
        """Return the powers of a vector's elements as rows, from the highest down by default."""
        if self.ndim != 1:
            raise ShapeError("vander needs a vector", got=show_shape(self.node.shape))
        count = as_integer(self.shape[0], "the vector") if n is None else n
        if count == 0:
            return self.unsqueeze(1).expand(self.shape[0], 0)
        powers = [self.pow(float(k)).cast(self.dtype) for k in range(count)]
        ordered = powers if increasing else powers[::-1]
        return ordered[0].stack(*ordered[1:], dim=1)

    def _before(self, dim: int) -> tuple[slice, ...]:
        return (slice(None),) * resolve_axis(dim, self.ndim)

    def _put(self, index: tuple[object, ...], values: Operand) -> Self:
        changed = self.with_node(self.node)
        changed[index] = values
        return self.with_node(changed.node)
