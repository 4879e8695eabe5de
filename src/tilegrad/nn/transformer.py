"""The transformer of A. Vaswani et al., "Attention is all you need", 2017, part by part.

As in PyTorch, with the same names of the parts, so that its checkpoints load.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, ClassVar

from tilegrad.nn.attention import MultiheadAttention
from tilegrad.nn.container import ModuleList
from tilegrad.nn.dropout import Dropout
from tilegrad.nn.linear import Linear
from tilegrad.nn.module import Module
from tilegrad.nn.normalisation import LayerNorm
from tilegrad.tensor import Tensor
from tilegrad.tensor.arguments import check_choice

Activation = str | Callable[[Tensor], Tensor]
_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": Tensor.relu, "gelu": Tensor.gelu}


class _Layer(Module):
    """What both kinds of layers share: parts with residual paths and norms, in PyTorch's names."""

    has_memory: ClassVar[bool]

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
    ) -> None:
        if isinstance(activation, str):
            check_choice("activation", activation, tuple(_ACTIVATIONS))
            activation = _ACTIVATIONS[activation]
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first)
        if self.has_memory:
            self.multihead_attn = MultiheadAttention(
                d_model, nhead, dropout, bias, batch_first=batch_first
            )
            self.norm3 = LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.linear1 = Linear(d_model, dim_feedforward, bias)
        self.linear2 = Linear(dim_feedforward, d_model, bias)
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.dropout, self.activation = Dropout(dropout), activation
        self.norm_first = norm_first

    def add(self, x: Tensor, part: Callable[[Tensor], Tensor], norm: LayerNorm) -> Tensor:
        """Return x plus what a part makes of it, normalised before the part or after the sum."""
        return x + part(norm(x)) if self.norm_first else norm(x + part(x))

    def attend(
        self,
        attention: MultiheadAttention,
        query: Tensor,
        source: Tensor,
        padding: Tensor | None,
        mask: Tensor | None,
        is_causal: bool,
    ) -> Tensor:
        """Return what the attention gives, with its dropout."""
        mixed, _ = attention(query, source, source, padding, False, mask, is_causal=is_causal)
        return self.dropout(mixed)

    def feed_forward(self, x: Tensor) -> Tensor:
        """Return what the network of two linear layers gives, with its dropout."""
        hidden = self.dropout(self.activation(self.linear1(x)))
        return self.dropout(self.linear2(hidden))


class TransformerEncoderLayer(_Layer):
    """Self-attention and a feed-forward network, each with a residual path and a norm.

    Args:
        d_model: size of the last axis.
        nhead: number of heads.
        dim_feedforward: size of the hidden layer.
        dropout: share that is dropped in each part while ``Tensor.training``.
        activation: function of the hidden layer, or "relu" or "gelu".
        layer_norm_eps: added to the variances.
        batch_first: whether inputs are (batch, time, ..) instead of (time, batch, ..).
        norm_first: whether the norms come before the parts instead of after them.
        bias: whether the layers have biases.

    Raises:
        ArgumentError: unknown activation, or ``d_model`` is no multiple of ``nhead``.
    """

    has_memory = False

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """Return the encoded sequence, of the same shape; the masks are those of the attention."""

        def look_around(x: Tensor) -> Tensor:
            return self.attend(self.self_attn, x, x, src_key_padding_mask, src_mask, is_causal)

        src = self.add(src, look_around, self.norm1)
        return self.add(src, self.feed_forward, self.norm2)


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to a memory and a feed-forward network, with residual paths.

    The arguments are those of ``TransformerEncoderLayer``.
    """

    has_memory = True

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Return the decoded sequence, of the target's shape; the masks are the attentions'."""

        def look_around(x: Tensor) -> Tensor:
            return self.attend(self.self_attn, x, x, tgt_key_padding_mask, tgt_mask, tgt_is_causal)

        def look_up(x: Tensor) -> Tensor:
            padding, mask = memory_key_padding_mask, memory_mask
            return self.attend(self.multihead_attn, x, memory, padding, mask, memory_is_causal)

        tgt = self.add(tgt, look_around, self.norm1)
        tgt = self.add(tgt, look_up, self.norm2)
        return self.add(tgt, self.feed_forward, self.norm3)


class TransformerEncoder(Module):
    """A stack of encoder layers.

    Args:
        encoder_layer: the layer, copied so many times.
        num_layers: how many there are.
        norm: applied to the result, or None.
    """

    def __init__(
        self,
        encoder_layer: TransformerEncoderLayer,
        num_layers: int,
        norm: LayerNorm | None = None,
    ) -> None:
        self.layers = ModuleList(copy.deepcopy(encoder_layer) for _ in range(num_layers))
        self.norm = norm

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """Return the encoded sequence, of the same shape; the masks are every layer's."""
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, is_causal)
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(Module):
    """A stack of decoder layers; the arguments are those of ``TransformerEncoder``."""

    def __init__(
        self,
        decoder_layer: TransformerDecoderLayer,
        num_layers: int,
        norm: LayerNorm | None = None,
    ) -> None:
        self.layers = ModuleList(copy.deepcopy(decoder_layer) for _ in range(num_layers))
        self.norm = norm

    def forward(
        self, tgt: Tensor, memory: Tensor, *masks: Tensor | None, **named: Tensor | bool | None
    ) -> Tensor:
        """Return the decoded sequence; the further arguments are ``TransformerDecoderLayer``'s."""
        for layer in self.layers:
            tgt = layer(tgt, memory, *masks, **named)
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(Module):
    """An encoder and a decoder that attends to what it gives.

    Args:
        d_model: size of the last axis.
        nhead: number of heads.
        num_encoder_layers: layers of the encoder.
        num_decoder_layers: layers of the decoder.
        dim_feedforward: size of the hidden layers.
        dropout: share that is dropped in each part while ``Tensor.training``.
        activation: function of the hidden layers, or "relu" or "gelu".
        options: further arguments of the layers: layer_norm_eps, batch_first, norm_first, bias.
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        **options: Any,
    ) -> None:
        sizes = (d_model, nhead, dim_feedforward, dropout, activation)
        epsilon, bias = options.get("layer_norm_eps", 1e-5), options.get("bias", True)
        self.encoder = TransformerEncoder(
            TransformerEncoderLayer(*sizes, **options),
            num_encoder_layers,
            LayerNorm(d_model, epsilon, bias=bias),
        )
        self.decoder = TransformerDecoder(
            TransformerDecoderLayer(*sizes, **options),
            num_decoder_layers,
            LayerNorm(d_model, epsilon, bias=bias),
        )

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
    ) -> Tensor:
        """Return the decoded sequence, of the target's shape; the masks are the layers'."""
        memory = self.encoder(src, src_mask, src_key_padding_mask)
        padding = (tgt_key_padding_mask, memory_key_padding_mask)
        return self.decoder(tgt, memory, tgt_mask, memory_mask, *padding)

    @staticmethod
    def generate_square_subsequent_mask(size: int) -> Tensor:
        """Return the mask by which nothing sees what follows: -∞ above the diagonal, else 0."""
        return Tensor.full((size, size), float("-inf")).triu(1)
