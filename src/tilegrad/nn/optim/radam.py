"""RAdam: Adam whose first steps wait until the mean square can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tilegrad.nn.optim.adam import Adam, correction
from tilegrad.nn.optim.base import add_penalty
from tilegrad.tensor import Tensor


class RAdam(Adam):
    """Adam with a rectified variance, as in PyTorch.

    With ρ∞ = 2/(1-β₂) - 1 and ρₜ = ρ∞ - 2t·β₂ᵗ/(1-β₂ᵗ), the step is Adam's times
    √((ρₜ-4)(ρₜ-2)ρ∞ / ((ρ∞-4)(ρ∞-2)ρₜ)) once ρₜ is above 5, and until then lr · m (L. Liu et al.,
    "On the variance of the adaptive learning rate and beyond", 2020). The arguments are ``Adam``'s.
    """

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        lr: Tensor,
        state: Mapping[str, Tensor],
        options: Mapping[str, Any],
    ) -> Tensor:
        """Return p moved by the corrected average, rectified once it can be."""
        gradient = add_penalty(gradient, parameter, options["weight_decay"])
        first, second, count = self.advance(gradient, state, options)
        beta1, beta2 = options["betas"]
        filled = correction(beta2, count)
        last = 2 / (1 - beta2) - 1
        length = last - 2 * count * (1 - filled) / filled
        is_known = length > 5
        known = is_known.where(length, last)
        spread = (known - 4) * (known - 2) * last / ((last - 4) * (last - 2) * known)
        scale = (spread * filled).sqrt() / (second.sqrt() + options["eps"])
        step = first / correction(beta1, count)
        return parameter - lr * (step * is_known.where(scale, 1.0))
