"""tilegrad: the tensor compiler you can see through."""

from tilegrad import array_api, language
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
    kernel,
    no_grad,
    value_and_grad,
    vjp,
)

from_dlpack = array_api.from_dlpack

__all__ = [
    "SymbolicInteger",
    "Tensor",
    "Variable",
    "array_api",
    "checkpoint",
    "dtypes",
    "from_dlpack",
    "grad",
    "hessian",
    "jacobian",
    "jit",
    "jvp",
    "kernel",
    "language",
    "no_grad",
    "value_and_grad",
    "vjp",
]
