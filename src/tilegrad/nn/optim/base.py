"""What the optimisers share: the parameters, their state, and one realisation for a whole step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy

from tilegrad.base.errors import ArgumentError, ArgumentTypeError, GradientError
from tilegrad.engine import current_session
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.nn.state.dictionary import get_state_dict, load_state_dict
from tilegrad.tensor import Tensor
from tilegrad.tensor.arguments import as_integer


class Optimizer:
    """Base of the optimisers.

    A step is a set of lazy expressions, one of the same form for each parameter, which are realised
    together, so that the compiler can make one kernel of them. The learning rate and the counts of
    steps are tensors: a captured step replays with whatever they hold then.

    Parameters whose ``requires_grad`` is False are left out; the others are set to require
    gradients. State is kept in float64 for float64 parameters and in float32 for all others.

    Args:
        params: the tensors to optimise.
        lr: learning rate.

    Attributes:
        params: the tensors that are optimised, each once.
        lr: the learning rate, a scalar tensor; ``set_lr`` changes it.
        initial_lr: the learning rate that schedules start from; None before there is one.

    Raises:
        ArgumentTypeError: a parameter is not a floating-point tensor.
        ArgumentError: there are no parameters, or the learning rate is negative.
    """

    def __init__(self, params: Iterable[Tensor], lr: float) -> None:
        self.params = _select_parameters(params)
        if lr < 0:
            raise ArgumentError("the learning rate is negative", got=lr, expected="0 or more")
        for parameter in self.params:
            parameter.requires_grad = True
        Tensor.realize(*self.params)
        is_wide = any(parameter.dtype is dtypes.float64 for parameter in self.params)
        self._lr_dtype = dtypes.float64 if is_wide else dtypes.float32
        self.lr = self._new_lr(lr)
        self.initial_lr: float | None = None

    def _new_lr(self, lr: float) -> Tensor:
        array = numpy.array(lr, self._lr_dtype.numpy)
        return Tensor(array, device=self.params[0].device, requires_grad=False)

    def set_lr(self, lr: float) -> None:
        """Change the learning rate, in place: captured steps use the new one too."""
        self.lr.assign(self._new_lr(lr)).realize()

    def new_state(self) -> list[Tensor]:
        """Return one tensor of zeros for each parameter, in the dtype of its state."""
        return [
            Tensor(
                numpy.zeros(static_shape(parameter), state_dtype(parameter).numpy),
                device=parameter.device,
                requires_grad=False,
            )
            for parameter in self.params
        ]

    def new_counts(self) -> list[Tensor]:
        """Return a count of steps, from 0, for each parameter: scalars in its state's dtype.

        Each parameter has its own, which the kernel that updates the parameter advances too.
        """
        return [
            Tensor(
                numpy.zeros((), state_dtype(parameter).numpy),
                device=parameter.device,
                requires_grad=False,
            )
            for parameter in self.params
        ]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients.

        Args:
            set_to_none: whether they become None, rather than zeros.
        """
        for parameter in self.params:
            parameter.grad = None if set_to_none else parameter.zeros_like()

    def state_dict(self) -> dict[str, Tensor]:
        """Return the learning rate and the state, without the parameters, by name."""
        return get_state_dict(self._held())

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take a state dictionary over, such as that of an optimiser that was saved.

        Raises:
            DataError: names are missing or unexpected, or shapes differ.
        """
        load_state_dict(self._held(), state)

    def _held(self) -> dict[str, object]:
        return {name: part for name, part in vars(self).items() if name != "params"}

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
        for index, parameter in enumerate(self.params):
            if parameter.grad is None:
                continue
            dtype = state_dtype(parameter)
            value = parameter.detach().cast(dtype)
            gradient = parameter.grad.detach().cast(dtype)
            new = self.update(index, value, gradient, self.lr.cast(dtype))
            updated.append(parameter.assign(new.cast(parameter.dtype)))
            updated += [state[index] for state in self.state()]
        if not updated:
            raise GradientError(
                "no parameter has a gradient",
                got=f"{len(self.params)} parameters whose .grad is None",
                mend="call .backward() on the loss before .step()",
            )
        return updated

    def state(self) -> Sequence[list[Tensor]]:
        """Return the lists of state tensors, each with one for every parameter."""
        return ()

    def update(self, index: int, parameter: Tensor, gradient: Tensor, lr: Tensor) -> Tensor:
        """Return a parameter's new value, having assigned its new state.

        Args:
            index: place of the parameter, and of its state in each list.
            parameter: its present value, in the dtype of the state, as is all that follows.
            gradient: gradient of the loss by it.
            lr: learning rate, a scalar.
        """
        raise NotImplementedError


class OptimizerGroup:
    """Several optimisers that step together, such as one for matrices and one for the rest.

    Args:
        optimizers: the optimisers.
    """

    def __init__(self, *optimizers: Optimizer) -> None:
        self.optimizers = optimizers

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


def static_shape(parameter: Tensor) -> tuple[int, ...]:
    """Return the shape of a parameter, whose sizes cannot be symbolic."""
    return tuple(as_integer(size, "a size of a parameter") for size in parameter.shape)


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


def _select_parameters(params: Iterable[Tensor]) -> list[Tensor]:
    selected: list[Tensor] = []
    for parameter in params:
        if not isinstance(parameter, Tensor) or not parameter.is_floating_point():
            raise ArgumentTypeError(
                "only floating-point tensors can be optimised",
                got=parameter.dtype if isinstance(parameter, Tensor) else type(parameter).__name__,
                mend="pass nn.state.get_parameters(model)",
            )
        is_new = all(parameter is not other for other in selected)
        if parameter.requires_grad is not False and is_new:
            selected.append(parameter)
    if not selected:
        raise ArgumentError("there are no parameters to optimise")
    return selected
