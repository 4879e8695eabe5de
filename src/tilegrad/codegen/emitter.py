"""Instructions put where their operands allow: the outermost loop in which all of them are known.

The function under construction is a stack of open regions: the function itself at depth 0, then a
region for each open loop. An instruction goes to the end of the deepest region that one of its
sources lies in; since deeper regions are appended when they close, that is before the loops that
are open inside. Loop-invariant code is thus never put into a loop.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node, intern
from tilegrad.ir.op import Op, attributes_of
from tilegrad.ops import arithmetic, leaves, linear
from tilegrad.ops.affine import as_node
from tilegrad.ops.conversion import CastAttributes, cast
from tilegrad.ops.leaves import ConstantAttributes, constant
from tilegrad.ops.linear import (
    AddressAttributes,
    LaneAttributes,
    ReadAttributes,
    ShuffleAttributes,
    SplatAttributes,
)
from tilegrad.ops.matrix import MatrixAttributes

OrderedT = TypeVar("OrderedT", ReadAttributes, MatrixAttributes)


class Region:
    """A region under construction.

    Attributes:
        instructions: what is in it, in order.
        tiles: nodes of the tile program whose values are known only in this region.
        written: pointers that its loop stores through.
    """

    __slots__ = ("instructions", "tiles", "written")

    def __init__(self, written: frozenset[Node] = frozenset()) -> None:
        self.instructions: list[Node] = []
        self.tiles: list[Node] = []
        self.written = written


class Emitter:
    """Builds the instructions of one function."""

    def __init__(self) -> None:
        self.regions: list[Region] = [Region()]
        self.depth_of: dict[Node, int] = {}
        self._order = 0

    @property
    def depth(self) -> int:
        """Depth of the innermost open region."""
        return len(self.regions) - 1

    def next_order(self) -> int:
        """Return a number for an ordered instruction, greater than those before."""
        self._order += 1
        return self._order

    def put(self, op: Op, sources: tuple[Node, ...], attributes: Hashable = None) -> Node:
        """Return the instruction, put where its sources allow unless it is there already."""
        node = intern(op, sources, attributes)
        depth_of = self.depth_of
        if node in depth_of:
            return node
        depth = 0
        for source in sources:
            found = depth_of.get(source, 0)
            if found > depth:  # noqa: PLR1730 (`max` takes three times as long)
                depth = found
        depth_of[node] = depth
        self.regions[depth].instructions.append(node)
        return node

    def put_at(self, depth: int, node: Node) -> Node:
        """Put an instruction at the end of the region at ``depth``."""
        self.depth_of[node] = depth
        self.regions[depth].instructions.append(node)
        return node

    def put_below(
        self, depth: int | None, op: Op, sources: tuple[Node, ...], attributes: OrderedT
    ) -> Node:
        """Return an instruction that rises no further than a depth; unless that is None, in order.

        Args:
            depth: of the region in which it is at the outermost, None if its sources alone decide.
            op: the instruction's.
            sources: its operands.
            attributes: a record with the field ``order``.
        """
        if depth is None:
            return self.put(op, sources, attributes)
        ordered = attributes._replace(order=self.next_order())
        lowest = max(depth, *(self.depth_of.get(source, 0) for source in sources))
        return self.put_at(lowest, intern(op, sources, ordered))

    def put_here(self, op: Op, sources: tuple[Node, ...], attributes: Hashable = None) -> Node:
        """Put an instruction into the innermost region, for effects."""
        return self.put_at(self.depth, intern(op, sources, attributes))

    def close_region(self, begin: Node, following: tuple[Node, ...]) -> Node:
        """End the innermost loop and append it to the region around it; return its end."""
        region = self.regions.pop()
        outer = self.regions[-1].instructions
        for node in region.instructions:
            self.depth_of.pop(node, None)
        self.depth_of.pop(begin, None)
        end = intern(linear.end_loop, (begin, *following))
        outer.append(begin)
        outer.extend(region.instructions)
        outer.append(end)
        self.depth_of[end] = self.depth
        return end

    def splat(self, value: Node, width: int) -> Node:
        """Return a scalar in every lane of a vector of ``width`` lanes (itself for width 1)."""
        if width <= 1:
            return value
        if value.op is leaves.constant_op:
            bits = attributes_of(value, ConstantAttributes).bits
            return linear.make_vector(value.dtype, (bits,) * width)
        if value.op is linear.extract:
            (vector,), lane = value.sources, attributes_of(value, LaneAttributes).lane
            return self.put(linear.shuffle, (vector, vector), ShuffleAttributes((lane,) * width))
        return self.put(linear.splat, (value,), SplatAttributes(width))

    def cast(self, value: Node, dtype: DType) -> Node:
        """Return a value converted to ``dtype``; itself if it has that dtype."""
        if value.dtype is dtype:
            return value
        if value.op is leaves.constant_op and not dtype.is_float and not value.dtype.is_float:
            return constant(leaves.value_of(value), dtype)
        return self.put(cast, (value,), CastAttributes(dtype))

    def add(self, first: Node, second: Node) -> Node:
        """Return the sum of two scalar indices."""
        return self.put(arithmetic.add, (first, second))

    def scale(self, value: Node, factor: int) -> Node:
        """Return a scalar index times an integer."""
        return value if factor == 1 else self.put(arithmetic.multiply, (value, as_node(factor)))

    def offset_address(self, base: Node, displacement: int) -> Node:
        """Return the address ``displacement`` bytes beyond ``base``."""
        if not displacement:
            return base
        return self.put(linear.address, (base,), AddressAttributes(0, displacement))


def bool_vector(value: bool, width: int) -> Node:
    """Return the constant mask with every lane ``value`` (a scalar for width 1)."""
    if width <= 1:
        return constant(value, dtypes.bool)
    return linear.make_vector(dtypes.bool, (int(value),) * width)


def is_constant_bool(node: Node, value: bool) -> bool:
    """Whether a mask is known to be ``value`` in every lane."""
    if node.op is linear.vector:
        return all(bit == value for bit in attributes_of(node, linear.VectorAttributes).bits)
    return node.op is leaves.constant_op and bool(leaves.value_of(node)) is value
