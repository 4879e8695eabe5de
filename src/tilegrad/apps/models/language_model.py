"""Transformers that predict the next token: Llama and its kin.

From A. Vaswani et al., "Attention is all you need", 2017; J. Ainslie et al., "GQA", 2023 (fewer
heads of keys and values than of queries); B. Zhang and R. Sennrich, "Root mean square layer
normalization", 2019. What a family of models adds is a weight that its files have and others lack
(a bias, a norm, experts), or stands in the configuration (`language_families.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy

from tilegrad import nn
from tilegrad.apps.models.gated_network import GatedNetwork, Mixture
from tilegrad.apps.models.language_config import LanguageConfig, RotationConfig
from tilegrad.apps.models.language_families import read_config
from tilegrad.apps.models.memory import Reading
from tilegrad.apps.models.rotation import Rotation
from tilegrad.apps.models.stored_weights import StoredLinear, StoredWeights
from tilegrad.base.errors import DataError
from tilegrad.frontend.gguf import GGUFFile
from tilegrad.tensor import Tensor

_FACTORS = tuple(f"rope_{name}.weight" for name in ("factors_long", "factors_short", "freqs"))
"""What divides the frequencies: for long texts, for short ones, and for all of them."""

Rotations = Mapping[RotationConfig | None, Rotation]
"""What turns features, for each way; nothing for None."""
Angles = Mapping[RotationConfig | None, tuple[Tensor, Tensor]]
"""Cosine and sine of the tokens of a step, for each way of turning features."""


class Norm(nn.Module):
    """Divides by the root of the mean square along the last axis, or the last two.

    Args:
        weights: of the block.
        name: without ``.weight``.
        config: the sizes.
        last: the size of the last axis, if two axes may be meant: the weight tells.
    """

    def __init__(
        self, weights: StoredWeights, name: str, config: LanguageConfig, last: int | None = None
    ) -> None:
        weight = weights.find(f"{name}.weight").numbers()
        is_of_two = last is not None and weight.shape[0] != last
        self.weight = (weight.unflatten(0, (-1, last)) if is_of_two else weight).realize()
        self.epsilon = config.epsilon

    def __call__(self, x: Tensor) -> Tensor:
        """Return the shape of x."""
        return x.rms_norm(self.weight.shape, self.weight, self.epsilon)


class Attention(nn.Module):
    """Causal self-attention to the tokens so far.

    Args:
        config: the sizes.
        layer: number of the block.
        weights: of the block.
        rotations: turn features.
    """

    def __init__(
        self,
        config: LanguageConfig,
        layer: int,
        weights: StoredWeights,
        rotations: Rotations,
    ) -> None:
        self.config, self.layer = config, layer
        self.turning = config.rotations[layer]
        self.rotation = rotations.get(self.turning)
        is_joined = "attn_qkv.weight" in weights
        names = ["attn_qkv"] if is_joined else ["attn_q", "attn_k", "attn_v"]
        self.inner = [StoredLinear(weights, name) for name in names]
        # OLMoE normalises all heads of a token together.
        self.query_norm, self.key_norm = (
            _find_norm(weights, f"attn_{name}_norm", config, config.head_size) for name in "qk"
        )
        self.output = StoredLinear(weights, "attn_output")
        self.sinks = weights.numbers("attn_sinks.weight")

    def __call__(self, x: Tensor, angles: Angles, reading: Reading) -> Tensor:
        """Return shape (time, width) for the tokens of a reading."""
        config = self.config
        queries, keys, values = self._project(x)
        queries, keys = self.query_norm(queries), self.key_norm(keys)
        if self.rotation is not None:
            turned = angles[self.turning]
            queries, keys = self.rotation(queries, turned), self.rotation(keys, turned)
        mixed = reading.attend(
            self.layer,
            queries,
            keys,
            values,
            scale=config.attention_scale,
            window=config.windows[self.layer],
            soft_cap=config.attention_cap,
            sinks=self.sinks,
        )
        return self.output(mixed.flatten(1))

    def _project(self, x: Tensor) -> list[Tensor]:
        """Return queries, keys and values, shape (time, heads, features)."""
        config = self.config
        parts = [linear(x) for linear in self.inner]
        if len(parts) == 1:
            heads = (config.heads, config.key_heads, config.key_heads)
            parts = list(parts[0].split([count * config.head_size for count in heads], dim=-1))
        return [part.unflatten(1, (-1, config.head_size)) for part in parts]


class Block(nn.Module):
    """Attention and a network, each after a norm and beside a residual path.

    Args:
        config: the sizes.
        layer: number of the block.
        weights: of the block.
        rotations: turn features.
    """

    def __init__(
        self,
        config: LanguageConfig,
        layer: int,
        weights: StoredWeights,
        rotations: Rotations,
    ) -> None:
        self.scale = config.residual_scale
        self.attention_norm = Norm(weights, "attn_norm", config)
        self.attention = Attention(config, layer, weights, rotations)
        # gpt-oss calls the norm before the network the one after attention.
        names = ("post_attention_norm", "ffn_norm")
        after, before = names if "ffn_norm.weight" in weights else ("", names[0])
        self.attention_end_norm = _find_norm(weights, after, config)
        self.network_norm = Norm(weights, before, config)
        self.network = _network(config, weights)
        self.network_end_norm = _find_norm(weights, "post_ffw_norm", config)

    def __call__(self, x: Tensor, angles: Angles, reading: Reading) -> Tensor:
        """Return shape (time, width) for the tokens of a reading."""
        mixed = self.attention(self.attention_norm(x), angles, reading)
        x = x + self.attention_end_norm(mixed) * self.scale
        x = x.contiguous()  # stored, as it is read twice and takes a matrix to compute
        return x + self.network_end_norm(self.network(self.network_norm(x))) * self.scale


class LanguageModel(nn.Module):
    """Token embeddings, blocks, a norm, and a matrix that gives each token's logit.

    Args:
        file: the weights and sizes. They are computed on as they are stored.
        context: how many tokens it will read at most: some models (Phi-3) turn features in another
            way for long texts; None for as many as it was trained for.

    Attributes:
        config: what the file says of the model.
        independent_rows: how many tokens it may read for the logits of each to have the bits that
            they have if it is read alone.

    Raises:
        DataError: the architecture is not known, or a size or a weight is missing.
    """

    def __init__(self, file: GGUFFile, context: int | None = None) -> None:
        self.config = read_config(file)
        matrices = [weight for weight in file.weights.values() if len(weight.shape) > 1]
        self.independent_rows = min(matrix.independent_rows for matrix in matrices)
        weights = StoredWeights(file)
        longest = context or self.config.context
        self.rotations: Rotations = {
            way: Rotation(way, _read_factors(way, weights, longest))
            for way in dict.fromkeys(self.config.rotations)
            if way is not None
        }
        self.tokens = weights.find("token_embd.weight")
        self.output = weights.find(
            "output.weight" if "output.weight" in weights else "token_embd.weight"
        )
        self.norm = Norm(weights, "output_norm", self.config)
        self.blocks = [
            Block(self.config, layer, weights.within(f"blk.{layer}."), self.rotations)
            for layer in range(self.config.layers)
        ]
        weights.check_all_found(but=_FACTORS)

    def __call__(self, tokens: Tensor, reading: Reading, rows: Tensor) -> Tensor:
        """Return the logits of the tokens that follow some of the given ones.

        Each block is realised by itself, so that all blocks are planned and compiled as one.

        Args:
            tokens: int32 of shape (time,).
            reading: takes them into memory.
            rows: which of them the logits are of, int32 of shape (rows,).

        Returns:
            A tensor of shape (rows, vocabulary).
        """
        config = self.config
        angles = {
            way: rotation.angles(reading.positions) for way, rotation in self.rotations.items()
        }
        x = self.tokens.rows(tokens) * config.embedding_scale
        x.realize(*(part for both in angles.values() for part in both))
        for block in self.blocks:
            x = block(x, angles, reading)
            x.realize()
        logits = self.output.linear(self.norm(x[rows])) * config.logit_scale
        if config.logit_cap is not None:
            logits = (logits / config.logit_cap).tanh() * config.logit_cap
        return logits


def _find_norm(
    weights: StoredWeights, name: str, config: LanguageConfig, last: int | None = None
) -> Callable[[Tensor], Tensor]:
    """Return a norm that only some families have, or what changes nothing."""
    return Norm(weights, name, config, last) if f"{name}.weight" in weights else _keep


def _keep(x: Tensor) -> Tensor:
    return x


def _network(config: LanguageConfig, weights: StoredWeights) -> GatedNetwork | Mixture:
    if "ffn_gate_inp.weight" not in weights:
        return GatedNetwork(weights, config.gate)
    if config.mixture is None:
        raise DataError(
            "the GGUF file has experts, but does not say how they are chosen",
            got="no expert_count among the metadata",
        )
    return Mixture(weights, config.gate, config.mixture)


def _read_factors(
    rotation: RotationConfig, weights: StoredWeights, context: int
) -> numpy.ndarray | None:
    """Return what divides the frequencies: of Llama 3, or of Phi-3 for texts of this length."""
    long, short, plain = _FACTORS
    name = long if context > rotation.context else short
    if rotation.scaling == "longrope" or name in weights:
        return weights.find(name).numbers().numpy()
    found = weights.numbers(plain)
    return None if found is None else found.numpy()
