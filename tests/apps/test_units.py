"""Numbers with units."""

from __future__ import annotations

import pytest

from tilegrad.apps.units import format_bytes, format_seconds


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (48 << 10, "48 KiB"),
        (1536 << 10, "1.5 MiB"),
        (123.4 * (1 << 20), "123 MiB"),
        (24 << 30, "24 GiB"),
        (5000 << 30, "5000 GiB"),
    ],
)
def test_bytes(count, text):
    assert format_bytes(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 µs"),
        (3.14e-6, "3.1 µs"),
        (0.25, "250 ms"),
        (12.04, "12.0 s"),
        (119.4, "119 s"),
        (125, "2:05"),
        (3725, "1:02:05"),
    ],
)
def test_seconds(seconds, text):
    assert format_seconds(seconds) == text
