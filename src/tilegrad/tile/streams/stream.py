"""What a kernel does that reduces a matrix which it computes itself, tile by tile.

The matrix has rows (an axis of the results) and steps (the axis that is reduced). It is made of
*products*, contractions of a row's factor and a step's, and of anything elementwise. *Totals*
reduce it along its steps: sums, maxima and sums of shifted exponentials, each of them for a row, or
of products with a second tensor for a row and a column (another axis of the results). A total may
also go *across*: along the rows, with a result for each step.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import arithmetic, kernel
from tilegrad.ops.kernel import Axes, find_free, kind_of
from tilegrad.ops.leaves import constant_op
from tilegrad.ops.matrix import MatrixFacts
from tilegrad.rewrite.graph import substitute
from tilegrad.tile.facts import extent_number
from tilegrad.tile.streams.running import Factor, merge_running, multiply_all, split_factors

TOTALS = (kernel.reduce_over, kernel.exponential_sum)


class Product(NamedTuple):
    """A contraction that gives an element of the matrix for a row and a step.

    Attributes:
        node: the sum of products.
        axis: along which it is summed.
        row: the factor that depends on the row.
        step: the factor that depends on the step.
        unit: the matrix unit that multiplies them, which are of its dtypes; None if vectors do,
            which are of the sum's.
    """

    node: Node
    axis: Node
    row: Node
    step: Node
    unit: MatrixFacts | None = None

    @property
    def group(self) -> int:
        """How many neighbours along ``axis`` make a word."""
        return 1 if self.unit is None else self.unit.group


class Total(NamedTuple):
    """A reduction of the matrix along its steps.

    Attributes:
        node: the reduction.
        kind: add, multiply, maximum or minimum; a sum of exponentials adds.
        exponent: of a sum of exponentials, else None.
        weight: what is combined, as far as it does not depend on the column.
        columns: what it is multiplied by for each step and column, or None.
        is_across: whether rows and steps have changed places in ``weight`` and ``columns``: it is
            summed along the rows then.
    """

    node: Node
    kind: str
    exponent: Node | None
    weight: Node
    columns: Node | None
    is_across: bool = False


class Stream(NamedTuple):
    """A kernel over a matrix of its own.

    Attributes:
        program: the kernel, in terms of running sums.
        rows: the axis of the rows.
        steps: the axis that is reduced.
        columns: the axis of the columns, or None.
        others: the other axes of the results.
        products: what the matrix is made of.
        totals: its reductions.
        dtype: of all of these.
    """

    program: Node
    rows: Node
    steps: Node
    columns: Node | None
    others: tuple[Node, ...]
    products: tuple[Product, ...]
    totals: tuple[Total, ...]
    dtype: DType


def find_stream(root: Node) -> Stream | None:
    """Return what a kernel does with a matrix of its own; None if it does something else."""
    if not _has_nested_reduction(root):
        return None
    program = merge_running(root)
    free = find_free(program)
    outer = _reductions([program])
    bound = {axis for node in outer for axis in kernel.binds(node)}
    if len(bound) != 1 or len({node.dtype for node in outer}) != 1:
        return None
    (steps,) = bound
    nested = {node: _reductions(_bodies(node)) for node in outer}
    outputs = sorted(
        frozenset().union(*(free[store] for store in program.sources)),
        key=kernel.number_of,
    )
    inside = frozenset().union(*(free[one] for some in nested.values() for one in some))
    columns = [axis for axis in outputs if axis not in inside]
    rows = _find_rows([axis for axis in outputs if axis in inside], steps, nested, free)
    if rows is None or len(columns) > 1:
        return None
    column = columns[0] if columns else None
    across = _find_across(nested, rows, steps)
    totals = [_as_total(_turn(node, across, rows, steps), rows, column) for node in outer]
    products = {one: None for node in outer if node not in across for one in nested[node]}
    return _make_stream(
        program,
        (rows, steps, column),
        tuple(axis for axis in outputs if axis not in (rows, column)),
        [_as_product(one, rows, steps, free) for one in products],
        totals,
    )


def _make_stream(
    program: Node,
    axes: tuple[Node, Node, Node | None],
    others: tuple[Node, ...],
    products: Sequence[Product | None],
    totals: Sequence[Total | None],
) -> Stream | None:
    found = tuple(one for one in products if one is not None)
    sums = tuple(one for one in totals if one is not None)
    if len(found) < len(products) or len(sums) < len(totals):
        return None
    dtypes = {one.node.dtype for one in (*found, *sums)}
    if len(dtypes) != 1:
        return None
    return Stream(program, *axes, others, found, sums, dtypes.pop())


def _find_rows(
    candidates: Sequence[Node],
    steps: Node,
    nested: Mapping[Node, Sequence[Node]],
    free: Mapping[Node, Axes],
) -> Node | None:
    """Return the longest axis that tells the rows' factor of every product from the steps'."""
    products = [one for some in nested.values() for one in some]
    for axis in sorted(candidates, key=extent_number, reverse=True):
        if products and all(_as_product(one, axis, steps, free) for one in products):
            return axis
    return None


def _find_across(nested: Mapping[Node, Sequence[Node]], rows: Node, steps: Node) -> frozenset[Node]:
    """Return the totals whose matrix is that of the first one with rows and steps exchanged."""
    if kernel.extent_of(rows) != kernel.extent_of(steps):
        return frozenset()
    first, *rest = nested
    base = set(nested[first])
    for node in rest:  # what shares products with the first one has the same matrix
        if not base.isdisjoint(nested[node]):
            base.update(nested[node])
    turned = set(substitute(base, {rows: steps, steps: rows}))
    return frozenset(
        node
        for node in rest
        if nested[node] and base.isdisjoint(nested[node]) and turned.issuperset(nested[node])
    )


class _Turned(NamedTuple):
    """A reduction and its operands, in terms of the rows and steps of the stream."""

    node: Node
    bodies: tuple[Node, ...]
    is_across: bool


def _turn(node: Node, across: Collection[Node], rows: Node, steps: Node) -> _Turned:
    bodies = _bodies(node)
    if node not in across:
        return _Turned(node, bodies, is_across=False)
    return _Turned(node, tuple(substitute(bodies, {rows: steps, steps: rows})), is_across=True)


def _has_nested_reduction(root: Node) -> bool:
    return any(
        source.op is kernel.reduce_over
        for node in _reductions([root])
        for source in sort_topologically([node.sources[0]])
    )


def _reductions(roots: Iterable[Node]) -> list[Node]:
    """Return the reductions in expressions, not those inside of others."""
    order = sort_topologically(list(roots), is_leaf=lambda node: node.op in TOTALS)
    return [node for node in order if node.op in TOTALS]


def _bodies(node: Node) -> tuple[Node, ...]:
    return node.sources[: len(node.sources) - len(kernel.binds(node))]


def _as_product(node: Node, rows: Node, steps: Node, free: Mapping[Node, Axes]) -> Product | None:
    if not kernel.is_sum(node):
        return None
    body, *axes = node.sources
    if len(axes) != 1 or body.op is not arithmetic.multiply:
        return None
    for row, step in (body.sources, body.sources[::-1]):
        is_row = rows in free[row] and steps not in free[row]
        is_step = steps in free[step] and rows not in free[step]
        if is_row and is_step and not _reductions(body.sources):
            return Product(node, axes[0], row, step)
    return None


def _as_total(turned: _Turned, rows: Node, column: Node | None) -> Total | None:
    node, bodies, is_across = turned
    exponent, kind = None, "add"
    if node.op is kernel.exponential_sum:
        exponent, body = bodies
    else:
        (body,) = bodies
        kind = kind_of(node)
    free = find_free_of(bodies)
    if column is None or column not in free[body]:
        return None if is_across else Total(node, kind, exponent, body, None)
    if kind != "add" or (exponent is not None and (is_across or column in free[exponent])):
        return None
    factors = split_factors(body)
    free = find_free_of([factor.value for factor in factors])
    outside = [factor for factor in factors if column in free[factor.value]]
    inside = [factor for factor in factors if column not in free[factor.value]]
    other = node.sources[-1] if is_across else rows  # the axis of the steps, or of the rows
    if any(other in free[factor.value] or _reductions([factor.value]) for factor in outside):
        return None
    weight, columns = _multiply(inside, node), _multiply(outside, node)
    return Total(node, kind, exponent, weight, columns, is_across)


def may_be_stale(stream: Stream) -> bool:
    """Whether products may have any value where a mask takes an element out of all totals.

    Totals with columns do not walk such elements; maxima and sums of exponentials choose -∞ there.
    Of other sums a factor may be zero, which another one that is not finite makes NaN.
    """
    return all(
        total.columns is not None
        or total.kind == "maximum"
        or (total.exponent is not None and total.weight.op is constant_op)
        for total in stream.totals
    )


def find_free_of(expressions: Iterable[Node]) -> dict[Node, Axes]:
    """Return the axes that each node of several expressions depends on."""
    result: dict[Node, Axes] = {}
    for expression in expressions:
        result |= find_free(expression)
    return result


def _multiply(factors: list[Factor], like: Node) -> Node:
    result = multiply_all([factor.value for factor in factors if not factor.is_divisor], like)
    for factor in factors:
        if factor.is_divisor:
            result = result / factor.value
    return result
