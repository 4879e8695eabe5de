"""A case: something that every library does in its own way and that is measured."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.libraries import Library
from benchmarks.libraries.library import Array

SEED = 20
LARGE_BYTES = 1 << 26
"""Cases that move so much are larger than the caches."""


class Kind(enum.Enum):
    """How a case is measured; the value is the unit of the result."""

    RATE = "s"  # seconds of a call, again and again, in turns with the other libraries
    COMPILE = "CPU s"  # what the first call takes more than later ones, in a fresh process
    FIRST = "s to the first result"  # the same on the clock, with the building of the graph
    MEMORY = "bytes"  # peak above what the process held before, in a fresh process


@dataclass(frozen=True)
class Case:
    """A case.

    Attributes:
        name: what `--only` selects by.
        group: heading in the table.
        title: what is done, for readers.
        prepare: takes a library and returns the call to measure, which gives an array.
        kind: how it is measured.
        work: floating-point operations or bytes of a call, with the unit, or None.
        written: of bytes, those that are written; the others are read.
        is_quick: whether `--quick` measures it.
        tolerance: relative to the largest element; beyond it a library's result counts as wrong.
    """

    name: str
    group: str
    title: str
    prepare: Callable[[Library], Callable[[], Array]]
    kind: Kind = Kind.RATE
    work: tuple[float, str] | None = None
    written: float = 0.0
    is_quick: bool = False
    tolerance: float = 1e-3

    @property
    def is_out_of_cache(self) -> bool:
        """Whether what a call takes is to move bytes that no cache holds."""
        return self.work is not None and self.work[1] == "B" and self.work[0] >= LARGE_BYTES


def make_generator() -> np.random.Generator:
    """Return the source of the random inputs, the same for every library."""
    return np.random.default_rng(SEED)


def captured_call(
    function: Callable[..., Array | tuple[Array, ...]],
    *shapes: tuple[int, ...],
    dtype: str = "float32",
    weights: int = 0,
) -> Callable[[Library], Callable[[], Array]]:
    """Return what prepares a captured function of a library and arrays.

    Args:
        function: takes the library and the arrays.
        shapes: of the arrays, which are normal, or for integers uniform.
        dtype: of all arrays.
        weights: so many of the arrays at the end belong to the captured function and never change.
    """

    def prepare(library: Library) -> Callable[[], Array]:
        generator = make_generator()
        arrays = [make_array(library, generator, shape, dtype) for shape in shapes]
        changing = len(arrays) - weights
        run = library.capture(lambda *values: function(library, *values, *arrays[changing:]))
        return lambda: run(*arrays[:changing])

    return prepare


def make_array(
    library: Library, generator: np.random.Generator, shape: tuple[int, ...], dtype: str
) -> Array:
    """Return a random array in a library's memory."""
    if dtype.startswith("int"):
        limits = np.iinfo(dtype)
        return library.array(generator.integers(limits.min, limits.max, shape, dtype, True))
    array = library.array(generator.standard_normal(shape, np.float32))
    if dtype != "float32":
        array = library.cast(array, dtype)
        library.wait(array)
    return array


def tolerance_of(dtype: str) -> float:
    """Return the share of the largest element by which results of a dtype may differ."""
    return 2e-2 if dtype == "bfloat16" else 1e-3
