"""A transformer of a few lines, in tensors over a memory and the same in torch without one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy
import torch

from tilegrad import Tensor
from tilegrad.apps.models.memory import Reading

TOKENS, WIDTH = 17, 24


@dataclass(frozen=True)
class Sizes:
    """See ``tilegrad.apps.generation.Model``."""

    windows: tuple[int | None, ...] = (None, None)
    layers: int = 2
    heads: int = 6
    key_heads: int = 2
    head_size: int = 4
    context: int = 200


class TinyModel:
    """Two layers of attention, one with capped scores, between random matrices."""

    independent_rows = 1

    def __init__(self, config: Sizes) -> None:
        self.config = config
        self.caps = (None, 2.0)
        numbers = numpy.random.default_rng(0)

        def matrix(*shape: int) -> numpy.ndarray:
            return (numbers.standard_normal(shape) * 0.3).astype(numpy.float32)

        keys = config.key_heads * config.head_size
        self.arrays = {
            "tokens": matrix(TOKENS, WIDTH),
            "places": matrix(config.context + 64, WIDTH),
        }
        for layer in range(config.layers):
            for name, size in (("q", WIDTH), ("k", keys), ("v", keys), ("o", WIDTH)):
                self.arrays[f"{name}{layer}"] = matrix(WIDTH, size)
        self.tensors = {name: Tensor(array).realize() for name, array in self.arrays.items()}

    def __call__(self, tokens: Tensor, reading: Reading, rows: Tensor) -> Tensor:
        given, size = self.tensors, self.config.head_size
        x = given["tokens"][tokens] + given["places"][reading.positions]
        for layer, (window, cap) in enumerate(zip(self.config.windows, self.caps, strict=True)):
            q, k, v = ((x @ given[f"{n}{layer}"]).unflatten(1, (-1, size)) for n in "qkv")
            mixed = reading.attend(layer, q, k, v, scale=0.7, window=window, soft_cap=cap)
            x = (x + mixed.flatten(1) @ given[f"o{layer}"]).realize()
        return x[rows] @ given["tokens"].T

    def expected(self, text: list[int]) -> numpy.ndarray:
        """Return the logits after a text."""
        given = {name: torch.tensor(array) for name, array in self.arrays.items()}
        size, group = self.config.head_size, self.config.heads // self.config.key_heads
        x = given["tokens"][text] + given["places"][: len(text)]
        gap = torch.arange(len(text))[:, None] - torch.arange(len(text))
        for layer, (window, cap) in enumerate(zip(self.config.windows, self.caps, strict=True)):
            q, k, v = (
                (x @ given[f"{n}{layer}"]).unflatten(1, (-1, size)).transpose(0, 1) for n in "qkv"
            )
            scores = q @ k.repeat_interleave(group, 0).transpose(1, 2) * 0.7
            scores = scores if cap is None else torch.tanh(scores / cap) * cap
            seen = (gap >= 0) & (gap < (window or len(text)))
            weights = scores.masked_fill(~seen, -torch.inf).softmax(-1)
            mixed = weights @ v.repeat_interleave(group, 0)
            x = x + mixed.transpose(0, 1).flatten(1) @ given[f"o{layer}"]
        return (x[-1] @ given["tokens"].T).numpy()
