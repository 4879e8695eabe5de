"""What the metadata of a GGUF file say of a model: sizes, numbers, names."""

from __future__ import annotations

from typing import TypeVar

from tilegrad.base.errors import DataError
from tilegrad.frontend.gguf import GGUFFile, find_value, find_values

N = TypeVar("N", int, float)


class Facts:
    """What the metadata of a file say under the name of its architecture.

    Numbers are positive: 0 stands for what is not said, as ggml writes it. A list has a number for
    each block.

    Args:
        file: the file.
        kind: its architecture.
    """

    def __init__(self, file: GGUFFile, kind: str) -> None:
        self.file, self.kind = file, kind

    def text(self, name: str, default: str) -> str:
        """Return a text."""
        return find_value(self.file.metadata, f"{self.kind}.{name}", str, default)

    def flag(self, name: str, default: bool) -> bool:
        """Return whether something is so."""
        return find_value(self.file.metadata, f"{self.kind}.{name}", bool, default)

    def size(self, name: str, default: int | None = None) -> int:
        """Return a whole number; without a default it has to be there."""
        return self._find(name, int, default)

    def number(self, name: str, default: float | None = None) -> float:
        """Return a number; without a default it has to be there."""
        return self._find(name, float, default)

    def pattern(self, name: str, blocks: int, period: int) -> tuple[bool, ...]:
        """Return whether each block has something.

        Args:
            name: of a list of flags, or of a number of blocks the last of which has it not.
            blocks: how many there are.
            period: this number, where the file does not say.
        """
        metadata, key = self.file.metadata, f"{self.kind}.{name}"
        if not isinstance(metadata.get(key), list):
            period = self.size(name, period)
            return tuple((block + 1) % period != 0 for block in range(blocks))
        flags = find_values(metadata, key, bool)
        if len(flags) != blocks:
            raise DataError(
                "the GGUF file does not say of each block what it has",
                got=f"{self.file.path}: {key} of {len(flags)} blocks",
                expected=f"of {blocks}",
                mend="take a file that a current converter has written",
            )
        return tuple(flags)

    def _find(self, name: str, kind: type[N], default: N | None) -> N:
        metadata, key = self.file.metadata, f"{self.kind}.{name}"
        if isinstance(metadata.get(key), list):
            values = {*find_values(metadata, key, kind)}
            value = next(iter(values)) if len(values) == 1 else None
            if value is None:
                raise DataError(
                    "the model's blocks differ in size, which is not known",
                    got=f"{key} {metadata[key]}",
                    expected="one number for all blocks",
                    mend="take a file of another model",
                )
        else:
            value = find_value(metadata, key, kind, None)
        found = value or default
        if found is None or found < 0:
            raise DataError(
                "the GGUF file does not say a size",
                got=f"{self.file.path}: {key} {value}",
                mend="take a file that a current converter has written",
            )
        return found
