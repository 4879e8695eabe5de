"""Automatic differentiation of graphs of nodes: reverse mode and, by transposing twice, forward.

Each op carries its own gradient rule. Reverse mode walks the graph once from the outputs to the
inputs and sums what reaches each node. The rules give a gradient as ordinary nodes, so gradients
can be differentiated again. A rule is linear in the upstream gradient; the transpose of that linear
function, taken by reverse mode again, is forward mode (D. Maclaurin, "Modeling, inference and
optimization with composable differentiable procedures", 2016; J. Townsend's "double backward").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tilegrad.base.errors import DTypeError, GradientError, ShapeError
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import NotDifferentiable, Shape, attributes_of
from tilegrad.ops import arithmetic
from tilegrad.ops.graph import call, detach, result
from tilegrad.ops.leaves import BufferAttributes, Storage, buffer, constant
from tilegrad.ops.markers import (
    SegmentAttributes,
    barrier,
    distinct,
    known,
    remove_markers,
    segment,
)
from tilegrad.ops.movement import reshape_to
from tilegrad.ops.reduction import sum_over
from tilegrad.rewrite.graph import broadcast_to, substitute


def gradients(
    outputs: Sequence[Node],
    inputs: Sequence[Node],
    upstream: Sequence[Node | None] | None = None,
) -> list[Node | None]:
    """Return, for each input, the sum over outputs of upstream · d output / d input.

    Values that are already realised (``known``) are used instead of being computed again.
    Linear in the size of the graph, iterative.

    Args:
        outputs: floating-point nodes.
        inputs: floating-point nodes; one may depend on another.
        upstream: one gradient for each output, of its dtype and a shape that broadcasts to its
            own; None stands for zero. Without it every output must hold a single element.

    Returns:
        For each input a node of its dtype and shape, or None where no output depends on it.

    Raises:
        GradientError: an output or input is not floating-point, an output needs an upstream
            gradient and has none, or the only way leads through an op without a gradient.
        ShapeError: an upstream gradient does not fit its output.
        DTypeError: an upstream gradient has another dtype than its output.
    """
    inputs = [origin(node) for node in inputs]
    _check_differentiable(inputs, "with respect to")
    _check_differentiable(outputs, "of")
    if upstream is None:
        upstream = [_one(output) for output in outputs]
    seeds = []
    for output, given in zip(outputs, upstream, strict=True):
        if given is not None:
            _check_upstream(output, given)
            seeds.append((output, given))
    walk = _Reverse(seeds, inputs)
    return _use_known(walk.run(), walk.order)


def tangents(
    outputs: Sequence[Node], inputs: Sequence[Node], directions: Sequence[Node | None]
) -> list[Node | None]:
    """Return, for each output, the sum over inputs of d output / d input · direction.

    Args:
        outputs: floating-point nodes.
        inputs: floating-point nodes.
        directions: one tangent for each input, of its dtype and shape; None stands for zero.

    Returns:
        For each output a node of its dtype and shape, or None where it depends on no input.

    Raises:
        GradientError, ShapeError, DTypeError: as ``gradients``.
    """
    inputs = [origin(node) for node in inputs]
    outputs = remove_markers(outputs, [segment])  # nothing is kept for a backward pass here
    placeholders = [_placeholder(output) for output in outputs]
    transposed = gradients(outputs, inputs, placeholders)
    pairs = [
        (gradient, direction)
        for gradient, direction in zip(transposed, directions, strict=True)
        if gradient is not None and direction is not None
    ]
    if not pairs:
        return [None] * len(outputs)
    return gradients([pair[0] for pair in pairs], placeholders, [pair[1] for pair in pairs])


def origin(node: Node) -> Node:
    """Return the node that a realised value came from: what its users were built on."""
    while node.op is known:
        node = node.sources[1]
    return node


def sum_to_shape(gradient: Node, shape: Shape) -> Node:
    """Sum a gradient over the axes along which a source of this shape was broadcast."""
    axes = tuple(
        axis
        for axis, size in enumerate(gradient.shape)
        if size != 1 and (not shape or shape[axis] == 1)
    )
    summed = sum_over(gradient, axes)
    return summed if shape else reshape_to(summed, ())


class _Reverse:
    """One walk of reverse mode.

    Args:
        seeds: outputs with their upstream gradients.
        inputs: what to differentiate by.
        is_leaf: nodes beyond which the walk does not go.
    """

    def __init__(
        self,
        seeds: list[tuple[Node, Node]],
        inputs: list[Node],
        is_leaf: Callable[[Node], bool] | None = None,
    ) -> None:
        self.inputs = inputs
        self.order = sort_topologically((output for output, _ in seeds), is_leaf)
        self.members = set(self.order)
        self.active = _find_active(self.order, inputs)
        self.pending: dict[Node, Node] = {}
        self.segments: dict[tuple[Node, ...], list[Node]] = {}
        for node in self.order:
            if node.op is segment:
                self.segments.setdefault(node.sources[1:], []).append(node)
        for output, upstream in seeds:
            self.add(output, upstream)

    def run(self) -> list[Node | None]:
        """Return the gradient of each input."""
        wanted = set(self.inputs)
        for node in reversed(self.order):
            if node.op is segment:
                self.enter_segment(node)
                continue
            upstream = self.pending.get(node)
            if upstream is None:
                continue
            upstream = broadcast_to(upstream, node.shape)
            if node in wanted:
                self.pending[node] = upstream
            else:
                del self.pending[node]
            if node.sources:
                self.pass_on(node, upstream)
        return [self.pending.get(node) for node in self.inputs]

    def add(self, node: Node, upstream: Node) -> None:
        """Add what one user contributes to the gradient of a node."""
        if node not in self.active:
            return
        upstream = sum_to_shape(upstream, node.shape)
        present = self.pending.get(node)
        self.pending[node] = upstream if present is None else arithmetic.add(present, upstream)

    def pass_on(self, node: Node, upstream: Node) -> None:
        """Apply the gradient rule of a node's op."""
        if not any(source in self.active for source in _differentiable_sources(node)):
            return
        rule = node.op.gradient
        if rule is None or isinstance(rule, NotDifferentiable):
            raise GradientError(
                f"a gradient was asked for through {node.op.name}, which has none",
                got=node,
                expected=f"differentiable operations ({rule.because})" if rule else None,
                mend="stop the gradient there with .detach()",
            )
        contributions = rule(node, upstream)
        for source, contribution in zip(node.sources, contributions, strict=True):
            if contribution is not None:
                self.add(source, contribution)

    def enter_segment(self, node: Node) -> None:
        """Go through a copy of a segment, once all of its results have their gradients.

        Every result of a segment has all results and arguments as its sources; so what the
        segment uses comes earlier in the order than the earliest result.
        """
        results = self.segments[node.sources[1:]]
        if node is not results[0]:
            return
        results = [one for one in results if one in self.pending]
        if not results:
            return
        arguments = node.sources[1 + attributes_of(node, SegmentAttributes).results :]
        upstream = [broadcast_to(self.pending[one], one.shape) for one in results]
        originals = {barrier(one, *upstream): one for one in arguments}
        copied = substitute(
            [one.sources[0] for one in results],
            {original: copy for copy, original in originals.items()},
        )
        # The copy ends at the arguments' barriers, and where the function uses what is no argument.
        edge = _find_edge(copied, lambda one: one in originals or one in self.members)
        inputs = [one for one in edge if one.dtype.is_float]
        walk = _Reverse(list(zip(copied, upstream, strict=True)), inputs, set(edge).__contains__)
        for one, gradient in zip(inputs, walk.run(), strict=True):
            if gradient is not None:
                self.add(originals.get(one, one), gradient)


def _find_edge(roots: Iterable[Node], is_edge: Callable[[Node], bool]) -> list[Node]:
    return [node for node in sort_topologically(roots, is_edge) if is_edge(node)]


def _find_active(order: list[Node], inputs: Iterable[Node]) -> set[Node]:
    """Return the nodes through which a gradient can reach an input."""
    active = set(inputs)
    for node in order:
        carries = node.dtype.is_float or node.op is call
        if carries and any(one in active for one in _differentiable_sources(node)):
            active.add(node)
    return active


def _differentiable_sources(node: Node) -> tuple[Node, ...]:
    if node.op is detach:
        return ()
    if node.op is barrier or node.op is distinct:
        return node.sources[:1]
    if node.op is known:
        return node.sources[1:]
    if node.op is result:
        return node.sources
    return tuple(source for source in node.sources if source.dtype.is_float)


def _use_known(results: list[Node | None], order: list[Node]) -> list[Node | None]:
    """Let realised values take the place of the expressions that they came from."""
    values: dict[Node, Node] = {}
    for node in order:
        if node.op is known:
            values[node] = values[node.sources[1]] = node
    found = [node for node in results if node is not None]
    replaced = iter(substitute(found, values) if values else found)
    return [None if node is None else next(replaced) for node in results]


def _placeholder(node: Node) -> Node:
    """Return a leaf without memory that equals no other node."""
    size = 1
    for extent in node.shape:
        size *= extent if isinstance(extent, int) else 1
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
