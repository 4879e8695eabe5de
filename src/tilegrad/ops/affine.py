"""The normal form of index sums: one ``affine`` node over atoms."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

import numpy

from tilegrad.base.errors import DTypeError, VerifyError
from tilegrad.ir.digest import digest
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Inferred, NotDifferentiable, Op, Property, attributes_of
from tilegrad.ops.infer import broadcast_shapes
from tilegrad.ops.leaves import constant, value_of

Index = int | Node
_DISCRETE = NotDifferentiable("indices are integers")


class AffineAttributes(NamedTuple):
    """Integer coefficients of the sources, and the constant."""

    coefficients: tuple[int, ...]
    constant: int


def _infer_index(sources: tuple[Node, ...], attributes: Hashable) -> Inferred:
    for source in sources:
        if source.dtype is not dtypes.index:
            raise DTypeError("index arithmetic takes index operands", got=source.dtype.name)
    if isinstance(attributes, AffineAttributes) and len(attributes.coefficients) != len(sources):
        raise VerifyError(
            "affine needs one coefficient per source",
            got=len(attributes.coefficients),
            expected=len(sources),
        )
    return dtypes.index, broadcast_shapes("index arithmetic", sources)


def _affine_reference(*arrays: Any) -> numpy.ndarray:
    *values, attributes = arrays
    total = numpy.asarray(attributes.constant, numpy.int64)
    for coefficient, value in zip(attributes.coefficients, values, strict=True):
        total = total + numpy.int64(coefficient) * value
    return total


def _product_reference(*arrays: numpy.ndarray) -> numpy.ndarray:
    total = numpy.asarray(1, numpy.int64)
    for value in arrays:
        total = total * value
    return total


affine = Op(
    "affine",
    "constant + Σ coefficientᵢ · sourceᵢ, the normal form of sums of indices.",
    None,
    _infer_index,
    attributes=AffineAttributes,
    reference=_affine_reference,
    gradient=_DISCRETE,
    properties=Property.ELEMENTWISE,
)
product = Op(
    "product",
    "The product of two or more indices that are not constants.",
    None,
    _infer_index,
    reference=_product_reference,
    gradient=_DISCRETE,
    properties=Property.ELEMENTWISE | Property.COMMUTATIVE | Property.ASSOCIATIVE,
)


Terms = dict[Node, int]


def as_node(index: Index) -> Node:
    """Return an index as a node (an int becomes an index constant)."""
    return index if isinstance(index, Node) else constant(index, dtypes.index)


def as_index(node: Node) -> Index:
    """Return an index node as an int if it is a constant, else as it is."""
    return int(value_of(node)) if node.op.name == "constant" else node


def split_terms(index: Index) -> tuple[Terms, int]:
    """Return the atoms of an index with their coefficients, and its constant."""
    if isinstance(index, int):
        return {}, index
    if index.op is affine:
        coefficients, constant_part = attributes_of(index, AffineAttributes)
        return dict(zip(index.sources, coefficients, strict=True)), constant_part
    if index.op.name == "constant":
        return {}, int(value_of(index))
    return {index: 1}, 0


def order_key(node: Node) -> tuple[bool, str]:
    """Return the key of the canonical order of atoms, the same in every process."""
    if node.cached_order is None:
        is_leaf = not node.sources
        text = f"{node.op.name}{node.attributes!r}" if is_leaf else digest(node)
        node.cached_order = not is_leaf, text
    return node.cached_order


def join_terms(terms: Terms, constant_part: int) -> Index:
    """Return the normal form of constant + Σ coefficient · atom."""
    kept = {atom: coefficient for atom, coefficient in terms.items() if coefficient}
    if not kept:
        return constant_part
    if len(kept) == 1 and constant_part == 0:
        ((atom, coefficient),) = kept.items()
        if coefficient == 1:
            return atom
    atoms = sorted(kept, key=order_key) if len(kept) > 1 else list(kept)
    coefficients = tuple(kept[atom] for atom in atoms)
    return affine(*atoms, attributes=AffineAttributes(coefficients, constant_part))
