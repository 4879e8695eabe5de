"""Llama and its kin: transformers that predict the next token, with their keys and values kept.

From H. Touvron et al., "LLaMA: open and efficient foundation language models", 2023; J. Su et al.,
"RoFormer: enhanced transformer with rotary position embedding", 2021 (positions); J. Ainslie et
al., "GQA", 2023 (fewer heads of keys and values than of queries); N. Shazeer, "GLU variants improve
transformer", 2020 (the gated network). Qwen2 and Qwen3 are the same model with biases, or with
norms of queries and keys.
"""

from __future__ import annotations

from typing import Any

import numpy

from tilegrad import nn
from tilegrad.apps.models.llama_config import ARCHITECTURES, LlamaConfig
from tilegrad.apps.models.memory import Reading
from tilegrad.base.errors import DataError
from tilegrad.frontend.gguf import GGUFFile, Weight
from tilegrad.tensor import Tensor


class Rotation(nn.Module):
    """Turns pairs of features by angles that grow with the position.

    Args:
        config: the sizes.
        factors: divide the frequencies, shape (rotated / 2,); None for none.

    Attributes:
        frequencies: the angle from one position to the next, shape (rotated / 2,).
    """

    def __init__(self, config: LlamaConfig, factors: numpy.ndarray | None) -> None:
        exponents = numpy.arange(0, config.rotated, 2) / config.rotated
        frequencies = config.rotation_base**-exponents / config.stretch
        if factors is not None:
            frequencies = frequencies / factors
        self.frequencies = Tensor(frequencies.astype(numpy.float32)).realize()
        self.is_halved = config.is_halved

    def angles(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return cosine and sine for positions of shape (time,), each (time, 1, pairs)."""
        angle = positions.reshape(-1, 1, 1).float() * self.frequencies
        return angle.cos(), angle.sin()

    def __call__(self, x: Tensor, angles: tuple[Tensor, Tensor]) -> Tensor:
        """Return shape (time, heads, features), turned."""
        cosine, sine = angles
        pairs = cosine.shape[-1]
        turned, rest = x[..., : 2 * pairs], x[..., 2 * pairs :]
        axis = -2 if self.is_halved else -1
        split = turned.unflatten(-1, (2, pairs) if self.is_halved else (pairs, 2))
        first, second = split.unbind(axis)
        result = Tensor.stack(
            first * cosine - second * sine, first * sine + second * cosine, dim=axis
        ).flatten(-2)
        return result.cat(rest, dim=-1) if rest.shape[-1] else result


class Attention(nn.Module):
    """Causal self-attention to all tokens so far.

    Args:
        config: the sizes.
        weights: those of the block, by name.
    """

    def __init__(self, config: LlamaConfig, weights: _Block) -> None:
        self.config = config
        self.query, self.key, self.value, self.output = (
            _Linear(weights, f"attn_{name}") for name in ("q", "k", "v", "output")
        )
        self.query_norm = weights.numbers("attn_q_norm.weight")
        self.key_norm = weights.numbers("attn_k_norm.weight")

    def __call__(
        self,
        x: Tensor,
        layer: int,
        rotation: Rotation,
        angles: tuple[Tensor, Tensor],
        reading: Reading,
    ) -> Tensor:
        """Return shape (time, width) for the tokens of a reading, in the block of that number."""
        q, k, v = (
            linear(x).unflatten(1, (-1, self.config.head_size))
            for linear in (self.query, self.key, self.value)
        )
        q, k = self._normalise(q, self.query_norm), self._normalise(k, self.key_norm)
        q, k = rotation(q, angles), rotation(k, angles)
        mixed = reading.attend(layer, q, k, v, scale=self.config.head_size**-0.5)
        return self.output(mixed.flatten(1))

    def _normalise(self, heads: Tensor, weight: Tensor | None) -> Tensor:
        if weight is None:
            return heads
        return heads.rms_norm(self.config.head_size, weight, self.config.epsilon)


class FeedForward(nn.Module):
    """A network of one hidden layer, half of which gates the other.

    Args:
        weights: those of the block, by name.
    """

    def __init__(self, weights: _Block) -> None:
        self.gate, self.up, self.down = (
            _Linear(weights, f"ffn_{name}") for name in ("gate", "up", "down")
        )

    def __call__(self, x: Tensor) -> Tensor:
        """Return shape (time, width)."""
        return self.down(self.gate(x).silu() * self.up(x))


class Block(nn.Module):
    """Attention and a network, each after a norm and beside a residual path.

    Args:
        config: the sizes.
        weights: those of the block, by name.
    """

    def __init__(self, config: LlamaConfig, weights: _Block) -> None:
        self.config = config
        self.norm1 = weights.numbers("attn_norm.weight")
        self.attention = Attention(config, weights)
        self.norm2 = weights.numbers("ffn_norm.weight")
        self.network = FeedForward(weights)

    def __call__(self, x: Tensor, *reading: Any) -> Tensor:
        """Return shape (time, width); the other arguments are those of ``Attention``."""
        width, epsilon = self.config.width, self.config.epsilon
        mixed = self.attention(x.rms_norm(width, self.norm1, epsilon), *reading)
        x = (x + mixed).contiguous()  # stored, as it is read twice and takes a matrix to compute
        return x + self.network(x.rms_norm(width, self.norm2, epsilon))


class Llama(nn.Module):
    """Token embeddings, blocks, a norm, and a matrix that gives each token's logit.

    Args:
        file: the weights and sizes. They are computed on as they are stored.

    Raises:
        DataError: the file's architecture is another, or a weight is missing.
    """

    def __init__(self, file: GGUFFile) -> None:
        self.config = LlamaConfig.from_metadata(file.metadata)
        factors = file.weights.get("rope_freqs.weight")
        self.rotation = Rotation(
            self.config, None if factors is None else factors.numbers().numpy()
        )
        everything = _Block(file, "")
        self.tokens = everything.weight("token_embd.weight")
        self.output = file.weights.get("output.weight", self.tokens)
        self.norm = everything.numbers("output_norm.weight")
        self.blocks = [
            Block(self.config, _Block(file, f"blk.{number}."))
            for number in range(self.config.layers)
        ]

    def __call__(self, tokens: Tensor, reading: Reading, rows: Tensor) -> Tensor:
        """Return the logits of the tokens that follow some of the given ones.

        Each block is realised in two parts, so that all blocks are planned and compiled as one, and
        attention reads keys and values from memory, the new ones too.

        Args:
            tokens: int32 of shape (time,).
            reading: takes them into memory.
            rows: which of them the logits are of, int32 of shape (rows,).

        Returns:
            A tensor of shape (rows, vocabulary).
        """
        angles = self.rotation.angles(reading.positions)
        x = self.tokens.rows(tokens)
        x.realize(*angles)
        for layer, block in enumerate(self.blocks):
            x = block(x, layer, self.rotation, angles, reading)
            x.realize()
        last = x[rows].rms_norm(self.config.width, self.norm, self.config.epsilon)
        return self.output.linear(last)


class _Linear(nn.Module):
    """x @ weightᵀ + bias with a stored weight."""

    def __init__(self, weights: _Block, name: str) -> None:
        self.weight = weights.weight(f"{name}.weight")
        self.bias = weights.numbers(f"{name}.bias")

    def __call__(self, x: Tensor) -> Tensor:
        product = self.weight.linear(x)
        return product if self.bias is None else product + self.bias


class _Block:
    """The weights of a file whose names have a common beginning."""

    def __init__(self, file: GGUFFile, prefix: str) -> None:
        self._file, self._prefix = file, prefix

    def weight(self, name: str) -> Weight:
        found = self._file.weights.get(self._prefix + name)
        if found is None:
            raise DataError(
                "the GGUF file lacks a weight",
                got=f"{self._file.path}: no {self._prefix}{name}",
                mend="take a whole file of one of the architectures " + ", ".join(ARCHITECTURES),
            )
        return found

    def numbers(self, name: str) -> Tensor | None:
        found = self._file.weights.get(self._prefix + name)
        return None if found is None else found.numbers().realize()
