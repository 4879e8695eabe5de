"""Index tiles taken apart: a static array, plus scalars and dynamic tiles times static arrays.

An index tile is almost always a sum of scalars (loop indices, launch arguments) and of positions
within the tile. The positions are known when the program is compiled, so that strides along each
axis, contiguity, and the bounds of comparisons can be read off arrays of integers. A quotient is
such a sum, too, where the scalars are multiples of the divisor: ⌊(d·q + r) / d⌋ = q + ⌊r / d⌋.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass

import numpy

from tilegrad.codegen.layout import StaticShape, static_shape
from tilegrad.ir.dtype import Kind
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ir.scope import loop_number
from tilegrad.ops import affine, arithmetic, leaves, movement, symbolic, tile
from tilegrad.ops.affine import as_node

Array = numpy.ndarray


@dataclass(frozen=True, slots=True)
class IndexForm:
    """static + Σ scalar · multipliers + Σ tile · multipliers.

    Attributes:
        static: array of int64 that broadcasts to the tile's shape.
        scalars: multipliers (arrays alike) of scalar index nodes.
        tiles: multipliers of index tiles that are known only when the program runs.
    """

    static: Array
    scalars: dict[Node, Array]
    tiles: dict[Node, Array]

    @property
    def is_static(self) -> bool:
        """Whether everything is known when compiling."""
        return not self.scalars and not self.tiles


_EMPTY: dict[Node, Array] = {}


class IndexForms:
    """The forms of a program's index nodes, each found once.

    Args:
        loops: the program's loops by number.
    """

    def __init__(self, loops: Mapping[int, Node]) -> None:
        self._loops = loops
        self._known: dict[Node, IndexForm] = {}

    def find(self, node: Node) -> IndexForm:
        """Return the form of an index node."""
        form = self._known.get(node)
        if form is None:
            form = self._known[node] = self._analyse(node)
        return form

    def _analyse(self, node: Node) -> IndexForm:
        if node.op is leaves.constant_op:
            return IndexForm(numpy.array(leaves.value_of(node), numpy.int64), _EMPTY, _EMPTY)
        if node.op is affine.affine:
            return self._analyse_affine(node)
        if not node.shape:
            return IndexForm(_ZERO, {node: _ONE}, _EMPTY)
        found = None
        if node.op is leaves.iota:
            found = _analyse_iota(node)
        elif node.op is affine.product:
            found = self._analyse_product(node)
        elif node.op is movement.expand:
            return self.find(node.sources[0])
        elif node.op is movement.reshape or node.op is movement.permute:
            found = self._analyse_moved(node)
        elif node.op is arithmetic.floor_divide or node.op is arithmetic.modulo:
            found = self._analyse_divided(node)
        return found or IndexForm(_ZERO, _EMPTY, {node: _ONE})

    def _analyse_affine(self, node: Node) -> IndexForm:
        coefficients, constant = attributes_of(node, affine.AffineAttributes)
        static = numpy.array(constant, numpy.int64)
        scalars: dict[Node, Array] = {}
        tiles: dict[Node, Array] = {}
        for source, coefficient in zip(node.sources, coefficients, strict=True):
            form = self.find(source)
            static = static + coefficient * form.static
            for found, into in ((form.scalars, scalars), (form.tiles, tiles)):
                for atom, multiplier in found.items():
                    _accumulate(into, atom, coefficient * multiplier)
        return IndexForm(static, scalars, tiles)

    def _analyse_product(self, node: Node) -> IndexForm | None:
        first, *rest = (self.find(source) for source in node.sources)
        for second in rest:
            joined = _multiply(first, second)
            if joined is None:
                return None
            first = joined
        return first

    def _analyse_moved(self, node: Node) -> IndexForm | None:
        (source,) = node.sources
        form = self.find(source)
        if form.tiles:
            return None
        shape = static_shape(source)
        axes = tuple(range(len(shape)))
        if node.op is movement.permute:
            axes = attributes_of(node, movement.PermuteAttributes).order
        moved = {
            atom: numpy.broadcast_to(multiplier, shape).transpose(axes).reshape(static_shape(node))
            for atom, multiplier in form.scalars.items()
        }
        static = numpy.broadcast_to(form.static, shape).transpose(axes).reshape(static_shape(node))
        return IndexForm(static, moved, _EMPTY)

    def _analyse_divided(self, node: Node) -> IndexForm | None:
        value, divisor = (self.find(source) for source in node.sources)
        if value.tiles or not divisor.is_static or not divisor.static.all():
            return None
        is_quotient = node.op is arithmetic.floor_divide
        divide = numpy.floor_divide if is_quotient else numpy.remainder
        static = divide(value.static, divisor.static)
        if value.is_static:
            return IndexForm(static, _EMPTY, _EMPTY)
        quotient = self._divide_scalars(value, divisor)
        if quotient is None or not is_quotient:
            return quotient and IndexForm(static, _EMPTY, _EMPTY)
        return IndexForm(static + quotient.static, quotient.scalars, _EMPTY)

    def _divide_scalars(self, value: IndexForm, divisor: IndexForm) -> IndexForm | None:
        """Return the quotient of the scalar terms of a form, None unless there is no remainder."""
        if divisor.static.size != 1 or any(one.size != 1 for one in value.scalars.values()):
            return None
        number = int(divisor.static.flat[0])
        terms = [(atom, int(one.flat[0])) for atom, one in value.scalars.items()]
        if number < 1 or any(self._find_factor(atom) * one % number for atom, one in terms):
            return None
        return self.find(as_node(symbolic.floor_divide(symbolic.combine(terms), number)))

    def _find_factor(self, node: Node) -> int:
        """Return a number that divides a scalar, 0 if that is always 0."""
        if node.op is leaves.constant_op:
            return abs(int(leaves.value_of(node)))
        if node.op is affine.affine:
            coefficients, constant = attributes_of(node, affine.AffineAttributes)
            factors = map(self._find_factor, node.sources)
            return math.gcd(constant, *map(operator.mul, coefficients, factors))
        if node.op is tile.loop_index:
            start, _, step = self._loops[loop_number(node)].sources[:3]
            return math.gcd(self._find_factor(start), self._find_factor(step))
        return 1


_ZERO = numpy.array(0, numpy.int64)
_ONE = numpy.array(1, numpy.int64)


def _analyse_iota(node: Node) -> IndexForm:
    axis = attributes_of(node, leaves.IotaAttributes).axis
    shape = static_shape(node)
    place = [1] * len(shape)
    place[axis] = shape[axis]
    return IndexForm(numpy.arange(shape[axis], dtype=numpy.int64).reshape(place), _EMPTY, _EMPTY)


def _multiply(first: IndexForm, second: IndexForm) -> IndexForm | None:
    if (first.tiles and not second.is_static) or (second.tiles and not first.is_static):
        return None
    scalars: dict[Node, Array] = {}
    for left, other in ((first, second), (second, first)):
        for atom, multiplier in left.scalars.items():
            _accumulate(scalars, atom, multiplier * other.static)
    for left_atom, left_multiplier in first.scalars.items():
        for right_atom, right_multiplier in second.scalars.items():
            atom = symbolic.multiply(left_atom, right_atom)
            _accumulate(scalars, as_node(atom), left_multiplier * right_multiplier)
    tiles = {atom: multiplier * second.static for atom, multiplier in first.tiles.items()}
    tiles |= {atom: multiplier * first.static for atom, multiplier in second.tiles.items()}
    return IndexForm(first.static * second.static, scalars, tiles)


def subtract_forms(first: IndexForm, second: IndexForm) -> IndexForm:
    """Return the form of a difference, without the scalars that cancel."""
    scalars, tiles = dict(first.scalars), dict(first.tiles)
    for found, into in ((second.scalars, scalars), (second.tiles, tiles)):
        for atom, multiplier in found.items():
            _accumulate(into, atom, -multiplier)
    kept = {atom: multiplier for atom, multiplier in scalars.items() if multiplier.any()}
    return IndexForm(first.static - second.static, kept, tiles)


def _accumulate(into: dict[Node, Array], atom: Node, multiplier: Array) -> None:
    into[atom] = into[atom] + multiplier if atom in into else multiplier


def axis_step(form: IndexForm, shape: StaticShape, axis: int) -> int | None:
    """Return by how much an index grows along an axis, None if not by one known number."""
    for multiplier in form.scalars.values():
        if multiplier.ndim and multiplier.shape[axis] > 1:
            return None
    if not form.static.ndim or form.static.shape[axis] == 1:
        return 0 if shape[axis] > 1 else None
    steps = numpy.diff(form.static, axis=axis)
    first = int(steps.flat[0])
    return first if (steps == first).all() else None


def is_index(node: Node) -> bool:
    """Whether a node is of dtype index."""
    return node.dtype.kind is Kind.INDEX
