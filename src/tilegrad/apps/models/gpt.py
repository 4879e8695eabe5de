"""GPT: a transformer that predicts the next token (A. Radford et al., 2018 and 2019)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tilegrad import nn
from tilegrad.base.errors import ShapeError
from tilegrad.nn import init
from tilegrad.tensor import Tensor


@dataclass(frozen=True)
class GPTConfig:
    """The sizes of a GPT; the defaults are those of a small one on the characters of a text.

    Attributes:
        vocabulary: number of different tokens.
        context: greatest length of a sequence.
        layers: number of blocks.
        heads: heads of each attention.
        width: size of the embeddings.
        dropout: share that is dropped in training.
        bias: whether linear layers and norms have biases.
    """

    vocabulary: int = 65
    context: int = 256
    layers: int = 6
    heads: int = 6
    width: int = 384
    dropout: float = 0.2
    bias: bool = False


GPT2_SMALL = GPTConfig(50257, 1024, 12, 12, 768, 0.1, True)


class Attention(nn.Module):
    """Causal self-attention.

    Args:
        config: the sizes.
    """

    def __init__(self, config: GPTConfig) -> None:
        self.heads, self.dropout = config.heads, config.dropout
        self.qkv = _linear(config.width, 3 * config.width, config)
        self.projection = _linear(config.width, config.width, config, is_residual=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return shape (batch, time, width)."""
        q, k, v = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in self.qkv(x).chunk(3, dim=-1)
        )
        dropout = self.dropout if Tensor.training else 0.0
        mixed = q.scaled_dot_product_attention(k, v, is_causal=True, dropout_p=dropout)
        return self.projection(mixed.transpose(1, 2).flatten(2)).dropout(self.dropout)


class Block(nn.Module):
    """Attention and a network of one hidden layer, each after a norm and beside a residual path.

    Args:
        config: the sizes.
    """

    def __init__(self, config: GPTConfig) -> None:
        self.dropout = config.dropout
        self.norm1 = nn.LayerNorm(config.width, bias=config.bias)
        self.attention = Attention(config)
        self.norm2 = nn.LayerNorm(config.width, bias=config.bias)
        self.hidden = _linear(config.width, 4 * config.width, config)
        self.projection = _linear(4 * config.width, config.width, config, is_residual=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return shape (batch, time, width)."""
        x = x + self.attention(self.norm1(x))
        hidden = self.hidden(self.norm2(x)).gelu()
        return x + self.projection(hidden).dropout(self.dropout)


class GPT(nn.Module):
    """Token and position embeddings, blocks, a norm, and the token embedding again as the output.

    Args:
        config: the sizes.
    """

    def __init__(self, config: GPTConfig | None = None) -> None:
        self.config = config or GPTConfig()
        vocabulary, context, width = (
            self.config.vocabulary,
            self.config.context,
            self.config.width,
        )
        self.tokens = nn.Embedding(vocabulary, width)
        self.tokens.weight = init.normal((vocabulary, width), std=0.02)
        self.positions = nn.Embedding(context, width)
        self.positions.weight = init.normal((context, width), std=0.02)
        self.blocks = [Block(self.config) for _ in range(self.config.layers)]
        self.norm = nn.LayerNorm(width, bias=self.config.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits of the next tokens, (batch, time, vocabulary), for (batch, time).

        Raises:
            ShapeError: the sequence is longer than the context.
        """
        length = tokens.shape[1]
        if length > self.config.context:
            raise ShapeError(
                "the sequence is longer than the model's context",
                got=length,
                expected=f"at most {self.config.context}",
            )
        x = self.tokens(tokens) + self.positions.weight[:length]
        x = x.dropout(self.config.dropout)
        for block in self.blocks:
            x = block(x)
        return self.norm(x).linear(self.tokens.weight.transpose())


def _linear(inputs: int, outputs: int, config: GPTConfig, is_residual: bool = False) -> nn.Linear:
    """Return a layer with GPT-2's initial values: smaller where many residual paths are summed."""
    layer = nn.Linear(inputs, outputs, config.bias)
    std = 0.02 / math.sqrt(2 * config.layers) if is_residual else 0.02
    layer.weight = init.normal((outputs, inputs), std=std)
    layer.bias = init.zeros(outputs) if config.bias else None
    return layer
