"""Tokens one after the other, for several sequences at once.

Prompts are read in chunks, one sequence at a time; after that each step adds one token to any of
the sequences. There is one captured step for each size of chunk and one for each number of
sequences, padded to a power of two; they serve every position, so nothing is compiled while tokens
are predicted.

A sequence's logits are, to the last bit, what they are where it is alone. A step is only as wide as
that holds for the model. A chunk holds a whole page of the prompt, or all that is left of it; so it
is the prompt alone that says which tokens are read together, wherever known pages end.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Tokens

import numpy

from tilegrad.apps.generation.model import Model
from tilegrad.apps.generation.pages import Pages
from tilegrad.apps.generation.sequence import Sequence
from tilegrad.apps.generation.steps import Steps
from tilegrad.apps.models.memory import Memory
from tilegrad.base.errors import ArgumentError, OutOfMemoryError
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.tensor.jit import CALLS_TO_CAPTURE

PAGE = 64
"""Tokens of a page."""
CHUNKS = (16, 32, PAGE)
"""Tokens of a prompt that are read at once. A chunk is filled up, and the filling ignored."""


class Decoder:
    """A model with a memory of the tokens of several sequences. One thread owns it.

    Args:
        model: predicts tokens.
        context: the longest sequence, in tokens.
        sequences: how many may be open at a time.
        pages: pages of memory, of 64 tokens each; by default enough for all sequences. Memory is
            taken as it is written.
        dtype: of the keys and values in memory.
        shares_replies: whether what was added by steps is found by texts that go on from there,
            as what was read as a prompt is. Steps and chunks differ in last bits, so then logits
            depend on which of them filled the pages.

    Attributes:
        context: as given.
        memory: the keys and values.

    Raises:
        ArgumentError: the context is empty or longer than the model was trained for, or there is
            room for no sequence.
    """

    def __init__(
        self,
        model: Model,
        *,
        context: int,
        sequences: int = 1,
        pages: int | None = None,
        dtype: DType = dtypes.float16,
        shares_replies: bool = False,
    ) -> None:
        longest = model.config.context
        if not 1 <= context <= longest:
            raise ArgumentError(
                "the model cannot keep so many tokens in mind",
                got=context,
                expected=f"from 1 to {longest}, for which it was trained",
            )
        if sequences < 1:
            raise ArgumentError("a decoder has room for sequences", got=sequences)
        self.context = context
        self._most = -(-context // PAGE)
        count = 1 + (sequences * self._most if pages is None else pages)
        self.memory = Memory(model.config, count, PAGE, dtype)
        self._steps = Steps(model, self.memory, self._most)
        self._pages = Pages(count, PAGE)
        self._sequences, self._shares_replies = sequences, shares_replies
        self._widest = self._width(min(sequences, model.independent_rows))
        self._open: set[Sequence] = set()
        windows = model.config.windows
        ends = [window for window in windows if window is not None]
        self._window = max(ends) if len(ends) == len(windows) else None

    @property
    def free_sequences(self) -> int:
        """How many more sequences can be opened."""
        return self._sequences - len(self._open)

    @property
    def free_pages(self) -> int:
        """How many pages of memory can be taken."""
        return self._pages.free

    @property
    def used_pages(self) -> int:
        """How many pages open sequences use."""
        return self._pages.used

    def room(self, sequence: Sequence) -> int:
        """Return how many more tokens a sequence may get while no other gets any."""
        at_hand = sequence.pages * PAGE + self._pages.free * PAGE
        return min(self.context, at_hand) - len(sequence.tokens)

    def open(self, tokens: Tokens[int]) -> Sequence:
        """Return a new sequence that begins with a prompt, and take memory for it.

        Whole pages that the prompt has in common with texts in memory are shared.

        Raises:
            ArgumentError: the prompt is empty or longer than the context.
            OutOfMemoryError: too many sequences are open, or too few pages are free.
        """
        if not tokens:
            raise ArgumentError(
                "a text has tokens to go on from", got="none", mend="give it a word"
            )
        if len(tokens) > self.context:
            raise ArgumentError(
                "the text does not fit into the context",
                got=f"{len(tokens)} tokens",
                expected=f"1 to {self.context}",
                mend="shorten it, or choose a longer context",
            )
        if not self.free_sequences:
            raise OutOfMemoryError(
                "no more sequences can be open at a time", got=len(self._open), mend="close one"
            )
        sequence = Sequence(list(tokens), self._most)
        found, sequence.key = self._pages.find(
            sequence.tokens[:-1]
        )  # the last is read: its logits are wanted
        known = len(found) * PAGE
        end, count = self._pages.find_end(sequence.key, sequence.tokens[known:-1])
        missing = -(-len(tokens) // PAGE) - len(found) - len(end)
        try:
            taken = self._pages.take(missing)
        except OutOfMemoryError:
            self._pages.release(found + end)
            raise
        pages = found + end + taken
        sequence.table[: len(pages)] = pages
        sequence.pages, sequence.whole = len(pages), len(found)
        sequence.position = sequence.known = known + count
        self._open.add(sequence)
        return sequence

    def read(self, sequence: Sequence) -> numpy.ndarray | None:
        """Read the next chunk of a prompt.

        Returns:
            The logits of the token after the prompt, float32 of shape (vocabulary,), if this was
            its last chunk, else None.

        Raises:
            ArgumentError: the prompt has been read, or the sequence is not open.
        """
        self._check(sequence)
        start = sequence.position
        chunk = sequence.tokens[start : (start // PAGE + 1) * PAGE]
        if not chunk:
            raise ArgumentError("the prompt has been read already", got=f"{start} tokens")
        size = next(size for size in CHUNKS if size >= len(chunk))
        logits = self._steps.run(size, 1, chunk, [sequence], [len(chunk) - 1])
        self._advance(sequence, len(chunk), is_shared=True)
        return logits[0] if sequence.position == len(sequence.tokens) else None

    def step(self, tokens: Mapping[Sequence, int]) -> dict[Sequence, numpy.ndarray]:
        """Add a token to some sequences, all of whose tokens have been read.

        Returns:
            For each, the logits of the token after it, float32 of shape (vocabulary,).

        Raises:
            ArgumentError: a sequence has no room, has not been read or is not open.
            OutOfMemoryError: too few pages are free; then nothing has changed.
        """
        for sequence in tokens:
            self._check(sequence)
            if sequence.position != len(sequence.tokens):
                raise ArgumentError(
                    "a sequence has not been read to its end",
                    got=f"{sequence.position} of {len(sequence.tokens)} tokens",
                    mend="call read until it gives logits",
                )
            if sequence.position >= self.context:
                raise ArgumentError("the context is full", got=f"{self.context} tokens")
        growing = [one for one in tokens if one.position == one.pages * PAGE]
        for sequence, page in zip(growing, self._pages.take(len(growing)), strict=True):
            sequence.table[sequence.pages] = page
            sequence.pages += 1
        for sequence, token in tokens.items():
            sequence.tokens.append(token)
        found: dict[Sequence, numpy.ndarray] = {}
        sequences = list(tokens)
        for start in range(0, len(sequences), self._widest):
            together = sequences[start : start + self._widest]
            added = [tokens[sequence] for sequence in together]
            width = self._width(len(together))
            logits = self._steps.run(width, width, added, together, range(width))
            found |= zip(together, logits, strict=False)
        for sequence in tokens:
            self._advance(sequence, 1, is_shared=self._shares_replies)
        return found

    def close(self, sequence: Sequence) -> None:
        """Let a sequence go; its pages can be found again until memory is needed.

        Raises:
            ArgumentError: it is not open.
        """
        self._check(sequence)
        self._open.remove(sequence)
        rest = sequence.tokens[sequence.whole * PAGE : sequence.position]
        if rest and self._shares_replies:
            self._pages.keep_end(int(sequence.table[sequence.whole]), sequence.key, rest)
        self._pages.release([int(page) for page in sequence.table if page])

    def warm_up(self) -> None:
        """Compile every step, so that none has to wait for it later."""
        widths = [1 << power for power in range(self._widest.bit_length())]
        for _ in range(CALLS_TO_CAPTURE):
            for size in CHUNKS:
                self._steps.run(size, 1, [], [], [0])
            for width in widths:
                self._steps.run(width, width, [], [], range(width))

    def _check(self, sequence: Sequence) -> None:
        if sequence not in self._open:
            raise ArgumentError("the sequence is not open", mend="open one with its tokens")

    @staticmethod
    def _width(count: int) -> int:
        """Return how many sequences the step for so many is made for."""
        return 1 << (count - 1).bit_length()

    def _advance(self, sequence: Sequence, count: int, *, is_shared: bool) -> None:
        """Note that tokens are in memory, which pages are full and which nobody sees any more."""
        sequence.position += count
        while (sequence.whole + 1) * PAGE <= sequence.position:
            start = sequence.whole * PAGE
            sequence.key = self._pages.key(sequence.key, sequence.tokens[start : start + PAGE])
            if is_shared:
                self._pages.keep(int(sequence.table[sequence.whole]), sequence.key)
            sequence.whole += 1
        if self._window is not None:
            ended = max(0, sequence.position + 1 - self._window) // PAGE
            gone = [int(page) for page in sequence.table[:ended] if page]
            sequence.table[:ended] = 0
            self._pages.release(gone)
