"""The public tensor: lazy values, checked at once and computed when they are needed.

Imports ``engine`` and everything below it. Enter at ``tensor.Tensor``; each of its base classes
stands in a module of its own, one concept each, in a chain from ``base`` (what a tensor holds)
upward. ``nodes`` and ``arguments`` are what the modules share.
"""

from tilegrad.tensor.jit import jit
from tilegrad.tensor.kernel import Kernel, kernel
from tilegrad.tensor.size import SymbolicInteger, Variable
from tilegrad.tensor.tensor import Tensor
from tilegrad.tensor.transforms import (
    checkpoint,
    grad,
    hessian,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
)

__all__ = [
    "Kernel",
    "SymbolicInteger",
    "Tensor",
    "Variable",
    "checkpoint",
    "grad",
    "hessian",
    "jacobian",
    "jit",
    "jvp",
    "kernel",
    "value_and_grad",
    "vjp",
]
