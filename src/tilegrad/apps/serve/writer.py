"""One reply as it grows: tokens are chosen, become text, and end it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy

from tilegrad.apps.chat.reply import StopFilter
from tilegrad.apps.chat.sampling import Sampler, find_greatest
from tilegrad.apps.chat.tokeniser import Tokeniser
from tilegrad.apps.serve.job import Job, Piece, TokenRecord

STOP, LENGTH = "stop", "length"


class Writer:
    """Writes one reply.

    Args:
        job: what is wanted.
        tokeniser: turns tokens into text.

    Attributes:
        tokens: of the reply so far, without one that ended it.
        reason: why it ended, "" while it goes on.
    """

    def __init__(self, job: Job, tokeniser: Tokeniser) -> None:
        self.tokens: list[int] = []
        self.reason = ""
        self._job, self._tokeniser = job, tokeniser
        self._sampler = Sampler(job.wishes.sampling)
        self._counts: Counter[int] = Counter()
        self._text = tokeniser.stream()
        self._filter = StopFilter(job.wishes.stops)

    def write(self, logits: numpy.ndarray, room: int) -> Piece:
        """Choose the next token and return the text that became certain by it.

        Args:
            logits: float32 of shape (vocabulary,); left as they are.
            room: how many tokens the memory can still take.

        Raises:
            ApiError: it cannot be found out what the constraint allows.
        """
        wishes, constraint = self._job.wishes, self._job.constraint
        token = self._sampler.choose(self._adjust(logits), self._before())
        if token in self._tokeniser.ends:
            return self._end(STOP, "", ())
        self.tokens.append(token)
        self._counts[token] += 1
        records = () if wishes.top is None else (_record(logits, token, wishes.top),)
        if constraint is not None:
            constraint.take(token)
        text = self._filter.add(self._text.add(token))
        if self._filter.is_stopped:
            self.reason = STOP
            return Piece(text, records)
        if constraint is not None and constraint.is_complete:
            return self._end(STOP, text, records)
        if room < 1 or len(self.tokens) == wishes.limit:
            return self._end(LENGTH, text, records)
        return Piece(text, records)

    def _end(self, reason: str, text: str, records: tuple[TokenRecord, ...]) -> Piece:
        rest = self._filter.finish(self._text.finish())
        self.reason = STOP if self._filter.is_stopped else reason
        return Piece(text + rest, records)

    def _before(self) -> Sequence[int]:
        """Return the tokens that count as repeated, if any penalty asks for them."""
        if self._job.wishes.sampling.repetition_penalty == 1:
            return ()
        return [*self._job.prompt, *self.tokens]

    def _adjust(self, logits: numpy.ndarray) -> numpy.ndarray:
        """Return the logits with penalties and bias, and without what is not allowed."""
        wishes, constraint = self._job.wishes, self._job.constraint
        has_penalty = wishes.presence_penalty != 0 or wishes.frequency_penalty != 0
        penalised: Mapping[int, int] = self._counts if has_penalty else {}
        if not penalised and not wishes.bias and constraint is None:
            return logits
        adjusted = logits.copy()
        for token, count in penalised.items():
            adjusted[token] -= wishes.presence_penalty + count * wishes.frequency_penalty
        for token, bias in wishes.bias.items():
            adjusted[token] += bias
        if constraint is not None:
            adjusted[~constraint.allowed(len(adjusted))] = -numpy.inf
        return adjusted


def _record(logits: numpy.ndarray, token: int, count: int) -> TokenRecord:
    """Return the logarithms of the probabilities of a token and of the likeliest ones."""
    peak = logits.max()
    total = float(peak) + float(numpy.log(numpy.exp(logits - peak).sum(dtype=numpy.float64)))
    likeliest = find_greatest(logits, count)
    top = tuple((int(other), float(logits[other]) - total) for other in likeliest)
    return TokenRecord(token, float(logits[token]) - total, top)
