"""How a tensor is shown: values, shape, dtype, device."""

from __future__ import annotations

import numpy

from tilegrad.ir.node import Node
from tilegrad.tensor.broadcasting import show_shape
from tilegrad.tensor.conversion import Conversion

_EDGE_ITEMS = 3
_SHOWN_WHOLE = 1000


class Display(Conversion):
    """The text form of tensors."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return values (which realises the tensor), shape, dtype and device."""
        shape, dtype = show_shape(self.node.shape), self.node.dtype.name
        facts = f"shape={shape}, dtype={dtype}, device={self.device!r}"
        if self.requires_grad:
            facts += ", requires_grad=True"
        if any(isinstance(size, Node) for size in self.node.shape):
            return f"Tensor(<symbolic size>, {facts})"
        array = self.numpy()
        if self.node.dtype.is_float and array.dtype.kind != "f":  # NumPy shows ml_dtypes as ints
            array = array.astype(numpy.float32)
        values = numpy.array2string(
            array,
            separator=", ",
            prefix="Tensor(",
            threshold=_SHOWN_WHOLE,
            edgeitems=_EDGE_ITEMS,
            precision=4,
        )
        separator = ",\n       " if "\n" in values else ", "
        return f"Tensor({values}{separator}{facts})"

    def __format__(self, specification: str) -> str:
        """Format a scalar as its number, anything else as its repr."""
        if specification and not self.node.shape:
            return format(self.item(), specification)
        return format(repr(self), specification)
