"""A small random model that speaks in bytes, as a GGUF file."""

from __future__ import annotations

from pathlib import Path

import numpy
from gguf import GGUFWriter

WIDTH, HIDDEN, HEADS, KEY_HEADS, LAYERS, CONTEXT = 64, 96, 4, 2, 2, 512
CONTROL = ["<|end|>", "<|turn|>"]
TEMPLATE = (
    "{% for message in messages %}<|turn|>{{ message.role }}\n{{ message.content }}<|end|>"
    "{% endfor %}<|turn|>assistant\n"
)


def list_tokens() -> list[str]:
    """Return the control tokens, one for each byte as GPT-2 writes it, and two pairs."""
    shown = {*range(33, 127), *range(161, 173), *range(174, 256)}
    hidden = iter(range(256, 512))
    byte_names = (chr(byte if byte in shown else next(hidden)) for byte in range(256))
    return [*CONTROL, *byte_names, "th", "in"]


def write_tiny_model(path: Path, seed: int = 0) -> None:
    """Write the model."""
    tokens = list_tokens()
    writer = GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([3] * len(CONTROL) + [1] * (len(tokens) - len(CONTROL)))
    writer.add_token_merges(["t h", "i n"])
    writer.add_eos_token_id(0)
    writer.add_chat_template(TEMPLATE)
    for name, shape in _list_shapes(len(tokens)).items():
        draw = numpy.random.default_rng([seed, *name.encode()]).standard_normal(shape)
        data = draw * 0.1 + 1 if "norm" in name else draw * 0.3
        writer.add_tensor(name, data.astype(numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _list_shapes(vocabulary: int) -> dict[str, tuple[int, ...]]:
    keys = WIDTH // HEADS * KEY_HEADS
    block = {
        "attn_norm": (WIDTH,),
        "attn_q": (WIDTH, WIDTH),
        "attn_k": (keys, WIDTH),
        "attn_v": (keys, WIDTH),
        "attn_output": (WIDTH, WIDTH),
        "ffn_norm": (WIDTH,),
        "ffn_gate": (HIDDEN, WIDTH),
        "ffn_up": (HIDDEN, WIDTH),
        "ffn_down": (WIDTH, HIDDEN),
    }
    shapes = {"token_embd": (vocabulary, WIDTH), "output_norm": (WIDTH,)}
    shapes["output"] = (vocabulary, WIDTH)
    for layer in range(LAYERS):
        shapes |= {f"blk.{layer}.{name}": shape for name, shape in block.items()}
    return {f"{name}.weight": shape for name, shape in shapes.items()}
