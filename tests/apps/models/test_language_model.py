"""Every family gives the logits of transformers, in chunks and token by token."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import numpy
import pytest
import torch

from tests.apps.models.gguf_models import PLAIN, SIZES, make_model, write_model
from tilegrad import Tensor
from tilegrad.apps.generation import Decoder, Sequence
from tilegrad.apps.models.language_families import read_config
from tilegrad.apps.models.language_model import LanguageModel
from tilegrad.base.errors import DataError
from tilegrad.engine.explain import explain
from tilegrad.frontend.gguf import GGUFFile, read_gguf
from tilegrad.ir.dtype import dtypes

MIXTURE = {"num_experts_per_tok": 2, "moe_intermediate_size": 32, "num_experts": 4}
SCALED = {"factor": 4.0, "original_max_position_embeddings": 48}
SCALES = {
    "attention_multiplier": 0.5,
    "embedding_multiplier": 3.0,
    "residual_multiplier": 0.25,
    "logits_scaling": 0.5,
}
MODELS: dict[str, dict[str, Any]] = {
    "llama": {
        "tie_word_embeddings": True,
        "num_key_value_heads": 1,
        "rope_parameters": {
            **PLAIN,
            **SCALED,
            "rope_type": "llama3",
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
        },
    },
    "mistral": {
        "head_dim": 20,
        "sliding_window": 40,
        "rope_parameters": {**PLAIN, "rope_type": "linear", "factor": 4.0},
    },
    "mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2},
    "smollm3": {"num_hidden_layers": 4},
    "granite": SCALES,
    "granitemoe": {**SCALES, "num_local_experts": 4, "num_experts_per_tok": 2},
    "qwen2": {"rope_parameters": {**PLAIN, **SCALED, "rope_type": "yarn", "attention_factor": 1.5}},
    "qwen3": {"head_dim": 32},
    "qwen2_moe": {**MIXTURE, "shared_expert_intermediate_size": 48},
    "qwen3_moe": {**MIXTURE, "head_dim": 32, "norm_topk_prob": True},
    "gpt_oss": {
        "head_dim": 32,
        "num_local_experts": 4,
        "num_experts_per_tok": 2,
        "sliding_window": 40,
        "rope_parameters": {**PLAIN, **SCALED, "rope_type": "yarn", "truncate": False},
    },
    "olmoe": {"num_experts_per_tok": 2, "num_experts": 4},
    "gemma": {"head_dim": 32, "tie_word_embeddings": True},
    "gemma2": {
        "head_dim": 32,
        "query_pre_attn_scalar": 32,
        "sliding_window": 40,
        "layer_types": ["full_attention", "sliding_attention"],
        "sliding_window_pattern": [False, True],
    },
    "gemma3_text": {
        "head_dim": 32,
        "query_pre_attn_scalar": 32,
        "sliding_window": 40,
        "num_hidden_layers": 7,
        "rope_parameters": {
            "full_attention": {**PLAIN, "rope_type": "linear", "factor": 8.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 500.0},
        },
    },
    "phi3": {
        "sliding_window": 40,
        "original_max_position_embeddings": 48,
        "rope_parameters": {
            **PLAIN,
            "rope_type": "longrope",
            "partial_rotary_factor": 0.75,
            "original_max_position_embeddings": 48,
            "attention_factor": 1.2,
            "short_factor": [1.0, 1.1, 1.2, 1.3, 1.4, 1.5],
            "long_factor": [1.0, 1.5, 2.0, 3.0, 4.0, 5.0],
        },
    },
}
CONTEXT = 128


@pytest.fixture
def reference_session() -> None:
    """Compute with compiled kernels here: it is they that fuse what families add."""


def write(kind: str, folder: Path, **options: Any) -> tuple[GGUFFile, torch.nn.Module]:
    reference = make_model(kind, **MODELS[kind], **options)
    write_model(folder / "model.gguf", reference)
    return read_gguf(folder / "model.gguf"), reference


def follow(model: LanguageModel, text: list[int], prompt: int) -> numpy.ndarray:
    """Return the logits after a prompt and after each of the tokens that follow it."""
    decoder = Decoder(model, context=CONTEXT, dtype=dtypes.float32)
    sequence = decoder.open(text[:prompt])
    logits = read(decoder, sequence)
    steps = (decoder.step({sequence: token})[sequence] for token in text[prompt:])
    return numpy.stack([logits, *steps])


def read(decoder: Decoder, sequence: Sequence) -> numpy.ndarray:
    """Return the logits after a prompt."""
    while (logits := decoder.read(sequence)) is None:
        pass
    return logits


def check_short_text(model: LanguageModel, reference: torch.nn.Module) -> None:
    """Compare the logits after a few tokens."""
    text = list(range(20))
    with torch.no_grad():
        expected = reference(torch.tensor([text])).logits[0, 9:].numpy()
    found = follow(model, text, 10)
    numpy.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("kind", MODELS)
def test_logits_are_those_of_transformers(kind: str, tmp_path: Path) -> None:
    file, reference = write(kind, tmp_path)
    text = numpy.random.default_rng(0).integers(0, SIZES["vocab_size"], 80).tolist()
    with torch.no_grad():
        expected = reference(torch.tensor([text])).logits[0].numpy()
    found = follow(LanguageModel(file, CONTEXT), text, 72)
    numpy.testing.assert_allclose(found, expected[71:], rtol=1e-4, atol=2e-5)


def test_short_texts_are_turned_by_their_own_factors(tmp_path: Path) -> None:
    file, reference = write("phi3", tmp_path)
    check_short_text(LanguageModel(file, 40), reference)


def test_gate_and_rest_of_experts_may_be_joined(tmp_path: Path) -> None:
    file, reference = write("mixtral", tmp_path)
    weights = dict(file.weights)
    for layer in range(SIZES["num_hidden_layers"]):
        gate, up = (weights.pop(f"blk.{layer}.ffn_{name}_exps.weight") for name in ("gate", "up"))
        experts, rows, columns = gate.shape
        stored = gate.stored.cat(up.stored, dim=1).realize()
        joined = replace(gate, shape=(experts, 2 * rows, columns), stored=stored)
        weights[f"blk.{layer}.ffn_gate_up_exps.weight"] = joined
    check_short_text(LanguageModel(replace(file, weights=weights)), reference)


def test_sequences_side_by_side_get_the_bits_that_they_get_alone(tmp_path: Path) -> None:
    model = LanguageModel(write("qwen2_moe", tmp_path)[0], CONTEXT)
    texts = numpy.random.default_rng(1).integers(0, SIZES["vocab_size"], (9, 14)).tolist()

    def decode(texts: list[list[int]]) -> list[numpy.ndarray]:
        decoder = Decoder(model, context=CONTEXT, sequences=9)
        sequences = [decoder.open(text[:10]) for text in texts]
        for sequence in sequences:
            read(decoder, sequence)
        for place in range(10, 14):
            tokens = (text[place] for text in texts)
            found = decoder.step(dict(zip(sequences, tokens, strict=True)))
        return list(found.values())

    together = decode(texts)
    for place in (0, 8):
        (alone,) = decode(texts[place : place + 1])
        numpy.testing.assert_array_equal(together[place], alone)


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_1"])
def test_only_chosen_experts_are_read_and_nothing_as_large_is_written(
    kind: str, tmp_path: Path
) -> None:
    file, _ = write("mixtral", tmp_path)
    network = LanguageModel(file).blocks[0].network
    path = tmp_path / "quantised.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    form = gguf.GGMLQuantizationType[kind]
    layers = dict(zip(("gate", "up", "down"), [*network.inner, network.down], strict=True))
    for name, layer in layers.items():
        quantised = gguf.quantize(layer.weight.numbers().numpy(), form)
        writer.add_tensor(name, quantised, raw_dtype=form)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    stored = read_gguf(path).weights
    for name, weight in stored.items():
        layers[name].weight = weight
    x = Tensor.rand(1, SIZES["hidden_size"]).realize()
    explained = explain(network(x))
    chosen = stored["gate"].nbytes // 4 * MODELS["mixtral"]["num_experts_per_tok"]
    assert explained.plan.arena.nbytes < chosen


def change(file: GGUFFile, **changes: Any) -> GGUFFile:
    """Return a file that says something else; ``__`` stands for a point."""
    named = {name.replace("__", "."): value for name, value in changes.items()}
    return replace(file, metadata={**file.metadata, **named})


def test_older_names_mean_the_same(tmp_path: Path) -> None:
    file, _ = write("mistral", tmp_path)
    config = read_config(file)
    untold = change(file, llama__rope__scaling__type=None)
    assert read_config(untold) == config
    older = change(untold, llama__rope__scaling__factor=None, llama__rope__scale_linear=4.0)
    assert read_config(older) == config
    assert read_config(change(older, llama__rope__scale_linear=None)) != config


def test_files_say_which_blocks_have_windows(tmp_path: Path) -> None:
    file, _ = write("gemma3_text", tmp_path)
    pattern = "gemma3__attention__sliding_window_pattern"
    every_third = read_config(change(file, **{pattern: 3})).windows
    assert every_third == (40, 40, None, 40, 40, None, 40)
    assert read_config(change(file, **{pattern: [True] * 7})).windows == (40,) * 7
    none = change(file, gemma3__attention__sliding_window=None)
    assert read_config(none).windows == (None,) * 7
    with pytest.raises(DataError, match="of each block"):
        read_config(change(file, **{pattern: [True] * 6}))


def test_what_is_not_known_is_named(tmp_path: Path) -> None:
    file, _ = write("mixtral", tmp_path)
    refused = {
        "no model of this architecture": change(file, general__architecture="mamba"),
        "split into several files": change(file, split__count=2),
        "predicts no tokens": change(file, llama__attention__causal=False),
        "does not say a size": change(file, llama__context_length=None),
        "scales its positions": change(file, llama__rope__scaling__type="dynamic"),
        "chooses its experts": change(file, llama__expert_gating_func=2),
        "values have another size": change(file, llama__attention__value_length=8),
        "blocks differ in size": change(file, llama__attention__head_count_kv=[1, 2]),
    }
    for message, wrong in refused.items():
        with pytest.raises(DataError, match=message):
            read_config(wrong)
    with pytest.raises(DataError, match="how they are chosen"):
        LanguageModel(change(file, llama__expert_count=0))
    weights = {**file.weights, "blk.1.attn_norm.bias": file.weights["blk.1.attn_norm.weight"]}
    with pytest.raises(DataError, match="weights that are not known") as caught:
        LanguageModel(replace(file, weights=weights))
    assert "blk.1.attn_norm.bias" in str(caught.value)
    for missing in ("blk.1.attn_norm.weight", "blk.1.ffn_gate_exps.weight"):
        weights = {name: one for name, one in file.weights.items() if name != missing}
        with pytest.raises(DataError, match="lacks a weight") as caught:
            LanguageModel(replace(file, weights=weights))
        assert missing in str(caught.value)
