"""Pages: whatever is opened and closed, none is lost, and what is found is what was wanted."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilegrad.apps.generation.pages import Pages
from tilegrad.base.errors import OutOfMemoryError

SIZE, COUNT = 3, 7
texts = st.lists(st.integers(0, 1), min_size=1, max_size=14)


class Text:
    """A text whose pages say in ``contents`` what they hold, each up to its own end."""

    def __init__(self, pages: Pages, contents: dict[int, list[int]], tokens: list[int]) -> None:
        whole, self.key = pages.find(tokens)
        end, count = pages.find_end(self.key, tokens[len(whole) * SIZE :])
        self.tokens, self.mine = tokens, whole + end
        for number, page in enumerate(self.mine):
            known = (number + 1) * SIZE if page in whole else number * SIZE + count
            assert contents[page][:known] == tokens[:known]
        missing = -(-len(tokens) // SIZE) - len(self.mine)
        if missing > pages.free:
            with pytest.raises(OutOfMemoryError, match="no page"):
                pages.take(missing)
            pages.release(self.mine)
            raise OutOfMemoryError("as it says")
        self.mine += pages.take(missing)
        self.whole = len(tokens) // SIZE
        for number in range(len(whole), self.whole):
            self.key = pages.key(self.key, tokens[number * SIZE : (number + 1) * SIZE])
            pages.keep(self.mine[number], self.key)
        for number in range(len(whole), len(self.mine)):
            contents[self.mine[number]] = tokens[: (number + 1) * SIZE]

    def close(self, pages: Pages) -> None:
        rest = self.tokens[self.whole * SIZE :]
        if rest:
            pages.keep_end(self.mine[self.whole], self.key, rest)
        pages.release(self.mine)


@given(st.lists(st.tuples(texts, st.integers(0, 3)), max_size=30))
def test_pages_hold_what_they_are_found_by(events):
    pages = Pages(COUNT, SIZE)
    contents: dict[int, list[int]] = {}
    opened: list[Text] = []
    for tokens, closing in events:
        with contextlib.suppress(OutOfMemoryError):
            opened.append(Text(pages, contents, tokens))
        for _ in range(min(closing, len(opened))):
            opened.pop(0).close(pages)
        used = {page for text in opened for page in text.mine}
        assert 0 not in used
        assert (pages.used, pages.free) == (len(used), COUNT - 1 - len(used))
        for text in opened:  # what is in use is never given to others
            for number, page in enumerate(text.mine):
                assert contents[page] == text.tokens[: (number + 1) * SIZE]


def test_the_end_of_what_was_used_longest_ago_goes_first():
    pages = Pages(5, 2)
    kept = {}
    for text in ([1, 2, 3, 4], [5, 6, 7, 8]):
        mine, key = pages.take(2), b""
        for number, page in enumerate(mine):
            key = pages.key(key, text[2 * number : 2 * number + 2])
            pages.keep(page, key)
        kept[text[0]] = mine
        pages.release(mine)
    assert pages.take(1) == kept[1][1:]
    found, _ = pages.find([1, 2, 3, 4])
    assert found == kept[1][:1]
    assert pages.find([5, 6, 7, 8])[0] == kept[5]
    assert pages.free == 0
