"""One text of a decoder: its tokens, and where what is known of them lies."""

from __future__ import annotations

import numpy


class Sequence:
    """Tokens that a decoder knows, and where what it knows of them is.

    Attributes:
        tokens: the prompt, and what was added.
        position: how many of them are in memory.
        known: how many of the prompt were in memory from the start.
        table: the pages, int32; 0 where there is none.
        pages: how many entries of the table have been filled.
        whole: how many pages are full.
        key: what the last full page is known by.
    """

    def __init__(self, tokens: list[int], most: int) -> None:
        self.tokens = tokens
        self.position = self.known = 0
        self.table = numpy.zeros(most, numpy.int32)
        self.pages = self.whole = 0
        self.key = b""
