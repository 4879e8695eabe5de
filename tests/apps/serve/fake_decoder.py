"""A decoder without a model: logits are drawn from the tokens before, and steps can be held."""

from __future__ import annotations

import contextlib
import threading
import zlib
from collections.abc import Iterator, Sequence

import numpy

from tilegrad.base.errors import DeviceError

VOCABULARY = 260


class FakeSequence:
    def __init__(self, tokens: Sequence[int]) -> None:
        self.tokens = list(tokens)
        self.position = self.known = 0


class FakeDecoder:
    """Stands in for `Decoder` where a test has to say when something happens.

    Attributes:
        calls: what was done, in order: the sequences of each step, or one whose prompt was read.
        is_broken: whether steps fail.
        wrong: all logits of texts that begin with this token are NaN.
    """

    used_pages = free_pages = 0

    def __init__(self, *, context: int = 256, sequences: int = 4, chunk: int = 8) -> None:
        self.context, self.free_sequences, self._chunk = context, sequences, chunk
        self.calls: list[tuple[str, list[FakeSequence]]] = []
        self._gate = threading.Event()
        self._gate.set()
        self.is_broken = False
        self.wrong = -1

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Do nothing in a `with` statement. A test that fails in it ends: nobody waits for ever."""
        self._gate.clear()
        try:
            yield
        finally:
            self._gate.set()

    def open(self, tokens: Sequence[int]) -> FakeSequence:
        assert self.free_sequences
        self.free_sequences -= 1
        return FakeSequence(tokens)

    def read(self, sequence: FakeSequence) -> numpy.ndarray | None:
        self._enter("read", [sequence])
        sequence.position = min(sequence.position + self._chunk, len(sequence.tokens))
        return self._draw(sequence) if sequence.position == len(sequence.tokens) else None

    def step(self, tokens: dict[FakeSequence, int]) -> dict[FakeSequence, numpy.ndarray]:
        self._enter("step", list(tokens))
        for sequence, token in tokens.items():
            assert self.room(sequence) > 0
            sequence.tokens.append(token)
            sequence.position += 1
        return {sequence: self._draw(sequence) for sequence in tokens}

    def room(self, sequence: FakeSequence) -> int:
        return self.context - sequence.position

    def close(self, sequence: FakeSequence) -> None:
        self.free_sequences += 1

    def _enter(self, name: str, sequences: list[FakeSequence]) -> None:
        self._gate.wait()
        self.calls.append((name, sequences))
        if self.is_broken:
            raise DeviceError("the device is gone")

    def _draw(self, sequence: FakeSequence) -> numpy.ndarray:
        seed = zlib.crc32(numpy.array(sequence.tokens, numpy.int32).tobytes())
        logits = numpy.random.default_rng(seed).standard_normal(VOCABULARY) * 3
        logits[:2] = -100  # replies are ended by their limits
        if sequence.tokens[0] == self.wrong:
            logits[:] = numpy.nan
        return logits.astype(numpy.float32)
