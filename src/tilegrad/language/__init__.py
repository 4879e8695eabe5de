"""The language in which kernels are written by hand: tiles, arrays, loops and a grid.

A kernel is an ordinary Python function that is run once to write a tile program, the same form that
the compiler derives from tensors. Its first argument is a ``KernelBuilder`` (grid, loops, outputs),
the others are ``Array``s, from which indexing loads ``Tile``s. Nothing here runs a kernel or knows
of tensors: ``tilegrad.kernel`` does that. ``tile`` and ``functions`` are what is computed with
tiles (their operators meet in ``operands``), ``array`` and ``indexing`` what reaches memory, with
``ranges`` to tell what lies inside without a test; ``builder`` is what stands around both, and
``choice`` a parameter that may be searched over.

Imports ``rewrite`` and below.
"""

from tilegrad.language.array import Array
from tilegrad.language.builder import KernelBuilder, KernelLoop
from tilegrad.language.choice import Choice, choice
from tilegrad.language.functions import *  # noqa: F403
from tilegrad.language.functions import __all__ as _functions
from tilegrad.language.indexing import Size, Span, known
from tilegrad.language.tile import Tile

__all__ = [  # noqa: PLE0604
    "Array",
    "Choice",
    "KernelBuilder",
    "KernelLoop",
    "Size",
    "Span",
    "Tile",
    "choice",
    "known",
    *_functions,
]
