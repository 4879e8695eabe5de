"""Automatic differentiation of graphs of nodes: reverse mode and, by transposing twice, forward.

Each op carries its own gradient rule. Reverse mode walks the graph once from the outputs to the
inputs and sums what reaches each node. The rules give a gradient as ordinary nodes, so gradients
can be differentiated again. A rule is linear in the upstream gradient; the transpose of that linear
function, taken by reverse mode again, is forward mode (D. Maclaurin, "Modeling, inference and
optimization with composable differentiable procedures", 2016; J. Townsend's "double backward").
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tilegrad.base.errors import DTypeError, GradientError, ShapeError
from tilegrad.ir.node import Node
from tilegrad.ops.leaves import BufferAttributes, Storage, buffer, constant
from tilegrad.ops.markers import remove_markers, segment
from tilegrad.tensor.history import Histories, conceal, origin, reveal
from tilegrad.tensor.reverse import Reverse


def gradients(
    outputs: Sequence[Node],
    inputs: Sequence[Node],
    upstream: Sequence[Node | None] | None = None,
    histories: Histories | None = None,
) -> list[Node | None]:
    """Return, for each input, the sum over outputs of upstream · d output / d input.

    Linear in the size of the graph, iterative.

    Args:
        outputs: floating-point nodes.
        inputs: floating-point nodes; one may depend on another.
        upstream: one gradient for each output, of its dtype and a shape that broadcasts to its
            own; None stands for zero. Without it every output must hold a single element.
        histories: the expressions behind realised values, through which gradients flow; the values
            are used instead of being computed again.

    Returns:
        For each input a node of its dtype and shape, or None where no output depends on it.

    Raises:
        GradientError: an output or input is not floating-point, an output needs an upstream
            gradient and has none, the only way leads through an op without a gradient, or
            something needed has been overwritten.
        ShapeError: an upstream gradient does not fit its output.
        DTypeError: an upstream gradient has another dtype than its output.
    """
    _check_differentiable(inputs, "with respect to")
    _check_differentiable(outputs, "of")
    if upstream is None:
        upstream = [_one(output) for output in outputs]
    for output, given in zip(outputs, upstream, strict=True):
        if given is not None:
            _check_upstream(output, given)
    if histories:
        inputs = [origin(node, histories) for node in inputs]
        revealed = reveal([*outputs, *inputs], histories)
        outputs, inputs = revealed[: len(outputs)], revealed[len(outputs) :]
    pairs = zip(outputs, upstream, strict=True)
    walk = Reverse([(node, given) for node, given in pairs if given is not None], list(inputs))
    return conceal(walk.run(), walk.order)


def tangents(
    outputs: Sequence[Node],
    inputs: Sequence[Node],
    directions: Sequence[Node | None],
    histories: Histories | None = None,
) -> list[Node | None]:
    """Return, for each output, the sum over inputs of d output / d input · direction.

    Args:
        outputs: floating-point nodes.
        inputs: floating-point nodes.
        directions: one tangent for each input, of its dtype and shape; None stands for zero.
        histories: as for ``gradients``.

    Returns:
        For each output a node of its dtype and shape, or None where it depends on no input.

    Raises:
        GradientError, ShapeError, DTypeError: as ``gradients``.
    """
    outputs = remove_markers(outputs, [segment])  # nothing is kept for a backward pass here
    placeholders = [_placeholder(output) for output in outputs]
    transposed = gradients(outputs, inputs, placeholders, histories)
    pairs = [
        (gradient, direction)
        for gradient, direction in zip(transposed, directions, strict=True)
        if gradient is not None and direction is not None
    ]
    if not pairs:
        return [None] * len(outputs)
    return gradients([pair[0] for pair in pairs], placeholders, [pair[1] for pair in pairs])


def _placeholder(node: Node) -> Node:
    """Return a leaf without memory that equals no other node."""
    size = math.prod(extent for extent in node.shape if isinstance(extent, int))
    storage = Storage("none", node.dtype, size)
    return buffer(attributes=BufferAttributes(storage, node.shape, 0))


def _check_differentiable(nodes: Sequence[Node], role: str) -> None:
    for node in nodes:
        if not node.dtype.is_float:
            raise GradientError(
                f"a gradient {role} a tensor that is not floating-point was asked for",
                got=node,
                expected="a floating-point dtype",
                mend="cast the tensor to a floating-point dtype first",
            )


def _one(output: Node) -> Node:
    if any(size != 1 for size in output.shape):
        raise GradientError(
            "the gradient of a tensor with several elements needs an upstream gradient",
            got=f"shape {output.shape}",
            expected="a single element",
            mend="reduce to a scalar such as .sum() or .mean(), or give the upstream gradient",
        )
    return constant(1, output.dtype)


def _check_upstream(output: Node, upstream: Node) -> None:
    if upstream.dtype is not output.dtype:
        raise DTypeError(
            "the upstream gradient has another dtype than the output",
            got=upstream.dtype.name,
            expected=output.dtype.name,
        )
    if upstream.shape not in (output.shape, ()):
        raise ShapeError(
            "the upstream gradient has another shape than the output",
            got=upstream.shape,
            expected=output.shape,
        )
