"""LAMB: Adam with a trust ratio per layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tilegrad.nn.optim.adam import Adam, correction
from tilegrad.nn.optim.parameter_group import Parameters
from tilegrad.tensor import Tensor


class LAMB(Adam):
    """Adam whose step on each parameter has a length in proportion to the parameter's own.

    With u = m / (√v + eps) + weight_decay · p, m and v corrected as Adam's are,
    p ← p - lr · (‖p‖ / ‖u‖) · u; the ratio is 1 where either norm is 0 (Y. You et al., "Large batch
    optimization for deep learning: training BERT in 76 minutes", 2020). The arguments are
    ``Adam``'s.
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        lr: Tensor,
        state: Mapping[str, Tensor],
        options: Mapping[str, Any],
    ) -> Tensor:
        """Return p moved by the scaled step."""
        first, second, count = self.advance(gradient, state, options)
        beta1, beta2 = options["betas"]
        root = (second / correction(beta2, count)).sqrt() + options["eps"]
        step = first / correction(beta1, count) / root + options["weight_decay"] * parameter
        length, step_length = _norm(parameter), _norm(step)
        is_usable = (length > 0) & (step_length > 0)
        ratio = is_usable.where(length / is_usable.where(step_length, 1.0), 1.0)
        return parameter - lr * ratio * step


def _norm(tensor: Tensor) -> Tensor:
    return (tensor * tensor).sum().sqrt()
