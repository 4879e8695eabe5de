"""What a language model remembers: the keys and values of the tokens that it has read.

A model sees its memory as a ``Reading``, one step's view of it, and does not know how it is kept.
"""

from __future__ import annotations

import mmap
from typing import Protocol

import numpy

from tilegrad.apps.kernels.paged_attention import (
    LEAST,
    Scores,
    paged_attention,
    store_pages,
)
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.nn.state.mapped import wrap_arrays
from tilegrad.tensor import Tensor

_INSTANCES = 8
"""Where one token is read, its keys are divided so that there are about so many instances."""


class Sizes(Protocol):
    """The sizes of a model that its memory depends on."""

    @property
    def layers(self) -> int:
        """Number of blocks."""
        ...

    @property
    def heads(self) -> int:
        """Heads of queries."""
        ...

    @property
    def key_heads(self) -> int:
        """Heads of keys and values."""
        ...

    @property
    def head_size(self) -> int:
        """Features of a head."""
        ...


class Reading(Protocol):
    """One step's view of the memory, for the tokens that the step reads."""

    @property
    def positions(self) -> Tensor:
        """The position of each token within its own sequence, int32 of shape (tokens,)."""
        ...

    def attend(
        self,
        layer: int,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        *,
        scale: float,
        window: int | None = None,
        soft_cap: float | None = None,
        sinks: Tensor | None = None,
    ) -> Tensor:
        """Remember new keys and values, then let each token attend to its sequence and itself.

        Args:
            layer: the number of the block.
            queries: of shape (tokens, heads, features).
            keys: of shape (tokens, key heads, features).
            values: of the same shape.
            scale: what the products of queries and keys are multiplied by.
            window: how many tokens back each one sees, itself included; None for all.
            soft_cap: what bounds the scaled products, as soft_cap·tanh(product / soft_cap).
            sinks: for each head, one more score that takes its share for nothing, shape (heads,);
                None for none.

        Returns:
            A tensor of the queries' shape.
        """
        ...


class Memory:
    """Pages of keys and values, each for some positions of one sequence, in all layers.

    Page 0 belongs to nobody: what is written to it is dropped. Nothing here knows which page is
    whose; a table of pages per sequence says so in every reading.

    Args:
        sizes: of the model.
        pages: how many there are, the first one included.
        page_size: positions of a page.
        dtype: of the keys and values in memory.

    Attributes:
        page_size: as given.
        key_heads: of the model.
        nbytes: of all pages.
        keys: for each layer, shape (pages, key heads, features, page size).
        values: for each layer, shape (pages, key heads, page size, features).
        no_sinks: scores that take no share, shape (heads,).
    """

    def __init__(
        self, sizes: Sizes, pages: int, page_size: int, dtype: DType = dtypes.float16
    ) -> None:
        self.page_size, self.key_heads = page_size, sizes.key_heads
        heads, features = sizes.key_heads, sizes.head_size
        elements = pages * heads * features * page_size
        self.no_sinks = Tensor.full(sizes.heads, LEAST).realize()
        self.nbytes = 2 * sizes.layers * elements * dtype.itemsize
        keys, values = _map_zeros(self.nbytes, dtype).reshape(2, sizes.layers, pages, heads, -1)
        self.keys = wrap_arrays(keys.reshape(*keys.shape[:3], features, page_size))
        self.values = wrap_arrays(values.reshape(*values.shape[:3], page_size, features))

    def reading(self, tables: Tensor, starts: Tensor, count: int) -> Reading:
        """Return the view of a step that reads ``count`` tokens of each sequence.

        Args:
            tables: the pages of each sequence in order, int32 of shape (sequences, most pages); 0
                for none: tokens without a page are not remembered.
            starts: the position of the first new token of each sequence, int32.
            count: new tokens of each sequence.
        """
        return _PagedReading(self, tables, starts, count)


def _map_zeros(nbytes: int, dtype: DType) -> numpy.ndarray:
    """Return zeros that take memory only where they are written, page by page.

    NumPy's own may lie in memory that was used before, or in huge pages.
    """
    block = mmap.mmap(-1, nbytes)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        block.madvise(mmap.MADV_NOHUGEPAGE)
    return numpy.frombuffer(block, dtype.numpy)


class _PagedReading:
    """New tokens of some sequences whose pages are in tables."""

    def __init__(self, memory: Memory, tables: Tensor, starts: Tensor, count: int) -> None:
        self._memory, self._tables, self._starts = memory, tables, starts
        self._rows = max(rows for rows in (1, 2, 4, 8, 16, 32) if count % rows == 0)
        self._parts = max(1, _INSTANCES // memory.key_heads) if count == 1 else 1
        distances = Tensor.arange(count, dtype=dtypes.int32)
        self.positions = (starts.unsqueeze(1) + distances).flatten()

    def attend(
        self,
        layer: int,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        *,
        scale: float,
        window: int | None = None,
        soft_cap: float | None = None,
        sinks: Tensor | None = None,
    ) -> Tensor:
        """See ``Reading``."""
        all_keys, all_values = self._memory.keys[layer], self._memory.values[layer]
        stored = store_pages(keys, values, all_keys, all_values, self._tables, self.positions)
        all_keys.assign(stored[0])
        all_values.assign(stored[1])
        mixed = paged_attention(
            queries,
            all_keys,
            all_values,
            self._tables,
            self._starts,
            self._memory.no_sinks if sinks is None else sinks,
            scores=Scores(scale, window, soft_cap),
            rows=self._rows,
            parts=self._parts,
        )
        return mixed.realize(all_keys, all_values)
