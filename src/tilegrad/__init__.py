"""tilegrad: the tensor compiler you can see through."""

from tilegrad.ir.dtype import dtypes
from tilegrad.tensor import (
    SymbolicInteger,
    Tensor,
    Variable,
    checkpoint,
    grad,
    hessian,
    jacobian,
    jit,
    jvp,
    value_and_grad,
    vjp,
)

__all__ = [
    "SymbolicInteger",
    "Tensor",
    "Variable",
    "checkpoint",
    "dtypes",
    "grad",
    "hessian",
    "jacobian",
    "jit",
    "jvp",
    "value_and_grad",
    "vjp",
]
