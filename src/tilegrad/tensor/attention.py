"""Attention: values averaged by how well their keys match a query."""

from __future__ import annotations

import math
from typing import Self

from tilegrad.base.errors import ArgumentError, ShapeError
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops.movement import reshape_to
from tilegrad.tensor import nodes
from tilegrad.tensor.base import TensorBase
from tilegrad.tensor.broadcasting import show_shape
from tilegrad.tensor.interpolation import Interpolation
from tilegrad.tensor.selection import rows_and_columns
from tilegrad.tensor.size import as_index


class Attention(Interpolation):
    """``scaled_dot_product_attention``."""

    __slots__ = ()

    def scaled_dot_product_attention(
        self,
        key: TensorBase,
        value: TensorBase,
        attn_mask: TensorBase | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        enable_gqa: bool = False,
        scale: float | None = None,
    ) -> Self:
        """Return softmax(self · keyᵀ · scale + mask) · value.

        It is the plain formula; the compiler turns it into one pass over keys and values.

        Args:
            key: shape (.., keys, features), where this tensor, the query, has (.., queries,
                features).
            value: shape (.., keys, outputs).
            attn_mask: broadcasts to (.., queries, keys): bool says what to look at, a float is
                added before the softmax.
            dropout_p: share of the weights that is dropped, whatever ``Tensor.training`` is.
            is_causal: whether query i sees the keys up to i only.
            enable_gqa: whether each head of key and value (axis -3) serves several of the query.
            scale: factor of the products; 1 / √features by default.

        Returns:
            A tensor of shape (.., queries, outputs) in the dtype of the query.

        Raises:
            ArgumentError: both a mask and ``is_causal``, or heads that do not divide.
            ShapeError: the features or keys differ.
        """
        query = self
        k, v = (self.with_node(self.as_operand(one)) for one in (key, value))
        _check(query, k, v)
        if is_causal and attn_mask is not None:
            raise ArgumentError(
                "attention takes a mask or is_causal, not both",
                mend="combine them: mask & Tensor.ones(n, m, dtype='bool').tril()",
            )
        if enable_gqa:
            k, v = (self.with_node(_share_heads(one.node, query.node)) for one in (k, v))
        features = as_index(query.shape[-1])
        if scale is None:
            if not isinstance(features, int):
                raise ArgumentError("attention needs known features, or a scale", got=features)
            scale = 1.0 / math.sqrt(max(features, 1))
        wide = dtypes.float32 if nodes.is_narrow(query.dtype) else None
        scores = query.matmul(k.transpose(-2, -1), dtype=wide) * scale
        if is_causal:
            row, column = rows_and_columns(scores.node.shape)
            scores = scores.with_node(nodes.where(column <= row, scores.node, -math.inf))
        elif attn_mask is not None:
            mask = scores.with_node(scores.as_operand(attn_mask))
            if mask.dtype.is_boolean:
                scores = mask.where(scores, -math.inf)
            else:
                scores = scores + mask
        weights = scores.softmax(-1).dropout(dropout_p, training=True)
        return weights.matmul(v, dtype=wide).cast(query.dtype)


def _share_heads(node: Node, query: Node) -> Node:
    """Return keys or values with each head repeated for the query's heads that it serves."""
    mine, others = node.shape, query.shape
    if len(mine) < 3 or len(others) < 3:
        raise ShapeError("grouped attention needs an axis of heads", got=show_shape(mine))
    heads, wanted = mine[-3], others[-3]
    if heads == wanted:
        return node
    if not isinstance(heads, int) or not isinstance(wanted, int) or wanted % heads:
        raise ArgumentError(
            "the heads of the query are no multiple of those of key and value",
            got=f"{wanted} and {heads}",
        )
    batch, rest = mine[:-3], mine[-2:]
    apart = nodes.expand(
        reshape_to(node, (*batch, heads, 1, *rest)), (*batch, heads, wanted // heads, *rest)
    )
    return reshape_to(apart, (*batch, wanted, *rest))


def _check(query: TensorBase, key: TensorBase, value: TensorBase) -> None:
    shapes = [one.node.shape for one in (query, key, value)]
    fits = all(len(shape) >= 2 for shape in shapes)
    if not fits or shapes[0][-1] != shapes[1][-1] or shapes[1][-2] != shapes[2][-2]:
        raise ShapeError(
            "attention: query, key and value do not fit",
            got=", ".join(show_shape(shape) for shape in shapes),
            expected="(.., queries, features), (.., keys, features), (.., keys, outputs)",
        )
