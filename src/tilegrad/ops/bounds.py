"""Bounds of index expressions by interval arithmetic, each node's computed once."""

from __future__ import annotations

import math

from tilegrad.ir.dtype import Kind
from tilegrad.ir.node import Node
from tilegrad.ops.affine import Index, as_index, split_terms
from tilegrad.ops.leaves import value_of

Bounds = tuple[float, float]
"""Least and greatest value; infinite where unknown, else exact integers."""

UNBOUNDED: Bounds = (-math.inf, math.inf)


def bounds(index: Index) -> Bounds:
    """Return the least and greatest value that an index can have."""
    if isinstance(index, int):
        return index, index
    if index.cached_bounds is None:
        index.cached_bounds = _find_bounds(index)
    return index.cached_bounds


def _find_bounds(node: Node) -> Bounds:
    rule = _BOUNDS.get(node.op.name)
    return rule(node) if rule is not None else UNBOUNDED


def _scale(value: Bounds, factor: int) -> Bounds:
    low, high = value[0] * factor, value[1] * factor
    return (low, high) if factor >= 0 else (high, low)


def _affine_bounds(node: Node) -> Bounds:
    terms, constant_part = split_terms(node)
    low: float = constant_part
    high: float = constant_part
    for atom, coefficient in terms.items():
        part = _scale(bounds(atom), coefficient)
        low, high = low + part[0], high + part[1]
    return low, high


def _multiply_bounds(first: Bounds, second: Bounds) -> Bounds:
    products = [
        0 if left == 0 or right == 0 else left * right for left in first for right in second
    ]
    return min(products), max(products)


def _product_bounds(node: Node) -> Bounds:
    result: Bounds = (1, 1)
    for source in node.sources:
        result = _multiply_bounds(result, bounds(source))
    return result


def _quotient(value: float, divisor: float) -> float:
    if math.isinf(value):
        return value
    return value // divisor if not math.isinf(divisor) else (-1 if value < 0 else 0)


def _floor_divide_bounds(node: Node) -> Bounds:
    value, divisor = bounds(node.sources[0]), bounds(node.sources[1])
    if divisor[0] <= 0:
        return UNBOUNDED
    quotients = [_quotient(edge, by) for edge in value for by in divisor]
    return min(quotients), max(quotients)


def _modulo_bounds(node: Node) -> Bounds:
    return 0, bounds(node.sources[1])[1] - 1


def _minimum_bounds(node: Node) -> Bounds:
    (a, b), (c, d) = bounds(node.sources[0]), bounds(node.sources[1])
    return min(a, c), min(b, d)


def _maximum_bounds(node: Node) -> Bounds:
    (a, b), (c, d) = bounds(node.sources[0]), bounds(node.sources[1])
    return max(a, c), max(b, d)


def _where_bounds(node: Node) -> Bounds:
    (a, b), (c, d) = bounds(node.sources[1]), bounds(node.sources[2])
    return min(a, c), max(b, d)


def _cast_bounds(node: Node) -> Bounds:
    source = node.sources[0].dtype
    if source.kind is Kind.INDEX:
        return bounds(node.sources[0])
    if source.is_float or source.maximum >= 1 << 63:  # indices have 64 bits: large numbers wrap
        return UNBOUNDED
    return source.minimum, source.maximum


def _constant_bounds(node: Node) -> Bounds:
    value = int(value_of(node))
    return value, value


def _axis_bounds(node: Node) -> Bounds:
    if node.sources:
        return 0, bounds(as_index(node.sources[0]))[1] - 1
    return 0, node.attributes.extent - 1  # type: ignore[attr-defined]


def _iota_bounds(node: Node) -> Bounds:
    return 0, bounds(node.shape[node.attributes.axis])[1] - 1  # type: ignore[union-attr]


def _declared_bounds(node: Node) -> Bounds:
    return node.attributes.minimum, node.attributes.maximum  # type: ignore[union-attr]


def _loop_index_bounds(node: Node) -> Bounds:
    return bounds(node.sources[0])[0], bounds(node.sources[1])[1] - 1


def _program_index_bounds(node: Node) -> Bounds:
    del node
    return 0, math.inf


def _same_bounds(node: Node) -> Bounds:
    return bounds(node.sources[0])


_BOUNDS = {
    "affine": _affine_bounds,
    "product": _product_bounds,
    "floor_divide": _floor_divide_bounds,
    "modulo": _modulo_bounds,
    "minimum": _minimum_bounds,
    "maximum": _maximum_bounds,
    "where": _where_bounds,
    "cast": _cast_bounds,
    "constant": _constant_bounds,
    "axis": _axis_bounds,
    "iota": _iota_bounds,
    "symbol": _declared_bounds,
    "scalar": _declared_bounds,
    "loop_index": _loop_index_bounds,
    "program_index": _program_index_bounds,
    "reshape": _same_bounds,
    "permute": _same_bounds,
    "expand": _same_bounds,
}
