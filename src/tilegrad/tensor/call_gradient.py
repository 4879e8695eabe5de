"""The gradient that a hand-written kernel is given: a function of tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tilegrad.base.errors import DTypeError, GradientError, ShapeError
from tilegrad.ir.node import Node
from tilegrad.ops.graph import ResultAttributes, result
from tilegrad.rewrite.graph import broadcast_to
from tilegrad.tensor.base import TensorBase
from tilegrad.tensor.tensor import Tensor

Gradient = Callable[..., Tensor | Sequence[Tensor | None] | None]


class Given(NamedTuple):
    """An argument that a kernel was called with.

    Attributes:
        name: of the parameter, if it must be given by name, else None.
        is_tensor: whether it is a tensor.
        value: what else it is.
    """

    name: str | None
    is_tensor: bool
    value: object = None


@dataclass(frozen=True, slots=True)
class CallGradient:
    """The gradient of a call: equal for calls of one kernel that differ in their tensors only.

    Attributes:
        function: gives the gradients; see ``Kernel.gradient``.
        device: where the tensors are.
        is_single: whether the kernel returns one tensor, rather than a tuple.
        arguments: what the kernel was called with.
    """

    function: Gradient
    device: str
    is_single: bool
    arguments: tuple[Given, ...]

    def __call__(self, node: Node, upstream: Sequence[Node | None]) -> list[Node | None]:
        """Return the gradients by the sources of a call; see ``CallGradient`` in ``ops.graph``.

        Raises:
            GradientError, ShapeError, DTypeError: what the function gives does not fit the sources.
        """
        places = range(len(upstream))
        results = [result(node, attributes=ResultAttributes(number)) for number in places]
        outputs = [self._tensor(one) for one in results]
        given = [
            None if one is None else self._tensor(broadcast_to(one, output.shape))
            for one, output in zip(upstream, results, strict=True)
        ]
        sources = iter(node.sources)
        values = [
            self._tensor(next(sources)) if one.is_tensor else one.value for one in self.arguments
        ]
        pairs = list(zip(self.arguments, values, strict=True))
        positional = [value for one, value in pairs if one.name is None]
        named = {one.name: value for one, value in pairs if one.name is not None}
        if self.is_single:
            found = self.function(given[0], outputs[0], *positional, **named)
        else:
            found = self.function(tuple(given), tuple(outputs), *positional, **named)
        return _check_gradients(found, node.sources)

    def _tensor(self, node: Node) -> Tensor:
        return Tensor.from_node(node, self.device)


def _check_gradients(
    found: Tensor | Sequence[Tensor | None] | None, sources: Sequence[Node]
) -> list[Node | None]:
    """Return the gradients as nodes, one for each source.

    Raises:
        GradientError: there are more or fewer.
        ShapeError, DTypeError: one does not fit its source.
    """
    listed = [found] if found is None or isinstance(found, TensorBase) else list(found)
    if len(listed) != len(sources):
        raise GradientError(
            "the gradient of a hand-written kernel gives one tensor for each that it takes",
            got=f"{len(listed)} results",
            expected=f"{len(sources)}, None where it is zero",
        )
    for one, source in zip(listed, sources, strict=True):
        if one is None:
            continue
        if one.node.shape != source.shape:
            raise ShapeError(
                "a gradient has another shape than its tensor",
                got=one.node.shape,
                expected=source.shape,
            )
        if one.node.dtype is not source.dtype:
            raise DTypeError(
                "a gradient has another dtype than its tensor",
                got=one.node.dtype.name,
                expected=source.dtype.name,
            )
    return [None if one is None else one.node for one in listed]
