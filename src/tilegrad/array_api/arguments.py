"""What the functions of the namespace share: types of arguments; operands that may be numbers."""

from __future__ import annotations

from tilegrad.base.errors import ArgumentTypeError
from tilegrad.tensor import Tensor

Number = bool | int | float
Operand = Tensor | Number
Axes = int | tuple[int, ...] | None
Shape = int | tuple[int, ...]


def as_tensor(x1: Operand, x2: Operand) -> Tensor:
    """Return the first of two operands; a number becomes a scalar like the other.

    Raises:
        ArgumentTypeError: neither is a tensor.
    """
    if isinstance(x1, Tensor):
        return x1
    if isinstance(x2, Tensor):
        return x2.with_node(x2.as_operand(x1))
    raise ArgumentTypeError(
        "one of the operands must be a tensor",
        got=f"{type(x1).__name__} and {type(x2).__name__}",
        mend="make one of them a tensor: asarray(x)",
    )
