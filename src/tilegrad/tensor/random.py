"""Random tensors: uniform, normal, integers, initial weights.

The numbers are made by a counter-based generator (see ``generator``): the same on every device.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

from tilegrad.base.errors import ArgumentError, ShapeError
from tilegrad.engine import current_session
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import exponential, trigonometry
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.leaves import constant
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import (
    DEFAULT_INTEGER,
    DTypeLike,
    resolve_device,
    resolve_dtype,
    resolve_float,
    resolve_shape,
)
from tilegrad.tensor.base import require_float
from tilegrad.tensor.differences import Differences
from tilegrad.tensor.generator import Generator, choose_seed
from tilegrad.tensor.size import Index, Size

Shape = Size | Sequence[Size]
_TWO_PI = 2.0 * math.pi


class Random(Differences):
    """Random numbers."""

    __slots__ = ()

    @staticmethod
    def manual_seed(seed: int = 0) -> None:
        """Begin the random numbers of every device anew.

        Args:
            seed: any integer; equal seeds give equal numbers.
        """
        session = current_session()
        session.random_seed = seed
        for generator in session.generators.values():
            generator.reseed(seed)

    @classmethod
    @contextmanager
    def train(cls, mode: bool = True) -> Iterator[None]:
        """Set ``Tensor.training`` in a ``with`` statement.

        Args:
            mode: whether dropout drops, and batch normalisation uses the statistics of the batch.
        """
        session = current_session()
        before, session.training = session.training, mode
        try:
            yield
        finally:
            session.training = before

    @classmethod
    def draw(cls, shape: tuple[Index, ...], device: str) -> Node:
        """Return random 64-bit words (uint64) of a shape, and count them as drawn."""
        session = current_session()
        generator = session.generators.get(device)
        if generator is None:
            if session.random_seed is None:
                session.random_seed = choose_seed()
            generator = Generator(cls, device, session.random_seed)
            session.generators[device] = generator
        return generator.draw(shape)

    @classmethod
    def rand(
        cls,
        *shape: Shape,
        dtype: DTypeLike | None = None,
        device: str | None = None,
        requires_grad: bool | None = None,
    ) -> Self:
        """Return numbers evenly distributed in [0, 1).

        Args:
            shape: the sizes.
            dtype: a float dtype; float32 by default. Every multiple of 2⁻ᵐ⁻¹ is equally likely,
                with m the dtype's bits of mantissa.
            device: where they are; the session's default device for None.
            requires_grad: whether ``backward`` gives it a gradient.

        Raises:
            DTypeError: the dtype is no float.
        """
        wanted, name = float_dtype("rand", dtype), resolve_device(device)
        words = cls.draw(resolve_shape(shape), name)
        return cls.from_node(uniform_of(words, wanted), name, requires_grad)

    @classmethod
    def randn(
        cls,
        *shape: Shape,
        dtype: DTypeLike | None = None,
        device: str | None = None,
        requires_grad: bool | None = None,
    ) -> Self:
        """Return numbers of the normal distribution with mean 0 and variance 1.

        By the method of Box and Muller. The arguments are those of ``rand``.
        """
        wanted, name = float_dtype("randn", dtype), resolve_device(device)
        words = cls.draw(resolve_shape(shape), name)
        return cls.from_node(normal_of(words, wanted), name, requires_grad)

    @classmethod
    def randint(
        cls,
        *shape: Shape,
        low: int = 0,
        high: int = 10,
        dtype: DTypeLike | None = None,
        device: str | None = None,
    ) -> Self:
        """Return integers evenly distributed from ``low`` to before ``high``.

        Args:
            shape: the sizes.
            low: least value.
            high: the values are below it.
            dtype: int64 by default.
            device: where they are.

        Raises:
            ArgumentError: there is no integer between the bounds, or they do not fit the dtype.
        """
        wanted = DEFAULT_INTEGER if dtype is None else resolve_dtype(dtype)
        count = high - low
        fits = wanted.is_float or (wanted.minimum <= low and high - 1 <= wanted.maximum)
        if count < 1 or not fits:
            raise ArgumentError(
                "randint: these bounds make no sense",
                got=f"low {low}, high {high}, {wanted.name}",
                expected="low below high, both within the dtype",
            )
        name = resolve_device(device)
        words = cls.draw(resolve_shape(shape), name)
        # The remainder of 64 bits: no value is likelier than another by more than count · 2⁻⁶⁴.
        work = dtypes.uint64 if low >= 0 else dtypes.int64
        node = cast_to(words % constant(count, dtypes.uint64), work) + constant(low, work)
        return cls.from_node(cast_to(node, wanted), name)

    @classmethod
    def uniform(
        cls,
        *shape: Shape,
        low: float = 0.0,
        high: float = 1.0,
        dtype: DTypeLike | None = None,
        device: str | None = None,
        requires_grad: bool | None = None,
    ) -> Self:
        """Return numbers evenly distributed in [low, high); see ``rand``."""
        wanted, name = float_dtype("uniform", dtype), resolve_device(device)
        words = cls.draw(resolve_shape(shape), name)
        node = uniform_of(words, _working_dtype(wanted)) * float(high - low) + float(low)
        return cls.from_node(cast_to(node, wanted), name, requires_grad)

    @classmethod
    def normal(
        cls,
        *shape: Shape,
        mean: float = 0.0,
        std: float = 1.0,
        dtype: DTypeLike | None = None,
        device: str | None = None,
        requires_grad: bool | None = None,
    ) -> Self:
        """Return numbers of the normal distribution; see ``randn``."""
        wanted, name = float_dtype("normal", dtype), resolve_device(device)
        words = cls.draw(resolve_shape(shape), name)
        node = normal_of(words, _working_dtype(wanted)) * float(std) + float(mean)
        return cls.from_node(cast_to(node, wanted), name, requires_grad)

    def randint_like(self, low: int, high: int, dtype: DTypeLike | None = None) -> Self:
        """Return ``randint`` of this shape and, unless given, dtype, on this device."""
        wanted = self.node.dtype if dtype is None else dtype
        return self.randint(self.shape, low=low, high=high, dtype=wanted, device=self.device)

    def rand_like(self, dtype: DTypeLike | None = None) -> Self:
        """Return ``rand`` of this shape and, unless given, dtype."""
        wanted = float_dtype("rand_like", self.node.dtype if dtype is None else dtype)
        return self.with_node(uniform_of(self.draw(self.node.shape, self.device), wanted))

    def randn_like(self, dtype: DTypeLike | None = None) -> Self:
        """Return ``randn`` of this shape and, unless given, dtype."""
        wanted = float_dtype("randn_like", self.node.dtype if dtype is None else dtype)
        return self.with_node(normal_of(self.draw(self.node.shape, self.device), wanted))

    @classmethod
    def scaled_uniform(cls, *shape: Shape, **options: Any) -> Self:
        """Return numbers in ±1/√n, where n is the number of elements; options as ``uniform``."""
        bound = 1.0 / math.sqrt(max(1, math.prod(_static(shape))))
        return cls.uniform(*shape, low=-bound, high=bound, **options)

    @classmethod
    def glorot_uniform(cls, *shape: Shape, **options: Any) -> Self:
        """Return numbers in ±√(6 / (inputs + outputs)) for a weight (outputs, inputs, ..)."""
        sizes = _static(shape)
        bound = math.sqrt(6.0 / (sizes[0] + math.prod(sizes[1:])))
        return cls.uniform(*shape, low=-bound, high=bound, **options)

    @classmethod
    def kaiming_uniform(cls, *shape: Shape, a: float = 0.01, **options: Any) -> Self:
        """Return numbers in ±√(6 / ((1 + a²) · inputs)) for a weight (outputs, inputs, ..).

        Args:
            shape: the sizes.
            a: slope below 0 of the leaky relu that follows.
            options: as for ``uniform``.
        """
        bound = math.sqrt(6.0 / ((1.0 + a * a) * max(1, math.prod(_static(shape)[1:]))))
        return cls.uniform(*shape, low=-bound, high=bound, **options)

    @classmethod
    def kaiming_normal(cls, *shape: Shape, a: float = 0.01, **options: Any) -> Self:
        """Return normal numbers of deviation √(2 / ((1 + a²) · inputs)).

        The arguments are those of ``kaiming_uniform``.
        """
        std = math.sqrt(2.0 / ((1.0 + a * a) * max(1, math.prod(_static(shape)[1:]))))
        return cls.normal(*shape, std=std, **options)


def float_dtype(name: str, dtype: DTypeLike | None) -> DType:
    """Return a dtype given as itself or by name, float32 for None.

    Raises:
        DTypeError: it is no float.
    """
    wanted = resolve_float(dtype)
    require_float(name, wanted)
    return wanted


def _working_dtype(dtype: DType) -> DType:
    return dtypes.float32 if nodes.is_narrow(dtype) else dtype


def _static(shape: tuple[Shape, ...]) -> list[int]:
    sizes = [size for size in resolve_shape(shape) if isinstance(size, int)]
    if not sizes:
        raise ShapeError("initial weights need a known shape", got=shape)
    return sizes


def uniform_of(words: Node, dtype: DType) -> Node:
    """Return random words as floats evenly distributed in [0, 1)."""
    bits = dtype.mantissa + 1
    whole = dtypes.int64 if bits > 31 else dtypes.int32
    number = cast_to(words >> (64 - bits), whole)
    return cast_to(number, dtype) * 2.0**-bits


def normal_of(words: Node, dtype: DType) -> Node:
    """Return random words as floats of the normal distribution.

    The upper half of a word gives the radius and the lower half the angle (G. E. P. Box and M. E.
    Muller, "A note on the generation of random normal deviates", 1958).
    """
    work = _working_dtype(dtype)
    upper = cast_to(cast_to(words >> 33, dtypes.int32), work)
    lower = cast_to(cast_to(words & 0x7FFFFFFF, dtypes.int32), work)
    radius = exponential.square_root(exponential.log((upper + 1.0) * 2.0**-31) * -2.0)
    return cast_to(radius * trigonometry.cos(lower * (_TWO_PI * 2.0**-31)), dtype)
