"""Products of a matrix of floats and a few rows.

Every product is added up in the same order, one column of a vector after the other, so a row's bits
do not depend on how many rows there are, as in ``products.py``; the derived product has another
order for each number. What decodes sequences side by side relies on it.
"""

from __future__ import annotations

from tilegrad import language as tl
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.op import Shape
from tilegrad.language import Array, KernelBuilder, Span, Tile
from tilegrad.tensor import Tensor
from tilegrad.tensor.kernel import kernel

FEW = 8
"""So many rows are few: their sums fit into registers."""
_COUNTS = range(1, FEW + 1)
_LANES = 16
_SUMS = 16
"""So many vectors of sums are kept in registers: of some rows of the matrix with each row of x."""


def can_multiply_floats(shape: Shape, x: Tensor) -> bool:
    """Whether ``multiply_floats`` takes a matrix of a shape, and x."""
    return len(shape) == x.ndim == 2 and x.dtype is dtypes.float32 and x.shape[0] in _COUNTS


@kernel
def multiply_floats(build: KernelBuilder, count: int, matrix: Array, x: Array) -> Array:
    """Return x @ matrixᵀ, float32 of shape (count, rows).

    Args:
        build: the kernel.
        count: rows of x, at most ``FEW``.
        matrix: floats of shape (rows, columns).
        x: float32 of shape (count, columns).
    """
    rows, columns = (tl.known(size) for size in matrix.shape)
    together = next(one for one in (4, 2, 1) if rows % one == 0 and one * count <= _SUMS)
    y = build.output((count, rows), dtypes.float32)
    place = build.grid(rows, together)
    names = [f"sums{n}" for n in range(count)]
    carried = dict.fromkeys(names, tl.zeros((together, _LANES)))
    with build.loop(0, columns // _LANES, 1, **carried) as loop:
        before = [getattr(loop, name) for name in names]
        for name, total in zip(names, _add(matrix, place, x, loop.index, before), strict=True):
            setattr(loop, name, total)
    totals = [getattr(loop, name) for name in names]
    if columns % _LANES:
        totals = _add(matrix, place, x, columns // _LANES, totals)
    for n, total in enumerate(totals):
        y[n, place] = total.sum(1)
    return y


def _add(matrix: Array, place: Span, x: Array, step: Tile | int, totals: list[Tile]) -> list[Tile]:
    """Add the products of a vector's columns; what lies beyond the last column is 0."""
    columns = slice(step * _LANES, step * _LANES + _LANES)
    factor = matrix[place, columns].cast(dtypes.float32)
    return [tl.fma(factor, x[n, columns][None, :], total) for n, total in enumerate(totals)]


@multiply_floats.gradient
def _gradient(
    upstream: Tensor, result: Tensor, count: int, matrix: Tensor, x: Tensor
) -> tuple[Tensor | None, ...]:
    """Return the gradients by the matrix and by x."""
    del result, count
    return (upstream.T @ x).cast(matrix.dtype), upstream @ matrix.float()
