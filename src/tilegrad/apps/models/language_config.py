"""The sizes and habits of a language model, whatever its family."""

from __future__ import annotations

from dataclasses import dataclass

from tilegrad.apps.models.gates import Gate, gate_by_silu


@dataclass(frozen=True, slots=True)
class RotationConfig:
    """How features are turned by the position.

    Attributes:
        base: the slowest rotation takes about so many positions (times 2π).
        features: how many features of a head are turned, the first ones.
        is_halved: whether feature i is turned with feature i + features/2, not each pair of
            neighbours.
        scaling: how positions beyond the training are reached: "none", "linear" (all rotations are
            slower by the factor), "yarn" (the slow ones are) or "longrope" (each by a factor of its
            own).
        factor: of the scaling.
        context: the length that the model was trained for before it was scaled.
        magnitude: what turned features are multiplied by.
        turns: features that turn more often than the first number within ``context`` stay as they
            are for "yarn", those that turn less than the second are slower by the whole factor.
        is_rounded: whether the places of these features are rounded, away from each other.
    """

    base: float
    features: int
    is_halved: bool
    scaling: str = "none"
    factor: float = 1.0
    context: int = 0
    magnitude: float = 1.0
    turns: tuple[float, float] = (32.0, 1.0)
    is_rounded: bool = True


@dataclass(frozen=True, slots=True)
class MixtureConfig:
    """How tokens choose among networks.

    Attributes:
        chosen: how many networks each token goes through.
        is_normalised: whether the shares of the chosen ones are divided by their sum.
        scale: what the shares are multiplied by.
    """

    chosen: int
    is_normalised: bool
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class LanguageConfig:
    """The sizes and habits of a model.

    Attributes:
        layers: number of blocks.
        width: size of the residual path.
        heads: heads of queries.
        key_heads: heads of keys and values.
        head_size: size of a head.
        context: greatest length that it was trained for.
        vocabulary: number of different tokens.
        epsilon: what the norms add to the mean square.
        windows: how many tokens back each block sees, a token itself included; None for all.
        rotations: of each block; None for one that turns nothing.
        attention_scale: what products of queries and keys are multiplied by.
        attention_cap: bounds these, as cap·tanh(product / cap); None for no bound.
        gate: how one half of a network's hidden layer gates the other.
        mixture: how experts are chosen, where a block has some.
        embedding_scale: what the tokens' vectors are multiplied by.
        residual_scale: what is added to the residual path is multiplied by it.
        logit_scale: what the logits are multiplied by.
        logit_cap: bounds the logits, as cap·tanh(logit / cap); None for no bound.
    """

    layers: int
    width: int
    heads: int
    key_heads: int
    head_size: int
    context: int
    vocabulary: int
    epsilon: float
    windows: tuple[int | None, ...]
    rotations: tuple[RotationConfig | None, ...]
    attention_scale: float
    attention_cap: float | None = None
    gate: Gate = gate_by_silu
    mixture: MixtureConfig | None = None
    embedding_scale: float = 1.0
    residual_scale: float = 1.0
    logit_scale: float = 1.0
    logit_cap: float | None = None
