"""The families of language models: what the metadata of a GGUF file say of each.

The names of the metadata are those of GGUF's specification; what a family does where the metadata
are silent is what its authors published, as in transformers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from tilegrad.apps.models.facts import Facts
from tilegrad.apps.models.gates import gate_by_gelu, gate_within_limits
from tilegrad.apps.models.language_config import LanguageConfig, MixtureConfig, RotationConfig
from tilegrad.base.errors import DataError
from tilegrad.frontend.gguf import GGUFFile, find_value, find_values

_SOFTMAX, _SOFTMAX_OF_CHOSEN = 1, 3


def read_config(file: GGUFFile) -> LanguageConfig:
    """Read what a file says of its model.

    Raises:
        DataError: the architecture is not one of ``FAMILIES``, a size is missing, the model scales
            positions or chooses experts in a way that is not known, or its file is one of several.
    """
    parts = find_value(file.metadata, "split.count", int, 1)
    if parts > 1:
        raise DataError(
            "the model is split into several files",
            got=f"{file.path}: one of {parts}",
            expected="one file",
            mend="join them: llama-gguf-split --merge FIRST_FILE ONE_FILE",
        )
    kind = find_value(file.metadata, "general.architecture", str, "")
    if kind not in FAMILIES:
        raise DataError(
            "there is no model of this architecture",
            got=f"{file.path}: {kind!r}",
            expected=f"one of {', '.join(FAMILIES)}",
            mend="take a file of another model",
        )
    return FAMILIES[kind](Facts(file, kind))


def _read_llama(facts: Facts) -> LanguageConfig:
    """Llama (H. Touvron et al., 2023), and Mistral and Mixtral (A. Q. Jiang et al., 2023-2024)."""
    config = _read_sizes(facts, is_halved=False)
    return replace(
        config,
        windows=(_read_window(facts),) * config.layers,
        mixture=_read_mixture(facts, is_normalised=True),
    )


def _read_smollm3(facts: Facts) -> LanguageConfig:
    """SmolLM3 (Hugging Face, 2025): Llama; every fourth block turns nothing."""
    config = _read_llama(facts)
    (rotation, *_) = config.rotations
    layers = range(1, config.layers + 1)
    return replace(config, rotations=tuple(rotation if layer % 4 else None for layer in layers))


def _read_granite(facts: Facts) -> LanguageConfig:
    """Granite (IBM, 2024), also with experts: Llama with scales."""
    config = _read_llama(facts)
    return replace(
        config,
        attention_scale=facts.number("attention.scale", config.attention_scale),
        embedding_scale=facts.number("embedding_scale", 1.0),
        residual_scale=facts.number("residual_scale", 1.0),
        logit_scale=1.0 / facts.number("logit_scale", 1.0),
    )


def _read_qwen(facts: Facts, *, is_normalised: bool) -> LanguageConfig:
    """Qwen2, Qwen3 (Qwen team, 2024-2025) and OLMoE (N. Muennighoff et al., 2024)."""
    config = _read_sizes(facts, is_halved=True)
    return replace(config, mixture=_read_mixture(facts, is_normalised=is_normalised))


def _read_phi3(facts: Facts) -> LanguageConfig:
    """Phi-3 (M. Abdin et al., 2024)."""
    config = _read_sizes(facts, is_halved=True)
    return replace(config, windows=(_read_window(facts),) * config.layers)


def _read_gpt_oss(facts: Facts) -> LanguageConfig:
    """gpt-oss (OpenAI, 2025): windows in every other block, a share of attention for nothing."""
    config = _read_sizes(facts, is_halved=True)
    rotation = replace(_read_rotation(facts, config.head_size, True), is_rounded=False)
    return replace(
        config,
        windows=_alternate(facts, config.layers, 2, facts.size("attention.sliding_window")),
        rotations=(rotation,) * config.layers,
        gate=gate_within_limits,
        mixture=_read_mixture(facts, is_normalised=True),
    )


def _read_gemma2(facts: Facts) -> LanguageConfig:
    """Gemma 2 (Gemma team, 2024): windows in every other block, capped products and logits."""
    config = _read_gemma(facts, largest=46)
    return replace(
        config,
        windows=_alternate(facts, config.layers, 2, facts.size("attention.sliding_window", 4096)),
        attention_cap=facts.number("attn_logit_softcapping", 50.0),
        logit_cap=facts.number("final_logit_softcapping", 30.0),
    )


def _read_gemma3(facts: Facts) -> LanguageConfig:
    """Gemma 3 (Gemma team, 2025): blocks without window turn more slowly."""
    config = _read_gemma(facts, largest=62)
    windows = _alternate(facts, config.layers, 6, _read_window(facts))
    whole = _read_rotation(facts, config.head_size, True)
    near = RotationConfig(facts.number("rope.freq_base_swa", 10000.0), whole.features, True)
    return replace(
        config,
        windows=windows,
        rotations=tuple(whole if window is None else near for window in windows),
        logit_cap=facts.number("final_logit_softcapping", 0.0) or None,
    )


def _read_gemma(facts: Facts, *, largest: int = 0) -> LanguageConfig:
    """Gemma (Gemma team, 2024), and what its generations share.

    In the model of most blocks, the scale is another.
    """
    config = _read_sizes(facts, is_halved=True)
    size = config.width // config.heads if config.layers == largest else config.head_size
    return replace(
        config,
        attention_scale=size**-0.5,
        gate=gate_by_gelu,
        embedding_scale=math.sqrt(config.width),
    )


FAMILIES: Mapping[str, Callable[[Facts], LanguageConfig]] = MappingProxyType(
    {
        "llama": _read_llama,
        "smollm3": _read_smollm3,
        "granite": _read_granite,
        "granitemoe": _read_granite,
        "qwen2": partial(_read_qwen, is_normalised=False),
        "qwen3": partial(_read_qwen, is_normalised=True),
        "qwen2moe": partial(_read_qwen, is_normalised=False),
        "qwen3moe": partial(_read_qwen, is_normalised=True),
        "olmoe": partial(_read_qwen, is_normalised=False),
        "gemma": _read_gemma,
        "gemma2": _read_gemma2,
        "gemma3": _read_gemma3,
        "phi3": _read_phi3,
        "gpt-oss": _read_gpt_oss,
    }
)
"""What reads the metadata of each architecture, by the name that GGUF gives it."""


def _read_sizes(facts: Facts, *, is_halved: bool) -> LanguageConfig:
    """Read what all families have: blocks that see everything, without experts."""
    if not facts.flag("attention.causal", True):
        raise DataError(
            "the model predicts no tokens: each one sees those after it",
            got=f"{facts.kind}.attention.causal False",
            mend="take a file of another model",
        )
    layers, width, heads = (
        facts.size(name) for name in ("block_count", "embedding_length", "attention.head_count")
    )
    head_size = facts.size("attention.key_length", width // heads)
    value_size = facts.size("attention.value_length", head_size)
    if value_size != head_size:
        raise DataError(
            "the model's values have another size than its keys, which is not known",
            got=f"{facts.kind}.attention.value_length {value_size}",
            expected=str(head_size),
        )
    key_heads = facts.size("attention.head_count_kv", heads)
    tokens = len(find_values(facts.file.metadata, "tokenizer.ggml.tokens", str)) or None
    vocabulary = _check_shape(facts, "token_embd.weight", tokens, width)
    if "output.weight" in facts.file.weights:
        _check_shape(facts, "output.weight", vocabulary, width)
    for layer in range(layers):
        _check_shape(facts, f"blk.{layer}.attn_output.weight", width, heads * head_size)
        for part, count in (("q", heads), ("k", key_heads), ("v", key_heads)):
            name = f"blk.{layer}.attn_{part}.weight"
            if name in facts.file.weights:  # Phi-3 has all in one
                _check_shape(facts, name, count * head_size, width)
    if heads % key_heads:
        raise DataError(
            "heads of queries have to share heads of keys alike",
            got=f"{heads} and {key_heads}",
            expected="a multiple",
        )
    return LanguageConfig(
        layers=layers,
        width=width,
        heads=heads,
        key_heads=key_heads,
        head_size=head_size,
        context=facts.size("context_length"),
        vocabulary=vocabulary,
        epsilon=facts.number("attention.layer_norm_rms_epsilon"),
        windows=(None,) * layers,
        rotations=(_read_rotation(facts, head_size, is_halved),) * layers,
        attention_scale=head_size**-0.5,
    )


def _check_shape(facts: Facts, name: str, rows: int | None, columns: int) -> int:
    """Return the rows of a matrix, which may be any number where None is expected."""
    weight = facts.file.weights.get(name)
    if weight is None:
        raise DataError("the GGUF file lacks a weight", got=f"{facts.file.path}: {name}")
    shape = weight.shape
    if len(shape) != 2 or shape != (rows or shape[0], columns):
        raise DataError(
            "the sizes that the GGUF file names are not those of its weights",
            got=f"{facts.file.path}: {name} {shape}",
            expected=f"({rows or 'any'}, {columns})",
            mend="take a whole file, written for the architecture that it names",
        )
    return shape[0]


def _read_rotation(facts: Facts, head_size: int, is_halved: bool) -> RotationConfig:
    """Read how features are turned; the factors of Llama 3 and Phi-3 are weights of the file."""
    scaling = facts.text("rope.scaling.type", "linear")
    if scaling not in ("none", "linear", "yarn", "longrope"):
        raise DataError(
            "the model scales its positions in a way that is not known",
            got=f"{facts.kind}.rope.scaling.type {scaling!r}",
            expected="'none', 'linear', 'yarn' or 'longrope'",
            mend="take a file of another model",
        )
    features = facts.size("rope.dimension_count", head_size)
    if features > head_size or features % 2:
        raise DataError(
            "pairs of a head's features are turned",
            got=f"{facts.kind}.rope.dimension_count {features}",
            expected=f"an even number up to {head_size}",
        )
    # Files of 2023 have the older name.
    factor = facts.number("rope.scaling.factor", facts.number("rope.scale_linear", 1.0))
    magnitude = facts.number("rope.scaling.attn_factor", 1.0)
    if scaling == "yarn":
        usual = 1 + 0.1 * math.log(factor)
        magnitude *= facts.number("rope.scaling.yarn_attn_factor", usual)
    return RotationConfig(
        base=facts.number("rope.freq_base", 10000.0),
        features=features,
        is_halved=is_halved,
        scaling=scaling,
        factor=factor,
        context=facts.size("rope.scaling.original_context_length", facts.size("context_length")),
        magnitude=magnitude,
        turns=(
            facts.number("rope.scaling.yarn_beta_fast", 32.0),
            facts.number("rope.scaling.yarn_beta_slow", 1.0),
        ),
    )


def _read_window(facts: Facts) -> int | None:
    """Return how many tokens back a block sees; a window of 0 is none."""
    return facts.size("attention.sliding_window", 0) or None


def _alternate(
    facts: Facts, layers: int, period: int, window: int | None
) -> tuple[int | None, ...]:
    """Return the windows of blocks: where the file is silent, the last of a period has none."""
    are_near = facts.pattern("attention.sliding_window_pattern", layers, period)
    return tuple(window if is_near else None for is_near in are_near)


def _read_mixture(facts: Facts, *, is_normalised: bool) -> MixtureConfig | None:
    if not facts.size("expert_count", 0):
        return None
    way = facts.size("expert_gating_func", _SOFTMAX)
    if way not in (_SOFTMAX, _SOFTMAX_OF_CHOSEN):
        raise DataError(
            "the model chooses its experts in a way that is not known",
            got=f"{facts.kind}.expert_gating_func {way}",
            expected=f"{_SOFTMAX} (softmax) or {_SOFTMAX_OF_CHOSEN} (softmax of the chosen)",
            mend="take a file of another model",
        )
    return MixtureConfig(
        chosen=facts.size("expert_used_count"),
        is_normalised=facts.flag("expert_weights_norm", is_normalised) or way == _SOFTMAX_OF_CHOSEN,
        scale=facts.number("expert_weights_scale", 1.0),
    )
