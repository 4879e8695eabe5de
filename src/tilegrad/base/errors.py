"""The tree of errors.

Every error carries a stable code (documented, searchable), says what happened, what was got, what
was expected and how to mend it, and, where a user's line caused it, names that line.
"""

from __future__ import annotations

import sys
from pathlib import Path

_PACKAGE = str(Path(__file__).resolve().parent.parent)


def find_user_location() -> str | None:
    """Return ``file:line`` of the innermost frame outside tilegrad, or None if there is none."""
    frame = sys._getframe(1)
    while frame is not None:
        filename = frame.f_code.co_filename
        if not filename.startswith(_PACKAGE) and not filename.startswith("<frozen"):
            return f"{filename}:{frame.f_lineno}"
        frame = frame.f_back
    return None


class TilegradError(Exception):
    """Base of all errors that tilegrad raises on purpose.

    Args:
        what: what happened, one sentence.
        got: what was received.
        expected: what would have been right.
        mend: how to put it right.
    """

    code = "TG000"

    def __init__(
        self,
        what: str,
        *,
        got: object = None,
        expected: object = None,
        mend: str | None = None,
    ) -> None:
        self.what, self.got, self.expected, self.mend = what, got, expected, mend
        self.location = find_user_location()
        super().__init__(self._format())

    def _format(self) -> str:
        lines = [f"{self.what} [{self.code}]"]
        rows = (
            ("got", self.got),
            ("expected", self.expected),
            ("to mend", self.mend),
            ("at", self.location),
        )
        lines += [f"  {label}: {text}" for label, text in rows if text is not None]
        return "\n".join(lines)


class ShapeError(TilegradError, ValueError):
    """Shapes do not fit together."""

    code = "TG101"


class DTypeError(TilegradError, TypeError):
    """A dtype is not allowed here or two dtypes do not fit together."""

    code = "TG102"


class OutOfRangeError(TilegradError, IndexError):
    """An index or axis lies outside its range."""

    code = "TG103"


class ArgumentError(TilegradError, ValueError):
    """An argument has a value that makes no sense here."""

    code = "TG104"


class SharingError(ArgumentError, BufferError):
    """Memory cannot be shared with another library as it was asked for."""

    code = "TG106"


class ArgumentTypeError(TilegradError, TypeError):
    """An argument has the wrong type."""

    code = "TG105"


class GradientError(TilegradError, RuntimeError):
    """A gradient was asked for that does not exist."""

    code = "TG201"


class CaptureError(TilegradError, RuntimeError):
    """A function cannot be captured and replayed as it is written."""

    code = "TG202"


class VerifyError(TilegradError):
    """A program breaks the rules of its dialect: a defect of the compiler or of a kernel."""

    code = "TG301"


class ParseError(TilegradError, ValueError):
    """The text form of a program cannot be read."""

    code = "TG302"


class CompileError(TilegradError, RuntimeError):
    """A stage of the compiler failed."""

    code = "TG303"


class DeviceError(TilegradError, RuntimeError):
    """A device is missing or failed."""

    code = "TG401"


class OutOfMemoryError(DeviceError, MemoryError):
    """A device cannot give the memory asked for."""

    code = "TG402"


class CacheError(TilegradError, RuntimeError):
    """The cache on disk cannot be used."""

    code = "TG403"


class SettingsError(TilegradError, ValueError):
    """A setting is unknown or has a value that makes no sense."""

    code = "TG501"


class DataError(TilegradError, ValueError):
    """A file or data set is missing, damaged or in an unknown format."""

    code = "TG502"
