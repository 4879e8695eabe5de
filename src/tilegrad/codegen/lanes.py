"""Lanes moved between vectors: gathered from several, transposed, joined, reversed."""

from __future__ import annotations

from collections.abc import Callable

from tilegrad.codegen.context import Context, Vectors
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ops import comparison, linear
from tilegrad.ops.leaves import constant
from tilegrad.ops.linear import LaneAttributes, ShuffleAttributes

Origin = tuple[int, int]
"""Number of a vector, and a lane of it."""
GROUP_BYTES = 16
"""Vectors of most processors are made of parts of so much, across which lanes move with effort."""


def shuffle(context: Context, first: Node, second: Node, lanes: list[int]) -> Node:
    """Return the lanes picked from two vectors of one type, a scalar if it is only one."""
    width = linear.lanes_of(first)
    if lanes == list(range(width)):
        return first
    if len(lanes) == 1:
        chosen = first if lanes[0] < width else second
        return context.emitter.put(linear.extract, (chosen,), LaneAttributes(lanes[0] % width))
    return context.emitter.put(linear.shuffle, (first, second), ShuffleAttributes(tuple(lanes)))


def reverse(context: Context, vector: Node) -> Node:
    """Return the lanes in the opposite order."""
    width = linear.lanes_of(vector)
    return shuffle(context, vector, vector, list(range(width - 1, -1, -1)))


def assemble(context: Context, vectors: Vectors, wanted: list[Origin]) -> Node:
    """Return the vector of the wanted lanes (a scalar for one).

    Two source vectors at a time put their lanes where they belong; the results are merged in pairs.
    """
    if len(wanted) == 1:
        ((number, lane),) = wanted
        return lane_of(context, vectors[number], lane)
    vectors, wanted = _trace_extracted(vectors, wanted)
    numbers = list(dict.fromkeys(number for number, _ in wanted))
    sources = [_as_vector(context, vectors[number]) for number in numbers]
    if len({source.shape for source in sources}) > 1:
        return _insert_all(context, vectors, wanted)
    width = linear.lanes_of(sources[0])
    places = {number: place for place, number in enumerate(numbers)}
    origins = [(places[number], lane) for number, lane in wanted]
    parts = []
    for first in range(0, len(sources), 2):
        lanes = [
            lane + width * (place - first) if place in (first, first + 1) else 0
            for place, lane in origins
        ]
        second = sources[min(first + 1, len(sources) - 1)]
        parts.append(shuffle(context, sources[first], second, lanes))
    return _merge(context, parts, [place // 2 for place, _ in origins])


def _trace_extracted(vectors: Vectors, wanted: list[Origin]) -> tuple[Vectors, list[Origin]]:
    """Return the wanted lanes as those of the vectors that scalars were taken out of."""
    sources: dict[Node, int] = {}
    found = []
    for number, lane in wanted:
        vector, place = vectors[number], lane
        if vector.op is linear.extract:
            place = attributes_of(vector, LaneAttributes).lane
            (vector,) = vector.sources
        found.append((sources.setdefault(vector, len(sources)), place))
    return list(sources), found


def lane_of(context: Context, vector: Node, lane: int) -> Node:
    """Return a lane of a vector; a scalar is its own only lane."""
    if not vector.shape:
        return vector
    return context.emitter.put(linear.extract, (vector,), LaneAttributes(lane))


def _as_vector(context: Context, value: Node) -> Node:
    """Return a scalar as a vector of two equal lanes, which shuffles can take lanes from."""
    return value if value.shape else context.emitter.splat(value, 2)


def _insert_all(context: Context, vectors: Vectors, wanted: list[Origin]) -> Node:
    """Put together lanes of vectors of different widths one by one."""
    values = [lane_of(context, vectors[number], lane) for number, lane in wanted]
    result = context.emitter.splat(values[0], len(values))
    for lane, value in enumerate(values):
        if value is not values[0]:
            result = context.emitter.put(linear.insert, (result, value), LaneAttributes(lane))
    return result


def _merge(context: Context, parts: list[Node], owners: list[int]) -> Node:
    """Merge vectors in pairs, each lane from the part that owns it."""
    width = len(owners)
    while len(parts) > 1:
        merged = []
        for first in range(0, len(parts) - 1, 2):
            pick = [lane + width * (owner == first + 1) for lane, owner in enumerate(owners)]
            merged.append(shuffle(context, parts[first], parts[first + 1], pick))
        parts = merged + parts[len(merged) * 2 :]
        owners = [owner // 2 for owner in owners]
    return parts[0]


def join(context: Context, parts: list[Node]) -> Node:
    """Return vectors of one width (or scalars) one after the other; their number is 2ⁿ."""
    if len(parts) == 1:
        return parts[0]
    if not parts[0].shape:
        return _insert_all(context, parts, [(number, 0) for number in range(len(parts))])
    while len(parts) > 1:
        width = linear.lanes_of(parts[0])
        lanes = list(range(2 * width))
        pairs = zip(parts[::2], parts[1::2], strict=True)
        parts = [shuffle(context, first, second, lanes) for first, second in pairs]
    return parts[0]


def transpose(context: Context, rows: list[Node], width: int) -> list[Node]:
    """Return the columns of a matrix: from rows of ``width`` lanes, ``width`` vectors.

    Numbers of rows and columns are powers of two. Squares are transposed in log₂ n steps that each
    exchange blocks of half the size of the step before; what is longer is cut before or joined
    after.
    """
    size = min(len(rows), width)
    columns: list[Node] = []
    for start in range(0, width, size):
        lanes = list(range(start, start + size))
        cut = [shuffle(context, row, row, lanes) if width > 1 else row for row in rows]
        squares = [
            _transpose_square(context, cut[first : first + size])
            for first in range(0, len(rows), size)
        ]
        columns += [join(context, list(parts)) for parts in zip(*squares, strict=True)]
    return columns


def _transpose_square(context: Context, rows: list[Node]) -> list[Node]:
    """Return the columns of a square.

    Each step changes places of a bit of the row's number with one of the lane's. Within groups of
    16 bytes, and of whole groups, what a step needs is a single cheap instruction nearly
    everywhere: lanes of two rows one by one; every other group of one row, then of the other.
    """
    size = len(rows)
    group = max(1, min(size, GROUP_BYTES // rows[0].dtype.itemsize))
    bit = group // 2
    while bit:
        inside = [lane // 2 + lane % 2 * size for lane in range(group)]
        low = [start + lane for start in range(0, size, group) for lane in inside]
        rows = _exchange(context, rows, bit, low, [lane + group // 2 for lane in low])
        bit //= 2
    bit = group
    while bit < size:
        firsts = range(0, 2 * size, 2 * group)
        low = [first + lane for first in firsts for lane in range(group)]
        rows = _exchange(context, rows, bit, low, [lane + group for lane in low])
        bit *= 2
    return rows


def _exchange(
    context: Context, rows: list[Node], bit: int, low: list[int], high: list[int]
) -> list[Node]:
    """Shuffle each two rows whose numbers differ in a bit."""
    result = list(rows)
    for number in range(len(rows)):
        if not number & bit:
            first, second = rows[number], rows[number | bit]
            result[number] = shuffle(context, first, second, low)
            result[number | bit] = shuffle(context, first, second, high)
    return result


def through_bytes(
    context: Context, vectors: Vectors, move: Callable[[Vectors], Vectors]
) -> Vectors:
    """Move lanes; bools as bytes, since masks are slow to take apart."""
    if not vectors or vectors[0].dtype is not dtypes.bool:
        return move(vectors)
    moved = move([context.emitter.cast(vector, dtypes.uint8) for vector in vectors])
    zero = constant(0, dtypes.uint8)
    return [context.emitter.put(comparison.not_equal, (vector, zero)) for vector in moved]
