"""Streams: matrices that are used a tile at a time and never stored.

The scores of attention, and the logits of a large vocabulary, are products of two small tensors
that are far larger than both, and whatever is made of them is reduced along a row or a column
again. Such a *virtual matrix* is computed anew, tile by tile, inside every kernel that reduces it;
memory then grows with the length of a row, not with its square. What counts is found here, from the
tensor graph alone:

* a contraction whose result has rows (axes along which only its first factor differs) and columns
  (only the second one);
* everything elementwise that is made of it, with an exponential shifted by one value for each row
  (without a softmax, storing the product costs less than computing it again), up to
* *totals*: sums and maxima along all of its rows or all of its columns, perhaps of products with
  another tensor (then along few enough other axes that one instance holds the result of a tile).

If anything else reads it, or the user wants it in memory, it is an ordinary tensor.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tilegrad.ir.node import Node, find_users
from tilegrad.ir.op import Property, Shape, attributes_of
from tilegrad.ops import arithmetic, exponential
from tilegrad.ops.movement import PermuteAttributes, expand, permute, reshape
from tilegrad.ops.reduction import ReduceAttributes, reduce_maximum, reduce_sum
from tilegrad.ops.weights import weight_of
from tilegrad.schedule import cost
from tilegrad.schedule.running import find_running

LEAST_BYTES = 1 << 17
"""A smaller matrix stays in cache: it is stored."""
LEAST_LENGTH = 16
"""A row and a column have at least so many elements."""
MOST_COLUMNS = 256
"""An instance holds so many results for each row."""
MOST_WEIGHT = 8.0
"""An operation on an operand of a virtual matrix that costs more than this is done once."""


class Matrix(NamedTuple):
    """Where a virtual matrix is among the axes of a node.

    Attributes:
        rows: the axes of its rows.
        columns: the axes of its columns.
        batch: the axes along which there are many such matrices.
    """

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    batch: tuple[int, ...]


class Side(NamedTuple):
    """What a total has left of a virtual matrix.

    Attributes:
        start: the contraction that is the matrix.
        is_row: whether rows are left, else columns.
        kept: the axes of the total that are left of the matrix.
        batch: the axes along which there are many matrices.
        others: the axes of what the matrix was multiplied by.
    """

    start: Node
    is_row: bool
    kept: tuple[int, ...]
    batch: tuple[int, ...]
    others: tuple[int, ...]


@dataclass(slots=True)
class Streams:
    """What is streamed in a graph.

    Attributes:
        virtual: nodes that are never stored.
        totals: the reductions of virtual matrices.
        running: for each total, those that it can be computed with in one pass though it is made
            of them: maxima that its exponentials are shifted by, and sums that divide it.
        needed: for each total, all that it is made of inside its matrix.
        sides: for each total, what is left of each contraction that it reduces.
    """

    virtual: set[Node] = field(default_factory=set)
    totals: set[Node] = field(default_factory=set)
    running: dict[Node, set[Node]] = field(default_factory=dict)
    needed: dict[Node, set[Node]] = field(default_factory=dict)
    sides: dict[Node, list[Side]] = field(default_factory=dict)

    def can_run(self, node: Node, totals: Iterable[Node]) -> bool:
        """Whether a total can be computed along with those of a kernel that are made of it."""
        users = [total for total in totals if node in self.needed[total]]
        return bool(users) and all(node in self.running[total] for total in users)


def find_streams(
    order: Sequence[Node],
    sinks: Sequence[Node],
    summaries: cost.Summaries,
    compared: Collection[Node] = frozenset(),
) -> Streams:
    """Return what of a graph is streamed.

    Args:
        order: the graph's nodes, sources first.
        sinks: the nodes that are wanted in memory.
        summaries: tells contractions.
        compared: sums that must not be computed anew (``compared.py``).
    """
    result = Streams()
    candidates = [
        (node, matrix)
        for node in order
        if node.op is reduce_sum and (matrix := _find_matrix(node, summaries)) is not None
    ]
    if not candidates:
        return result
    users = find_users(order)
    wanted = frozenset(sinks)
    walks = [_Walk(node, users, wanted) for node, _ in candidates]
    complete = [
        walk
        for walk, (_, matrix) in zip(walks, candidates, strict=True)
        if walk.follow(matrix)
        and walk.virtual.isdisjoint(compared)
        and walk.totals.keys().isdisjoint(compared)
    ]
    while accepted := [walk for walk in complete if walk.is_worthwhile(result)]:
        complete = [walk for walk in complete if walk not in accepted]
        for walk in accepted:
            result.virtual |= walk.virtual
            result.totals |= walk.totals.keys()
            for total, side in walk.totals.items():
                result.sides.setdefault(total, []).append(side)
    result.totals -= result.virtual
    if result.virtual:
        _add_operands(order, users, wanted, result.virtual, summaries)
    for total in result.totals:
        found = find_running(total, result.totals, result.virtual)
        result.needed[total], result.running[total] = found
    return result


def _add_operands(
    order: Sequence[Node],
    users: Mapping[Node, Sequence[Node]],
    wanted: frozenset[Node],
    virtual: set[Node],
    summaries: cost.Summaries,
) -> None:
    """Add what only virtual matrices are made of, and is cheap to compute again: masks, biases.

    What is made of far smaller tensors may be reduced by itself, too: it needs no memory there.
    """
    free: set[Node] = set()
    for node in reversed(order):
        is_light = node.op.has(Property.MOVEMENT) or (
            node.op.has(Property.ELEMENTWISE) and weight_of(node) <= MOST_WEIGHT
        )
        if not is_light or node in virtual or node in wanted:
            continue
        read_by = users.get(node, ())
        others = [user for user in read_by if user not in virtual]
        if others and not (
            all(user in free or user.op.has(Property.REDUCTION) for user in others)
            and _has_small_leaves(node, summaries)
        ):
            continue
        (virtual if len(others) < len(read_by) else free).add(node)


def _has_small_leaves(node: Node, summaries: cost.Summaries) -> bool:
    limit = cost.count_elements(node) / LEAST_LENGTH
    return all(cost.count_elements(leaf) <= limit for leaf in summaries.of(node).leaves)


def _find_matrix(node: Node, summaries: cost.Summaries) -> Matrix | None:
    """Return the rows and columns of a contraction that is worth streaming."""
    if cost.count_elements(node) * node.dtype.itemsize < LEAST_BYTES:
        return None
    if not summaries.is_contraction(node):
        return None
    factors = cost.repeated_axes_of_factors(node)
    if factors is None:
        return None
    first, second = factors
    kept = [axis for axis, size in enumerate(node.shape) if size != 1]
    rows = tuple(axis for axis in kept if axis in second and axis not in first)
    columns = tuple(axis for axis in kept if axis in first and axis not in second)
    if min(_count(node.shape, rows), _count(node.shape, columns)) < LEAST_LENGTH:
        return None
    batch = tuple(axis for axis in kept if axis not in (*rows, *columns))
    return Matrix(rows, columns, batch)


def _count(shape: Shape, axes: tuple[int, ...]) -> float:
    return math.prod(cost.estimate(shape[axis]) for axis in axes)


class _Walk:
    """Follows one contraction to the reductions of what is made of it."""

    def __init__(
        self, start: Node, users: Mapping[Node, Sequence[Node]], wanted: frozenset[Node]
    ) -> None:
        self.start = start
        self.users = users
        self.wanted = wanted
        self.virtual: set[Node] = set()
        self.totals: dict[Node, Side] = {}
        self.has_exponential = False

    def follow(self, matrix: Matrix) -> bool:
        """Return whether all that reads the contraction ends in totals."""
        stack = [(self.start, matrix)]
        while stack:
            node, place = stack.pop()
            if node in self.virtual:
                continue
            if node in self.wanted:
                return False
            self.virtual.add(node)
            self.has_exponential |= any(
                is_shifted_exponential(node, axes) for axes in (place.rows, place.columns)
            )
            for user in self.users.get(node, ()):
                side = self._find_side(user, place)
                if side is not None:
                    self.totals[user] = side
                    continue
                moved = _move(node, user, place)
                if moved is None:
                    return False
                stack.append((user, moved))
        return True

    def is_worthwhile(self, streams: Streams) -> bool:
        """Whether the matrix had better be virtual: a softmax, or combined with one that is.

        Any other product costs less to store than to compute in each of the kernels that use it.
        """
        return self.has_exponential or not self.virtual.isdisjoint(streams.virtual)

    def _find_side(self, node: Node, place: Matrix) -> Side | None:
        """Return what a node leaves of the matrix, if it is a total."""
        if node.op is not reduce_sum and node.op is not reduce_maximum:
            return None
        shape = node.sources[0].shape
        axes = attributes_of(node, ReduceAttributes).axes
        reduced = tuple(axis for axis in axes if shape[axis] != 1)
        if sorted(reduced) not in (sorted(place.rows), sorted(place.columns)):
            return None
        is_row = sorted(reduced) == sorted(place.columns)
        kept = place.rows if is_row else place.columns
        known = {*place.rows, *place.columns, *place.batch}
        others = tuple(axis for axis, size in enumerate(shape) if size != 1 and axis not in known)
        length = math.prod(cost.estimate(shape[axis]) for axis in others)
        if length > (MOST_COLUMNS if node.op is reduce_sum else 1):
            return None
        return Side(self.start, is_row, kept, place.batch, others)


def is_shifted_exponential(node: Node, axes: Sequence[int]) -> bool:
    """Whether a node is exp(x − y) with one y for all places along some axes: part of a softmax."""
    if node.op is not exponential.exp or node.sources[0].op is not arithmetic.subtract:
        return False
    shape = node.sources[0].sources[1].shape
    return len(shape) == len(node.shape) and all(shape[axis] == 1 for axis in axes)


def _move(source: Node, user: Node, place: Matrix) -> Matrix | None:
    """Return where the matrix is in what is made of it; None if that is no matrix any more."""
    if user.op.has(Property.ELEMENTWISE) or user.op is expand:
        if len(user.shape) != len(source.shape):
            return None
        is_same = all(user.shape[axis] == source.shape[axis] for axes in place for axis in axes)
        return place if is_same else None
    if user.op is permute:
        order = attributes_of(user, PermuteAttributes).order
        return _rename(place, {axis: at for at, axis in enumerate(order)})
    if user.op is reshape:
        return _rename(place, _match_axes(source.shape, user.shape))
    return None


def _rename(place: Matrix, names: Mapping[int, int]) -> Matrix | None:
    if not all(axis in names for axes in place for axis in axes):
        return None
    rows, columns, batch = (tuple(names[axis] for axis in axes) for axes in place)
    return Matrix(rows, columns, batch)


def _match_axes(before: Shape, after: Shape) -> dict[int, int]:
    """Return which axes a reshape leaves as they are: same size, same number of elements behind."""
    known = {(size, _behind(after, axis)): axis for axis, size in enumerate(after) if size != 1}
    return {
        axis: known[key]
        for axis, size in enumerate(before)
        if size != 1 and (key := (size, _behind(before, axis))) in known
    }


def _behind(shape: Shape, axis: int) -> object:
    rest = shape[axis + 1 :]
    numbers = math.prod(size for size in rest if isinstance(size, int))
    return numbers, tuple(size for size in rest if not isinstance(size, int))
