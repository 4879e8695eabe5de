"""The state of random numbers on a device: a key and a counter.

Element i of a draw is Threefry-2x32-20 of counter + i under the key, and a draw of n elements moves
the counter by n. So the numbers depend on the seed and on how many were drawn before, not on the
device, the threads, or how the work is cut up; two draws give what one of both sizes would give.

Key and counter are the contents of a tensor. A draw takes a copy of them and moves the counter on
the host, so that draws may wait as long as they like. In a function that is captured, the graph
reads and writes the tensor's memory, so that every replay draws new numbers.
"""

from __future__ import annotations

import secrets
from typing import Generic, TypeVar

import numpy

from tilegrad.engine import current_session
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, intern
from tilegrad.ops import random, symbolic
from tilegrad.ops.bounds import bounds
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import reshape_to
from tilegrad.tensor import nodes
from tilegrad.tensor.base import TensorBase
from tilegrad.tensor.conversion import realize

T = TypeVar("T", bound=TensorBase)

_WORD = dtypes.uint64


class Generator(Generic[T]):
    """Draws random bits on one device.

    Args:
        kind: the class of tensors.
        device: name of the device.
        seed: the key.

    Attributes:
        state: a tensor of two uint64 numbers, key and counter.
    """

    def __init__(self, kind: type[T], device: str, seed: int) -> None:
        node = current_session().from_numpy(_state_of(seed), device)
        self.state: T = kind.from_node(node, device)
        self._drawn = 0

    def draw(self, shape: tuple[int | Node, ...]) -> Node:
        """Return random 64-bit words (uint64), and count them as drawn."""
        count = symbolic.multiply_all(shape)
        number = reshape_to(nodes.positions(count, _WORD), shape)
        most = int(bounds(count)[1])
        session = current_session()
        if session.is_capturing:
            base, drawn = self._draw_in_graph(most)
            counter = _element(base, 1) + constant(drawn, _WORD)
        else:
            base = session.from_numpy(self._draw_on_host(most), self.state.device)
            counter = _element(base, 1)
        return intern(random.threefry, (number + counter, _element(base, 0)))

    def _draw_on_host(self, count: int) -> numpy.ndarray:
        """Return key and counter, and move the counter on."""
        state = self.state
        if state.target is not None:  # a capture was cut short
            realize(state)
        contents = current_session().view(state.node)
        before = contents.copy()
        contents[1] += numpy.uint64(count)
        return before

    def _draw_in_graph(self, count: int) -> tuple[Node, int]:
        """Return key and counter as the step finds them, and how many it has drawn before."""
        state = self.state
        if state.target is None:  # the counter has been written since
            self._drawn = 0
        base = state.node if state.target is None else state.target
        drawn = self._drawn
        self._drawn += count
        state.target = base
        current_session().note_change(state)
        state.node = base + nodes.positions(2, _WORD) * self._drawn
        return base, drawn

    def reseed(self, seed: int) -> None:
        """Begin anew, in the same memory, so that captured functions begin anew as well."""
        state = self.state
        if state.target is not None:
            realize(state)
        current_session().view(state.node)[...] = _state_of(seed)


def _state_of(seed: int) -> numpy.ndarray:
    return numpy.array([seed % 2**64, 0], numpy.uint64)


def _element(node: Node, place: int) -> Node:
    return reshape_to(nodes.shrink_axis(node, 0, place, place + 1), ())


def choose_seed() -> int:
    """Return a seed that nobody can foretell."""
    return secrets.randbits(64)
