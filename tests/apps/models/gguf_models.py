"""Small random models: made by transformers, and the same written as GGUF files."""

from __future__ import annotations

from pathlib import Path

import numpy
import torch
import transformers
from gguf import GGUFWriter

SIZES = {
    "vocab_size": 96,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "rms_norm_eps": 1e-5,
}
_NAMES = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
}


def make_model(kind: str, *, is_tied: bool) -> transformers.PreTrainedModel:
    """Return a random model of transformers in float32."""
    torch.manual_seed(len(kind))
    sizes = {**SIZES, "tie_word_embeddings": is_tied, "attn_implementation": "eager"}
    sizes["rope_parameters"] = {"rope_type": "default", "rope_theta": 5000.0}
    if kind == "qwen3":
        sizes["head_dim"] = 32
    config = transformers.AutoConfig.for_model(kind, **sizes)
    model = transformers.AutoModelForCausalLM.from_config(config).float().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.1 + (parameter.ndim == 1))
    return model


def write_model(path: Path, kind: str, model: transformers.PreTrainedModel) -> None:
    """Write the model as a GGUF file, as llama.cpp's converter does."""
    writer = GGUFWriter(path, kind)
    writer.add_context_length(SIZES["max_position_embeddings"])
    writer.add_embedding_length(SIZES["hidden_size"])
    writer.add_block_count(SIZES["num_hidden_layers"])
    writer.add_feed_forward_length(SIZES["intermediate_size"])
    writer.add_head_count(SIZES["num_attention_heads"])
    writer.add_head_count_kv(SIZES["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(SIZES["rms_norm_eps"])
    writer.add_rope_freq_base(5000.0)
    if kind == "qwen3":
        writer.add_key_length(32)
        writer.add_value_length(32)
    state = model.state_dict()
    if model.config.tie_word_embeddings:
        state.pop("lm_head.weight", None)
    for name, value in state.items():
        data = value.numpy()
        if kind == "llama" and name.endswith(("q_proj.weight", "k_proj.weight")):
            data = _interleave(data)
        writer.add_tensor(_rename(name), numpy.ascontiguousarray(data))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _rename(name: str) -> str:
    prefix = ""
    if name.startswith("model.layers."):
        _, _, number, name = name.split(".", 3)
        prefix = f"blk.{number}."
    part, _, kind = name.rpartition(".")
    return f"{prefix}{_NAMES[part]}.{kind}"


def _interleave(data: numpy.ndarray) -> numpy.ndarray:
    """Put the features that are rotated together side by side, which llama's files do."""
    size = SIZES["hidden_size"] // SIZES["num_attention_heads"]
    heads = data.reshape(-1, 2, size // 2, data.shape[-1])
    return heads.swapaxes(1, 2).reshape(data.shape)
