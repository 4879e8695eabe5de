"""Gradients of tensors: ``backward`` and ``gradient``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from tilegrad.base.errors import GradientError
from tilegrad.engine import current_session
from tilegrad.ir.node import Node
from tilegrad.ops import arithmetic
from tilegrad.tensor.autodiff import gradients
from tilegrad.tensor.base import TensorBase


class Differentiation(TensorBase):
    """Reverse-mode differentiation."""

    __slots__ = ()

    def backward(self, gradient: TensorBase | None = None) -> Self:
        """Add the gradient of this tensor to ``grad`` of every tensor that requires one.

        Args:
            gradient: upstream gradient of this tensor's shape; a scalar needs none.

        Raises:
            GradientError: this tensor depends on none that requires a gradient, has several
                elements and no upstream gradient, or an op on the way has no gradient.
        """
        live = current_session().live_tensors()
        leaves = [one for one in live if isinstance(one, TensorBase) and one.requires_grad]
        reached = False
        for leaf, found in zip(leaves, self._differentiate(leaves, gradient), strict=True):
            if found is not None:
                node = found if leaf.grad is None else arithmetic.add(leaf.grad.node, found)
                leaf.grad = leaf.with_node(node)
                reached = True
        if not reached:
            raise GradientError(
                "this tensor depends on no tensor that requires a gradient",
                got=f"{len(leaves)} tensors that require one, none of which was used",
                mend="set requires_grad=True before computing with a tensor, "
                "or make an optimiser of the parameters first",
            )
        return self

    def gradient(self, *targets: TensorBase, gradient: TensorBase | None = None) -> list[Self]:
        """Return the gradient of this tensor by each of some others.

        Args:
            targets: tensors that this one was computed from.
            gradient: upstream gradient of this tensor's shape; a scalar needs none.

        Raises:
            GradientError: this tensor does not depend on a target, has several elements and no
                upstream gradient, or an op on the way has no gradient.
        """
        results = []
        for target, found in zip(targets, self._differentiate(targets, gradient), strict=True):
            if found is None:
                raise GradientError("the tensor does not depend on a target", got=target.node)
            results.append(self.from_node(found, target.device))
        return results

    def _differentiate(
        self, targets: Sequence[TensorBase], gradient: TensorBase | None
    ) -> list[Node | None]:
        return gradients(
            [self.node],
            [target.node for target in targets],
            None if gradient is None else [gradient.node],
            current_session().histories,
        )
