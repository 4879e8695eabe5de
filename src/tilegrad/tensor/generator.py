"""The state of random numbers on a device: a key and a counter.

Element i of a draw is Threefry-2x32-20 of counter + i under the key, and a draw of n elements moves
the counter by n. So the numbers depend on the seed and on how many were drawn before, not on the
device, the threads, or how the work is cut up; two draws give what one of both sizes would give.

Key and counter are the contents of a tensor, written in place whenever something is realised. So a
captured function, which reads and writes that memory, draws new numbers at every replay.
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
        state = self.state
        if state.target is None:  # the counter has been written since
            self._drawn = 0
        base = state.node if state.target is None else state.target
        count = symbolic.multiply_all(shape)
        number = reshape_to(nodes.positions(count, _WORD), shape)
        counter = _element(base, 1) + constant(self._drawn, _WORD)
        words = intern(random.threefry, (number + counter, _element(base, 0)))
        self._drawn += int(bounds(count)[1])
        state.target = base
        state.node = base + nodes.positions(2, _WORD) * self._drawn
        return words

    def reseed(self, seed: int) -> None:
        """Begin anew, in the same memory, so that captured functions begin anew as well."""
        session = current_session()
        state = self.state
        state.target = state.node if state.target is None else state.target
        state.node = session.from_numpy(_state_of(seed), state.device)


def _state_of(seed: int) -> numpy.ndarray:
    return numpy.array([seed % 2**64, 0], numpy.uint64)


def _element(node: Node, place: int) -> Node:
    return reshape_to(nodes.shrink_axis(node, 0, place, place + 1), ())


def choose_seed() -> int:
    """Return a seed that nobody can foretell."""
    return secrets.randbits(64)
