"""Muon: momentum whose matrices are made orthogonal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tilegrad.base.errors import ArgumentError
from tilegrad.nn.init import static_shape
from tilegrad.nn.optim.base import Optimizer, check_fractions, new_zeros
from tilegrad.nn.optim.parameter_group import Parameters
from tilegrad.tensor import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic polynomial whose iteration drives singular values to about 1."""


class Muon(Optimizer):
    """Momentum orthogonalised by Newton-Schulz iteration, for matrices, as in PyTorch.

    m ← momentum · m + (1 - momentum) · g; the step is the nearest semi-orthogonal matrix to
    (1 - momentum) · g + momentum · m, scaled by √max(1, rows / columns) (K. Jordan et al., "Muon:
    an optimizer for hidden layers in neural networks", 2024). Filters of convolutions count as
    matrices of one row per output channel. Vectors belong to another optimiser: see
    ``OptimizerGroup``.

    Args:
        params: the tensors to optimise, of two axes or more.
        lr: learning rate.
        weight_decay: decoupled weight decay.
        momentum: decay of the average of the gradient.
        nesterov: whether to look ahead along the average.
        iterations: Newton-Schulz steps.

    Raises:
        ArgumentError: a parameter has fewer than two axes, or the momentum is not in [0, 1).
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        iterations: int = 5,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            weight_decay=weight_decay,
            momentum=momentum,
            nesterov=nesterov,
            iterations=iterations,
        )

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Check that the momentum is in [0, 1)."""
        check_fractions(momentum=options["momentum"])

    def new_state(self, parameter: Tensor, options: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return the average of the gradient.

        Raises:
            ArgumentError: the parameter has fewer than two axes.
        """
        del options
        if parameter.ndim < 2:
            raise ArgumentError(
                "Muon optimises matrices only",
                got=f"a parameter of shape {parameter.shape}",
                expected="two axes or more",
                mend="give the other parameters to AdamW and join both in an OptimizerGroup",
            )
        return {"momentum_buffer": new_zeros(parameter)}

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        lr: Tensor,
        state: Mapping[str, Tensor],
        options: Mapping[str, Any],
    ) -> Tensor:
        """Return p moved by an orthogonal matrix, and decayed."""
        momentum = options["momentum"]
        moment = momentum * state["momentum_buffer"] + (1 - momentum) * gradient
        state["momentum_buffer"].assign(moment)
        if options["nesterov"]:
            moment = (1 - momentum) * gradient + momentum * moment
        matrix = moment.reshape(moment.shape[0], -1)
        rows, columns = static_shape(matrix)
        step = orthogonalize(matrix, options["iterations"]) * math.sqrt(max(1.0, rows / columns))
        return parameter * (1 - lr * options["weight_decay"]) - lr * step.reshape(parameter.shape)


def orthogonalize(matrix: Tensor, iterations: int = 5) -> Tensor:
    """Return a matrix with the same singular vectors and singular values near 1.

    Args:
        matrix: rows × columns.
        iterations: Newton-Schulz steps; after 5 the singular values lie between 0.7 and 1.2, save
            those that were below about a thousandth of the norm.
    """
    a, b, c = COEFFICIENTS
    is_tall = matrix.shape[0] > matrix.shape[1]
    wide = matrix.transpose(0, 1) if is_tall else matrix
    wide = wide / (wide * wide).sum().sqrt().maximum(1e-7)
    for _ in range(iterations):
        gram = wide @ wide.transpose(0, 1)
        wide = a * wide + (b * gram + c * (gram @ gram)) @ wide
    return wide.transpose(0, 1) if is_tall else wide
