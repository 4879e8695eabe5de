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
from tilegrad.base.errors import DataError
from tilegrad.frontend.gguf import GGUFFile, Weight
from tilegrad.nn.state.mapped import wrap_arrays
from tilegrad.tensor import Tensor
from tilegrad.tensor.size import SymbolicInteger


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

    def angles(self, position: SymbolicInteger, count: int) -> tuple[Tensor, Tensor]:
        """Return cosine and sine for positions from a first one on, shape (count, 1, pairs)."""
        positions = Tensor.arange(count).reshape(count, 1, 1) + position
        angle = positions.float() * self.frequencies
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


class KeysAndValues:
    """What one block remembers of the tokens so far.

    Args:
        config: the sizes.
        capacity: how many tokens there is room for.

    Attributes:
        capacity: as given.
        keys: shape (key heads, capacity, features).
        values: of the same shape.
    """

    def __init__(self, config: LlamaConfig, capacity: int) -> None:
        self.capacity = capacity
        shape = (config.key_heads, capacity, config.head_size)
        # Zeros of NumPy take no memory until they are written.
        self.keys, self.values = wrap_arrays([numpy.zeros(shape, numpy.float32) for _ in range(2)])

    def write(self, position: SymbolicInteger, keys: Tensor, values: Tensor) -> None:
        """Remember the tokens from a position on, each of shape (time, key heads, features)."""
        end = position + keys.shape[0]
        self.keys[:, position:end] = keys.transpose(0, 1)
        self.values[:, position:end] = values.transpose(0, 1)


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
        position: SymbolicInteger,
        rotation: Rotation,
        angles: tuple[Tensor, Tensor],
        memory: KeysAndValues,
    ) -> Tensor:
        """Return shape (time, width) for tokens from a position on; ``memory`` takes them in."""
        config, time = self.config, len(x)
        q, k, v = (
            layer(x).unflatten(1, (-1, config.head_size))
            for layer in (self.query, self.key, self.value)
        )
        q, k = self._normalise(q, self.query_norm), self._normalise(k, self.key_norm)
        memory.write(position, rotation(k, angles), v)
        q = rotation(q, angles).realize(memory.keys, memory.values)
        end = position + time
        keys, values = (
            part[:, :end].unsqueeze(1) for part in (memory.keys, memory.values)
        )  # (key heads, 1, end, features)
        queries = q.transpose(0, 1).unflatten(0, (config.key_heads, -1))
        mask = None
        if time > 1:
            column = Tensor.arange(memory.capacity)[:end]
            mask = column <= (Tensor.arange(time).unsqueeze(1) + position)
        mixed = queries.scaled_dot_product_attention(keys, values, attn_mask=mask)
        return self.output(mixed.flatten(0, 1).transpose(0, 1).flatten(1))

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

    def __call__(self, x: Tensor, *position: Any) -> Tensor:
        """Return shape (time, width); the other arguments are those of ``Attention``."""
        width, epsilon = self.config.width, self.config.epsilon
        mixed = self.attention(x.rms_norm(width, self.norm1, epsilon), *position)
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

    def remember(self, capacity: int) -> list[KeysAndValues]:
        """Return an empty memory for so many tokens."""
        return [KeysAndValues(self.config, capacity) for _ in self.blocks]

    def __call__(
        self,
        tokens: Tensor,
        position: SymbolicInteger,
        last: SymbolicInteger | int,
        memory: list[KeysAndValues],
    ) -> Tensor:
        """Return the logits of the token that follows one of the given tokens.

        Each block is realised in two parts, so that all blocks are planned and compiled as one, and
        attention reads keys and values from memory, the new ones too.

        Args:
            tokens: integers of shape (time,).
            position: of the first of them.
            last: which of them the logits are of, counted from the first.
            memory: of the tokens before, takes these in; has room for them.

        Returns:
            A tensor of shape (vocabulary,).
        """
        angles = self.rotation.angles(position, len(tokens))
        x = self.tokens.rows(tokens)
        x.realize(*angles)
        for block, remembered in zip(self.blocks, memory, strict=True):
            x = block(x, position, self.rotation, angles, remembered)
            x.realize()
        row = x[last : last + 1].rms_norm(self.config.width, self.norm, self.config.epsilon)
        return self.output.linear(row).squeeze(0)


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
