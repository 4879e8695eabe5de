"""Rotary positions: pairs of features are turned by angles that grow with the position.

From J. Su et al., "RoFormer: enhanced transformer with rotary position embedding", 2021; B. Peng et
al., "YaRN: efficient context window extension of large language models", 2023.
"""

from __future__ import annotations

import math

import numpy

from tilegrad import nn
from tilegrad.apps.models.language_config import RotationConfig
from tilegrad.base.errors import DataError
from tilegrad.tensor import Tensor


class Rotation(nn.Module):
    """Turns pairs of features.

    Args:
        config: how.
        factors: divide the frequencies, shape (features / 2,); None for none.

    Attributes:
        frequencies: the angle from one position to the next, shape (features / 2,).

    Raises:
        DataError: the factors are of another shape.
    """

    def __init__(self, config: RotationConfig, factors: numpy.ndarray | None = None) -> None:
        frequencies = compute_frequencies(config)
        if factors is not None:
            if factors.shape != frequencies.shape:
                raise DataError(
                    "there has to be a factor for each pair of a head's features",
                    got=factors.shape,
                    expected=frequencies.shape,
                )
            frequencies = frequencies / factors
        self.frequencies = Tensor(frequencies.astype(numpy.float32)).realize()
        self.magnitude = config.magnitude
        self.is_halved = config.is_halved

    def angles(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return cosine and sine for positions of shape (time,), each (time, 1, pairs)."""
        angle = positions.reshape(-1, 1, 1).float() * self.frequencies
        return angle.cos() * self.magnitude, angle.sin() * self.magnitude

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


def compute_frequencies(config: RotationConfig) -> numpy.ndarray:
    """Return the angle from one position to the next for each pair of features, float64."""
    exponents = numpy.arange(0, config.features, 2) / config.features
    frequencies = config.base**-exponents
    if config.scaling == "linear":
        return frequencies / config.factor
    if config.scaling == "yarn":
        slowed = _slowed_shares(config)
        return frequencies * (1 - slowed + slowed / config.factor)
    return frequencies


def _slowed_shares(config: RotationConfig) -> numpy.ndarray:
    """Return how much each pair is slowed, from 0 (it turns often enough) to 1 (it does not)."""
    first, last = (_find_pair(config, turns) for turns in config.turns)
    if config.is_rounded:
        first, last = math.floor(first), math.ceil(last)
    low, high = max(first, 0), min(last, config.features - 1)
    pairs = numpy.arange(config.features // 2)
    return numpy.clip((pairs - low) / max(high - low, 1e-3), 0, 1)


def _find_pair(config: RotationConfig, turns: float) -> float:
    """Return the place of the pair that would turn so often within the trained context."""
    length = config.context / (turns * 2 * math.pi)
    return config.features * math.log(length) / (2 * math.log(config.base))
