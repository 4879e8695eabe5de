"""The base of the layers: nothing but shorter ways to the model's state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from tilegrad.nn.state.dictionary import get_parameters, get_state_dict, load_state_dict
from tilegrad.tensor import Tensor


class Module:
    """Base of the layers, and of models that want these methods.

    A model is any object: its tensors are found through its attributes (``nn.state``), and it is
    called like a function. ``Tensor.training`` says whether dropout and batch statistics are on.
    """

    def parameters(self) -> list[Tensor]:
        """Return the tensors that can be trained, each once."""
        return get_parameters(self)

    def named_parameters(self) -> list[tuple[str, Tensor]]:
        """Return the tensors that can be trained, each once, with their names."""
        found = {id(tensor): name for name, tensor in reversed(get_state_dict(self).items())}
        return [(found[id(tensor)], tensor) for tensor in get_parameters(self)]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for tensor in self.parameters():
            tensor.grad = None

    def to(self, device: str) -> Self:
        """Move all tensors to a device.

        Raises:
            DeviceError: there is no such device.
        """
        for tensor in get_state_dict(self).values():
            tensor.to_(device)
        return self

    def state_dict(self) -> dict[str, Tensor]:
        """Return all tensors by name."""
        return get_state_dict(self)

    def load_state_dict(self, state: Mapping[str, Tensor], strict: bool = True) -> None:
        """Take the values of a state dictionary over.

        Raises:
            DataError: names are missing or unexpected, or shapes differ.
        """
        load_state_dict(self, state, strict)
