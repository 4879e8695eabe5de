"""Clipping of gradients, in place."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterable

from tilegrad.base.errors import ArgumentError
from tilegrad.tensor import Tensor


def clip_grad_norm_(
    parameters: Iterable[Tensor], max_norm: float, norm_type: float = 2.0
) -> Tensor:
    """Scale all gradients by one factor so that their common norm is at most ``max_norm``.

    Args:
        parameters: the tensors whose ``grad`` is clipped; those without one are left out.
        max_norm: the greatest norm allowed.
        norm_type: order of the norm; ``math.inf`` for the greatest absolute value.

    Returns:
        The norm before clipping, a scalar tensor; 0 if there are no gradients.

    Raises:
        ArgumentError: the order of the norm is not positive.
    """
    if norm_type <= 0:
        raise ArgumentError("the order of the norm must be positive", got=norm_type)
    held = [parameter for parameter in parameters if parameter.grad is not None]
    gradients = [parameter.grad for parameter in held if parameter.grad is not None]
    if not gradients:
        return Tensor(0.0)
    if math.isinf(norm_type):
        total = functools.reduce(Tensor.maximum, [grad.abs().max() for grad in gradients])
    else:
        powers = [(grad.abs() ** norm_type).sum() for grad in gradients]
        total = functools.reduce(operator.add, powers) ** (1 / norm_type)
    # The small term is PyTorch's; it keeps a zero norm from dividing by zero.
    factor = (max_norm / (total + 1e-6)).minimum(1.0)
    for parameter, grad in zip(held, gradients, strict=True):
        parameter.grad = grad * factor.cast(grad.dtype)
    return total


def clip_grad_value_(parameters: Iterable[Tensor], clip_value: float) -> None:
    """Clip every element of every gradient to [-clip_value, clip_value].

    Args:
        parameters: the tensors whose ``grad`` is clipped; those without one are left out.
        clip_value: the greatest absolute value allowed.
    """
    for parameter in parameters:
        if parameter.grad is not None:
            parameter.grad = parameter.grad.clip(-clip_value, clip_value)
