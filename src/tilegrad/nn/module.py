"""The base of the layers: how they are called, and ways to what they hold."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any, Self

from tilegrad.base.errors import ArgumentError, ArgumentTypeError, DTypeError
from tilegrad.engine import current_session
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.nn.state.dictionary import (
    Mismatch,
    find_parameters,
    get_state_dict,
    list_once,
    load_state_dict,
    walk,
)
from tilegrad.tensor import Tensor
from tilegrad.tensor.conversion import Data

_SHOWN = (Tensor, bool, int, float, str, tuple)


def Parameter(data: Data, requires_grad: bool = True) -> Tensor:  # noqa: N802 - PyTorch's name
    """Return a tensor that ``backward`` gives a gradient from the start.

    Any floating-point tensor in an attribute is a parameter; those of the layers get gradients once
    an optimiser has taken them, or with ``requires_grad_``.

    Args:
        data: what ``Tensor`` takes.
        requires_grad: False for a parameter that is frozen at first.
    """
    return Tensor(data, requires_grad=requires_grad)


class Module:
    """Base of the layers, and of models that want these methods; ``forward`` says what it computes.

    A model is any object: its tensors are found through its attributes (``nn.state``), and it is
    called like a function. What a module adds to that are the methods below.

    ``Tensor.training`` says whether dropout and batch statistics are on. A module that ``train`` or
    ``eval`` was called on goes by that instead, and so does all that runs inside its ``forward``.
    """

    _own_mode: bool | None = None
    _buffers: Mapping[str, bool] = types.MappingProxyType({})
    """Names of tensors that are no parameters, and whether each belongs to the state."""

    forward: Callable[..., Any]

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Return what ``forward`` gives, computed in the module's training mode.

        Raises:
            ArgumentTypeError: the class has no ``forward``.
        """
        if not hasattr(self, "forward"):
            raise ArgumentTypeError(
                f"{type(self).__name__} cannot be called",
                got="a module without a method forward",
                mend="define forward, or call what the module holds",
            )
        current_session().modes.note(self)
        if self._own_mode is None:
            return self.forward(*arguments, **named)
        with Tensor.train(self._own_mode):
            return self.forward(*arguments, **named)

    @property
    def own_mode(self) -> bool | None:
        """What ``train`` and ``eval`` said; None if neither was called."""
        return self._own_mode

    @property
    def training(self) -> bool:
        """Whether the module is in training: its own mode, or else ``Tensor.training``."""
        current_session().modes.note(self)
        return Tensor.training if self._own_mode is None else self._own_mode

    def train(self, mode: bool = True) -> Self:
        """Put this module and those in it in training, whatever ``Tensor.training`` is.

        Args:
            mode: whether dropout drops, and batch normalisation uses the statistics of the batch.
        """
        for module in self.modules():
            module._own_mode = mode  # noqa: SLF001 - modules are of one class
        current_session().modes.changes += 1
        return self

    def eval(self) -> Self:
        """Put this module and those in it out of training, as ``train(False)``."""
        return self.train(mode=False)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Hold a tensor that is no parameter, as an attribute.

        Args:
            name: the attribute.
            tensor: the tensor, or None to leave it out.
            persistent: whether it belongs to the state that is saved.

        Raises:
            ArgumentError: the name is no name of an attribute.
        """
        if not name.isidentifier() or name.startswith("_"):
            raise ArgumentError(
                "this name cannot be a buffer's", got=repr(name), expected="such as running_mean"
            )
        self._buffers = {**self._buffers, name: persistent}
        setattr(self, name, tensor)

    def parameters(self) -> list[Tensor]:
        """Return the floating-point tensors but the buffers, each once; frozen ones, too."""
        return list(find_parameters(self).values())

    def named_parameters(self) -> list[tuple[str, Tensor]]:
        """Return the ``parameters`` with their names."""
        return list(find_parameters(self).items())

    def buffers(self) -> list[Tensor]:
        """Return the tensors that are no ``parameters``, each once."""
        return [tensor for _, tensor in self.named_buffers()]

    def named_buffers(self) -> list[tuple[str, Tensor]]:
        """Return the ``buffers`` with their names."""
        known = {id(tensor) for tensor in self.parameters()}
        return list_once(
            (path, value)
            for path, value, *_ in walk(self)
            if isinstance(value, Tensor) and id(value) not in known
        )

    def modules(self) -> list[Module]:
        """Return this module and those in it, at any depth, each once."""
        return [module for _, module in self.named_modules()]

    def named_modules(self) -> list[tuple[str, Module]]:
        """Return the ``modules`` with their names; this module's own is empty."""
        return list_once(
            (path, value) for path, value, *_ in walk(self) if isinstance(value, Module)
        )

    def children(self) -> list[Module]:
        """Return the modules that this one holds itself, each once."""
        return [module for _, module in self.named_children()]

    def named_children(self) -> list[tuple[str, Module]]:
        """Return the ``children`` with their names."""
        children: list[tuple[str, Module]] = []
        for path, value, *_ in walk(self):
            # What a child holds comes right after it.
            is_inside = bool(children) and path.startswith(f"{children[-1][0]}.")
            if path and isinstance(value, Module) and not is_inside:
                children.append((path, value))
        return list_once(children)

    def apply(self, function: Callable[[Module], Any]) -> Self:
        """Call a function with each module, the parts before the whole."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Let the ``parameters`` be trained, or freeze them.

        An optimiser leaves out what is frozen when it is made; tensors that are thawed later join
        by ``Optimizer.add_param_group``.
        """
        for tensor in self.parameters():
            tensor.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients.

        Args:
            set_to_none: whether they become None, rather than zeros.
        """
        for tensor in self.parameters():
            tensor.grad = None if set_to_none else tensor.zeros_like()

    def to(self, target: str | DType) -> Self:
        """Move all tensors to a device, or cast the floating-point ones to a dtype.

        An optimiser must be made afterwards.

        Raises:
            DeviceError: there is no such device.
            DTypeError: the dtype is no floating-point type.
        """
        is_dtype = isinstance(target, DType)
        if is_dtype and not target.is_float:
            raise DTypeError("a module is computed with floating-point numbers", got=target.name)
        for held in walk(self):
            if isinstance(held.value, Tensor) and (not is_dtype or held.value.is_floating_point()):
                held.value.to_(target)
        return self

    def cpu(self) -> Self:
        """Move all tensors to the device ``cpu``."""
        return self.to("cpu")

    def half(self) -> Self:
        """Cast the floating-point tensors to float16."""
        return self.to(dtypes.float16)

    def bfloat16(self) -> Self:
        """Cast the floating-point tensors to bfloat16."""
        return self.to(dtypes.bfloat16)

    def float(self) -> Self:
        """Cast the floating-point tensors to float32."""
        return self.to(dtypes.float32)

    def double(self) -> Self:
        """Cast the floating-point tensors to float64."""
        return self.to(dtypes.float64)

    def state_dict(self) -> dict[str, Tensor]:
        """Return all tensors by name, but buffers that are not persistent."""
        return get_state_dict(self)

    def load_state_dict(self, state: Mapping[str, Tensor], strict: bool = True) -> Mismatch:
        """Take the values of a state dictionary over; see ``nn.state.load_state_dict``.

        Returns:
            The names that only one side had, if that is no error.

        Raises:
            DataError: names are missing or unexpected, or shapes differ.
        """
        return load_state_dict(self, state, strict)

    def __repr__(self) -> str:
        """Return the class, what it was made with, shapes of tensors, and the modules in it."""
        facts = [
            f"{name}={value.shape if isinstance(value, Tensor) else value!r}"
            for name, value in vars(self).items()
            if not name.startswith("_") and isinstance(value, _SHOWN)
        ]
        parts = [
            f"  ({name}): {child!r}".replace("\n", "\n  ") for name, child in self.named_children()
        ]
        if not parts:
            return f"{type(self).__name__}({', '.join(facts)})"
        return "\n".join((f"{type(self).__name__}(", *parts, ")"))
