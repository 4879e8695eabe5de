"""Making nodes again: with other sources, by substitution, and with a given shape."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping

from tilegrad.base.errors import VerifyError
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, intern, sort_topologically
from tilegrad.ir.op import Op, Shape
from tilegrad.ops import symbolic
from tilegrad.ops.affine import AffineAttributes, as_index, as_node, product
from tilegrad.ops.infer import broadcast_shapes
from tilegrad.ops.movement import expand_to, reshape_to


def make(op: Op, sources: tuple[Node, ...], attributes: Hashable = None) -> Node:
    """Return the node that applies an op; index arithmetic is normalised, as its algebra demands.

    Raises:
        TilegradError: the op's rule refuses the sources.
    """
    if sources and sources[0].dtype is dtypes.index:
        normal = _normalise(op, sources, attributes)
        if normal is not None:
            return broadcast_to(normal, broadcast_shapes(op.name, sources))
    return intern(op, sources, attributes)


def _normalise(op: Op, sources: tuple[Node, ...], attributes: Hashable) -> Node | None:
    if isinstance(attributes, AffineAttributes):
        terms = zip(map(as_index, sources), attributes.coefficients, strict=True)
        return as_node(symbolic.combine([*terms, (attributes.constant, 1)]))
    operands = [as_index(source) for source in sources]
    if op is product:
        return as_node(symbolic.multiply_all(operands))
    if op in symbolic.ARITHMETIC:
        return as_node(symbolic.ARITHMETIC[op](*operands))
    if op in symbolic.TESTS:
        return symbolic.as_condition(symbolic.TESTS[op](*operands))
    return None


def rebuild(node: Node, sources: tuple[Node, ...]) -> Node:
    """Return a node with the same op and attributes over other sources.

    Index arithmetic is normalised anew, so the result may be another op (or a constant).

    Raises:
        TilegradError: the op's rule refuses the sources.
    """
    if sources == node.sources:
        return node
    return make(node.op, sources, node.attributes)


def transform(roots: Iterable[Node], change: Callable[[Node, Node], Node]) -> list[Node]:
    """Return the roots with something else in the place of each node, sources first.

    Linear in the size of the graph, iterative.

    Args:
        roots: the graph.
        change: returns what takes the place of a node, given it and its like over what its sources
            became.

    Raises:
        TilegradError: an op's rule refuses what takes the place of its sources.
    """
    roots = list(roots)
    done: dict[Node, Node] = {}
    for node in sort_topologically(roots):
        done[node] = change(node, rebuild(node, tuple([done[source] for source in node.sources])))
    return [done[root] for root in roots]


def broadcast_to(node: Node, shape: Shape) -> Node:
    """Return a node expanded to a shape that it broadcasts to (a scalar gets its axes first).

    Raises:
        VerifyError: it does not broadcast to that shape.
    """
    if not node.shape:
        node = reshape_to(node, (1,) * len(shape))
    fits = len(node.shape) == len(shape) and all(
        size in (1, wanted) for size, wanted in zip(node.shape, shape, strict=True)
    )
    if not fits:
        raise VerifyError("a node does not broadcast to a shape", got=node, expected=shape)
    return expand_to(node, shape)


def substitute(roots: Iterable[Node], mapping: Mapping[Node, Node]) -> list[Node]:
    """Return the roots with every occurrence of each key replaced by its value.

    Linear in the size of the graph, iterative. The values are not searched for keys again. Where
    keys are indices, symbolic sizes in attributes are replaced too.

    Raises:
        TilegradError: an op's rule refuses what takes the place of its sources.
    """
    roots = list(roots)
    has_sizes = any(key.dtype is dtypes.index for key in mapping)
    done = dict(mapping)
    for node in sort_topologically(roots, is_leaf=mapping.__contains__):
        if node in done:
            continue
        sources = tuple([done[source] for source in node.sources])
        attributes = _substitute_within(node.attributes, mapping) if has_sizes else node.attributes
        is_same = sources == node.sources and attributes == node.attributes
        done[node] = node if is_same else make(node.op, sources, attributes)
    return [done[root] for root in roots]


def _substitute_within(value: Hashable, mapping: Mapping[Node, Node]) -> Hashable:
    """Replace index nodes in an attribute record, a shape or a part of either."""
    if isinstance(value, Node):
        return as_index(substitute([value], mapping)[0])
    if not isinstance(value, tuple):
        return value
    parts = [_substitute_within(part, mapping) for part in value]
    if all(new is old for new, old in zip(parts, value, strict=True)):
        return value
    make_record = getattr(type(value), "_make", tuple)
    return make_record(parts)
