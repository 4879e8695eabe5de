"""Initial values of parameters, as new tensors; with PyTorch's names in ``_``, given to tensors.

Fans are counted as in PyTorch: a weight has the shape (outputs, inputs, *window).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy

from tilegrad.base.errors import ArgumentError, ShapeError
from tilegrad.tensor import Tensor
from tilegrad.tensor.arguments import as_integer

Shape = Sequence[int]


def zeros(*shape: int) -> Tensor:
    """Return zeros in memory of their own."""
    return Tensor(numpy.zeros(shape, numpy.float32))


def ones(*shape: int) -> Tensor:
    """Return ones in memory of their own."""
    return Tensor(numpy.ones(shape, numpy.float32))


def uniform(shape: Shape, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Return values that are equally likely anywhere in [low, high)."""
    return Tensor.uniform(*shape, low=low, high=high)


def normal(shape: Shape, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """Return normally distributed values."""
    return Tensor.normal(*shape, mean=mean, std=std)


def truncated_normal(
    shape: Shape, mean: float = 0.0, std: float = 1.0, low: float = -2.0, high: float = 2.0
) -> Tensor:
    """Return normally distributed values, given that they lie in [low, high].

    By inverting the distribution function.
    """
    first, last = (math.erf((bound - mean) / (std * math.sqrt(2))) for bound in (low, high))
    quantile = Tensor.uniform(*shape, low=first, high=last)
    return (quantile.erfinv() * (std * math.sqrt(2)) + mean).clip(low, high)


def xavier_uniform(shape: Shape, gain: float = 1.0) -> Tensor:
    """Return uniform values of variance gain² · 2 / (inputs + outputs).

    From X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", 2010.
    """
    bound = gain * math.sqrt(6 / sum(count_fans(shape)))
    return uniform(shape, -bound, bound)


def xavier_normal(shape: Shape, gain: float = 1.0) -> Tensor:
    """Return normal values of variance gain² · 2 / (inputs + outputs); see ``xavier_uniform``."""
    return normal(shape, 0.0, gain * math.sqrt(2 / sum(count_fans(shape))))


def kaiming_uniform(
    shape: Shape, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> Tensor:
    """Return uniform values of variance gain² / fan.

    From K. He et al., "Delving deep into rectifiers", 2015.

    Args:
        shape: shape of the weight.
        a: slope of the leaky ReLU that follows.
        mode: "fan_in" keeps the variance forward, "fan_out" backward.
        nonlinearity: what follows; see ``calculate_gain``.
    """
    bound = calculate_gain(nonlinearity, a) * math.sqrt(3 / _choose_fan(shape, mode))
    return uniform(shape, -bound, bound)


def kaiming_normal(
    shape: Shape, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> Tensor:
    """Return normal values of variance gain² / fan; see ``kaiming_uniform``."""
    return normal(shape, 0.0, calculate_gain(nonlinearity, a) / math.sqrt(_choose_fan(shape, mode)))


def orthogonal(shape: Shape, gain: float = 1.0) -> Tensor:
    """Return a matrix whose rows, or columns if there are fewer, are orthonormal, times ``gain``.

    A weight of more axes is one of (outputs, all others) first. From A. Saxe et al., "Exact
    solutions to the nonlinear dynamics of learning in deep linear neural networks", 2014.

    Raises:
        ShapeError: the weight has fewer than two axes.
    """
    inputs, outputs = count_fans(shape)[0], shape[0]
    size = (max(inputs, outputs), min(inputs, outputs))
    q, _ = normal(size).qr()
    return ((q.mT if outputs < inputs else q) * gain).reshape(shape)


def calculate_gain(nonlinearity: str, param: float = 0.01) -> float:
    """Return the factor by which a weight makes up for what follows it.

    Args:
        nonlinearity: what follows it.
        param: slope of a leaky ReLU.

    Raises:
        ArgumentError: the name is not known.
    """
    gains = {
        "linear": 1.0,
        "sigmoid": 1.0,
        "tanh": 5 / 3,
        "relu": math.sqrt(2),
        "leaky_relu": math.sqrt(2 / (1 + param * param)),
        "selu": 0.75,
    }
    if nonlinearity not in gains:
        raise ArgumentError(
            "unknown nonlinearity", got=repr(nonlinearity), expected=f"one of {', '.join(gains)}"
        )
    return gains[nonlinearity]


def count_fans(shape: Shape) -> tuple[int, int]:
    """Return how many inputs and outputs a weight connects at one position.

    Raises:
        ShapeError: the weight has fewer than two axes.
    """
    if len(shape) < 2:
        raise ShapeError("the fans of a vector are not defined", got=tuple(shape))
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window


def _choose_fan(shape: Shape, mode: str) -> int:
    if mode not in {"fan_in", "fan_out"}:
        raise ArgumentError("unknown mode", got=repr(mode), expected="'fan_in' or 'fan_out'")
    fan_in, fan_out = count_fans(shape)
    return fan_in if mode == "fan_in" else fan_out


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Give a tensor one value."""
    return tensor.fill_(val)


def zeros_(tensor: Tensor) -> Tensor:
    """Give a tensor zeros."""
    return tensor.fill_(0)


def ones_(tensor: Tensor) -> Tensor:
    """Give a tensor ones."""
    return tensor.fill_(1)


def eye_(tensor: Tensor) -> Tensor:
    """Give a matrix ones on its diagonal and zeros elsewhere.

    Raises:
        ShapeError: the tensor has not two axes.
    """
    if tensor.ndim != 2:
        raise ShapeError("only a matrix has a diagonal", got=tensor.shape, expected="two axes")
    rows, columns = static_shape(tensor)
    return _give(tensor, Tensor.eye(rows, columns))


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    """Give a tensor values that are equally likely anywhere in [a, b)."""
    return _give(tensor, uniform(static_shape(tensor), a, b))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """Give a tensor normally distributed values."""
    return _give(tensor, normal(static_shape(tensor), mean, std))


def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0
) -> Tensor:
    """Give a tensor the values of ``truncated_normal`` in [a, b]."""
    return _give(tensor, truncated_normal(static_shape(tensor), mean, std, a, b))


def xavier_uniform_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Give a weight the values of ``xavier_uniform``."""
    return _give(tensor, xavier_uniform(static_shape(tensor), gain))


def xavier_normal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Give a weight the values of ``xavier_normal``."""
    return _give(tensor, xavier_normal(static_shape(tensor), gain))


def kaiming_uniform_(
    tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> Tensor:
    """Give a weight the values of ``kaiming_uniform``."""
    return _give(tensor, kaiming_uniform(static_shape(tensor), a, mode, nonlinearity))


def kaiming_normal_(
    tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> Tensor:
    """Give a weight the values of ``kaiming_normal``."""
    return _give(tensor, kaiming_normal(static_shape(tensor), a, mode, nonlinearity))


def orthogonal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Give a weight the values of ``orthogonal``."""
    return _give(tensor, orthogonal(static_shape(tensor), gain))


def static_shape(parameter: Tensor) -> tuple[int, ...]:
    """Return the shape of a parameter, whose sizes cannot be symbolic."""
    return tuple(as_integer(size, "a size of a parameter") for size in parameter.shape)


def _give(tensor: Tensor, values: Tensor) -> Tensor:
    return tensor.copy_(values.to(tensor.device))
