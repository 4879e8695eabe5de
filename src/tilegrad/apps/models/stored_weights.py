"""The weights of a part of a model, as a GGUF file stores them."""

from __future__ import annotations

from collections.abc import Collection

from tilegrad import nn
from tilegrad.base.errors import DataError
from tilegrad.frontend.gguf import GGUFFile, Weight
from tilegrad.tensor import Tensor


class StoredWeights:
    """The weights of a file whose names have a common beginning.

    Args:
        file: the file.
        prefix: the beginning.
        found: takes the names of those that are found.
    """

    def __init__(self, file: GGUFFile, prefix: str = "", found: set[str] | None = None) -> None:
        self._file, self._prefix = file, prefix
        self._found = set[str]() if found is None else found

    def within(self, prefix: str) -> StoredWeights:
        """Return those of them whose names go on like this."""
        return StoredWeights(self._file, self._prefix + prefix, self._found)

    def __contains__(self, name: str) -> bool:
        return self._prefix + name in self._file.weights

    def find(self, name: str) -> Weight:
        """Return a weight as stored.

        Raises:
            DataError: there is none of this name.
        """
        found = self._file.weights.get(self._prefix + name)
        if found is None:
            raise DataError(
                "the GGUF file lacks a weight",
                got=f"{self._file.path}: no {self._prefix}{name}",
                mend="take a whole file, written for the architecture that it names",
            )
        self._found.add(self._prefix + name)
        return found

    def numbers(self, name: str) -> Tensor | None:
        """Return the numbers of a small weight, or None if there is none of this name."""
        return self.find(name).numbers().realize() if name in self else None

    def check_all_found(self, but: Collection[str]) -> None:
        """Refuse a file with weights that nothing has asked for: its model computes more than ours.

        Args:
            but: the names of those that need not be used.

        Raises:
            DataError: there are such weights.
        """
        rest = [name for name in self._file.weights if name not in self._found and name not in but]
        if rest:
            raise DataError(
                "the GGUF file has weights that are not known in a model of its architecture",
                got=f"{self._file.path}: {', '.join(rest[:4])}{', ..' if rest[4:] else ''}",
                mend="take a file of another model",
            )


class StoredLinear(nn.Module):
    """x @ weightᵀ + bias with a stored weight, and the bias if there is one.

    Args:
        weights: where it is.
        name: without ``.weight`` and ``.bias``.
    """

    def __init__(self, weights: StoredWeights, name: str) -> None:
        self.weight = weights.find(f"{name}.weight")
        self.bias = weights.numbers(f"{name}.bias")

    def __call__(self, x: Tensor) -> Tensor:
        """Return shape (.., rows) for x (.., columns)."""
        product = self.weight.linear(x)
        return product if self.bias is None else product + self.bias
