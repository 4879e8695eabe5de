"""All matrix units, and which of them computes a product."""

from __future__ import annotations

from tilegrad.codegen.context import Context, Vectors
from tilegrad.codegen.layout import static_shape
from tilegrad.codegen.matrix import dot_products, tiles
from tilegrad.codegen.matrix.unit import MatrixUnit
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ops.matrix import MatrixFacts, UnitAttributes

UNITS: tuple[MatrixUnit, ...] = (*tiles.UNITS, *dot_products.UNITS)
"""All units, the preferred ones first."""

_BY_NAME = {unit.name: unit for unit in UNITS}


def find_matrix_unit(target: CodegenTarget, node: Node) -> MatrixUnit | None:
    """Return the unit that computes a ``dot``, or None if vectors do."""
    a, b, _ = node.sources
    kinds = (a.dtype, b.dtype, node.dtype)
    sizes = (*static_shape(a), static_shape(b)[1])
    for unit in UNITS:
        is_of_kind = kinds == (unit.left, unit.right, unit.accumulator)
        if is_of_kind and unit.is_on(target) and unit.accepts(*sizes):
            return unit
    return None


def list_matrix_facts(target: CodegenTarget) -> tuple[MatrixFacts, ...]:
    """Return what choosing tiles needs to know of a processor's units, the preferred ones first."""
    return tuple(unit.facts(target) for unit in UNITS if unit.is_on(target))


def _unit_of(node: Node) -> MatrixUnit:
    return _BY_NAME[attributes_of(node, UnitAttributes).unit]


def lower_hold(context: Context, node: Node) -> Vectors:
    """Bring an accumulator into the form that its unit keeps."""
    return _unit_of(node).hold(context, node)


def lower_accumulate(context: Context, node: Node) -> Vectors:
    """Multiply and add."""
    return _unit_of(node).accumulate(context, node)


def lower_release(context: Context, node: Node) -> Vectors:
    """Bring an accumulator back."""
    return _unit_of(node).release(context, node)
