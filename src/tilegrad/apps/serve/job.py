"""A reply that is wanted, and what becomes of it: what event loop and model's thread exchange."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy

from tilegrad.apps.chat import Sampling
from tilegrad.apps.serve.errors import ApiError
from tilegrad.apps.serve.grammar import Constraint


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """A token that was chosen.

    Attributes:
        token: its number.
        logprob: the logarithm of its probability, as the model gives it.
        top: the likeliest tokens and theirs, the likeliest first.
    """

    token: int
    logprob: float
    top: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """More of a reply: text that is certain, and the tokens since the last piece if wanted."""

    text: str
    tokens: tuple[TokenRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class End:
    """A reply is complete.

    Attributes:
        reason: ``stop``, or ``length`` if a limit cut it off.
        prompt: tokens of the prompt.
        known: those of them that were in memory already.
        written: tokens of the reply.
    """

    reason: str
    prompt: int
    known: int
    written: int


@dataclass(frozen=True, slots=True)
class Vectors:
    """Texts have been embedded: float32 of shape (texts, width)."""

    rows: numpy.ndarray


Event: TypeAlias = Piece | End | Vectors | ApiError


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How a reply is to be.

    Attributes:
        sampling: how tokens are chosen.
        limit: the most tokens; None for as many as there is room for.
        stops: texts before which it ends.
        presence_penalty: taken from the logit of every token that has occurred in the reply.
        frequency_penalty: taken from it as often as the token has occurred.
        bias: added to logits, by token.
        top: how many of the likeliest tokens are told with each; None to tell of none.
    """

    sampling: Sampling
    limit: int | None = None
    stops: Sequence[str] = ()
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    bias: Mapping[int, float] = field(default_factory=dict)
    top: int | None = None


@dataclass(slots=True, eq=False)
class Job:
    """One reply to be written.

    Attributes:
        prompt: what is read first.
        wishes: how it is to be.
        notify: takes the events; it is called in the model's thread.
        constraint: what it may say, or None for anything.
        leader: a job with the same prompt, which is read once if this one waits for it.
        is_read: whether the prompt has been read, or never will be.
        is_cancelled: set by anyone if nobody waits for it any more.
        created: when it was made, on the clock of ``time.perf_counter``.
    """

    prompt: Sequence[int]
    wishes: Wishes
    notify: Callable[[Event], None]
    constraint: Constraint | None = None
    leader: Job | None = None
    is_read: bool = False
    is_cancelled: bool = False
    created: float = field(default_factory=time.perf_counter)


@dataclass(slots=True, eq=False)
class EmbeddingJob:
    """Texts to be embedded.

    Attributes:
        texts: the tokens of each.
        notify: takes the events; it is called in the model's thread.
        done: the vectors so far.
        is_cancelled: set by anyone if nobody waits for it any more.
    """

    texts: Sequence[Sequence[int]]
    notify: Callable[[Event], None]
    done: list[numpy.ndarray] = field(default_factory=list)
    is_cancelled: bool = False
