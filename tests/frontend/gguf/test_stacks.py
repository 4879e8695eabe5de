"""Experts that a file has one by one are one weight, and nothing of it is copied."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy
import pytest
from gguf import GGMLQuantizationType

from tests.frontend.gguf.files import random_blocks, write_file
from tilegrad import Tensor
from tilegrad.base.errors import DataError
from tilegrad.engine.explain import explain
from tilegrad.frontend.gguf import read_gguf

SHAPES = {"gate": (6, 64), "up": (6, 64), "down": (4, 32)}


def draw(kind: str, rows: int, columns: int, seed: int) -> numpy.ndarray:
    random = numpy.random.default_rng(seed)
    if kind == "F16":
        return random.standard_normal((rows, columns)).astype(numpy.float16)
    return random.permutation(random_blocks(kind, 32, columns))[:rows]


def write(path: Path, kind: str) -> dict[str, list[numpy.ndarray]]:
    """Write three experts one after the other, each with its three matrices."""
    matrices = {
        name: [draw(kind, *shape, seed) for seed in range(3)] for name, shape in SHAPES.items()
    }
    weights = {}
    for expert in range(3):
        for name, found in matrices.items():
            weights[f"blk.0.ffn_{name}.{expert}.weight"] = (kind, found[expert])
    write_file(path, weights)
    return matrices


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_1", "F16"])
def test_experts_are_one_weight(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "old.gguf"
    matrices = write(path, kind)
    weights = read_gguf(path).weights
    for name, parts in matrices.items():
        weight = weights[f"blk.0.ffn_{name}_exps.weight"]
        expected = [gguf.dequantize(part, GGMLQuantizationType[kind]) for part in parts]
        assert weight.shape == (3, *SHAPES[name])
        numpy.testing.assert_array_equal(weight.numbers().numpy(), expected)
        x = numpy.random.default_rng(0).standard_normal((2, 1, SHAPES[name][1])).astype("float32")
        product = weight.pick(Tensor([[2, 0], [1, 2]])).linear(Tensor(x).realize())
        numbers = numpy.array(expected)[[[2, 0], [1, 2]]]
        reference = (numbers @ x[..., None])[..., 0]
        numpy.testing.assert_allclose(product.numpy(), reference, rtol=1e-4, atol=1e-4)


def test_nothing_is_copied(tmp_path: Path) -> None:
    path = tmp_path / "old.gguf"
    write(path, "Q8_0")
    weight = read_gguf(path).weights["blk.0.ffn_gate_exps.weight"]
    chosen, x = Tensor([[2]]).realize(), Tensor.rand(1, 1, 64).realize()
    explained = explain(weight.pick(chosen).linear(x))
    assert explained.plan.arena.nbytes == 0


def test_experts_of_different_formats_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mixed.gguf"
    kinds = ("Q8_0", "Q4_0")
    write_file(
        path,
        {
            f"blk.0.ffn_up.{number}.weight": (kind, random_blocks(kind, 4, 32))
            for number, kind in enumerate(kinds)
        },
    )
    with pytest.raises(DataError, match="not stored alike"):
        read_gguf(path)
