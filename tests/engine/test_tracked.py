"""What the session remembers of tensors."""

import sys
import threading
import weakref

import pytest

from tilegrad.engine.tracked import MOST_CHANGES, Changes


class Tensor:
    node = None

    def settle(self, node):
        self.node = node


@pytest.fixture
def impatient():
    """Threads take turns as often as the interpreter allows."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_changes_since_are_the_living_ones_each_once():
    changes = Changes()
    kept, dropped, early = Tensor(), Tensor(), Tensor()
    changes.note(weakref.ref(early))
    count = changes.count
    for tensor in (kept, dropped, kept):
        changes.note(weakref.ref(tensor))
    del dropped, tensor
    assert changes.since(count) == [kept]
    assert changes.since(changes.count) == []
    for _ in range(MOST_CHANGES):
        changes.note(weakref.ref(kept))
    assert changes.since(count) is None


def test_changes_are_looked_at_while_other_threads_make_tensors(impatient):
    changes, tensor = Changes(), Tensor()
    is_over = threading.Event()

    def note():
        while not is_over.is_set():
            changes.note(weakref.ref(tensor))

    thread = threading.Thread(target=note)
    thread.start()
    try:
        for _ in range(3000):
            found = changes.since(max(changes.count - 200, 0))
            assert found is None or all(one is tensor for one in found)
    finally:
        is_over.set()
        thread.join()
