"""Pages: whatever is opened and closed, none is lost, and what is found is what was wanted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilegrad.apps.generation.pages import Pages
from tilegrad.base.errors import OutOfMemoryError

SIZE, COUNT = 2, 7
texts = st.lists(st.integers(0, 1), min_size=1, max_size=9)


@given(st.lists(st.tuples(texts, st.integers(0, 3)), max_size=30))
def test_pages_hold_what_they_are_found_by(events):
    pages = Pages(COUNT, SIZE)
    contents: dict[int, tuple[int, ...]] = {}
    opened: list[tuple[list[int], list[int]]] = []
    for text, closing in events:
        found, key = pages.find(text)
        for number, page in enumerate(found):
            assert contents[page] == tuple(text[: (number + 1) * SIZE])
        missing = -(-len(text) // SIZE) - len(found)
        if missing > pages.free:
            with pytest.raises(OutOfMemoryError, match="no page"):
                pages.take(missing)
            pages.release(found)
        else:
            mine = found + pages.take(missing)
            for number in range(len(found), len(text) // SIZE):
                key = pages.key(key, text[number * SIZE : (number + 1) * SIZE])
                contents[mine[number]] = tuple(text[: (number + 1) * SIZE])
                pages.keep(mine[number], key)
            opened.append((text, mine))
        for _ in range(min(closing, len(opened))):
            pages.release(opened.pop(0)[1])
        used = {page for _, mine in opened for page in mine}
        assert 0 not in used
        assert (pages.used, pages.free) == (len(used), COUNT - 1 - len(used))
        for whole, mine in opened:  # what is in use is never given to others
            for number in range(len(whole) // SIZE):
                assert contents[mine[number]] == tuple(whole[: (number + 1) * SIZE])


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
