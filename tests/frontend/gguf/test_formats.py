"""Every format gives what gguf's own dequantiser gives, and products read nothing larger."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy
import pytest
from gguf import GGMLQuantizationType

from tests.frontend.gguf.files import random_blocks, write_file
from tilegrad import Tensor
from tilegrad.engine.explain import explain
from tilegrad.frontend.gguf import FORMATS, Weight, read_gguf

ROWS, COLUMNS = 48, 512


def stored(kind: str, folder: Path) -> tuple[Weight, numpy.ndarray]:
    """Return a weight of a file, and its numbers by the package gguf."""
    data = random_blocks(kind, ROWS, COLUMNS)
    write_file(folder / "weights.gguf", {"weight": (kind, data)})
    expected = gguf.dequantize(data, GGMLQuantizationType[kind])
    return read_gguf(folder / "weights.gguf").weights["weight"], expected


@pytest.mark.parametrize("kind", FORMATS)
def test_numbers_are_those_of_the_reference(kind: str, tmp_path: Path) -> None:
    weight, expected = stored(kind, tmp_path)
    assert (weight.shape, weight.format) == ((ROWS, COLUMNS), kind)
    assert weight.nbytes == ROWS * COLUMNS // FORMATS[kind].elements * FORMATS[kind].nbytes
    numpy.testing.assert_allclose(weight.numbers().numpy(), expected, rtol=3e-7, atol=1e-6)
    index = Tensor(numpy.array([[3, 0], [47, 3]]))
    picked = weight.rows(index).numpy()
    numpy.testing.assert_allclose(picked, expected[index.numpy()], rtol=3e-7, atol=1e-6)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("count", [40, 130])
def test_a_product_reads_what_is_stored_and_writes_nothing_else(
    kind: str, count: int, tmp_path: Path
) -> None:
    weight, numbers = stored(kind, tmp_path)
    generator = numpy.random.default_rng(0)
    x = Tensor(generator.standard_normal((count, COLUMNS)).astype(numpy.float32)).realize()
    product = weight.linear(x)
    explained = explain(product)
    assert len(explained.kernels) == 1
    assert explained.plan.arena.nbytes == 0
    expected = x.numpy().astype(numpy.float64) @ numbers.T.astype(numpy.float64)
    scale = numpy.abs(x.numpy()) @ numpy.abs(numbers.T) + 1
    assert numpy.max(numpy.abs(product.numpy() - expected) / scale) < 1e-5


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16"])
def test_weights_that_are_not_quantised(kind: str, tmp_path: Path) -> None:
    generator = numpy.random.default_rng(1)
    numbers = generator.standard_normal((8, 32)).astype(numpy.float32)
    data = gguf.quantize(numbers, GGMLQuantizationType[kind])
    write_file(tmp_path / "plain.gguf", {"weight": (kind, data)})
    weight = read_gguf(tmp_path / "plain.gguf").weights["weight"]
    expected = gguf.dequantize(data, GGMLQuantizationType[kind]).reshape(8, 32)
    numpy.testing.assert_array_equal(weight.numbers().numpy(), expected)
    assert weight.nbytes == data.nbytes
    x = generator.standard_normal((3, 32)).astype(numpy.float32)
    numpy.testing.assert_allclose(weight.linear(Tensor(x)).numpy(), x @ expected.T, rtol=1e-4)
