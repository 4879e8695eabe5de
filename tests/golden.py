"""Golden files: text that was looked at once and must not change unnoticed.

A test takes the fixture `golden` and calls it with a file name and the text:

    def test_prints_a_softmax(golden):
        golden("softmax.txt", print_program(...))

For a test in ``tests/ir/test_text.py`` the file is ``tests/goldens/ir/text/softmax.txt``. With
``--update-golden`` (``make golden``) the file is written; otherwise the texts must be equal.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
GOLDENS = TESTS / "goldens"


@dataclass(frozen=True)
class Golden:
    """Compares texts with the golden files of one test module."""

    folder: Path
    is_updating: bool

    def __call__(self, name: str, text: str) -> None:
        """Compare a text with the golden file of this name, or write that; fail if they differ."""
        path = self.folder / name
        text = text.rstrip("\n") + "\n"
        if self.is_updating:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.exists():
            pytest.fail(f"There is no {path}; `make golden` writes it. The text is:\n{text}", False)
        elif (expected := path.read_text("utf-8")) != text:
            pytest.fail(describe_difference(path, expected, text), pytrace=False)


def describe_difference(path: Path, expected: str, text: str) -> str:
    """Return a message with a unified diff from the golden file to the text."""
    difference = difflib.unified_diff(
        expected.splitlines(), text.splitlines(), f"golden: {path}", "this run", lineterm="", n=2
    )
    end = "If the change is intended: `make golden`, and read the diff."
    return "\n".join(("The text differs from its golden file.", *difference, end))


def golden_folder(test_file: Path) -> Path:
    """Return the folder of a test module's golden files."""
    relative = test_file.relative_to(TESTS)
    return GOLDENS / relative.parent / relative.stem.removeprefix("test_")
