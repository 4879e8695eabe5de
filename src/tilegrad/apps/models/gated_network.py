"""The networks between attentions: one, or many of which each token goes through a few.

From N. Shazeer, "GLU variants improve transformer", 2020 (the gate); N. Shazeer et al.,
"Outrageously large neural networks: the sparsely-gated mixture-of-experts layer", 2017; D. Dai et
al., "DeepSeekMoE", 2024 (the network that is shared).
"""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad import nn
from tilegrad.apps.models.gates import Gate
from tilegrad.apps.models.language_config import MixtureConfig
from tilegrad.apps.models.stored_weights import StoredLinear, StoredWeights
from tilegrad.tensor import Tensor


class GatedNetwork(nn.Module):
    """A network of one hidden layer, half of which gates the other.

    Args:
        weights: of the block.
        gate: how one half gates the other.
        suffix: of the weights' names.
    """

    def __init__(self, weights: StoredWeights, gate: Gate, suffix: str = "") -> None:
        self.join = gate
        up, self.down = (StoredLinear(weights, f"ffn_{name}{suffix}") for name in ("up", "down"))
        # Phi-3 has gate and rest in one matrix.
        is_joined = up.weight.shape[0] == 2 * self.down.weight.shape[-1]
        self.inner = [up] if is_joined else [StoredLinear(weights, f"ffn_gate{suffix}"), up]

    def __call__(self, x: Tensor) -> Tensor:
        """Return shape (time, width)."""
        gate, up = _halves([linear(x) for linear in self.inner])
        return self.down(self.join(gate, up))


class Mixture(nn.Module):
    """Networks of which each token goes through those that it chooses; perhaps one more for all.

    Only the chosen networks' weights are read.

    Args:
        weights: of the block.
        gate: how one half of a hidden layer gates the other.
        config: how they are chosen.
    """

    def __init__(self, weights: StoredWeights, gate: Gate, config: MixtureConfig) -> None:
        self.config, self.join = config, gate
        self.router = StoredLinear(weights, "ffn_gate_inp")
        is_joined = "ffn_gate_up_exps.weight" in weights
        names = ["gate_up"] if is_joined else ["gate", "up"]
        self.inner = [_Experts(weights, f"ffn_{name}_exps") for name in names]
        self.down = _Experts(weights, "ffn_down_exps")
        has_shared = "ffn_up_shexp.weight" in weights
        self.shared = GatedNetwork(weights, gate, "_shexp") if has_shared else None
        self.shared_gate = weights.numbers("ffn_gate_inp_shexp.weight")

    def __call__(self, x: Tensor) -> Tensor:
        """Return shape (time, width)."""
        shares, chosen = self._choose(x)
        # Tokens are sorted by their networks, each of which is read for several of them at once.
        order = chosen.flatten().argsort()
        numbers = chosen.flatten()[order].contiguous()
        each = x[order // self.config.chosen].contiguous()
        gate, up = _halves([experts(each, numbers) for experts in self.inner])
        found = self.down(self.join(gate, up).contiguous(), numbers)
        found = found[order.argsort()].unflatten(0, chosen.shape)
        mixed = (found * shares.unsqueeze(-1)).sum(1)
        if self.shared is None:
            return mixed
        rest = self.shared(x)
        if self.shared_gate is not None:
            rest = rest * (x * self.shared_gate).sum(-1, keepdim=True).sigmoid()
        return mixed + rest

    def _choose(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return shares and numbers of each token's networks, shape (time, chosen)."""
        shares, chosen = self.router(x).softmax(-1).topk(self.config.chosen, dim=-1)
        if self.config.is_normalised:
            shares = shares / shares.sum(-1, keepdim=True)
        return shares * self.config.scale, chosen.contiguous()


class _Experts(nn.Module):
    """The same layer of all networks of a mixture."""

    def __init__(self, weights: StoredWeights, name: str) -> None:
        self.weight = weights.find(f"{name}.weight")
        self.bias = weights.numbers(f"{name}.bias")

    def __call__(self, x: Tensor, numbers: Tensor) -> Tensor:
        """Return each row of x times the matrix of its number, which ascend: (count, rows)."""
        product = self.weight.linear_sorted(x, numbers)
        return product if self.bias is None else product + self.bias[numbers]


def _halves(products: Sequence[Tensor]) -> Sequence[Tensor]:
    """Return the gate and the rest, which are two products or the halves of one."""
    return products if len(products) == 2 else products[0].chunk(2, dim=-1)
