"""The base of the layers that apply a method of tensors with arguments of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from tilegrad.nn.module import Module
from tilegrad.tensor import Tensor


class Applied(Module):
    """A layer that calls ``function`` with its attributes as keyword arguments.

    Attributes:
        function: a method of tensors. What a layer's constructor sets are its keyword arguments.
    """

    function: ClassVar[Callable[..., Any]]

    def forward(self, *tensors: Tensor) -> Any:
        """Return the method of the first tensor, the others as further arguments."""
        options = {name: one for name, one in vars(self).items() if not name.startswith("_")}
        return type(self).function(*tensors, **options)
