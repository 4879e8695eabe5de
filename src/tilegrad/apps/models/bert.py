"""BERT (J. Devlin et al., 2019): a transformer that reads a whole text at once.

Layers and their names are those of transformers, so that its weights can be loaded.
"""

from __future__ import annotations

from dataclasses import dataclass

from tilegrad import nn
from tilegrad.tensor import Tensor


@dataclass(frozen=True)
class BertConfig:
    """The sizes of a BERT; the defaults are those of MiniLM-L6.

    Attributes:
        vocabulary: number of different tokens.
        context: greatest length of a text.
        layers: number of blocks.
        heads: heads of each attention.
        width: size of the embeddings.
        hidden: size of the hidden layer of a block.
        epsilon: what the norms add to the variance.
    """

    vocabulary: int = 30522
    context: int = 512
    layers: int = 6
    heads: int = 12
    width: int = 384
    hidden: int = 1536
    epsilon: float = 1e-12


class Embeddings(nn.Module):
    """Each token's vector and that of its place, summed and normalised.

    Args:
        config: the sizes.
    """

    def __init__(self, config: BertConfig) -> None:
        self.word_embeddings = nn.Embedding(config.vocabulary, config.width)
        self.position_embeddings = nn.Embedding(config.context, config.width)
        self.token_type_embeddings = nn.Embedding(2, config.width)
        self.LayerNorm = nn.LayerNorm(config.width, config.epsilon)

    def __call__(self, tokens: Tensor) -> Tensor:
        """Return shape (batch, time, width) for tokens (batch, time), all of the first type."""
        places = self.position_embeddings.weight[: tokens.shape[1]]
        first_type = self.token_type_embeddings.weight[0]
        return self.LayerNorm(self.word_embeddings(tokens) + places + first_type)


class SelfAttention(nn.Module):
    """Attention of all tokens to all tokens that count.

    Args:
        config: the sizes.
    """

    def __init__(self, config: BertConfig) -> None:
        self.heads = config.heads
        self.query = nn.Linear(config.width, config.width)
        self.key = nn.Linear(config.width, config.width)
        self.value = nn.Linear(config.width, config.width)

    def __call__(self, x: Tensor, counts: Tensor) -> Tensor:
        """Return shape (batch, time, width); ``counts`` is bool of shape (batch, time)."""
        q, k, v = (
            layer(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        mask = counts.unsqueeze(1).unsqueeze(1)
        return q.scaled_dot_product_attention(k, v, attn_mask=mask).transpose(1, 2).flatten(2)


class Residual(nn.Module):
    """A linear layer, added to what comes beside it and normalised.

    Args:
        inputs: size of the last axis before the layer.
        config: the sizes.
    """

    def __init__(self, inputs: int, config: BertConfig) -> None:
        self.dense = nn.Linear(inputs, config.width)
        self.LayerNorm = nn.LayerNorm(config.width, config.epsilon)

    def __call__(self, x: Tensor, beside: Tensor) -> Tensor:
        """Return shape (batch, time, width)."""
        return self.LayerNorm(self.dense(x) + beside)


class Attention(nn.Module):
    """Self-attention beside a residual path.

    Args:
        config: the sizes.
    """

    def __init__(self, config: BertConfig) -> None:
        self.self = SelfAttention(config)
        self.output = Residual(config.width, config)

    def __call__(self, x: Tensor, counts: Tensor) -> Tensor:
        """Return shape (batch, time, width)."""
        return self.output(self.self(x, counts), x)


class Intermediate(nn.Module):
    """The hidden layer of a block.

    Args:
        config: the sizes.
    """

    def __init__(self, config: BertConfig) -> None:
        self.dense = nn.Linear(config.width, config.hidden)

    def __call__(self, x: Tensor) -> Tensor:
        """Return shape (batch, time, hidden)."""
        return self.dense(x).gelu()


class Layer(nn.Module):
    """Attention and a network of one hidden layer.

    Args:
        config: the sizes.
    """

    def __init__(self, config: BertConfig) -> None:
        self.attention = Attention(config)
        self.intermediate = Intermediate(config)
        self.output = Residual(config.hidden, config)

    def __call__(self, x: Tensor, counts: Tensor) -> Tensor:
        """Return shape (batch, time, width)."""
        x = self.attention(x, counts)
        return self.output(self.intermediate(x), x)


class Encoder(nn.Module):
    """The blocks, one after the other.

    Args:
        config: the sizes.
    """

    def __init__(self, config: BertConfig) -> None:
        self.layer = [Layer(config) for _ in range(config.layers)]

    def __call__(self, x: Tensor, counts: Tensor) -> Tensor:
        """Return shape (batch, time, width)."""
        for layer in self.layer:
            x = layer(x, counts).realize()  # so that all layers are planned and compiled as one
        return x


class Bert(nn.Module):
    """Embeddings and an encoder.

    Args:
        config: the sizes.
    """

    def __init__(self, config: BertConfig | None = None) -> None:
        self.config = config or BertConfig()
        self.embeddings = Embeddings(self.config)
        self.encoder = Encoder(self.config)

    def __call__(self, tokens: Tensor, counts: Tensor) -> Tensor:
        """Return shape (batch, time, width).

        Args:
            tokens: integers of shape (batch, time).
            counts: bool of that shape: False where a text has been filled up.
        """
        return self.encoder(self.embeddings(tokens).realize(), counts)
