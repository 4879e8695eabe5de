"""A reply as it grows: pieces of text, why it ended, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from tilegrad.apps.chat.sampling import Sampler
from tilegrad.apps.chat.tokeniser import Tokeniser
from tilegrad.apps.generation import Decoder

ENDED, STOPPED, LIMITED, FULL = "ended", "stop string", "limit of tokens", "context is full"
REPEATED = 64
"""So many of a reply's last tokens count as repeated."""


@dataclass(slots=True)
class Reply:
    """What has been said so far.

    Attributes:
        prompt: how many tokens of the prompt have been read.
        tokens: those of the reply, without one that ended it.
        text: what they say.
        reason: why it ended: one of the constants of this module, "" while it goes on.
        first_seconds: from the start to the first token.
        seconds: from the first token to the last.
        forgotten: how many turns of the conversation were left out to make room.
    """

    prompt: int = 0
    tokens: list[int] = field(default_factory=list)
    text: str = ""
    reason: str = ""
    first_seconds: float = 0.0
    seconds: float = 0.0
    forgotten: int = 0

    @property
    def rate(self) -> float:
        """Tokens a second after the first one; 0 if there was no second."""
        return (len(self.tokens) - 1) / self.seconds if self.seconds else 0.0


def complete(
    decoder: Decoder,
    tokeniser: Tokeniser,
    prompt: Sequence[int],
    sampler: Sampler,
    reply: Reply,
    *,
    limit: int | None = None,
    stops: Sequence[str] = (),
) -> Generator[str]:
    """Yield the text that follows a prompt, piece by piece, and note it in a reply.

    While the prompt is read, pieces are empty: so the caller can stop then, too.

    Args:
        decoder: predicts the tokens; has room for one more sequence.
        tokeniser: turns them into text.
        prompt: what is read first.
        sampler: chooses them.
        reply: takes everything down; complete as far as it goes if the caller stops.
        limit: the most tokens.
        stops: texts before which the reply ends.

    Raises:
        ArgumentError: the prompt does not fit into the context.
    """
    start = time.perf_counter()
    sequence = decoder.open(prompt)
    try:
        while (logits := decoder.read(sequence)) is None:
            reply.prompt = sequence.position
            yield ""
        reply.prompt = len(prompt)
        stream, filtered = tokeniser.stream(), StopFilter(stops)
        while not reply.reason:
            # What the prompt says may be said again: to answer is to take up its words.
            token = sampler.choose(logits, reply.tokens[-REPEATED:])
            now = time.perf_counter()
            if not reply.tokens:
                reply.first_seconds = now - start
            reply.seconds = now - start - reply.first_seconds
            if token in tokeniser.ends:
                reply.reason = ENDED
                break
            reply.tokens.append(token)
            piece = filtered.add(stream.add(token))
            if filtered.is_stopped:
                reply.reason = STOPPED
            elif limit is not None and len(reply.tokens) >= limit:
                reply.reason = LIMITED
            elif not decoder.room(sequence):
                reply.reason = FULL
            reply.text += piece
            yield piece
            if not reply.reason:
                logits = decoder.step({sequence: token})[sequence]
        if reply.reason != STOPPED:
            rest = filtered.finish(stream.finish())
            reply.text += rest
            yield rest
    finally:
        decoder.close(sequence)


class StopFilter:
    """Lets text through up to the first stop string; what may be the start of one waits.

    Args:
        stops: the stop strings.

    Attributes:
        is_stopped: whether one has come.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._waiting = ""
        self.is_stopped = False

    def add(self, text: str) -> str:
        """Return the text that is certain to stand before any stop string."""
        self._waiting += text
        places = [place for stop in self._stops if (place := self._waiting.find(stop)) >= 0]
        if places:
            self.is_stopped = True
            return self._take(min(places))
        held = max((_overlap(self._waiting, stop) for stop in self._stops), default=0)
        return self._take(len(self._waiting) - held)

    def finish(self, text: str) -> str:
        """Return all that is left, or what stands before a stop string in it."""
        found = self.add(text)
        return found if self.is_stopped else found + self._take(len(self._waiting))

    def _take(self, count: int) -> str:
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken


def _overlap(text: str, stop: str) -> int:
    """Return the length of the longest end of a text that a stop string begins with."""
    longest = min(len(text), len(stop) - 1)
    return next((count for count in range(longest, 0, -1) if text.endswith(stop[:count])), 0)
