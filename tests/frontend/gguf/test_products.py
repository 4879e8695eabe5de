"""Products by whole numbers: near the reference's, of the same bits for any number of rows."""

from __future__ import annotations

import gguf
import numpy
import pytest
from gguf import GGMLQuantizationType
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.frontend.gguf.files import random_blocks
from tilegrad import Tensor, grad
from tilegrad.base.settings import Settings
from tilegrad.engine import Session
from tilegrad.engine.explain import explain
from tilegrad.frontend.gguf import FORMATS, Weight
from tilegrad.frontend.gguf.blocks import Blocks
from tilegrad.frontend.gguf.levels import LAYOUTS
from tilegrad.frontend.gguf.products import multiply

kinds = pytest.mark.parametrize("kind", list(LAYOUTS))


def stored(kind: str, rows: int, columns: int, device: str = "cpu") -> tuple[Weight, numpy.ndarray]:
    """Return a weight of random blocks, and its numbers by the package gguf."""
    data = random_blocks(kind, rows, columns)
    numbers = gguf.dequantize(data, GGMLQuantizationType[kind]).astype(numpy.float64)
    data = data.reshape(rows, -1, FORMATS[kind].nbytes)
    has_halves = data.shape[-1] % 2 == 0
    halves = Tensor(data.view(numpy.float16), device=device) if has_halves else None
    blocks = Blocks(Tensor(data, device=device), halves)
    return Weight("weight", kind, (rows, columns), blocks), numbers


def check(found: Tensor, x: numpy.ndarray, numbers: numpy.ndarray) -> None:
    """Compare, relative to what blocks with their greatest element would add up to: 2^-16 of it."""
    exact = x.astype(numpy.float64) @ numbers.T
    most = numpy.abs(x).reshape(len(x), -1, 32).max(2).repeat(32, 1)
    error = numpy.abs(found.numpy() - exact)
    assert (error <= 2**-16 * (most @ numpy.abs(numbers).T) + 1e-30).all()


def rows_of(count: int, columns: int, seed: int = 0) -> numpy.ndarray:
    """Return rows whose elements differ much in size."""
    generator = numpy.random.default_rng(seed)
    x = generator.standard_normal((count, columns)) ** 5
    return x.astype(numpy.float32)


@kinds
@settings(max_examples=8)
@given(
    st.sampled_from([(3, 7), (4, 3), (4, 18), (8, 18), (16, 7), (4, 5), (2, 6), (8, 9), (4, 11)]),
    st.integers(0, 2**32 - 1),
)
def test_products_of_rows(kind: str, shape: tuple[int, int], seed: int) -> None:
    rows, columns = shape[0], shape[1] * FORMATS[kind].elements
    weight, numbers = stored(kind, rows, columns)
    x = rows_of(11, columns, seed)
    x[2, :32] = 0
    x[3, :32] *= 1e30
    x[4, :32] *= 1e-38
    several = multiply(kind, weight.stored, Tensor(x))
    check(several, x, numbers)
    one = multiply(kind, weight.stored, Tensor(x[1:2])).numpy()
    numpy.testing.assert_array_equal(one, several.numpy()[1:2])


def test_a_row_that_is_not_finite_is_alone_so() -> None:
    """Rows of 18 blocks are joined in pairs, and share a portion."""
    data = random_blocks("Q4_1", 8, 576)
    data[2, 17 * 20 : 17 * 20 + 4] = 0x7E  # the last scales of one row are NaN
    data[5, :4] = 0x7E  # and the first ones of another
    shaped = data.reshape(8, 18, 20)
    blocks = Blocks(Tensor(shaped), Tensor(shaped.view(numpy.float16)))
    found = multiply("Q4_1", blocks, Tensor(rows_of(3, 576))).numpy()
    assert numpy.isnan(found).all(0).tolist() == [row in (2, 5) for row in range(8)]
    assert numpy.isfinite(found[:, [0, 1, 3, 4, 6, 7]]).all()


def test_what_is_not_finite_stays_so() -> None:
    weight, _ = stored("Q4_1", 3, 160)
    x = rows_of(3, 160)
    x[0, 7], x[1, 159] = numpy.nan, numpy.inf
    found = multiply("Q4_1", weight.stored, Tensor(x)).numpy()
    assert not numpy.isfinite(found[:2]).any()
    assert numpy.isfinite(found[2]).all()


@pytest.mark.parametrize("kind", ["Q4_0", "Q5_1", "Q3_K", "MXFP4"])
def test_the_kernels_mean_the_same_when_interpreted(kind: str) -> None:
    weight, numbers = stored(kind, 2, 256, "reference")
    x = rows_of(2, 256)
    check(multiply(kind, weight.stored, Tensor(x, device="reference")), x, numbers)


@pytest.mark.parametrize("level", ["avx2", "sse2"])
def test_processors_without_the_instruction(level: str) -> None:
    """A product decodes; the kernels are right all the same."""
    with Session(Settings(instruction_set=level)).entered():
        weight, numbers = stored("Q5_0", 3, 160)
        x = rows_of(2, 160)
        check(multiply("Q5_0", weight.stored, Tensor(x)), x, numbers)
        assert len(explain(weight.linear(Tensor(x).realize())).kernels) == 1


def test_the_gradient_is_that_of_the_decoded_matrix() -> None:
    weight, numbers = stored("Q4_1", 3, 64)
    x = Tensor(rows_of(2, 64))
    upstream = rows_of(2, 3, 1)
    found = grad(lambda x: (multiply("Q4_1", weight.stored, x) * Tensor(upstream)).sum())(x)
    numpy.testing.assert_allclose(found.numpy(), upstream @ numbers, rtol=1e-4, atol=1e-5)


@kinds
def test_a_few_rows_of_a_weight(kind: str) -> None:
    weight, numbers = stored(kind, 16, 256)
    x = rows_of(4, 256)
    product = weight.linear(Tensor(x).realize())
    check(product, x, numbers)
    assert explain(product).plan.arena.nbytes < 16384
