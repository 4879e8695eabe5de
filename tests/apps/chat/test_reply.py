"""Stop strings end a reply wherever the pieces of text are cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tilegrad.apps.chat.reply import StopFilter

letters = st.text("ab", max_size=12)


@given(st.lists(letters, max_size=6), st.lists(st.text("ab", max_size=4), max_size=3))
def test_text_ends_before_the_first_stop_string(pieces, stops):
    filtered = StopFilter(stops)
    shown = ""
    for piece in pieces:
        shown += filtered.add(piece)
        if filtered.is_stopped:
            break
    else:
        shown += filtered.finish("")
    whole = "".join(pieces)
    places = [whole.find(stop) for stop in stops if stop and stop in whole]
    if not places:
        assert (shown, filtered.is_stopped) == (whole, False)
        return
    assert filtered.is_stopped
    # A later piece may bring a longer stop string that began earlier: then the reply is over.
    assert whole.startswith(shown)
    assert not any(stop in shown for stop in stops if stop)


def test_text_is_shown_as_soon_as_it_is_certain():
    filtered = StopFilter(["\n\n", "User:"])
    assert filtered.add("one\n") == "one"
    assert filtered.add("two Us") == "\ntwo "
    assert filtered.add("ed") == "Used"
    assert filtered.add(" User: no") == " "
    assert filtered.is_stopped
