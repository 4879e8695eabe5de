"""Products of a stream by matrix units: factors that are widened are multiplied as they are.

The products of bfloat16 are exact in float32, where they are added up either way. The sums of a
stream's totals are not of this kind: their weights are float32, and no unit rounds its operands.
"""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad.ops.matrix import MatrixFacts
from tilegrad.tile.facts import constant_extent
from tilegrad.tile.products.narrow import peel_widening
from tilegrad.tile.streams.stream import Product, Stream


def give_units(stream: Stream, units: Sequence[MatrixFacts]) -> Stream:
    """Return a stream whose products have units, where there are units for their factors."""
    products = tuple(_give_unit(product, units) for product in stream.products)
    return stream._replace(products=products)


def _give_unit(product: Product, units: Sequence[MatrixFacts]) -> Product:
    row, step = peel_widening(product.row), peel_widening(product.step)
    kinds = row.dtype, step.dtype, product.node.dtype
    for unit in units:
        is_whole = (constant_extent(product.axis) or 1) % unit.group == 0
        if is_whole and kinds == (unit.left, unit.right, unit.accumulator):
            return product._replace(row=row, step=step, unit=unit)
    return product
