"""tilegrad: the tensor compiler you can see through."""

from tilegrad.ir.dtype import dtypes
from tilegrad.tensor import SymbolicInteger, Tensor, Variable

__all__ = ["SymbolicInteger", "Tensor", "Variable", "dtypes"]
