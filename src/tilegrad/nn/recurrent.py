"""Recurrent networks over whole sequences: several layers, one or two directions.

The input's share of the gates is one matrix product over the whole sequence; only the state's share
is computed step by step.
"""

from __future__ import annotations

from tilegrad.base.errors import ShapeError
from tilegrad.nn.module import Module
from tilegrad.nn.recurrent_cell import NONLINEARITIES, gru_step, lstm_step, new_weights
from tilegrad.tensor import Tensor
from tilegrad.tensor.arguments import as_integer, check_choice

State = tuple[Tensor, ...]


class _Recurrent(Module):
    """What the networks share; weights are called ``weight_ih_l0``, .. ``_reverse``, as in PyTorch.

    Args:
        input_size: size of the last axis of the input.
        hidden_size: size of the last axis of the state.
        num_layers: how many layers follow each other.
        bias: whether there are biases.
        batch_first: whether inputs and outputs are (batch, time, ..) instead of (time, batch, ..).
        dropout: share of each layer's output that is dropped on the way to the next.
        bidirectional: whether there is a second network from the end to the start.
    """

    gates: int
    states = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, dropout
        self.directions = 2 if bidirectional else 1
        for layer in range(num_layers):
            size = hidden_size * self.directions if layer else input_size
            for direction in range(self.directions):
                names = _names(layer, direction)
                weights = new_weights(self.gates, size, hidden_size, bias)
                for name, weight in zip(names, weights, strict=True):
                    setattr(self, name, weight)

    def advance(self, from_input: Tensor, from_state: Tensor, state: State) -> State:
        """Return the state after one step, its output first."""
        raise NotImplementedError

    def run(self, x: Tensor, initial: State | None) -> tuple[Tensor, State]:
        """Return the outputs and final states; states are (layers · directions, batch, size)."""
        if x.ndim not in {2, 3} or x.shape[-1] != self.input_size:
            raise ShapeError(
                "the input does not fit the recurrent network",
                got=f"shape {x.shape}",
                expected=f"(time, batch, {self.input_size}), or without the batch",
            )
        has_batch = x.ndim == 3
        if not has_batch:
            x = x.unsqueeze(1)
            initial = None if initial is None else tuple(one.unsqueeze(1) for one in initial)
        elif self.batch_first:
            x = x.transpose(0, 1)
        if initial is None:
            shape = (self.num_layers * self.directions, x.shape[1], self.hidden_size)
            zeros = Tensor.zeros(*shape, dtype=x.dtype, device=x.device)
            initial = (zeros,) * self.states
        finals: list[State] = []
        for layer in range(self.num_layers):
            outputs = []
            for direction in range(self.directions):
                place = layer * self.directions + direction
                start = tuple(one[place] for one in initial)
                output, final = self._scan(x, start, layer, direction)
                outputs.append(output)
                finals.append(final)
            x = outputs[0] if len(outputs) == 1 else outputs[0].cat(outputs[1], dim=-1)
            if self.dropout and layer < self.num_layers - 1:
                x = x.dropout(self.dropout)
        states = tuple(Tensor.stack(*parts, dim=0) for parts in zip(*finals, strict=True))
        if not has_batch:
            return x.squeeze(1), tuple(one.squeeze(1) for one in states)
        return (x.transpose(0, 1) if self.batch_first else x), states

    def _scan(self, x: Tensor, state: State, layer: int, direction: int) -> tuple[Tensor, State]:
        """Return the outputs of one layer in one direction, (time, batch, size), and its state."""
        weights = [getattr(self, name) for name in _names(layer, direction)]
        weight_ih, weight_hh, bias_ih, bias_hh = weights
        projected = x.linear(weight_ih.transpose(), bias_ih)
        steps = range(as_integer(x.shape[0], "the length of a sequence"))
        outputs: list[Tensor] = []
        for step in reversed(steps) if direction else steps:
            from_state = state[0].linear(weight_hh.transpose(), bias_hh)
            state = self.advance(projected[step], from_state, state)
            outputs.append(state[0])
        return Tensor.stack(*(outputs[::-1] if direction else outputs), dim=0), state


class RNN(_Recurrent):
    """h ← tanh(W_ih·x + b_ih + W_hh·h + b_hh) along a sequence, as in PyTorch.

    Args:
        input_size: size of the last axis of the input.
        hidden_size: size of the last axis of the state.
        num_layers: how many layers follow each other.
        nonlinearity: "tanh" or "relu".
        bias: whether there are biases.
        batch_first: whether inputs and outputs are (batch, time, ..) instead of (time, batch, ..).
        dropout: share of each layer's output that is dropped on the way to the next.
        bidirectional: whether there is a second network from the end to the start.
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional
        )
        check_choice("nonlinearity", nonlinearity, tuple(NONLINEARITIES))
        self.nonlinearity = nonlinearity

    def advance(self, from_input: Tensor, from_state: Tensor, state: State) -> State:
        """Return the state after one step."""
        del state
        return (NONLINEARITIES[self.nonlinearity](from_input + from_state),)

    def forward(self, x: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the outputs, (time, batch, directions · hidden_size), and the final states."""
        output, (state,) = self.run(x, None if h is None else (h,))
        return output, state


class LSTM(_Recurrent):
    """Long short-term memory (S. Hochreiter and J. Schmidhuber, 1997), as in PyTorch.

    c ← σ(f)·c + σ(i)·tanh(g) and h ← σ(o)·tanh(c), where the gates (i, f, g, o) are
    W_ih·x + b_ih + W_hh·h + b_hh. The arguments are those of ``RNN`` without ``nonlinearity``.
    """

    gates = 4
    states = 2

    def advance(self, from_input: Tensor, from_state: Tensor, state: State) -> State:
        """Return state and cell after one step."""
        return lstm_step(from_input + from_state, state[1])

    def forward(
        self, x: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the outputs, (time, batch, directions · hidden_size), and final (h, c)."""
        output, (h, c) = self.run(x, state)
        return output, (h, c)


class GRU(_Recurrent):
    """Gated recurrent units (K. Cho et al., 2014), as in PyTorch.

    h ← (1 - σ(z))·n + σ(z)·h with n = tanh(n_x + σ(r)·n_h), where the gates (r, z, n) of the input
    are W_ih·x + b_ih and those of the state W_hh·h + b_hh. The arguments are those of ``RNN``
    without ``nonlinearity``.
    """

    gates = 3

    def advance(self, from_input: Tensor, from_state: Tensor, state: State) -> State:
        """Return the state after one step."""
        return (gru_step(from_input, from_state, state[0]),)

    def forward(self, x: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the outputs, (time, batch, directions · hidden_size), and the final states."""
        output, (state,) = self.run(x, None if h is None else (h,))
        return output, state


def _names(layer: int, direction: int) -> tuple[str, str, str, str]:
    suffix = f"l{layer}" + ("_reverse" if direction else "")
    return f"weight_ih_{suffix}", f"weight_hh_{suffix}", f"bias_ih_{suffix}", f"bias_hh_{suffix}"
