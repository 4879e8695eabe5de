"""Losses of several classes by margins, of several labels, and of sequences without alignment."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Self, TypeVar

from tilegrad.base.errors import ShapeError
from tilegrad.ir.dtype import dtypes
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import as_integer
from tilegrad.tensor.base import TensorBase
from tilegrad.tensor.broadcasting import show_shape
from tilegrad.tensor.distances import Distances

_LOG_ZERO = -1e30
"""Stands for the logarithm of 0 where an infinity would make the gradient NaN."""


class MarginLoss(Distances):
    """Losses that PyTorch has beside those of ``Loss``."""

    __slots__ = ()

    def multi_margin_loss(
        self,
        target: Self,
        p: int = 1,
        margin: float = 1.0,
        weight: Self | None = None,
        reduction: str = "mean",
    ) -> Self:
        """Return Σ max(0, margin - x[target] + x[i])ᵖ / classes over the other classes i.

        Args:
            target: class indices, (batch,) for scores of (batch, classes).
            p: 1 or 2.
            margin: by how much the target's score should be above.
            weight: factor of each class, or None.
            reduction: what becomes of the elements.
        """
        scores, wanted = self._rows("multi_margin_loss", target.unsqueeze(-1))
        loss = (scores - scores.gather(1, wanted) + margin).relu()
        loss = loss if p == 1 else loss * loss
        if weight is not None:
            loss = loss * weight.take(wanted)
        is_other = wanted != _classes(scores)
        loss = is_other.where(loss, 0.0).mean(1)
        return self._reduce_rows(loss, reduction)

    def multilabel_margin_loss(self, target: Self, reduction: str = "mean") -> Self:
        """Return Σ max(0, 1 - x[j] + x[i]) / classes over labels j and other classes i.

        Args:
            target: labels of each row, ended by the first -1; of the same shape.
            reduction: what becomes of the elements.
        """
        scores, labels = self._rows("multilabel_margin_loss", target)
        is_label = (labels < 0).cast(dtypes.int64).cumsum(1) == 0
        places = is_label.where(labels, -1)
        classes = _classes(scores)
        is_target = (places.unsqueeze(2) == classes.unsqueeze(0)).any(1)
        chosen = scores.gather(1, is_label.where(labels, 0))
        loss = (1.0 - chosen.unsqueeze(2) + scores.unsqueeze(1)).relu()
        is_counted = is_label.unsqueeze(2).logical_and(is_target.logical_not().unsqueeze(1))
        loss = is_counted.where(loss, 0.0).sum((1, 2)) / as_integer(scores.shape[1], "the classes")
        return self._reduce_rows(loss, reduction)

    def multilabel_soft_margin_loss(
        self, target: Self, weight: Self | None = None, reduction: str = "mean"
    ) -> Self:
        """Return the mean over the classes of the logistic loss of each label.

        Args:
            target: 1 for the labels and 0 for the others, of the same shape.
            weight: factor of each class, or None.
            reduction: what becomes of the elements.
        """
        loss = -(target * self.logsigmoid() + (1.0 - target) * (-self).logsigmoid())
        loss = loss if weight is None else loss * weight
        return self.reduce_loss(loss.mean(-1).node, reduction)

    def triplet_margin_with_distance_loss(
        self,
        positive: Self,
        negative: Self,
        distance_function: Callable[[Self, Self], Self] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> Self:
        """Return max(0, d(self, positive) - d(self, negative) + margin).

        Args:
            positive: what should be near.
            negative: what should be far away.
            distance_function: gives a distance for each row; ``pairwise_distance`` if None.
            margin: by how much farther.
            swap: whether the positive's distance from the negative counts if that is less.
            reduction: what becomes of the elements.
        """
        measure = type(self).pairwise_distance if distance_function is None else distance_function
        far = measure(self, negative)
        if swap:
            far = far.minimum(measure(positive, negative))
        loss = (measure(self, positive) - far + margin).relu()
        return self.reduce_loss(loss.node, reduction)

    def ctc_loss(
        self,
        targets: Self,
        input_lengths: Self,
        target_lengths: Self,
        blank: int = 0,
        reduction: str = "mean",
        zero_infinity: bool = False,
    ) -> Self:
        """Return -log of the probability of label sequences under all alignments.

        A. Graves et al., "Connectionist temporal classification", 2006: the forward recursion over
        the labels with blanks between them, written out for every time step.

        Args:
            targets: labels without blanks, (batch, longest target).
            input_lengths: how many time steps of each row count, (batch,).
            target_lengths: how many labels of each row count, (batch,).
            blank: the class that stands for no label.
            reduction: "mean" divides each loss by its target's length first.
            zero_infinity: whether impossible targets cost 0, and give no gradient, instead of ∞.

        Raises:
            ShapeError: self is not (time, batch, classes), or the targets not (batch, labels).
        """
        if self.ndim != 3 or targets.ndim != 2 or targets.shape[0] != self.shape[1]:
            raise ShapeError(
                "ctc_loss: the shapes do not fit",
                got=f"{show_shape(self.node.shape)} and targets {show_shape(targets.node.shape)}",
                expected="(time, batch, classes) and (batch, labels)",
            )
        labels = self._with_blanks(targets, blank)
        can_skip = _can_skip(labels, blank)
        emitted = [step.gather(1, labels) for step in self.unbind(0)]
        number = _classes(labels)
        total = (number < 2).where(emitted[0], _LOG_ZERO)
        for time, score in enumerate(emitted[1:], 1):
            moved = _log_add(_log_add(total, _delayed(total, 1)), can_skip(_delayed(total, 2)))
            total = (input_lengths.unsqueeze(1) > time).where(moved + score, total)
        last = (target_lengths * 2).unsqueeze(1)
        before = (last - 1).clamp(0)
        ending = total.gather(1, before)
        ending = (last > 0).where(ending, _LOG_ZERO)
        loss = -_log_add(total.gather(1, last), ending).squeeze(1)
        is_possible = loss < -_LOG_ZERO / 2
        loss = is_possible.where(loss, 0.0 if zero_infinity else math.inf)
        if reduction == "mean":
            loss = loss / target_lengths.clamp(1).cast(loss.dtype)
        return self.reduce_loss(loss.node, reduction)

    def _with_blanks(self, targets: Self, blank: int) -> Self:
        """Return blank, label, blank, label, .., blank for each row."""
        batch, count = (as_integer(size, "a size of targets") for size in targets.shape)
        wide = targets.cast(dtypes.int64).unsqueeze(2)
        pairs = (wide * 0 + blank).cat(wide, dim=2).reshape(batch, 2 * count)
        return pairs.pad((0, 1), value=blank)

    def _rows(self, name: str, target: TensorBase) -> tuple[Self, Self]:
        """Return scores and target as rows; one row may come without its axis."""
        scores = self if self.ndim == 2 else self.unsqueeze(0)
        wanted = target if len(target.node.shape) == 2 else self.with_node(target.node).unsqueeze(0)
        if scores.ndim != 2 or wanted.node.shape[0] != scores.node.shape[0]:
            raise ShapeError(
                f"{name}: the shapes do not fit",
                got=f"{show_shape(self.node.shape)} and {show_shape(target.node.shape)}",
                expected="(batch, classes) and a target for each row",
            )
        return scores, self.with_node(wanted.node)

    def _reduce_rows(self, loss: Self, reduction: str) -> Self:
        kept = loss.squeeze(0) if self.ndim == 1 and reduction == "none" else loss
        return self.reduce_loss(kept.node, reduction)


T = TypeVar("T", bound=MarginLoss)


def _classes(rows: T) -> T:
    """Return 0, 1, .. along the columns of a matrix."""
    return rows.with_node(nodes.positions(rows.node.shape[1], dtypes.int64, 2, 1))


def _can_skip(labels: MarginLoss, blank: int) -> Callable[[MarginLoss], MarginLoss]:
    """Return what keeps the scores of steps that leave out the blank between two labels."""
    before = labels.pad((2, 0), value=blank).shrink((None, (0, labels.shape[1])))
    is_allowed = (labels != blank).logical_and(labels != before)
    return lambda scores: is_allowed.where(scores, _LOG_ZERO)


def _delayed(scores: MarginLoss, step: int) -> MarginLoss:
    size = scores.shape[1]
    return scores.pad((step, 0), value=_LOG_ZERO).shrink((None, (0, size)))


def _log_add(first: MarginLoss, second: MarginLoss) -> MarginLoss:
    """Return log(eˣ + eʸ) of numbers that are finite."""
    greatest = first.maximum(second).detach()
    return greatest + ((first - greatest).exp() + (second - greatest).exp()).log()
