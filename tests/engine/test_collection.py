"""Pauses of the garbage collection."""

from __future__ import annotations

import gc

import pytest

from tilegrad.engine.collection import pause_collection


@pytest.mark.parametrize("is_enabled", [True, False])
def test_a_pause_leaves_collection_as_it_was_even_if_something_fails(is_enabled: bool):
    before = gc.isenabled()
    try:
        (gc.enable if is_enabled else gc.disable)()
        with pytest.raises(ZeroDivisionError), pause_collection(), pause_collection():
            _ = 1 / gc.isenabled()
        assert gc.isenabled() is is_enabled
    finally:
        (gc.enable if before else gc.disable)()
