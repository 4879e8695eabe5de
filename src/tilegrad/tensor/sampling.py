"""What is done with random numbers: permutations, samples, dropout."""

from __future__ import annotations

from typing import Self

from tilegrad.base.errors import ArgumentError, ShapeError
from tilegrad.engine import current_session
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import exponential, symbolic
from tilegrad.ops.conversion import cast_to
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import DTypeLike, resolve_device
from tilegrad.tensor.base import as_float, require_float
from tilegrad.tensor.broadcasting import show_shape
from tilegrad.tensor.random import Random, uniform_of
from tilegrad.tensor.size import Index, as_size

_SELU_LIMIT = -1.7580993408473766
"""What ``selu`` comes near to at -∞."""


class Sampling(Random):
    """Permutations, samples, dropout."""

    __slots__ = ()

    @classmethod
    def randperm(cls, n: int, dtype: DTypeLike | None = None, device: str | None = None) -> Self:
        """Return 0 .. n - 1 in random order, as int64 by default."""
        name = resolve_device(device)
        order = cls.from_node(cls.draw((n,), name), name).argsort()
        return order if dtype is None else order.cast(dtype)

    def bernoulli(self) -> Self:
        """Return 1 with the probability that each element names, else 0, in its dtype."""
        require_float("bernoulli", self.node.dtype)
        uniform = uniform_of(self.draw(self.node.shape, self.device), dtypes.float32)
        drawn = uniform < cast_to(self.node, dtypes.float32)
        return self.with_node(cast_to(drawn, self.node.dtype))

    def multinomial(self, num_samples: int = 1, replacement: bool = False) -> Self:
        """Return positions drawn with the weights that a row holds, as int64.

        Args:
            num_samples: how many to draw for each row.
            replacement: whether a position can be drawn again.

        Raises:
            ShapeError: there are neither one nor two axes.
            ArgumentError: without replacement, more samples than positions.
        """
        shape = self.node.shape
        if len(shape) not in (1, 2):
            raise ShapeError("multinomial needs one or two axes", got=show_shape(shape))
        size = shape[-1]
        if not replacement and (not isinstance(size, int) or not 1 <= num_samples <= size):
            raise ArgumentError(
                "multinomial: the number of samples",
                got=num_samples,
                expected=f"from 1 to {size} without replacement",
            )
        weights = self.with_node(nodes.widen(as_float(self.node)))
        if replacement:
            drawn = uniform_of(self.draw((*shape[:-1], num_samples), self.device), weights.dtype)
            running = weights.cumsum(-1)
            top = nodes.shrink_axis(running.node, len(shape) - 1, symbolic.add(size, -1), size)
            goal = self.with_node(drawn * top).unsqueeze(-1)
            passed = (running.unsqueeze(-2) <= goal).sum(-1)
            return passed.minimum(as_size(size) - 1)
        # The greatest of log weight + Gumbel noise are a sample without replacement.
        drawn = uniform_of(self.draw(shape, self.device), weights.dtype)
        waiting = self.with_node(-exponential.log(1.0 - drawn)) / weights
        return waiting.topk(num_samples, -1, largest=False)[1]

    def dropout(self, p: float = 0.5, training: bool | None = None) -> Self:
        """Return self with a random share of the elements set to 0 and the rest scaled up.

        Args:
            p: the share.
            training: whether to drop anything at all; ``Tensor.training`` if None.

        Raises:
            ArgumentError: the share is not in [0, 1].
        """
        if not self._is_dropping("dropout", p, training):
            return self
        if p == 1.0:
            return self.mul(0)
        is_kept = self._draw_kept(self.node.shape, p)
        return self.with_node(nodes.where(is_kept, self.node * (1.0 / (1.0 - p)), 0.0))

    def feature_dropout(self, p: float = 0.5, training: bool | None = None) -> Self:
        """Return the tensor with a random share of the channels zero, as ``torch``'s dropout1d-3d.

        The first two axes are batch and channels; the other arguments are those of ``dropout``.
        """
        if not self._is_dropping("feature_dropout", p, training):
            return self
        if p == 1.0:
            return self.mul(0)
        is_kept = self._draw_kept(self._features(), p)
        return self.with_node(nodes.where(is_kept, self.node * (1.0 / (1.0 - p)), 0.0))

    def alpha_dropout(
        self, p: float = 0.5, training: bool | None = None, *, by_feature: bool = False
    ) -> Self:
        """Return the tensor with random elements at SELU's lower limit, mean and variance kept.

        From G. Klambauer et al., "Self-normalizing neural networks", 2017.

        Args:
            p: share of the elements.
            training: whether to drop anything at all; ``Tensor.training`` if None.
            by_feature: whether whole channels (of the first two axes) are dropped.
        """
        if not self._is_dropping("alpha_dropout", p, training):
            return self
        if p == 1.0:
            return self.mul(0)
        scale = ((1.0 - p) * (1.0 + p * _SELU_LIMIT**2)) ** -0.5
        is_kept = self._draw_kept(self._features() if by_feature else self.node.shape, p)
        dropped = nodes.where(is_kept, self.node, _SELU_LIMIT)
        return self.with_node(dropped * scale - scale * _SELU_LIMIT * p)

    def _is_dropping(self, name: str, p: float, training: bool | None) -> bool:
        if not 0.0 <= p <= 1.0:
            raise ArgumentError(f"{name}: the share", got=p, expected="from 0 to 1")
        require_float(name, self.node.dtype)
        return bool(current_session().training if training is None else training) and p > 0.0

    def _features(self) -> tuple[Index, ...]:
        shape = self.node.shape
        return (*shape[:2], *(1 for _ in shape[2:]))

    def _draw_kept(self, shape: tuple[Index, ...], p: float) -> Node:
        return uniform_of(self.draw(shape, self.device), dtypes.float32) >= p

    def rrelu(
        self, lower: float = 1 / 8, upper: float = 1 / 3, training: bool | None = None
    ) -> Self:
        """Return x above 0, else x times a slope: a random one for each element, or the mean.

        Args:
            lower: least slope.
            upper: greatest slope.
            training: whether the slopes are random; ``Tensor.training`` if None.
        """
        if not (current_session().training if training is None else training):
            return self.leaky_relu((lower + upper) / 2.0)
        require_float("rrelu", self.node.dtype)
        slopes = self.rand_like() * (upper - lower) + lower
        return (self > 0).where(self, self * slopes)

    def gumbel_softmax(self, tau: float = 1.0, hard: bool = False, dim: int = -1) -> Self:
        """Return the softmax of (self + Gumbel noise) / tau.

        Args:
            tau: the temperature.
            hard: whether to return 1 at the greatest and 0 elsewhere, with the gradient of the
                softmax.
            dim: the axis.
        """
        uniform = self.rand_like(dtypes.float32 if not self.dtype.is_float else None)
        noise = (-(1.0 - uniform).log() + 1e-20).log().neg()
        soft = ((self + noise) / tau).softmax(dim)
        if not hard:
            return soft
        greatest = soft == soft.max(dim, keepdim=True)
        return greatest.cast(soft.dtype).sub(soft.detach()).detach().add(soft)
