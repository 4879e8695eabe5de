"""A case: something that every library does in its own way and that is measured."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.libraries import Library
from benchmarks.libraries.library import Array

SEED = 20


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
        is_quick: whether `--quick` measures it.
        tolerance: relative to the largest element; beyond it a library's result counts as wrong.
    """

    name: str
    group: str
    title: str
    prepare: Callable[[Library], Callable[[], Array]]
    kind: Kind = Kind.RATE
    work: tuple[float, str] | None = None
    is_quick: bool = False
    tolerance: float = 1e-3


def make_generator() -> np.random.Generator:
    """Return the source of the random inputs, the same for every library."""
    return np.random.default_rng(SEED)


def captured_call(
    function: Callable[..., Array], *shapes: tuple[int, ...]
) -> Callable[[Library], Callable[[], Array]]:
    """Return what prepares a captured function of a library and normal float32 arrays."""

    def prepare(library: Library) -> Callable[[], Array]:
        generator = make_generator()
        arrays = [library.array(generator.standard_normal(s, np.float32)) for s in shapes]
        run = library.capture(lambda *values: function(library, *values))
        return lambda: run(*arrays)

    return prepare
