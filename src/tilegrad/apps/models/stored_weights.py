"""The weights of a part of a model, as a GGUF file stores them."""

from __future__ import annotations

from tilegrad import nn
from tilegrad.base.errors import DataError
from tilegrad.frontend.gguf import GGUFFile, Weight
from tilegrad.tensor import Tensor


class StoredWeights:
    """The weights of a file whose names have a common beginning.

    Args:
        file: the file.
        prefix: the beginning.
    """

    def __init__(self, file: GGUFFile, prefix: str = "") -> None:
        self._file, self._prefix = file, prefix

    def within(self, prefix: str) -> StoredWeights:
        """Return those of them whose names go on like this."""
        return StoredWeights(self._file, self._prefix + prefix)

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
        return found

    def numbers(self, name: str) -> Tensor | None:
        """Return the numbers of a small weight, or None if there is none of this name."""
        return self.find(name).numbers().realize() if name in self else None


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
