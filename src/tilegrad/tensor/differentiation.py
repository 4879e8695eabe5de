"""Gradients of tensors: ``backward`` and ``gradient``; and ``no_grad``, where there are none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from tilegrad.base.errors import GradientError
from tilegrad.engine import current_session
from tilegrad.engine.tracked import Snapshot
from tilegrad.ir.node import Node, intern
from tilegrad.ops import arithmetic, graph
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


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute what no gradient flows through, in a ``with`` statement or a function.

    What is computed inside is detached at its end, as by ``Tensor.detach``; so are tensors that
    were given another value inside, but for those that require gradients themselves. Nothing is
    saved by it where no tensor requires gradients, as before there is an optimiser.

    Example:
        ``with no_grad(): target = reward + 0.9 * model(state).max(axis=1)``
    """
    session = current_session()
    before = Snapshot(session.live_tensors())
    try:
        yield
    finally:
        for tensor in session.live_tensors():
            if isinstance(tensor, TensorBase) and not before.has_unchanged(tensor):
                _detach(tensor)


def _detach(tensor: TensorBase) -> None:
    """Let a tensor's value be one that no gradient flows through, unless it starts there."""
    node = tensor.node
    is_known = tensor.is_realized() and current_session().histories.get(node) is None
    if node.dtype.is_float and not tensor.requires_grad and not is_known:
        tensor.node = intern(graph.detach, (node,))
