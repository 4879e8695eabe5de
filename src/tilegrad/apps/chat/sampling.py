"""Choosing the next token by its logits."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy

from tilegrad.base.errors import ArgumentError, DataError
from tilegrad.frontend.gguf import find_value

_GROUPED = 32
"""So many values of many have one greatest, or one sum, that stands for all of them at first."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen. The filters apply in the order in which they stand here.

    The defaults suit small models, which repeat themselves for ever without a penalty.

    Attributes:
        repetition_penalty: logits of tokens that occurred are divided by it where they are
            positive, else multiplied (N. S. Keskar et al., "CTRL", 2019); 1 for none.
        temperature: divides the logits; 0 always takes the likeliest token.
        top_k: only so many of the likeliest; 0 for all.
        top_p: only the likeliest that together have this share (A. Holtzman et al., "The curious
            case of neural text degeneration", 2020); 1 for all.
        min_p: only those at least this part as likely as the likeliest (M. Nguyen et al., 2024).
        seed: the same seed gives the same tokens; None for a new one each time.

    Raises:
        ArgumentError: a value lies outside its range.
    """

    repetition_penalty: float = 1.1
    temperature: float = 0.2
    top_k: int = 40
    top_p: float = 0.9
    min_p: float = 0.05
    seed: int | None = None

    def __post_init__(self) -> None:
        ranges = (
            ("repetition_penalty", self.repetition_penalty > 0, "more than 0"),
            ("temperature", self.temperature >= 0, "at least 0"),
            ("top_k", self.top_k >= 0, "at least 0"),
            ("top_p", 0 < self.top_p <= 1, "more than 0 and at most 1"),
            ("min_p", 0 <= self.min_p <= 1, "from 0 to 1"),
        )
        for name, is_right, expected in ranges:
            if not is_right:
                raise ArgumentError(
                    f"{name} is out of its range", got=getattr(self, name), expected=expected
                )


_SUGGESTIONS = {
    "repetition_penalty": "general.sampling.penalty_repeat",
    "temperature": "general.sampling.temp",
    "top_k": "general.sampling.top_k",
    "top_p": "general.sampling.top_p",
    "min_p": "general.sampling.min_p",
}
"""Where GGUF files say how their makers would choose tokens."""


def read_sampling(metadata: Mapping[str, Any], chosen: Mapping[str, Any]) -> Sampling:
    """Return how tokens are chosen: as the user says, else as the file says, else as is usual.

    Args:
        metadata: of a GGUF file.
        chosen: what the user says, by the names of ``Sampling``.

    Raises:
        DataError: what the file says makes no sense.
        ArgumentError: what the user says lies outside its range.
    """
    suggested: dict[str, Any] = {
        name: find_value(metadata, key, int if name == "top_k" else float, None)
        for name, key in _SUGGESTIONS.items()
        if key in metadata and name not in chosen
    }
    try:
        usual = Sampling(**suggested)
    except ArgumentError as error:
        raise DataError(
            "what the GGUF file says of sampling makes no sense",
            got=f"{error.what}: {error.got}",
            mend="take another file of the same model, or choose these values yourself",
        ) from error
    return replace(usual, **chosen)


class Sampler:
    """Chooses tokens.

    Args:
        sampling: how.
    """

    def __init__(self, sampling: Sampling) -> None:
        self.sampling = sampling
        self._generator = random.Random(sampling.seed)  # noqa: S311 - nothing secret is drawn

    def choose(self, logits: numpy.ndarray, before: Sequence[int] = ()) -> int:
        """Return a token.

        Args:
            logits: float32 of shape (vocabulary,).
            before: the tokens that count as repeated.

        Raises:
            DataError: the greatest of the logits is not a finite number.
        """
        way = self.sampling
        if way.repetition_penalty != 1.0 and before:
            logits = logits.copy()
            repeated = list(before)  # one that stands there twice is written twice, alike
            penalty = way.repetition_penalty
            values = logits[repeated]
            logits[repeated] = numpy.where(values > 0, values / penalty, values * penalty)
        likeliest = logits.max()
        if not numpy.isfinite(likeliest):
            raise DataError(
                "the model gives no token a probability",
                got=f"logits of which the greatest is {likeliest}",
                mend="the file's weights may be damaged, or too large for the dtype it computes in",
            )
        if way.temperature == 0:
            return int(logits.argmax())
        tokens, weights = _weigh(logits, way)
        place = _find_share(weights, self._generator.random())
        return place if tokens is None else int(tokens[place])


def _weigh(logits: numpy.ndarray, way: Sampling) -> tuple[numpy.ndarray | None, numpy.ndarray]:
    """Return the tokens that the filters leave, None for all, and weights as their shares are."""
    tokens, left = None, logits
    if 0 < way.top_k < len(logits):
        tokens = find_greatest(logits, way.top_k)
        left = logits[tokens]
    # Below this temperature all others weigh nothing, and division would overflow.
    temperature = max(way.temperature, 1e-4)
    weights = numpy.exp((left - left.max()) / numpy.float32(temperature))
    if way.top_p < 1:
        stay = _take_share(weights, way.top_p)
        tokens, weights = stay if tokens is None else tokens[stay], weights[stay]
    if way.min_p > 0:
        stay = numpy.flatnonzero(weights >= way.min_p * weights.max())
        tokens, weights = stay if tokens is None else tokens[stay], weights[stay]
    return tokens, weights


def _find_share(weights: numpy.ndarray, share: float) -> int:
    """Return the place at which the weights from the first one on have more than a share of all."""
    starts = numpy.arange(0, len(weights), _GROUPED)
    sums = numpy.add.reduceat(weights, starts, dtype=numpy.float64).cumsum()
    wanted = share * sums[-1]
    group = min(int(numpy.searchsorted(sums, wanted, side="right")), len(sums) - 1)
    before = sums[group - 1] if group else 0.0
    start = group * _GROUPED
    ends = before + weights[start : start + _GROUPED].cumsum(dtype=numpy.float64)
    place = int(numpy.searchsorted(ends, wanted, side="right"))
    return start + min(place, len(ends) - 1)


def _take_share(weights: numpy.ndarray, share: float) -> numpy.ndarray:
    """Return the places of the greatest weights that together have a share of all."""
    total = weights.sum(dtype=numpy.float64)
    # Those that are lighter than this cannot have the rest of the share together.
    places = numpy.flatnonzero(weights >= (1 - share) * total / len(weights))
    places = places[numpy.argsort(-weights[places], kind="stable")]
    ends = weights[places].cumsum(dtype=numpy.float64)
    # A token stays if those before it do not have the share yet: the likeliest always does.
    return places[: int(numpy.searchsorted(ends, share * total)) + 1]


def find_greatest(values: numpy.ndarray, count: int) -> numpy.ndarray:
    """Return the places of so many of the greatest values, or of all, the greatest first."""
    groups = len(values) // _GROUPED
    if count >= groups:
        places = numpy.arange(len(values))
    else:
        # As many groups have a value that is no less than the count-th of their greatest ones.
        greatest = values[: groups * _GROUPED].reshape(_GROUPED, groups).max(0)
        places = numpy.flatnonzero(values >= numpy.partition(greatest, -count)[-count])
    return places[numpy.argsort(-values[places], kind="stable")[:count]]
