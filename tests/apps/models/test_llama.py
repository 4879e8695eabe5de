"""Llama and its kin give the logits of transformers, in chunks and token by token."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import torch

from tests.apps.models.gguf_models import SIZES, make_model, write_model
from tilegrad.apps.chat import Generator
from tilegrad.apps.models.llama import Llama
from tilegrad.apps.models.llama_config import LlamaConfig
from tilegrad.base.errors import DataError
from tilegrad.frontend.gguf import GGUFFile, read_gguf


@pytest.mark.parametrize(
    ("kind", "is_tied"), [("llama", True), ("llama", False), ("qwen2", True), ("qwen3", True)]
)
def test_logits_are_those_of_transformers(kind: str, is_tied: bool, tmp_path: Path) -> None:
    reference = make_model(kind, is_tied=is_tied)
    write_model(tmp_path / "model.gguf", kind, reference)
    generator = Generator(Llama(read_gguf(tmp_path / "model.gguf")), 128)
    text = numpy.random.default_rng(0).integers(0, SIZES["vocab_size"], 80).tolist()
    with torch.no_grad():
        expected = reference(torch.tensor([text])).logits[0].numpy()
    for count in (1, 5, 32, 71):  # a whole prompt, part of a chunk, a chunk, several
        found = generator.read(text[:count])
        numpy.testing.assert_allclose(found, expected[count - 1], rtol=1e-3, atol=1e-4)
    for place, token in enumerate(text[71:], start=71):
        found = generator.add(token)
        numpy.testing.assert_allclose(found, expected[place], rtol=1e-3, atol=1e-4)


def test_what_is_not_known_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no model of this architecture") as caught:
        LlamaConfig.from_metadata({"general.architecture": "mamba"})
    assert "'mamba'" in str(caught.value)
    with pytest.raises(DataError, match="does not say a size"):
        LlamaConfig.from_metadata({"general.architecture": "llama"})
    stretched = {"general.architecture": "llama", "llama.rope.scaling.type": "yarn"}
    with pytest.raises(DataError, match="stretches its positions"):
        LlamaConfig.from_metadata(stretched)
    write_model(tmp_path / "model.gguf", "llama", make_model("llama", is_tied=True))
    file = read_gguf(tmp_path / "model.gguf")
    weights = {name: one for name, one in file.weights.items() if name != "blk.1.ffn_up.weight"}
    with pytest.raises(DataError, match="lacks a weight") as caught:
        Llama(GGUFFile(file.path, file.metadata, weights))
    assert "blk.1.ffn_up.weight" in str(caught.value)


def test_a_window_limits_the_context_and_positions_may_be_stretched(tmp_path: Path) -> None:
    write_model(tmp_path / "model.gguf", "llama", make_model("llama", is_tied=True))
    file = read_gguf(tmp_path / "model.gguf")
    changes = {
        "llama.attention.sliding_window": 64,
        "llama.rope.scaling.type": "linear",
        "llama.rope.scaling.factor": 4.0,
    }
    plain = Llama(file)
    model = Llama(GGUFFile(file.path, {**file.metadata, **changes}, file.weights))
    assert (plain.config.context, model.config.context) == (256, 64)
    found, expected = (one.rotation.frequencies.numpy() for one in (model, plain))
    numpy.testing.assert_allclose(found, expected / 4, rtol=1e-6)
