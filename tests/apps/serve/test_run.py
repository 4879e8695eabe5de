"""What a server does before it serves."""

from __future__ import annotations

import gc

from tilegrad.apps.serve.run import settled


def test_garbage_is_looked_for_however_much_there_was_before():
    before = [[] for _ in range(200_000)]
    generations = []

    def note(phase: str, information: dict[str, int]) -> None:
        if phase == "start":
            generations.append(information["generation"])

    thresholds = gc.get_threshold()
    gc.set_threshold(100, 5, 5)
    try:
        with settled():
            gc.callbacks.append(note)
            later = [[] for _ in range(20_000)]
    finally:
        gc.callbacks.remove(note)
        gc.set_threshold(*thresholds)
    assert 2 in generations
    assert len(before) > len(later)
