"""Rows that are sorted by their matrices give what each gives with its own."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy
import pytest
from gguf import GGMLQuantizationType

from tests.frontend.gguf.files import random_blocks, write_file
from tilegrad import Tensor, grad
from tilegrad.frontend.gguf import Weight, read_gguf

MATRICES, ROWS, COLUMNS = 5, 12, 256


def stored(kind: str, folder: Path) -> tuple[Weight, numpy.ndarray]:
    data = random_blocks(kind, MATRICES * ROWS, COLUMNS)
    write_file(folder / "w.gguf", {"w": (kind, data.reshape(MATRICES, ROWS, -1))})
    numbers = gguf.dequantize(data, GGMLQuantizationType[kind])
    return read_gguf(folder / "w.gguf").weights["w"], numbers.reshape(MATRICES, ROWS, COLUMNS)


@pytest.mark.parametrize("kind", ["Q4_1", "Q8_0", "Q6_K"])
@pytest.mark.parametrize("chosen", [[3], [0, 4], [1] * 9, [0, 0, 2, 2, 2, 4], [*range(5)] * 5])
def test_each_row_meets_its_matrix(kind: str, chosen: list[int], tmp_path: Path) -> None:
    weight, matrices = stored(kind, tmp_path)
    chosen = sorted(chosen)
    x = numpy.random.default_rng(0).standard_normal((len(chosen), COLUMNS)).astype("float32")
    found = weight.linear_sorted(Tensor(x), Tensor(chosen)).numpy()
    expected = (matrices[chosen] @ x[..., None])[..., 0]
    scale = numpy.abs(expected).max()
    numpy.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * scale)
    alone = weight.linear_sorted(Tensor(x[-1:]), Tensor(chosen[-1:])).numpy()
    numpy.testing.assert_array_equal(found[-1:], alone)


def test_the_gradient_is_that_of_the_decoded_matrices(tmp_path: Path) -> None:
    weight, matrices = stored("Q8_0", tmp_path)
    random = numpy.random.default_rng(1)
    x, upstream = (random.standard_normal((4, n)).astype("float32") for n in (COLUMNS, ROWS))
    chosen = [0, 2, 2, 4]
    product = grad(lambda x: (weight.linear_sorted(x, Tensor(chosen)) * Tensor(upstream)).sum())
    expected = (upstream[:, None] @ matrices[chosen])[:, 0]
    scale = numpy.abs(expected).max()
    numpy.testing.assert_allclose(
        product(Tensor(x)).numpy(), expected, rtol=1e-4, atol=1e-5 * scale
    )
