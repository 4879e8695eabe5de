"""What a kernel does that reduces a matrix which it computes itself, tile by tile.

The matrix has rows (an axis of the results) and steps (the axis that is reduced). It is made of
*products*, contractions of a row's factor and a step's, and of anything elementwise. *Totals*
reduce it along its steps: sums, maxima and sums of shifted exponentials, each of them for a row, or
of products with a second tensor for a row and a column (another axis of the results).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import arithmetic, kernel
from tilegrad.tile.facts import Axes, extent_number, find_free
from tilegrad.tile.running import Factor, merge_running, multiply_all, split_factors

TOTALS = (kernel.reduce_over, kernel.exponential_sum)


class Product(NamedTuple):
    """A contraction that gives an element of the matrix for a row and a step.

    Attributes:
        node: the sum of products.
        axis: along which it is summed.
        row: the factor that depends on the row.
        step: the factor that depends on the step.
    """

    node: Node
    axis: Node
    row: Node
    step: Node


class Total(NamedTuple):
    """A reduction of the matrix along its steps.

    Attributes:
        node: the reduction.
        kind: add, multiply, maximum or minimum; a sum of exponentials adds.
        exponent: of a sum of exponentials, else None.
        weight: what is combined, as far as it does not depend on the column.
        columns: what it is multiplied by for each step and column, or None.
    """

    node: Node
    kind: str
    exponent: Node | None
    weight: Node
    columns: Node | None


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
    nested = _reductions(body for node in outer for body in _bodies(node))
    outputs = sorted(
        frozenset().union(*(free[store] for store in program.sources)),
        key=lambda axis: int(kernel.name_of(axis)[1:]),
    )
    inside = frozenset().union(*(free[node] for node in nested))
    candidates = sorted((axis for axis in outputs if axis in inside), key=extent_number)
    for rows in reversed(candidates):
        products = [_as_product(node, rows, steps, free) for node in nested]
        if products and all(products):
            break
    else:
        return None
    columns = [axis for axis in outputs if axis not in inside]
    if len(columns) > 1:
        return None
    column = columns[0] if columns else None
    totals = [_as_total(node, rows, column, free) for node in outer]
    if not all(totals) or nested[0].dtype is not outer[0].dtype:
        return None
    others = tuple(axis for axis in outputs if axis not in (rows, column))
    return Stream(
        program,
        rows,
        steps,
        column,
        others,
        tuple(one for one in products if one is not None),
        tuple(one for one in totals if one is not None),
        outer[0].dtype,
    )


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


def _as_product(node: Node, rows: Node, steps: Node, free: dict[Node, Axes]) -> Product | None:
    if node.op is not kernel.reduce_over or node.attributes != kernel.ReduceOverAttributes("add"):
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


def _as_total(node: Node, rows: Node, column: Node | None, free: dict[Node, Axes]) -> Total | None:
    exponent, kind = None, "add"
    if node.op is kernel.exponential_sum:
        exponent, body, _ = node.sources
    else:
        body = node.sources[0]
        kind = node.attributes.kind  # type: ignore[attr-defined]
    if column is None or column not in free[node]:
        return Total(node, kind, exponent, body, None)
    if kind != "add" or (exponent is not None and column in free[exponent]):
        return None
    factors = split_factors(body)
    free = find_free_of([factor.value for factor in factors])
    across = [factor for factor in factors if column in free[factor.value]]
    along = [factor for factor in factors if column not in free[factor.value]]
    if any(rows in free[factor.value] or _reductions([factor.value]) for factor in across):
        return None
    return Total(node, kind, exponent, _multiply(along, node), _multiply(across, node))


def find_free_of(expressions: list[Node]) -> dict[Node, Axes]:
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
