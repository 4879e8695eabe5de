"""The value of a symbolic size once its symbols are known."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from tilegrad.base.errors import ArgumentError
from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import Shape, attributes_of
from tilegrad.ops.affine import AffineAttributes, Index
from tilegrad.ops.leaves import SymbolAttributes, value_of
from tilegrad.ops.tile import ScalarAttributes


class Extent(NamedTuple):
    """How large a buffer is: its elements' dtype, how many they are, and their bytes."""

    dtype: DType
    size: int
    nbytes: int


def _affine(node: Node, values: list[int]) -> int:
    coefficients, constant = attributes_of(node, AffineAttributes)
    return constant + sum(c * value for c, value in zip(coefficients, values, strict=True))


_RULES: dict[str, Callable[[Node, list[int]], int]] = {
    "constant": lambda node, _: int(value_of(node)),
    "affine": _affine,
    "product": lambda _, values: math.prod(values),
    "floor_divide": lambda _, values: values[0] // values[1],
    "modulo": lambda _, values: values[0] % values[1],
    "minimum": lambda _, values: min(values),
    "maximum": lambda _, values: max(values),
}


def evaluate_index(
    index: Index, symbols: Mapping[str, int], scalars: Mapping[int, int] | None = None
) -> int:
    """Return the value of an index.

    Args:
        index: an int, or an expression over symbols and scalars.
        symbols: values of symbols by name.
        scalars: values of a program's scalars by slot.

    Raises:
        ArgumentError: a symbol has no value, or one outside its bounds.
    """
    if isinstance(index, int):
        return index
    done: dict[Node, int] = {}
    for node in sort_topologically([index]):
        if isinstance(node.attributes, SymbolAttributes):
            done[node] = _bound_value(node.attributes, symbols)
        elif isinstance(node.attributes, ScalarAttributes):
            done[node] = (scalars or {})[node.attributes.slot]
        else:
            rule = _RULES[node.op.name]
            done[node] = rule(node, [done[source] for source in node.sources])
    return done[index]


def evaluate_shape(shape: Shape, symbols: Mapping[str, int]) -> tuple[int, ...]:
    """Return the values of a shape's sizes; raises ArgumentError as ``evaluate_index``."""
    return tuple([evaluate_index(size, symbols) for size in shape])


def measure(made: Iterable[tuple[DType, Index]], symbols: Mapping[str, int]) -> list[Extent]:
    """Return how large buffers are of which the number of elements is known as an index."""
    sizes = [(dtype, evaluate_index(size, symbols)) for dtype, size in made]
    return [Extent(dtype, size, size * dtype.itemsize) for dtype, size in sizes]


def _bound_value(attributes: SymbolAttributes, symbols: Mapping[str, int]) -> int:
    name, minimum, maximum = attributes
    if name not in symbols:
        raise ArgumentError(
            f"the symbolic size {name} has no value here",
            expected=f"an integer from {minimum} to {maximum}",
            mend="bind it, or call the captured function with concrete sizes",
        )
    value = symbols[name]
    if not minimum <= value <= maximum:
        raise ArgumentError(
            f"the symbolic size {name} is out of its bounds",
            got=value,
            expected=f"{minimum} to {maximum}",
        )
    return value
