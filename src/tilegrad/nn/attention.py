"""Attention with several heads."""

from __future__ import annotations

from tilegrad.base.errors import ArgumentError
from tilegrad.nn import init
from tilegrad.nn.linear import Linear
from tilegrad.nn.module import Module
from tilegrad.tensor import Tensor


class MultiheadAttention(Module):
    """Attention with several heads, as in PyTorch.

    From A. Vaswani et al., "Attention is all you need", 2017.

    Args:
        embed_dim: size of the last axis of queries and outputs.
        num_heads: how many heads it is shared among.
        dropout: share of the attention weights that is dropped while ``Tensor.training``.
        bias: whether the projections have biases.
        kdim: size of the last axis of the keys; ``embed_dim`` if None.
        vdim: size of the last axis of the values; ``embed_dim`` if None.
        batch_first: whether inputs and outputs are (batch, time, ..) instead of (time, batch, ..).

    Attributes:
        in_proj_weight: shape (3 · embed_dim, embed_dim), Glorot-uniform: the projections of query,
            key and value; with other sizes of keys or values instead ``q_proj_weight``,
            ``k_proj_weight`` and ``v_proj_weight``.
        in_proj_bias: shape (3 · embed_dim,), zeros at first, or None.
        out_proj: the layer that mixes the heads.

    Raises:
        ArgumentError: ``embed_dim`` is no multiple of ``num_heads``.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
    ) -> None:
        if num_heads < 1 or embed_dim % num_heads:
            raise ArgumentError(
                "the embedding cannot be shared among the heads",
                got=f"embed_dim {embed_dim}, num_heads {num_heads}",
                expected="a multiple of the number of heads",
            )
        self.embed_dim, self.num_heads = embed_dim, num_heads
        self.dropout, self.batch_first = dropout, batch_first
        self._is_joint = kdim in {None, embed_dim} and vdim in {None, embed_dim}
        if self._is_joint:
            self.in_proj_weight = init.xavier_uniform((3 * embed_dim, embed_dim))
        else:
            self.q_proj_weight = init.xavier_uniform((embed_dim, embed_dim))
            self.k_proj_weight = init.xavier_uniform((embed_dim, kdim or embed_dim))
            self.v_proj_weight = init.xavier_uniform((embed_dim, vdim or embed_dim))
        self.in_proj_bias = init.zeros(3 * embed_dim) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias)
        if bias:
            self.out_proj.bias = init.zeros(embed_dim)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Return the outputs and the attention weights, which cost nothing unless they are used.

        Args:
            query: shape (targets, batch, embed_dim), or as ``batch_first`` says, or without batch.
            key: shape (sources, batch, kdim).
            value: shape (sources, batch, vdim).
            key_padding_mask: bool of shape (batch, sources): True where a key is left out.
            need_weights: whether to return the weights.
            attn_mask: bool, True where a target may not look, or floats to add to the scores;
                shape (targets, sources) or (batch · heads, targets, sources).
            average_attn_weights: whether to return the mean over the heads of the weights.
            is_causal: whether a target may look only at itself and what comes before.

        Returns:
            Outputs of the query's shape; weights of shape (batch, targets, sources), with a heads
            axis after the batch unless averaged, or None. The weights are those before dropout.
        """
        has_batch = query.ndim == 3
        if not has_batch:
            query, key, value = (one.unsqueeze(0) for one in (query, key, value))
        elif not self.batch_first:
            query, key, value = (one.transpose(0, 1) for one in (query, key, value))
        q, k, v = self._project(query, key, value)
        mask = self._join_masks(q, k, key_padding_mask, attn_mask, is_causal)
        dropout = self.dropout if Tensor.training else 0.0
        mixed = q.scaled_dot_product_attention(k, v, attn_mask=mask, dropout_p=dropout)
        output = self.out_proj(mixed.transpose(1, 2).flatten(2))
        weights = None
        if need_weights:
            scores = q @ k.transpose(-2, -1) / (self.embed_dim / self.num_heads) ** 0.5
            weights = (scores if mask is None else scores + mask).softmax(-1)
            weights = weights.mean(1) if average_attn_weights else weights
        if not has_batch:
            return output.squeeze(0), None if weights is None else weights.squeeze(0)
        return (output if self.batch_first else output.transpose(0, 1)), weights

    def _project(self, *inputs: Tensor) -> list[Tensor]:
        """Return queries, keys and values of shape (batch, heads, time, size of a head)."""
        if self._is_joint:
            weights = self.in_proj_weight.chunk(3, dim=0)
        else:
            weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        biases = (None,) * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3, dim=0)
        projected = [
            one.linear(weight.transpose(), bias)
            for one, weight, bias in zip(inputs, weights, biases, strict=True)
        ]
        return [one.unflatten(2, (self.num_heads, -1)).transpose(1, 2) for one in projected]

    def _join_masks(
        self,
        q: Tensor,
        k: Tensor,
        key_padding_mask: Tensor | None,
        attn_mask: Tensor | None,
        is_causal: bool,
    ) -> Tensor | None:
        """Return floats to add to the scores, broadcast to (batch, heads, targets, sources)."""
        masks = []
        if key_padding_mask is not None:
            padding = key_padding_mask if key_padding_mask.ndim == 2 else key_padding_mask[None]
            masks.append(_as_addend(padding, q)[:, None, None, :])
        if attn_mask is not None:
            addend = _as_addend(attn_mask, q)
            is_per_head = addend.ndim == 3
            masks.append(addend.unflatten(0, (-1, self.num_heads)) if is_per_head else addend)
        elif is_causal:
            ahead = Tensor.ones(q.shape[2], k.shape[2], dtype="bool", device=q.device).triu(1)
            masks.append(_as_addend(ahead, q))
        return None if not masks else masks[0] if len(masks) == 1 else masks[0] + masks[1]


def _as_addend(mask: Tensor, like: Tensor) -> Tensor:
    if mask.is_floating_point():
        return mask.cast(like.dtype)
    return mask.where(Tensor.full((), float("-inf"), dtype=like.dtype, device=like.device), 0.0)
