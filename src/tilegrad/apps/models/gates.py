"""How one half of a hidden layer gates the other, by N. Shazeer, "GLU variants", 2020."""

from __future__ import annotations

from collections.abc import Callable

from tilegrad.tensor import Tensor

Gate = Callable[[Tensor, Tensor], Tensor]
"""Returns the hidden layer for its two halves: the gate and the rest, of the same shape."""

_STEEPNESS = 1.702
_LIMIT = 7.0


def gate_by_silu(gate: Tensor, rest: Tensor) -> Tensor:
    """Return silu(gate) · rest."""
    return gate.silu() * rest


def gate_by_gelu(gate: Tensor, rest: Tensor) -> Tensor:
    """Return gelu(gate) · rest, gelu as approximated by tanh."""
    return gate.gelu(approximate="tanh") * rest


def gate_within_limits(gate: Tensor, rest: Tensor) -> Tensor:
    """Return gate · σ(1.702 · gate) · (rest + 1), both halves bounded by 7 (gpt-oss, 2025)."""
    gate = gate.minimum(_LIMIT)
    return gate * (gate * _STEEPNESS).sigmoid() * (rest.clamp(-_LIMIT, _LIMIT) + 1)
