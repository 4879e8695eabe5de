"""Losses of classification: how far predicted classes are from the true ones."""

from __future__ import annotations

from typing import Self

from tilegrad.base.errors import ArgumentError, DTypeError, ShapeError
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, intern
from tilegrad.ops import arithmetic, comparison
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import reshape_to
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import check_choice
from tilegrad.tensor.base import TensorBase, as_float
from tilegrad.tensor.broadcasting import show_shape
from tilegrad.tensor.normalisation import Normalisation
from tilegrad.tensor.softmax import log_softmax_of
from tilegrad.tensor.statistics import divide_by_count, mean_of

REDUCTIONS = ("mean", "sum", "none")


class Classification(Normalisation):
    """Cross-entropy and negative log-likelihood."""

    __slots__ = ()

    def reduce_loss(self, loss: Node, reduction: str, weight: TensorBase | None = None) -> Self:
        """Return the elements of a loss, their sum or mean, in this tensor's float dtype.

        Args:
            loss: the elements.
            reduction: "mean", "sum" or "none".
            weight: factor of each element, or None.

        Raises:
            ArgumentError: the reduction is unknown.
        """
        check_choice("reduction", reduction, REDUCTIONS)
        if weight is not None:
            loss = self.with_node(loss).mul(weight).node
        axes = tuple(range(len(loss.shape)))
        if reduction == "sum":
            loss = nodes.drop_axes(nodes.reduce_sum(loss, axes), axes)
        elif reduction == "mean":
            loss = nodes.drop_axes(mean_of(loss, axes), axes)
        return self.with_node(cast_to(loss, as_float(self.node).dtype))

    def cross_entropy(
        self,
        target: TensorBase,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
        weight: TensorBase | None = None,
        ignore_index: int = -100,
    ) -> Self:
        """Return the cross-entropy of the softmax over the classes.

        Args:
            target: class indices, of this shape without the axis of the classes; or probabilities,
                of this shape, if it has a float dtype. The classes are axis 1, or axis 0 of a
                tensor with one axis.
            reduction: "mean" (over what is not ignored, weighted), "sum" or "none".
            label_smoothing: how much of the target is spread evenly over the classes.
            weight: factor of each class, or None.
            ignore_index: a class index that counts for nothing.

        Raises:
            ShapeError: the target or the weight has another shape.
            ArgumentError: the smoothing is not in [0, 1], or the reduction is unknown.
        """
        if not 0.0 <= label_smoothing <= 1.0:
            raise ArgumentError("the label smoothing", got=label_smoothing, expected="from 0 to 1")
        axis = self._class_axis("cross_entropy")
        node = nodes.widen(as_float(self.node))
        wanted = self.as_operand(target)
        logarithms = log_softmax_of(node, (axis,))
        if wanted.dtype.is_float:
            return self._from_probabilities(
                logarithms, wanted, axis, reduction, label_smoothing, weight
            )
        return self._from_classes(
            logarithms, wanted, axis, reduction, label_smoothing, weight, ignore_index
        )

    def sparse_categorical_crossentropy(
        self,
        target: TensorBase,
        ignore_index: int = -1,
        label_smoothing: float = 0.0,
        reduction: str = "mean",
    ) -> Self:
        """Return the cross-entropy with class indices, where the classes are the last axis.

        Args:
            target: class indices, of this shape without its last axis.
            ignore_index: a class index that counts for nothing.
            label_smoothing: how much of the target is spread evenly over the classes.
            reduction: "mean" (over what is not ignored), "sum" or "none".

        Raises:
            ShapeError: the target has another shape.
        """
        axis = len(self.node.shape) - 1
        if axis < 0:
            raise ShapeError("there is no axis of classes", got="a scalar")
        logarithms = log_softmax_of(nodes.widen(as_float(self.node)), (axis,))
        wanted = self.as_operand(target)
        return self._from_classes(
            logarithms, wanted, axis, reduction, label_smoothing, ignore_index=ignore_index
        )

    def nll_loss(
        self,
        target: TensorBase,
        weight: TensorBase | None = None,
        ignore_index: int | None = None,
        reduction: str = "mean",
    ) -> Self:
        """Return -self at the true class, for logarithms of probabilities.

        Args:
            target: class indices, of this shape without the axis of the classes (axis 1, or axis 0
                of a tensor with one axis).
            weight: factor of each class, or None.
            ignore_index: a class index that counts for nothing, or None.
            reduction: "mean" (over what is not ignored, weighted), "sum" or "none".

        Raises:
            ShapeError: the target or the weight has another shape.
        """
        axis = self._class_axis("nll_loss")
        node, wanted = nodes.widen(as_float(self.node)), self.as_operand(target)
        return self._from_classes(
            node, wanted, axis, reduction, weight=weight, ignore_index=ignore_index
        )

    def _class_axis(self, name: str) -> int:
        rank = len(self.node.shape)
        if rank == 0:
            raise ShapeError(f"{name}: there is no axis of classes", got="a scalar")
        return 0 if rank == 1 else 1

    def _from_classes(
        self,
        logarithms: Node,
        target: Node,
        axis: int,
        reduction: str,
        smoothing: float = 0.0,
        weight: TensorBase | None = None,
        ignore_index: int | None = None,
    ) -> Self:
        """Return the loss for class indices, comparing each class with the index of the target.

        That is one pass along the classes, where reading at the index would be a gather.
        """
        check_choice("reduction", reduction, REDUCTIONS)
        shape = logarithms.shape
        expected = shape[:axis] + shape[axis + 1 :]
        if target.shape != expected or not target.dtype.is_integer:
            _refuse_target(target, expected)
        index = reshape_to(cast_to(target, dtypes.int64), (*shape[:axis], 1, *shape[axis + 1 :]))
        number = nodes.positions(shape[axis], dtypes.int64, len(shape), axis)
        is_target = intern(comparison.equal, (number, index))
        factors = self._class_weights(weight, logarithms, axis)
        weighted = logarithms if factors is None else logarithms * factors
        loss = -nodes.reduce_sum(nodes.where(is_target, weighted, 0.0), (axis,))
        if smoothing:
            even = -mean_of(weighted, (axis,))
            loss = loss * (1.0 - smoothing) + even * smoothing
        counts = None
        if factors is not None:
            counts = nodes.reduce_sum(nodes.where(is_target, factors, 0.0), (axis,))
        if ignore_index is not None:
            ignored = constant(ignore_index, dtypes.int64)
            is_counted = intern(comparison.not_equal, (index, ignored))
            loss = nodes.where(is_counted, loss, 0.0)
            ones = cast_to(is_counted, loss.dtype)
            counts = ones if counts is None else nodes.where(is_counted, counts, 0.0)
        if reduction != "mean" or counts is None:
            return self.reduce_loss(nodes.drop_axes(loss, (axis,)), reduction)
        axes = tuple(range(len(shape)))
        mean = nodes.reduce_sum(loss, axes) / nodes.reduce_sum(counts, axes)
        return self.reduce_loss(nodes.drop_axes(mean, axes), "none")

    def _from_probabilities(
        self,
        logarithms: Node,
        target: Node,
        axis: int,
        reduction: str,
        smoothing: float,
        weight: TensorBase | None,
    ) -> Self:
        if target.shape != logarithms.shape:
            _refuse_target(target, logarithms.shape)
        classes = logarithms.shape[axis]
        wanted = cast_to(target, logarithms.dtype)
        if smoothing:
            even = divide_by_count(constant(smoothing, wanted.dtype), classes)
            wanted = wanted * (1.0 - smoothing) + even
        factors = self._class_weights(weight, logarithms, axis)
        weighted = logarithms if factors is None else logarithms * factors
        product = intern(arithmetic.multiply, (weighted, wanted))
        loss = nodes.drop_axes(-nodes.reduce_sum(product, (axis,)), (axis,))
        return self.reduce_loss(loss, reduction)

    def _class_weights(self, weight: TensorBase | None, logarithms: Node, axis: int) -> Node | None:
        if weight is None:
            return None
        factors = self.as_operand(weight)
        classes = logarithms.shape[axis]
        if factors.shape != (classes,):
            raise ShapeError(
                "there must be one weight for each class",
                got=show_shape(factors.shape),
                expected=f"({classes},)",
            )
        shape = tuple(classes if i == axis else 1 for i in range(len(logarithms.shape)))
        return reshape_to(cast_to(factors, logarithms.dtype), shape)


def _refuse_target(target: Node, expected: nodes.Shape) -> None:
    if target.shape == expected:
        raise DTypeError(
            "class indices are integers",
            got=target.dtype.name,
            mend="cast the target: .cast(dtypes.int64)",
        )
    raise ShapeError(
        "the target does not fit the prediction",
        got=show_shape(target.shape),
        expected=f"{show_shape(expected)}, without the axis of the classes",
    )
