"""Products of several quantised matrices, each with its own rows, by whole numbers.

The rows of x are sorted by their matrices. So each matrix is read once for several of its rows, and
one without rows is not read; see ``products.py`` for how a row is computed.
"""

from __future__ import annotations

from typing import NamedTuple

from tilegrad import language as tl
from tilegrad.frontend.gguf.blocks import Blocks
from tilegrad.frontend.gguf.formats import FORMATS
from tilegrad.frontend.gguf.levels import LAYOUTS
from tilegrad.frontend.gguf.products import Lines
from tilegrad.frontend.gguf.quantised_rows import QuantisedRow, quantise_rows
from tilegrad.ir.dtype import dtypes
from tilegrad.language import Array, KernelBuilder, Span, Tile
from tilegrad.ops.infer import known_sizes
from tilegrad.tensor import Tensor
from tilegrad.tensor.kernel import kernel

_TOGETHER = 8
"""At most so many rows of x have their sums in registers while a row of a matrix is read."""


class _Way(NamedTuple):
    """Which format the blocks have, and how many rows of x are multiplied at a time."""

    form: str
    together: int


def multiply_sorted(form: str, stored: Blocks, x: Tensor, numbers: Tensor) -> Tensor:
    """Return the product of each row of x with its matrix, float32 of shape (count, rows).

    Args:
        form: of the blocks, one of ``LAYOUTS``.
        stored: blocks of shape (matrices, rows, blocks, ..).
        x: float32 of shape (count, columns).
        numbers: which matrix each row is multiplied with, ascending, shape (count,).
    """
    count, matrices = len(x), len(stored.bytes)
    halves = stored.bytes if stored.halves is None else stored.halves
    places = Tensor.arange(matrices + 1, device=x.device).unsqueeze(1)
    starts = (numbers.unsqueeze(0) < places).sum(1).cast(dtypes.int32)
    together = min(_TOGETHER, 1 << (-(-count // matrices) - 1).bit_length())
    layout = LAYOUTS[form]
    turns = layout.turns(*known_sizes(stored.bytes.node.shape[1:3]))
    quantised = quantise_rows(layout.order, x, is_ring=turns > 1)
    way = _Way(form, together)
    return _multiply_sorted(way, stored.bytes, halves, starts, numbers, x, *quantised)


@kernel
def _multiply_sorted(
    build: KernelBuilder,
    way: _Way,
    stored: Array,
    halves: Array,
    starts: Array,
    numbers: Array,
    x: Array,
    levels: Array,
    factors: Array,
) -> Array:
    """Return the products; numbers and x are there for the gradient alone."""
    del numbers
    layout, together = LAYOUTS[way.form], way.together
    matrices, rows = (tl.known(size) for size in stored.shape[:2])
    count = tl.known(x.shape[0])
    y = build.output((count, rows), dtypes.float32)
    matrix = build.grid(matrices)
    lines = Lines(build, layout, stored.at(matrix), halves.at(matrix), is_long=True)
    first = build.grid(lines.instances) * lines.count
    end = starts[matrix + 1].cast(dtypes.index)
    with build.loop(starts[matrix].cast(dtypes.index), end, together) as some:
        # What lies beyond the matrix's last row is computed, but not stored.
        places = [tl.minimum(some.index + n, count - 1) for n in range(together)]
        given = [QuantisedRow(levels.at(n), factors.at(n)) for n in places]

        def store(number: int, span: Span, product: Tile) -> None:
            rows = y.at(some.index + number).reshape(*lines.shape)
            rows.store(span, product, some.index + number < end)

        lines.multiply(first, given, store)
    return y


@_multiply_sorted.gradient
def _gradient(
    upstream: Tensor, result: Tensor, way: _Way, *arguments: Tensor
) -> tuple[Tensor | None, ...]:
    """Return the gradient by x: that of products with the decoded matrices."""
    del result
    stored, halves, _, numbers = arguments[:4]
    decoded = FORMATS[way.form].decode(Blocks(stored, halves).pick(numbers))
    matrices = decoded.reshape(*decoded.shape[:2], -1)
    given = (upstream.unsqueeze(1) @ matrices).squeeze(1)
    return None, None, None, None, given, None, None
