"""The sizes of Llama and its kin, as the metadata of a GGUF file give them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tilegrad.base.errors import DataError

HALVES = ("qwen2", "qwen3")
ARCHITECTURES = ("llama", *HALVES)


@dataclass(frozen=True)
class LlamaConfig:
    """The sizes of a model.

    Attributes:
        layers: number of blocks.
        width: size of the residual path.
        heads: heads of queries.
        key_heads: heads of keys and values.
        head_size: size of a head.
        context: greatest length that it was trained for, or its window where it sees no further:
            up to there, a model with a window is one without.
        epsilon: what the norms add to the mean square.
        rotation_base: the slowest rotation takes about so many positions (times 2π).
        stretch: how much slower all rotations are.
        rotated: how many features of a head are rotated with the position.
        is_halved: whether feature i is rotated with feature i + rotated/2, not each pair of
            neighbours.
    """

    layers: int
    width: int
    heads: int
    key_heads: int
    head_size: int
    context: int
    epsilon: float
    rotation_base: float
    stretch: float
    rotated: int
    is_halved: bool

    @property
    def windows(self) -> tuple[int | None, ...]:
        """How many tokens back each block sees; None for all."""
        return (None,) * self.layers

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any]) -> LlamaConfig:
        """Read the sizes from the metadata of a GGUF file.

        Raises:
            DataError: the architecture is not one of ``ARCHITECTURES``, or a size is missing.
        """
        kind = metadata.get("general.architecture")
        if kind not in ARCHITECTURES:
            raise DataError(
                "there is no model of this architecture",
                got=repr(kind),
                expected=f"one of {', '.join(ARCHITECTURES)}",
                mend="take a file of another model",
            )

        def size(name: str, default: Any = None) -> Any:
            value = metadata.get(f"{kind}.{name}", default)
            if value is None:
                raise DataError("the GGUF file does not say a size", got=f"no {kind}.{name}")
            return value

        scaling = size("rope.scaling.type", "none")
        if scaling not in ("none", "linear"):
            raise DataError(
                "the model stretches its positions in a way that is not known",
                got=f"{kind}.rope.scaling.type {scaling!r}",
                expected="'none' or 'linear'",
            )
        width, heads = size("embedding_length"), size("attention.head_count")
        head_size = size("attention.key_length", width // heads)
        return cls(
            layers=size("block_count"),
            width=width,
            heads=heads,
            key_heads=size("attention.head_count_kv", heads),
            head_size=head_size,
            context=min(size("context_length"), size("attention.sliding_window", math.inf)),
            epsilon=size("attention.layer_norm_rms_epsilon"),
            rotation_base=size("rope.freq_base", 10000.0),
            stretch=size("rope.scaling.factor", 1.0) if scaling == "linear" else 1.0,
            rotated=size("rope.dimension_count", head_size),
            is_halved=kind in HALVES,
        )
