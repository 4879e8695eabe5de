"""Atomic updates: one element after another, since processors update no vectors.

Memory of the program instance itself is read and written instead, as no other instance sees it.
"""

from __future__ import annotations

from tilegrad.codegen.access import SPARE, lane_offsets_of
from tilegrad.codegen.addresses import Access, Addresses
from tilegrad.codegen.context import Context, Vectors
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ops import comparison, linear, memory
from tilegrad.ops.atomic import AtomicAttributes
from tilegrad.ops.combining import combining_op
from tilegrad.ops.infer import broadcast_shapes, known_sizes
from tilegrad.ops.leaves import constant
from tilegrad.ops.linear import AddressAttributes, LaneAttributes, ReadAttributes, UpdateAttributes


def lower_atomic(context: Context, node: Node) -> Vectors:
    """Perform an atomic update; return the vectors of what stood there before."""
    attributes = attributes_of(node, AtomicAttributes)
    if attributes.has_after:
        context.value(node.sources[-1])
    tiles = node.sources[1 : 3 + attributes.has_mask]
    shape = known_sizes(broadcast_shapes("atomic", tiles))
    updater = _Updater(context, node.sources[0], attributes.kind)
    accesses = Addresses(context, node.sources[0], node.sources[1], shape).accesses()
    values = context.broadcast(node.sources[2], shape)
    masks = context.masks(node.sources[3] if attributes.has_mask else None, shape)
    before = [
        updater.update(access, vector, mask)
        for access, vector, mask in zip(accesses, values, masks, strict=True)
    ]
    context.remember_effect(node)
    return before


def lower_atomic_result(context: Context, node: Node) -> Vectors:
    """Return the vectors of what an update found."""
    return context.value(node.sources[0])


class _Updater:
    """Updates the memory of one pointer in one way."""

    def __init__(self, context: Context, pointer: Node, kind: str) -> None:
        self.context = context
        self.emitter = context.emitter
        self.kind = kind
        self.is_private = pointer.op is memory.scratch

    def update(self, access: Access, value: Node, mask: Node | None) -> Node:
        """Update the elements of a vector, lane after lane; return what they were, 0 if masked."""
        if access.width == 1:
            return self._update_element(access.address, value, mask)
        before = self.emitter.splat(constant(0, value.dtype), access.width)
        for lane in range(access.width):
            each = None if mask is None else self._extract(mask, lane)
            address = self._find_address(access, lane)
            element = self._update_element(address, self._extract(value, lane), each)
            before = self.emitter.put(linear.insert, (before, element), LaneAttributes(lane))
        return before

    def _extract(self, vector: Node, lane: int) -> Node:
        return self.emitter.put(linear.extract, (vector,), LaneAttributes(lane))

    def _find_address(self, access: Access, lane: int) -> Node:
        if access.lanes is not None:
            return self.emitter.offset_address(access.address, access.lanes[lane] * access.itemsize)
        offsets = lane_offsets_of(access)
        index = self.emitter.cast(self._extract(offsets, lane), dtypes.index)
        attributes = AddressAttributes(access.itemsize, 0)
        return self.emitter.put(linear.address, (access.address, index), attributes)

    def _update_element(self, address: Node, value: Node, mask: Node | None) -> Node:
        if self.is_private:
            return self._read_and_write(address, value, mask)
        sources = (address, value)
        if mask is not None:
            sources += mask, self.context.scalar(memory.make_scratch(SPARE, dtypes.uint64, 1))
        attributes = UpdateAttributes(self.kind, self.emitter.next_order())
        before = self.emitter.put_here(linear.update, sources, attributes)
        if mask is None:
            return before
        return self.emitter.put(comparison.where, (mask, before, constant(0, value.dtype)))

    def _read_and_write(self, address: Node, value: Node, mask: Node | None) -> Node:
        masks = () if mask is None else (mask,)
        reading = ReadAttributes(value.dtype, 0, self.emitter.next_order())
        before = self.emitter.put_here(linear.read, (address, *masks), reading)
        if self.kind != "exchange":
            value = self.emitter.put(combining_op(self.kind, value.dtype), (before, value))
        writing = linear.WriteAttributes(self.emitter.next_order())
        self.emitter.put_here(linear.write, (address, value, *masks), writing)
        return before
