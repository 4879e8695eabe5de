"""Numbers with their units, as people read them."""

from __future__ import annotations


def format_bytes(count: float) -> str:
    """Return a number of bytes with a binary unit: ``48 KiB``, ``1.5 MiB``."""
    for unit in ("bytes", "KiB", "MiB"):
        if abs(count) < 1024:
            return _round(count, unit)
        count /= 1024
    return _round(count, "GiB")


def format_seconds(seconds: float) -> str:
    """Return a length of time in a fitting unit: ``3.1 µs``, ``250 ms``, ``12.0 s``, ``2:05``."""
    if seconds >= 119.5:
        whole = round(seconds)
        hours, minutes = whole // 3600, whole // 60 % 60
        start = f"{hours}:{minutes:02}" if hours else str(minutes)
        return f"{start}:{whole % 60:02}"
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return _round(seconds / size, unit)
    return _round(seconds * 1e6, "µs")


def _round(number: float, unit: str) -> str:
    is_whole = number == int(number) or abs(number) >= 100
    return f"{number:.0f} {unit}" if is_whole else f"{number:.1f} {unit}"
