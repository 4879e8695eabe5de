"""A matrix as a file stores it: what uses it reads the stored bytes, nothing larger is kept."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from tilegrad.base.errors import ShapeError
from tilegrad.frontend.gguf.blocks import Blocks
from tilegrad.frontend.gguf.experts import multiply_sorted
from tilegrad.frontend.gguf.few_rows import FEW, can_multiply_floats, multiply_floats
from tilegrad.frontend.gguf.formats import FORMATS
from tilegrad.frontend.gguf.products import can_multiply, multiply
from tilegrad.frontend.gguf.stacks import Spaced
from tilegrad.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Weight:
    """A stored tensor.

    Attributes:
        name: as the file has it.
        format: ggml's name of how it is stored.
        shape: in row-major order; the last axis is the one that matrix products sum over.
        stored: the blocks, shape (*shape[:-1], blocks, ..); for F32, F16 and BF16 the tensor; of
            matrices with gaps between them, those that may be picked.
    """

    name: str
    format: str
    shape: tuple[int, ...]
    stored: Blocks | Tensor | Spaced

    @property
    def nbytes(self) -> int:
        """The bytes that it takes in the file."""
        stored = self.stored.numbers.rows if isinstance(self.stored, Spaced) else self.stored
        if self.format in FORMATS or isinstance(stored, Blocks):
            form = FORMATS[self.format]
            return math.prod(self.shape) // form.elements * form.nbytes
        return math.prod(self.shape) * stored.element_size()

    @property
    def independent_rows(self) -> int:
        """How many rows x may have for each row of a product to have the bits that it has alone.

        Only the derived product of a matrix and a few rows adds in an order that depends on them.
        """
        is_derived = isinstance(self.stored, Blocks) and len(self.shape) == 2
        return 1 if is_derived and not self._has_whole_numbers else FEW

    @property
    def _has_whole_numbers(self) -> bool:
        """Whether a few rows are multiplied as whole numbers."""
        return can_multiply(self.format, self.shape[-2:], Tensor.zeros(FEW, self.shape[-1]))

    def numbers(self) -> Tensor:
        """Return the lazy float32 tensor of what is stored."""
        return _decode(self.format, self._whole()).reshape(self.shape)

    def linear(self, x: Tensor) -> Tensor:
        """Return x @ selfᵀ, of shape (.., rows), for a matrix (rows, columns) and x (.., columns).

        Of several matrices (.., rows, columns) each multiplies its own x: the axes before are
        broadcast. The sum runs over blocks and parts of blocks as axes of their own. A few rows x
        are multiplied as whole numbers where the processor is made for that (``products.py``).

        Raises:
            ShapeError: this is no matrix, or x does not end in its columns.
        """
        if len(self.shape) < 2 or x.shape[-1] != self.shape[-1]:
            raise ShapeError(
                f"{self.name}: linear: the shapes do not fit",
                got=f"{x.shape} and {self.shape}",
                expected="a matrix with as many columns as x has features",
            )
        stored = self._whole()
        if isinstance(stored, Tensor):
            if can_multiply_floats(self.shape, x):
                return multiply_floats(x.shape[0], stored, x)
        elif can_multiply(self.format, self.shape, x):
            return multiply(self.format, stored, x)
        decoded = _decode(self.format, stored)
        parts = decoded.shape[len(self.shape) - 1 :]
        factor = x.unsqueeze(-2).unflatten(-1, parts)
        return (factor * decoded).sum(tuple(range(-len(parts), 0)))

    def linear_sorted(self, x: Tensor, numbers: Tensor) -> Tensor:
        """Return the product of each row of x with its own matrix of several.

        Args:
            x: shape (count, columns).
            numbers: of the matrices, ascending, shape (count,).

        Returns:
            Shape (count, rows).
        """
        if isinstance(self.stored, Blocks) and self._has_whole_numbers:
            return multiply_sorted(self.format, self.stored, x, numbers)
        return self.pick(numbers).linear(x)

    def rows(self, index: Tensor) -> Tensor:
        """Return the numbers of some rows, shape (*index.shape, columns)."""
        return self.pick(index).numbers()

    def pick(self, index: Tensor) -> Weight:
        """Return some rows, or some matrices of many, as stored: shape (*index.shape, ..)."""
        if isinstance(self.stored, Tensor):
            picked: Blocks | Tensor = self.stored[index]
        else:
            picked = self.stored.pick(index)
        return replace(self, shape=(*index.shape, *self.shape[1:]), stored=picked)

    def _whole(self) -> Blocks | Tensor:
        """Return all of it without gaps; where there are some, that is a copy."""
        if isinstance(self.stored, Spaced):
            return self.stored.pick(Tensor.arange(self.shape[0]))
        return self.stored


def _decode(form: str, stored: Blocks | Tensor) -> Tensor:
    """Return float32 of shape (.., blocks, *parts), or (.., columns) where there are no blocks."""
    return stored.float() if isinstance(stored, Tensor) else FORMATS[form].decode(stored)
