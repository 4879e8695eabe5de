"""The session that a command works in: the settings of the environment, then its options."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager

from tilegrad.base.settings import Settings
from tilegrad.engine import Session

INTERRUPTED = 130
"""What shells report of a program that Ctrl-C ended."""


@contextmanager
def open_session(device: str | None = None, threads: int | None = None) -> Iterator[Session]:
    """Make a session of its own the one in force in a `with` statement.

    Args:
        device: the device to compute on; by default the one that the settings name.
        threads: how many threads kernels may use; by default as the settings say.

    Raises:
        SettingsError: an environment variable is unknown or makes no sense.
    """
    settings = Settings.from_environment(os.environ)
    if device is not None:
        settings = dataclasses.replace(settings, device=device)
    if threads is not None:
        settings = dataclasses.replace(settings, threads=threads)
    with Session(settings).entered() as session:
        yield session
