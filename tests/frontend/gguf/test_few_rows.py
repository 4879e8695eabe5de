"""Rows of a product have the bits that they have alone."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.frontend.gguf.files import SCALES, random_blocks, write_file
from tilegrad import Tensor, dtypes
from tilegrad.frontend.gguf import Weight, read_gguf
from tilegrad.frontend.gguf.few_rows import FEW, multiply_floats
from tilegrad.ir.dtype import DType

KINDS = (dtypes.float32, dtypes.float16, dtypes.bfloat16)


@pytest.fixture
def reference_session() -> None:
    """Compute with compiled kernels here: it is their order of adding that is tested."""


@settings(max_examples=12)
@given(
    dtype=st.sampled_from(KINDS),
    rows=st.integers(1, 20),
    columns=st.integers(1, 70),
    count=st.integers(1, FEW),
)
def test_floats(dtype: DType, rows: int, columns: int, count: int) -> None:
    generator = numpy.random.default_rng(rows * columns)
    matrix = Tensor(generator.standard_normal((rows, columns)).astype("float32")).cast(dtype)
    weight = Weight("w", "F32", (rows, columns), matrix.realize())
    x = generator.standard_normal((count, columns)).astype("float32")
    found = weight.linear(Tensor(x)).numpy()
    exact = x.astype("float64") @ matrix.float().numpy().astype("float64").T
    numpy.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-4)
    for place in range(count):
        alone = weight.linear(Tensor(x[place : place + 1])).numpy()
        numpy.testing.assert_array_equal(found[place : place + 1], alone)


@pytest.mark.parametrize("kind", SCALES)
def test_rows_that_are_independent(kind: str, tmp_path: Path) -> None:
    write_file(tmp_path / "w.gguf", {"w": (kind, random_blocks(kind, 24, 512))})
    weight = read_gguf(tmp_path / "w.gguf").weights["w"]
    x = numpy.random.default_rng(0).standard_normal((8, 512)).astype("float32")
    counts = [count for count in (1, 2, 4, 8) if count <= weight.independent_rows]
    products = [weight.linear(Tensor(x[:count])).numpy() for count in counts]
    for found in products:
        numpy.testing.assert_array_equal(found, products[-1][: len(found)])


def test_gradients() -> None:
    generator = numpy.random.default_rng(0)
    matrix, x = (generator.standard_normal(shape).astype("float32") for shape in ((6, 20), (3, 20)))
    found = Tensor(matrix).realize(), Tensor(x).realize()
    expected = torch.tensor(matrix, requires_grad=True), torch.tensor(x, requires_grad=True)
    grads = multiply_floats(3, *found).square().sum().gradient(*found)
    (expected[1] @ expected[0].T).square().sum().backward()
    for one, other in zip(grads, expected, strict=True):
        numpy.testing.assert_allclose(one.numpy(), other.grad.numpy(), rtol=1e-4, atol=1e-4)
