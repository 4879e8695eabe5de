"""What the optimisers share: the parameters, their state, and one realisation for a whole step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from tilegrad.base.errors import ArgumentError, GradientError
from tilegrad.engine import current_session
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.nn.init import static_shape
from tilegrad.nn.optim.checkpoint import take_groups
from tilegrad.nn.optim.parameter_group import ParameterGroup, Parameters, as_groups, read_group
from tilegrad.nn.state.dictionary import get_state_dict, load_state_dict
from tilegrad.tensor import Tensor


class Optimizer:
    """Base of the optimisers.

    A step is a set of lazy expressions, one of the same form for each parameter, which are realised
    together, so that the compiler can make one kernel of them. The learning rates and the counts of
    steps are tensors: a captured step replays with whatever they hold then.

    Parameters whose ``requires_grad`` is False are left out; the others are set to require
    gradients. State is kept in float64 for float64 parameters and in float32 for all others.

    Args:
        params: the tensors to optimise; or groups of them, each a dictionary with ``params`` and
            the options in which it differs: ``[{"params": layer.parameters(), "lr": 0.01}, ..]``.
        options: the learning rate ``lr`` and the optimiser's other options, for groups that do not
            have their own.

    Attributes:
        param_groups: the groups; ``param_groups[0]["lr"] = 0.1`` changes a learning rate in place.
        state: for each parameter, in the order of the groups, its state by PyTorch's names.

    Raises:
        ArgumentTypeError: a parameter is not a floating-point tensor.
        ArgumentError: there are no parameters, a parameter is in two groups, a group has an option
            that the optimiser does not know, or a learning rate is negative.
    """

    def __init__(self, params: Parameters, **options: Any) -> None:
        self._defaults = options
        self.param_groups: list[ParameterGroup] = []
        self.state: list[dict[str, Tensor]] = []
        for group in as_groups(params):
            self.add_param_group(group)

    @property
    def params(self) -> list[Tensor]:
        """The tensors that are optimised, each once."""
        return [parameter for group in self.param_groups for parameter in group.params]

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Optimise more tensors, such as those of layers that were frozen before.

        Args:
            param_group: a dictionary with ``params`` and the options in which they differ.

        Raises:
            ArgumentTypeError, ArgumentError: as for the optimiser itself.
        """
        group = read_group(param_group)
        params = group.pop("params")
        for name in group:
            if name not in self._defaults:
                raise ArgumentError(
                    "the optimiser does not know this option of a group",
                    got=repr(name),
                    expected=f"one of {', '.join(self._defaults)}",
                )
        held = {id(parameter) for parameter in self.params}
        if not held.isdisjoint(map(id, params)):
            raise ArgumentError("a parameter is in more than one group")
        options = {**self._defaults, **group}
        self.check_options(options)
        made = ParameterGroup(params, options)
        state = [self.new_state(parameter, options) for parameter in params]
        for parameter in params:
            parameter.requires_grad = True
        if params:
            Tensor.realize(*params)
        self.param_groups.append(made)
        self.state += state

    def __repr__(self) -> str:
        """Return the class and the groups."""
        groups = [f"  ({number}): {group!r}" for number, group in enumerate(self.param_groups)]
        return "\n".join((f"{type(self).__name__}(", *groups, ")"))

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients.

        Args:
            set_to_none: whether they become None, rather than zeros.
        """
        for parameter in self.params:
            parameter.grad = None if set_to_none else parameter.zeros_like()

    def state_dict(self) -> dict[str, Tensor]:
        """Return the learning rates and the state, without the parameters, by name.

        The names are the paths in PyTorch's own dictionary: ``state.0.exp_avg`` ..,
        ``param_groups.0.lr``. ``nn.state.safe_save`` writes them to a file.
        """
        return get_state_dict(self)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take a state dictionary over, such as that of an optimiser that was saved.

        Args:
            state_dict: what ``state_dict`` gives; or that of PyTorch's optimiser of this name, as
                ``nn.state.torch_load`` reads it.

        Raises:
            DataError: names are missing or unexpected, shapes differ, or PyTorch's optimiser had
                other options; nothing has been changed then.
        """
        if "param_groups" in state_dict:
            state_dict = take_groups(state_dict, self.param_groups, get_state_dict(self))
        load_state_dict(self, state_dict)

    def step(self, *extra: Tensor) -> None:
        """Update every parameter that has a gradient, realising all of it in one go.

        Whatever else waits to be written in place, such as the running averages of normalisation
        layers, is realised with it.

        Args:
            extra: other tensors to realise in the same go, such as the loss.

        Raises:
            GradientError: no parameter has a gradient.
        """
        updated = self.schedule_step()
        Tensor.realize(*updated, *find_waiting(updated), *extra)

    def schedule_step(self) -> list[Tensor]:
        """Assign the new values to parameters and state without realising them.

        Returns:
            The tensors that must be realised for the step to happen.

        Raises:
            GradientError: no parameter has a gradient.
        """
        updated: list[Tensor] = []
        held = [(group, one) for group in self.param_groups for one in group.params]
        for (group, parameter), state in zip(held, self.state, strict=True):
            if parameter.grad is None:
                continue
            dtype = state_dtype(parameter)
            value = parameter.detach().cast(dtype)
            gradient = parameter.grad.detach().cast(dtype)
            new = self.update(value, gradient, group.lr.cast(dtype), state, group.options)
            updated += [parameter.assign(new.cast(parameter.dtype)), *state.values()]
        if not updated:
            raise GradientError(
                "no parameter has a gradient",
                got=f"{len(self.params)} parameters whose .grad is None",
                mend="call .backward() on the loss before .step()",
            )
        return updated

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Check the options of a group, but for the learning rate.

        Raises:
            ArgumentError: one makes no sense.
        """

    def new_state(self, parameter: Tensor, options: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return the state of a parameter before the first step, by PyTorch's names."""
        del parameter, options
        return {}

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        lr: Tensor,
        state: Mapping[str, Tensor],
        options: Mapping[str, Any],
    ) -> Tensor:
        """Return a parameter's new value, having assigned its new state.

        Args:
            parameter: its present value, in the dtype of the state, as is all that follows.
            gradient: gradient of the loss by it.
            lr: learning rate, a scalar.
            state: its state, by name.
            options: those of its group.
        """
        raise NotImplementedError


def new_zeros(parameter: Tensor) -> Tensor:
    """Return zeros of a parameter's shape, in the dtype of its state."""
    return _zeros(static_shape(parameter), parameter)


def new_count(parameter: Tensor) -> Tensor:
    """Return a count of steps, from 0: a scalar in the dtype of the parameter's state.

    Each parameter has its own, which the kernel that updates the parameter advances too.
    """
    return _zeros((), parameter)


def _zeros(shape: tuple[int, ...], parameter: Tensor) -> Tensor:
    array = numpy.zeros(shape, state_dtype(parameter).numpy)
    return Tensor(array, device=parameter.device, requires_grad=False)


class OptimizerGroup:
    """Several optimisers that step together, such as one for matrices and one for the rest.

    Args:
        optimizers: the optimisers.
    """

    def __init__(self, *optimizers: Optimizer) -> None:
        self.optimizers = optimizers

    @property
    def param_groups(self) -> list[ParameterGroup]:
        """The groups of parameters of every optimiser; a schedule may act on them all."""
        return [group for optimizer in self.optimizers for group in optimizer.param_groups]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients; see ``Optimizer.zero_grad``."""
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none)

    def step(self, *extra: Tensor) -> None:
        """Take a step of every optimiser, realising all of it in one go."""
        updated = [one for optimizer in self.optimizers for one in optimizer.schedule_step()]
        Tensor.realize(*updated, *find_waiting(updated), *extra)


def find_waiting(updated: Sequence[Tensor]) -> list[Tensor]:
    """Return the tensors, beside these, whose memory waits to be overwritten."""
    known = {id(tensor) for tensor in updated}
    live = current_session().live_tensors()
    return [
        one
        for one in live
        if isinstance(one, Tensor) and one.target is not None and id(one) not in known
    ]


def state_dtype(parameter: Tensor) -> DType:
    """Return the dtype in which a parameter's state is kept and its update computed."""
    return dtypes.float64 if parameter.dtype is dtypes.float64 else dtypes.float32


def add_penalty(gradient: Tensor, parameter: Tensor, weight_decay: float) -> Tensor:
    """Return a gradient with that of an L2 penalty, weight_decay / 2 · |p|², if there is one."""
    return gradient + weight_decay * parameter if weight_decay else gradient


def check_fractions(**fractions: float) -> None:
    """Check numbers that must lie in [0, 1).

    Raises:
        ArgumentError: one does not.
    """
    for name, value in fractions.items():
        if not 0 <= value < 1:
            raise ArgumentError(f"{name} is out of range", got=value, expected="0 <= value < 1")
