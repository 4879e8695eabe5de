"""One walk of reverse-mode differentiation over a graph of nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tilegrad.base.errors import GradientError
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import NotDifferentiable, Shape, attributes_of
from tilegrad.ops import arithmetic
from tilegrad.ops.graph import CallAttributes, ResultAttributes, call, detach, result
from tilegrad.ops.markers import SegmentAttributes, barrier, distinct, known, segment
from tilegrad.ops.movement import reshape_to
from tilegrad.ops.reduction import sum_over
from tilegrad.rewrite.graph import broadcast_to, substitute


def sum_to_shape(gradient: Node, shape: Shape) -> Node:
    """Sum a gradient over the axes along which a source of this shape was broadcast."""
    axes = tuple(
        axis
        for axis, size in enumerate(gradient.shape)
        if size != 1 and (not shape or shape[axis] == 1)
    )
    summed = sum_over(gradient, axes)
    return summed if shape else reshape_to(summed, ())


class Reverse:
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
        self.results: dict[Node, dict[int, Node]] = {}
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
            if node.op is call:
                self.pass_through_call(node)
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
        if node.op is result:
            index = attributes_of(node, ResultAttributes).index
            self.results.setdefault(node.sources[0], {})[index] = upstream
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

    def pass_through_call(self, node: Node) -> None:
        """Apply the gradient of a hand-written kernel, once all its results have theirs."""
        upstream = self.results.pop(node, None)
        if upstream is None:
            return
        attributes = attributes_of(node, CallAttributes)
        if attributes.gradient is None:
            raise GradientError(
                "a gradient was asked for through a hand-written kernel, which has none",
                got=node,
                mend="give it one with @kernel.gradient, or stop the gradient with .detach()",
            )
        given = [upstream.get(index) for index in range(len(attributes.results))]
        found = attributes.gradient(node, given)
        for source, contribution in zip(node.sources, found, strict=True):
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
        walk = Reverse(list(zip(copied, upstream, strict=True)), inputs, set(edge).__contains__)
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
