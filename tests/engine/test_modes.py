"""Modes that objects have by themselves, as they were seen and as they are."""

import threading

from tilegrad.engine.modes import ModeWatch, are_unchanged


class Owner:
    def __init__(self, own_mode=None):
        self.own_mode = own_mode


def test_what_was_looked_at_is_compared_and_nothing_else():
    watch, first, second, other = ModeWatch(), Owner(), Owner(True), Owner()
    watch.note(other)
    with watch.watching() as seen:
        watch.note(first)
        with watch.watching() as inner:
            watch.note(second)
    watch.note(other)
    assert len(seen) == 2
    assert len(inner) == 1
    other.own_mode = True
    assert are_unchanged(seen)
    first.own_mode = False
    assert not are_unchanged(seen)
    assert are_unchanged(inner)
    first.own_mode = None
    assert are_unchanged(seen)


def test_objects_that_are_gone_have_no_mode():
    watch, owner = ModeWatch(), Owner(True)
    with watch.watching() as seen:
        watch.note(owner)
    del owner
    assert are_unchanged(seen)


def test_threads_do_not_see_what_each_other_looks_at():
    watch, mine, theirs = ModeWatch(), Owner(), Owner()
    begun, looked = threading.Event(), threading.Event()
    found = {}

    def look():
        with watch.watching() as seen:
            begun.set()
            looked.wait(10)
            watch.note(theirs)
        found.update(seen)

    thread = threading.Thread(target=look)
    thread.start()
    assert begun.wait(10)
    with watch.watching() as seen:
        watch.note(mine)
    looked.set()
    thread.join(10)
    assert list(seen) == [id(mine)]
    assert list(found) == [id(theirs)]
