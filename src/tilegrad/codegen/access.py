"""Loads and stores: the cheapest access for each vector."""

from __future__ import annotations

from itertools import accumulate, pairwise

from tilegrad.codegen.addresses import Access, Addresses
from tilegrad.codegen.alignment import fills_line
from tilegrad.codegen.context import Context, Vectors
from tilegrad.codegen.emitter import is_constant_bool
from tilegrad.codegen.index import axis_step
from tilegrad.codegen.lanes import Origin, assemble, reverse
from tilegrad.codegen.layout import StaticShape, static_shape
from tilegrad.codegen.spread import constant_lanes
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node, intern
from tilegrad.ir.op import Op, attributes_of
from tilegrad.ops import comparison, linear, memory
from tilegrad.ops.infer import broadcast_shapes, known_sizes
from tilegrad.ops.leaves import constant
from tilegrad.ops.linear import LaneAttributes, ReadAttributes
from tilegrad.ops.movement import expand_to, invert_order, permute_axes

_LARGEST_REACH = 4
"""Lanes from so many vectors next to each other are picked from these, not read one by one."""


def find_order(context: Context, offset: Node, shape: StaticShape) -> tuple[int, ...] | None:
    """Return an order of the axes in which elements next to each other are neighbours in memory.

    None if the last axis is as good as any: vectors are then accessed as they are, else they are
    transposed in registers.
    """
    if len(shape) < 2 or shape[-1] < _LEAST_TURNED or static_shape(offset) != shape:
        return None
    form = context.forms.find(offset)
    if form.tiles or axis_step(form, shape, len(shape) - 1) in (-1, 0, 1):
        return None
    last = len(shape) - 1
    for axis in range(last - 1, -1, -1):
        if shape[axis] >= _LEAST_TURNED and axis_step(form, shape, axis) == 1:
            order = list(range(len(shape)))
            order[axis], order[last] = last, axis
            return tuple(order)
    return None


_LEAST_TURNED = 4
"""The least size of both axes of a matrix that is worth transposing in registers."""


def lower_load(context: Context, node: Node) -> Vectors:
    """Lower a load to a read for each vector."""
    attributes = attributes_of(node, memory.LoadAttributes)
    pointer, offset = node.sources[:2]
    shape = static_shape(node)
    if attributes.has_after:
        context.value(node.sources[-1])
    order = None if attributes.has_mask else find_order(context, offset, shape)
    if order is not None:
        turned = intern(
            memory.load, (pointer, permute_axes(offset, order), *node.sources[2:]), attributes
        )
        return context.value(permute_axes(turned, invert_order(order)))
    addresses = Addresses(context, pointer, offset, shape)
    masks = context.masks(node.sources[2] if attributes.has_mask else None, shape)
    # What is multiplied is read when registers are free for it.
    is_free = attributes.has_mask or node in context.analysis.factors
    is_run = pointer.op is memory.parameter and not is_free and _is_run(addresses)
    reader = _Reader(context, node.dtype, order_depth(context, node), is_in_turn=is_run)
    ahead = attributes.ahead * addresses.itemsize
    places = _list_places(addresses)
    result, asked = list[Node](), min(places) - linear.LINE_BYTES
    vectors = zip(addresses.accesses(), masks, pairwise(places), strict=True)
    for access, mask, (start, following) in vectors:
        # Vectors ask for the place ahead so seldom that each line of the caches is asked for.
        is_asking = following > asked + linear.LINE_BYTES
        result.append(reader.read(access, mask, ahead if is_asking else 0))
        asked = start if is_asking else asked
    return result


def _is_run(addresses: Addresses) -> bool:
    """Whether vectors lie one after the other in memory, some lines of it."""
    if not addresses.spread.is_uniform or addresses.spread.stride != 1:
        return False
    places = _list_places(addresses)
    widths = [piece.width * addresses.itemsize for _, piece in addresses.spread.places]
    is_long = places[-1] - places[0] >= _LEAST_RUN * linear.LINE_BYTES
    return is_long and [end - start for start, end in pairwise(places)] == widths


_LEAST_RUN = 4
"""Of so many lines in a row, a processor notices when they are read in another order."""


def _list_places(addresses: Addresses) -> list[int]:
    """Return where vectors begin, in bytes, and where the last one ends.

    Where it is not known when compiling, they are said to follow each other.
    """
    spread, itemsize = addresses.spread, addresses.itemsize
    sizes = [piece.width * itemsize for _, piece in spread.places]
    if not (spread.is_uniform and sizes):
        return [*accumulate(sizes, initial=0)]
    starts = [spread.static[row][piece.start] * itemsize for row, piece in spread.places]
    return [*starts, starts[-1] + sizes[-1]]


def order_depth(context: Context, node: Node) -> int | None:
    """Return the depth above which an ordered load must not rise, None for a free one."""
    if not attributes_of(node, memory.LoadAttributes).has_after:
        return None
    depth = context.effect_depth(node.sources[-1])
    regions = context.emitter.regions
    for number in range(len(regions) - 1, depth, -1):
        if node.sources[0] in regions[number].written:
            return number
    return depth


class _Reader:
    """Reads vectors of one dtype."""

    def __init__(
        self, context: Context, dtype: DType, depth: int | None, *, is_in_turn: bool
    ) -> None:
        self.context = context
        self.dtype = dtype
        self.memory_dtype = dtypes.uint8 if dtype.is_boolean else dtype
        self.depth = depth
        self.is_in_turn = is_in_turn

    def read(self, access: Access, mask: Node | None, ahead: int) -> Node:
        """Return the vector at a place, 0 where masked off."""
        if mask is not None and is_constant_bool(mask, False):
            return self.context.emitter.splat(constant(0, self.dtype), access.width)
        value = self._read_memory(access, mask, ahead)
        if not self.dtype.is_boolean:
            return value
        zero = constant(0, self.memory_dtype)
        return self.context.emitter.put(comparison.not_equal, (value, zero))

    def _read_memory(self, access: Access, mask: Node | None, ahead: int) -> Node:
        emitter, width = self.context.emitter, access.width
        if width == 1:
            return self._put(linear.read, (access.address,), mask, 0)
        if access.stride == 1:
            return self._put(linear.read, (access.address,), mask, width, ahead)
        if access.stride == 0 and (mask is None or mask.op is linear.splat):
            mask = None if mask is None else mask.sources[0]
            return emitter.splat(self._put(linear.read, (access.address,), mask, 0), width)
        if access.stride == -1:
            last = emitter.offset_address(access.address, (1 - width) * access.itemsize)
            mask = None if mask is None else reverse(self.context, mask)
            return reverse(self.context, self._put(linear.read, (last,), mask, width))
        if mask is None and width > 2 and access.lanes is not None:
            spans = self._find_spans(access.lanes)
            if spans:
                return self._read_between(access, access.lanes, spans, ahead)
        sources = (access.address, lane_offsets_of(access))
        if self.context.target.has_scattered_access(self.memory_dtype.bits, width):
            return self._put(linear.read_scattered, sources, mask, width)
        if mask is not None:
            zeros = memory.table(attributes=memory.TableAttributes(dtypes.uint64, (0,)))
            sources = (*sources, mask, self.context.scalar(zeros))
        return self._put(linear.read_lanes, sources, None, width)

    def _find_spans(self, lanes: tuple[int, ...]) -> list[tuple[int, int]]:
        """Return the first and last lane of what to read to pick lanes from it, if that pays.

        That is all between the lowest lane and the highest; or, where lanes are those of several
        rows of a matrix, one or two vectors of each row.
        """
        low, *rest = sorted(set(lanes))
        spans = [(low, low)]
        if max(lanes) - low < len(lanes) * _LARGEST_REACH:
            return [(low, max(lanes))]
        most = 2 * self.context.target.lanes(self.memory_dtype)
        for lane in rest:
            first, _ = spans[-1]
            spans[-1:] = [(first, lane)] if lane - first < most else [spans[-1], (lane, lane)]
        return spans if len(spans) * _LARGEST_REACH <= len(lanes) else []

    def _read_between(
        self,
        access: Access,
        lanes: tuple[int, ...],
        spans: list[tuple[int, int]],
        ahead: int,
    ) -> Node:
        """Read all lanes of some spans, and pick those that are wanted."""
        least = min(high - low + 1 for low, high in spans)
        size = min(self.context.target.lanes(self.memory_dtype), 1 << (least.bit_length() - 1))
        vectors: list[Node] = []
        origins: dict[int, Origin] = {}
        for low, high in spans:
            starts = [*range(low, high + 2 - size, size)]
            if starts[-1] + size <= high:
                starts.append(high + 1 - size)
            for number, start in enumerate(starts):
                origins = {start + lane: (len(vectors), lane) for lane in range(size)} | origins
                # What is asked for lies side by side, also where the last two vectors overlap.
                soon = ahead and ahead + (low + number * size - start) * access.itemsize
                vectors.append(self._read_consecutive(access, start * access.itemsize, size, soon))
        return assemble(self.context, vectors, [origins[lane] for lane in lanes])

    def _read_consecutive(self, access: Access, displacement: int, width: int, ahead: int) -> Node:
        address = self.context.emitter.offset_address(access.address, displacement)
        return self._put(linear.read, (address,), None, width if width > 1 else 0, ahead)

    def _put(
        self, op: Op, sources: tuple[Node, ...], mask: Node | None, lanes: int, ahead: int = 0
    ) -> Node:
        if mask is not None:
            sources = (*sources, mask)
        attributes = ReadAttributes(self.memory_dtype, lanes, 0, ahead, self.is_in_turn)
        return self.context.emitter.put_below(self.depth, op, sources, attributes)


def lower_fetch(context: Context, node: Node) -> Vectors:
    """Ask for lines of memory, before and after which everything else may be done."""
    pointer, offset = node.sources
    (access,) = Addresses(context, pointer, offset, ()).accesses()
    nbytes = attributes_of(node, memory.FetchAttributes).size * access.itemsize
    attributes = linear.FetchAttributes(context.emitter.next_order(), nbytes)
    context.emitter.put_here(linear.fetch_lines, (access.address,), attributes)
    return []


def lane_offsets_of(access: Access) -> Node:
    """Return the offsets of all lanes, also where the stride would do."""
    if access.offsets is not None:
        return access.offsets
    lanes = [lane * (access.stride or 0) for lane in range(access.width)]
    return constant_lanes(lanes, dtypes.int32)


def lower_store(context: Context, node: Node) -> Vectors:
    """Perform a store: a write for each vector."""
    attributes = attributes_of(node, memory.StoreAttributes)
    pointer, offset, value = node.sources[:3]
    if attributes.has_after:
        context.value(node.sources[-1])
    tiles = node.sources[1 : 3 + attributes.has_mask]
    shape = known_sizes(broadcast_shapes("store", tiles))
    order = None if attributes.has_mask else find_order(context, offset, shape)
    if order is not None:
        offset, value = (
            permute_axes(expand_to(part, shape), order) if part.shape else part
            for part in (offset, value)
        )
        shape = tuple(shape[axis] for axis in order)
    addresses = Addresses(context, pointer, offset, shape)
    values = context.broadcast(value, shape)
    masks = context.masks(node.sources[3] if attributes.has_mask else None, shape)
    if value.dtype.is_boolean:
        values = [context.emitter.cast(vector, dtypes.uint8) for vector in values]
    for access, vector, mask in zip(addresses.accesses(), values, masks, strict=True):
        if mask is None or not is_constant_bool(mask, False):
            _write(context, access, vector, mask, attributes)
    context.remember_effect(node)
    return []


def _write(
    context: Context,
    access: Access,
    vector: Node,
    mask: Node | None,
    attributes: memory.StoreAttributes,
) -> None:
    emitter, width = context.emitter, access.width
    if width == 1 or access.stride == 1:
        is_large = attributes.is_uncached and mask is None
        is_line = is_large and fills_line(access.address, width * access.itemsize)
        sources, ahead = (access.address, vector), attributes.ahead * access.itemsize
        _put_write(context, linear.write, sources, mask, is_uncached=is_line, ahead=ahead)
    elif access.stride == 0 and mask is None:
        last = emitter.put(linear.extract, (vector,), LaneAttributes(width - 1))
        _put_write(context, linear.write, (access.address, last), None)
    elif access.stride == -1:
        last = emitter.offset_address(access.address, (1 - width) * access.itemsize)
        mask = None if mask is None else reverse(context, mask)
        _put_write(context, linear.write, (last, reverse(context, vector)), mask)
    else:
        sources = (access.address, lane_offsets_of(access), vector)
        if context.target.has_scattered_access(vector.dtype.bits, width):
            _put_write(context, linear.write_scattered, sources, mask)
            return
        if mask is not None:
            spare = context.scalar(memory.make_scratch(SPARE, dtypes.uint64, 1))
            sources = (*sources, mask, spare)
        _put_write(context, linear.write_lanes, sources, None)


SPARE = 1 << 30
"""Identity of the scratch memory that takes what a masked-off lane would write."""


def _put_write(
    context: Context,
    op: Op,
    sources: tuple[Node, ...],
    mask: Node | None,
    *,
    is_uncached: bool = False,
    ahead: int = 0,
) -> None:
    emitter = context.emitter
    if mask is not None:
        sources = (*sources, mask)
    attributes = linear.WriteAttributes(emitter.next_order(), is_uncached, ahead)
    emitter.put_here(op, sources, attributes)
