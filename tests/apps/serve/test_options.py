"""What cannot be meant is refused before a model is loaded."""

from __future__ import annotations

import math

import pytest

from tilegrad.apps.serve import Limits, ServeOptions
from tilegrad.base.errors import ArgumentError


@pytest.mark.parametrize("key", ["", " secret", "secret\n", "sec\x00ret"])
def test_a_key_that_no_client_can_send_is_refused(key: str):
    with pytest.raises(ArgumentError, match="no client can send"):
        ServeOptions(key=key)


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan])
def test_replies_get_some_time(seconds: float):
    with pytest.raises(ArgumentError, match="no time"):
        Limits(seconds=seconds)
