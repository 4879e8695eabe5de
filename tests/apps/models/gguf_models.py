"""Small random models: made by transformers, and the same written as GGUF files.

Files are as llama.cpp's converter writes them; names of weights are those of the package ``gguf``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy
import torch
import transformers

SIZES = {
    "vocab_size": 96,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "rms_norm_eps": 1e-5,
    "pad_token_id": 0,
    "attn_implementation": "eager",
}
PLAIN = {"rope_type": "default", "rope_theta": 5000.0}
ARCHITECTURES = {
    "mistral": "llama",
    "mixtral": "llama",
    "gemma3_text": "gemma3",
    "gpt_oss": "gpt-oss",
    "qwen2_moe": "qwen2moe",
    "qwen3_moe": "qwen3moe",
}
"""What GGUF calls the models that it has another name for."""
INTERLEAVED = ("llama", "granite", "granitemoe", "smollm3")
"""Architectures whose files have the features that are turned together side by side."""


def make_model(kind: str, **options: Any) -> transformers.PreTrainedModel:
    """Return a random model of transformers in float32.

    Args:
        kind: as transformers calls it.
        options: of its configuration.
    """
    torch.manual_seed(len(kind))
    sizes = {**SIZES, "rope_parameters": PLAIN, **options}
    config = transformers.AutoConfig.for_model(kind, **sizes)
    model = transformers.AutoModelForCausalLM.from_config(config).float().eval()
    has_ones = "gemma" not in kind  # Gemma's norms multiply by one more than their weight
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            is_norm = "norm" in name and has_ones
            parameter.copy_(torch.randn_like(parameter) * 0.1 + is_norm)
    return model


def write_model(path: Path, model: transformers.PreTrainedModel) -> None:
    """Write the model as a GGUF file."""
    kind = model.config.model_type
    architecture = ARCHITECTURES.get(kind, kind)
    writer = gguf.GGUFWriter(path, architecture)
    _write_sizes(writer, model.config)
    for write in (_write_rotation, _write_mixture, _write_habits):
        write(writer, model.config)
    names = gguf.get_tensor_name_map(
        next(one for one, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture),
        model.config.num_hidden_layers,
    )
    for name, data in _weights(model):
        stored = names.get_name(name, (".weight", ".bias")) or names.get_name(name + ".weight")
        assert stored is not None, name
        stored = stored if stored.endswith((".weight", ".bias")) else f"{stored}.weight"
        writer.add_tensor(stored, numpy.ascontiguousarray(data, numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _write_sizes(writer: gguf.GGUFWriter, config: transformers.PretrainedConfig) -> None:
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    if _head_size(config) != config.hidden_size // config.num_attention_heads:
        writer.add_key_length(_head_size(config))
        writer.add_value_length(_head_size(config))


def _write_rotation(writer: gguf.GGUFWriter, config: transformers.PretrainedConfig) -> None:
    ways = config.rope_parameters
    if "full_attention" in ways:
        writer.add_float32("gemma3.rope.freq_base_swa", ways["sliding_attention"]["rope_theta"])
        ways = ways["full_attention"]
    writer.add_rope_freq_base(ways["rope_theta"])
    writer.add_rope_dimension_count(
        int(_head_size(config) * (ways.get("partial_rotary_factor") or 1))
    )
    kind = ways["rope_type"]
    if kind in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType(kind))
        writer.add_rope_scaling_factor(ways["factor"])
    if kind in ("longrope", "yarn"):
        writer.add_rope_scaling_orig_ctx_len(ways["original_max_position_embeddings"])
    if kind == "longrope":
        writer.add_rope_scaling_attn_factors(ways["attention_factor"])
    if kind == "yarn" and "attention_factor" in ways:
        writer.add_rope_scaling_yarn_attn_factor(ways["attention_factor"])


def _write_mixture(writer: gguf.GGUFWriter, config: transformers.PretrainedConfig) -> None:
    count = getattr(config, "num_local_experts", getattr(config, "num_experts", None))
    if count:
        writer.add_expert_count(count)
        writer.add_expert_used_count(config.num_experts_per_tok)


def _write_habits(writer: gguf.GGUFWriter, config: transformers.PretrainedConfig) -> None:
    """Write what the converter writes for some of the families, where the model has it."""
    habits: dict[str, Callable[[Any], None]] = {
        "sliding_window": writer.add_sliding_window,
        "sliding_window_pattern": writer.add_sliding_window_pattern,
        "attn_logit_softcapping": writer.add_attn_logit_softcapping,
        "final_logit_softcapping": writer.add_final_logit_softcapping,
        "attention_multiplier": writer.add_attention_scale,
        "embedding_multiplier": writer.add_embedding_scale,
        "residual_multiplier": writer.add_residual_scale,
        "logits_scaling": writer.add_logit_scale,
    }
    for name, write in habits.items():
        value = getattr(config, name, None)
        if value is not None:
            write(value)


def _weights(model: transformers.PreTrainedModel) -> Iterator[tuple[str, numpy.ndarray]]:
    """Yield the weights as the converter stores them, by transformers' names."""
    config = model.config
    kind = ARCHITECTURES.get(config.model_type, config.model_type)
    for given, value in model.state_dict().items():
        data = value.numpy()
        name = given.replace("block_sparse_moe.router", "mlp.gate").replace(
            "block_sparse_moe", "mlp"
        )
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        if kind in INTERLEAVED and name.endswith(("q_proj.weight", "k_proj.weight")):
            data = _interleave(data, _head_size(config))
        if "gemma" in kind and "norm" in name:
            data = data + 1
        if "experts" in name and kind == "gpt-oss":
            yield from _mixed_experts(name, data)
        elif name.endswith("experts.gate_up_proj"):
            gate, up = numpy.split(data, 2, axis=1)
            prefix = name.removesuffix("gate_up_proj")
            yield f"{prefix}gate_proj", gate
            yield f"{prefix}up_proj", up
        else:
            yield name, data[0] if name.endswith("shared_expert_gate.weight") else data
    ways = config.rope_parameters
    if ways.get("rope_type") == "llama3":
        plain = 1 / ways["rope_theta"] ** (numpy.arange(0, 1, 2 / _head_size(config)))
        yield "rope_freqs", plain / model.model.rotary_emb.inv_freq.numpy()
    if ways.get("rope_type") == "longrope":
        yield "rope_factors_long", numpy.array(ways["long_factor"])
        yield "rope_factors_short", numpy.array(ways["short_factor"])


def _mixed_experts(name: str, data: numpy.ndarray) -> Iterator[tuple[str, numpy.ndarray]]:
    """Yield the weights of gpt-oss's experts, whose matrices have the rows along the last axis."""
    is_bias = name.endswith("_bias")
    data = data if is_bias else data.swapaxes(1, 2)
    prefix = name.removesuffix("_bias").removesuffix("gate_up_proj").removesuffix("down_proj")
    suffix = ".bias" if is_bias else ".weight"
    if "gate_up" not in name:
        yield f"{prefix}down_proj{suffix}", data
        return
    yield f"{prefix}gate_proj{suffix}", data[:, ::2]
    yield f"{prefix}up_proj{suffix}", data[:, 1::2]


def _head_size(config: transformers.PretrainedConfig) -> int:
    size = getattr(config, "head_dim", None)
    return size or config.hidden_size // config.num_attention_heads


def _interleave(data: numpy.ndarray, size: int) -> numpy.ndarray:
    """Put the features that are turned together side by side."""
    heads = data.reshape(-1, 2, size // 2, data.shape[-1])
    return heads.swapaxes(1, 2).reshape(data.shape)
