"""One step of a recurrent network."""

from __future__ import annotations

import math
from collections.abc import Callable

from tilegrad.nn import init
from tilegrad.nn.module import Module
from tilegrad.tensor import Tensor
from tilegrad.tensor.arguments import check_choice

NONLINEARITIES: dict[str, Callable[[Tensor], Tensor]] = {"tanh": Tensor.tanh, "relu": Tensor.relu}


def new_weights(
    gates: int, input_size: int, hidden_size: int, bias: bool
) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    """Return the weights on input and state and the two biases, uniform in ±1/√hidden_size."""
    bound = 1 / math.sqrt(hidden_size) if hidden_size else 0.0
    rows = gates * hidden_size
    return (
        init.uniform((rows, input_size), -bound, bound),
        init.uniform((rows, hidden_size), -bound, bound),
        init.uniform((rows,), -bound, bound) if bias else None,
        init.uniform((rows,), -bound, bound) if bias else None,
    )


def lstm_step(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Return the new state and cell from the gates (input, forget, cell, output) before them."""
    i, f, g, o = gates.chunk(4, dim=-1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def gru_step(from_input: Tensor, from_state: Tensor, h: Tensor) -> Tensor:
    """Return the new state from the gates (reset, update, new) of the input and of the state."""
    input_reset, input_update, input_new = from_input.chunk(3, dim=-1)
    state_reset, state_update, state_new = from_state.chunk(3, dim=-1)
    reset = (input_reset + state_reset).sigmoid()
    update = (input_update + state_update).sigmoid()
    new = (input_new + reset * state_new).tanh()
    return new + update * (h - new)


class _Cell(Module):
    """What the cells share: weight_ih, weight_hh, bias_ih and bias_hh, named as in PyTorch."""

    gates: int

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        self.input_size, self.hidden_size = input_size, hidden_size
        weights = new_weights(self.gates, input_size, hidden_size, bias)
        self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh = weights

    def project(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return what input and state contribute to the gates."""
        from_input = x.linear(self.weight_ih.transpose(), self.bias_ih)
        return from_input, h.linear(self.weight_hh.transpose(), self.bias_hh)

    def zeros(self, x: Tensor) -> Tensor:
        """Return a state of zeros for an input."""
        shape = (*x.shape[:-1], self.hidden_size)
        return Tensor.zeros(*shape, dtype=x.dtype, device=x.device)


class RNNCell(_Cell):
    """h ← tanh(W_ih·x + b_ih + W_hh·h + b_hh).

    Args:
        input_size: size of the last axis of the input.
        hidden_size: size of the last axis of the state.
        bias: whether there are biases.
        nonlinearity: "tanh" or "relu".

    Attributes:
        weight_ih: shape (hidden_size, input_size), uniform in ±1/√hidden_size, as all others.
        weight_hh: shape (hidden_size, hidden_size).
        bias_ih: shape (hidden_size,), or None.
        bias_hh: shape (hidden_size,), or None.
    """

    gates = 1

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh"
    ) -> None:
        super().__init__(input_size, hidden_size, bias)
        check_choice("nonlinearity", nonlinearity, tuple(NONLINEARITIES))
        self.nonlinearity = nonlinearity

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        """Return the new state, shape (batch, hidden_size)."""
        from_input, from_state = self.project(x, self.zeros(x) if h is None else h)
        return NONLINEARITIES[self.nonlinearity](from_input + from_state)


class LSTMCell(_Cell):
    """A long short-term memory cell; see ``LSTM``. The weights have four times the rows."""

    gates = 4

    def forward(
        self, x: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the new state and cell, each of shape (batch, hidden_size)."""
        h, c = (self.zeros(x), self.zeros(x)) if state is None else state
        from_input, from_state = self.project(x, h)
        return lstm_step(from_input + from_state, c)


class GRUCell(_Cell):
    """A gated recurrent unit; see ``GRU``. The weights have three times the rows."""

    gates = 3

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        """Return the new state, shape (batch, hidden_size)."""
        h = self.zeros(x) if h is None else h
        return gru_step(*self.project(x, h), h)
