"""When Python looks for garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def pause_collection() -> Iterator[None]:
    """Let Python not look for garbage in circles for a while.

    To plan makes many objects that stay and few circles: each look at all that there is finds
    nothing, and took a sixth of the time. Where collection is off already, it remains so.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
