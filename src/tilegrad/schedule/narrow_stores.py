"""Writing part of a tensor in place walks that part alone.

Storing ``a ≤ i < b ? new : old`` where ``old`` is what the memory holds anyway changes nothing but
the elements from a to b: the axis i becomes a + j with 0 ≤ j < b − a. So a row that is added to a
large table costs what the row costs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import comparison, kernel, memory, symbolic
from tilegrad.ops.affine import Index, as_index, as_node, split_terms
from tilegrad.ops.leaves import constant_op, value_of
from tilegrad.rewrite.graph import rebuild


class _Part(NamedTuple):
    """The elements that a store changes.

    Attributes:
        tests: the conditions that say so.
        ranges: start and end along some axes.
    """

    tests: frozenset[Node]
    ranges: dict[Node, tuple[Index, Index]]


def narrow_stores(program: Node) -> Node:
    """Return a kernel whose stores leave out what they would write back unchanged.

    All stores of the kernel must change the same part; else it stays as it is.
    """
    parts = [_find_part(store) for store in program.sources]
    first = parts[0]
    if first is None or any(part is None or part.ranges != first.ranges for part in parts):
        return program
    tests = frozenset().union(*(part.tests for part in parts if part is not None))
    mapping = {
        axis: as_node(symbolic.add(start, _axis_of(axis, symbolic.subtract(end, start))))
        for axis, (start, end) in first.ranges.items()
    }
    done: dict[Node, Node] = dict(mapping)
    for node in sort_topologically([program]):
        if node not in done:
            done[node] = _narrow(node, done, tests)
    return done[program]


def _find_part(store: Node) -> _Part | None:
    """Return the part that a store changes if it keeps the rest as it is."""
    pointer, offset, value = store.sources[:3]
    if len(store.sources) > 3 or value.op is not comparison.where:
        return None
    condition, _, old = value.sources
    if old.op is not memory.load or old.sources != (pointer, offset):
        return None
    tests = frozenset(_conjuncts(condition))
    ranges: dict[Node, tuple[Index, Index]] = {}
    for test in tests:
        bound = _bound(test)
        if bound is None:
            return None
        axis, start, end = bound
        before = ranges.get(axis, (0, kernel.extent_of(axis)))
        ranges[axis] = (
            before[0] if start is None else symbolic.maximum(before[0], start),
            before[1] if end is None else symbolic.minimum(before[1], end),
        )
    is_part = all(symbolic.less_equal(start, end) is True for start, end in ranges.values())
    return _Part(tests, ranges) if ranges and is_part else None


def _conjuncts(condition: Node) -> Iterator[Node]:
    """Yield the conditions that must all hold."""
    for part in symbolic.split_conjunction(condition):
        if part.op is comparison.where and _is_itself(part):
            yield from _conjuncts(part.sources[0])
        else:
            yield part


def _is_itself(choice: Node) -> bool:
    """Whether a choice is its own condition: c ? true : false."""
    chosen, other = choice.sources[1:]
    is_known = chosen.op is constant_op and other.op is constant_op
    return is_known and choice.dtype.is_boolean and bool(value_of(chosen)) > bool(value_of(other))


def _bound(test: Node) -> tuple[Node, Index | None, Index | None] | None:
    """Return an axis and where it must start or end for a comparison to hold."""
    if test.op is not comparison.less or test.sources[0].dtype is not dtypes.index:
        return None
    first, second = map(as_index, test.sources)
    terms, constant = split_terms(as_node(symbolic.subtract(second, first)))  # must be positive
    axes = [atom for atom in terms if atom.op is kernel.axis]
    if len(axes) != 1 or abs(terms[axes[0]]) != 1:
        return None
    (axis,) = axes
    rest = symbolic.add(
        constant, *(symbolic.multiply(atom, by) for atom, by in terms.items() if atom is not axis)
    )
    if any(node.op is kernel.axis for node in sort_topologically([as_node(rest)])):
        return None
    if terms[axis] == 1:
        return axis, symbolic.subtract(1, rest), None
    return axis, None, rest


def _axis_of(axis: Node, extent: Index) -> Index:
    return 0 if extent == 1 else kernel.make_axis(kernel.name_of(axis), extent)


def _narrow(node: Node, done: dict[Node, Node], tests: frozenset[Node]) -> Node:
    """Return a node of the narrowed kernel, in which the tests hold."""
    sources = tuple(done[source] for source in node.sources)
    if node.op is comparison.where and tests.issuperset(_conjuncts(node.sources[0])):
        return sources[1]
    if node.op is memory.load and len(sources) == 3:
        rest = [done[test] for test in _conjuncts(node.sources[2]) if test not in tests]
        mask = symbolic.logical_and(*rest)
        return memory.make_load(sources[0], sources[1], symbolic.as_mask(mask))
    return rebuild(node, sources)
