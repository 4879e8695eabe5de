"""The linear dialect: what ``codegen`` makes and ``render`` prints, instructions in order.

Each instruction is a node whose result is a scalar (shape ``()``) or a vector (shape ``(lanes,)``)
of one register type, or a matrix in a tile register (``matrix``). A function is a list of them: a
node stands after its sources, and loops are regions between ``begin_loop`` and ``end_loop``.
Constants are not listed; a scalar constant as the operand of a vector instruction means that value
in every lane.

Elementwise ops are those of tensors, with what targets leave undefined excluded by ``codegen``:
integer divisors are not 0 and quotients fit, shift counts are less than the width; the result of a
cast from float to integer is used only where the number fits. The dtypes are bool (one bit in
registers, a byte in memory), the integers, float16 where the target converts it, float32, float64,
and index (64 bits).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tilegrad.base.errors import VerifyError
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node, intern
from tilegrad.ir.op import Inferred, Op, Property
from tilegrad.ops.compiler_ops import compiler_op
from tilegrad.ops.infer import broadcast_shapes
from tilegrad.ops.memory import is_pointer

LINE_BYTES = 64
"""A line of the caches: what they hold is read and written in lines."""


class VectorAttributes(NamedTuple):
    """Dtype and bits of each lane."""

    dtype: DType
    bits: tuple[int, ...]


class SplatAttributes(NamedTuple):
    """Number of lanes."""

    lanes: int


class ShuffleAttributes(NamedTuple):
    """For each lane of the result, the lane of the two sources put one after the other."""

    lanes: tuple[int, ...]


class LaneAttributes(NamedTuple):
    """Which lane."""

    lane: int


class ReduceLanesAttributes(NamedTuple):
    """How lanes are combined: add, multiply, maximum or minimum."""

    kind: str


class AddressAttributes(NamedTuple):
    """Bytes per unit of the index (0 if there is none), and bytes added."""

    scale: int
    displacement: int


class ReadAttributes(NamedTuple):
    """What is read: dtype, lanes (0 for a scalar), and its place in the order of effects.

    A read of order 0 may be performed anywhere; others are told apart by their number. ``ahead``
    says that what lies so many bytes further on is read soon, 0 that nobody knows; ``is_in_turn``,
    that it is best read between its neighbours in the program: a processor that sees lines asked
    for in the order of memory fetches the next ones by itself.
    """

    dtype: DType
    lanes: int
    order: int = 0
    ahead: int = 0
    is_in_turn: bool = False


class WriteAttributes(NamedTuple):
    """The write's place in the order of effects: its number.

    ``is_uncached`` says that it fills a line of the caches, if the memory begins at one, and is
    better written past them; ``ahead``, how many bytes further on another one is to be asked for.
    """

    order: int
    is_uncached: bool = False
    ahead: int = 0


class FetchAttributes(NamedTuple):
    """The fetch's place in the order of effects, and how many bytes are read soon."""

    order: int
    size: int


class UpdateAttributes(NamedTuple):
    """The kind of an atomic update (``atomic.KINDS``), and its place in the order of effects."""

    kind: str
    order: int


class BeginLoopAttributes(NamedTuple):
    """A number unique in the function, and whether there is certainly a first round."""

    number: int
    is_entered: bool = False


class InstanceBoundAttributes(NamedTuple):
    """False for the first program instance to perform, true for the one after the last."""

    is_end: bool


class PositionAttributes(NamedTuple):
    """Which of a loop's carried values."""

    index: int


def is_address(node: Node) -> bool:
    """Whether a node is an address rather than a value."""
    return node.op is address or node.op is address_after or is_pointer(node)


def lanes_of(node: Node) -> int:
    """Return the number of lanes of a vector, 0 for a scalar and for a matrix."""
    size = node.shape[0] if len(node.shape) == 1 else 0
    if not isinstance(size, int):
        raise VerifyError("an instruction has a symbolic size", got=node)
    return size


def _with_lanes(lanes: int) -> tuple[int, ...]:
    return (lanes,) if lanes else ()


def _infer_vector(sources: tuple[Node, ...], attributes: VectorAttributes) -> Inferred:
    del sources
    return attributes.dtype, (len(attributes.bits),)


def _infer_splat(sources: tuple[Node, ...], attributes: SplatAttributes) -> Inferred:
    if sources[0].shape:
        raise VerifyError("splat takes a scalar", got=sources[0])
    return sources[0].dtype, (attributes.lanes,)


def _infer_shuffle(sources: tuple[Node, ...], attributes: ShuffleAttributes) -> Inferred:
    first, second = sources
    if not first.shape or first.shape != second.shape or first.dtype is not second.dtype:
        raise VerifyError("shuffle takes two vectors of one type", got=f"{first} and {second}")
    lanes = attributes.lanes
    if not lanes or min(lanes) < 0 or max(lanes) >= 2 * lanes_of(first):
        raise VerifyError("shuffle takes a lane that does not exist", got=lanes)
    return first.dtype, (len(lanes),)


def _infer_extract(sources: tuple[Node, ...], attributes: LaneAttributes) -> Inferred:
    if not 0 <= attributes.lane < lanes_of(sources[0]):
        raise VerifyError("extract takes a lane that does not exist", got=attributes.lane)
    return sources[0].dtype, ()


def _infer_insert(sources: tuple[Node, ...], attributes: LaneAttributes) -> Inferred:
    vector_, value = sources
    if value.shape or value.dtype is not vector_.dtype:
        raise VerifyError("insert puts a scalar of the vector's dtype into a lane", got=value)
    if not 0 <= attributes.lane < lanes_of(vector_):
        raise VerifyError("insert takes a lane that does not exist", got=attributes.lane)
    return vector_.dtype, vector_.shape


def _infer_reduce_lanes(sources: tuple[Node, ...], attributes: ReduceLanesAttributes) -> Inferred:
    del attributes
    return sources[0].dtype, ()


def _infer_multiply_add(sources: tuple[Node, ...], attributes: None) -> Inferred:
    del attributes
    if len({source.dtype for source in sources}) != 1:
        raise VerifyError("multiply_add takes one dtype", got=sources)
    return sources[0].dtype, broadcast_shapes("multiply_add", sources)


def _infer_address(sources: tuple[Node, ...], attributes: AddressAttributes) -> Inferred:
    del attributes
    if not sources or len(sources) > 2 or not is_address(sources[0]):
        raise VerifyError("address takes an address and perhaps an index", got=sources)
    if len(sources) == 2 and (sources[1].dtype is not dtypes.index or sources[1].shape):
        raise VerifyError("address adds a scalar index", got=sources[1])
    return sources[0].dtype, ()


def _infer_address_after(sources: tuple[Node, ...], attributes: None) -> Inferred:
    del attributes
    _check_address(sources[0])
    if sources[1].dtype is not dtypes.void:
        raise VerifyError("address_after comes after an effect", got=sources[1])
    return sources[0].dtype, ()


def _check_mask(lanes: int, mask: Sequence[Node]) -> None:
    for node in mask:
        if node.dtype is not dtypes.bool or (node.shape and node.shape != _with_lanes(lanes)):
            raise VerifyError("a mask has a bool for each lane", got=node, expected=lanes)


def _check_offsets(node: Node) -> None:
    if not node.shape or node.dtype not in (dtypes.int32, dtypes.int64):
        raise VerifyError("scattered access takes a vector of int32 or int64 offsets", got=node)


def _check_address(node: Node) -> None:
    if not is_address(node):
        raise VerifyError("memory is accessed through an address", got=node)


def _infer_read(sources: tuple[Node, ...], attributes: ReadAttributes) -> Inferred:
    _check_address(sources[0])
    _check_mask(attributes.lanes, sources[1:])
    return attributes.dtype, _with_lanes(attributes.lanes)


def _infer_write(sources: tuple[Node, ...], attributes: WriteAttributes) -> Inferred:
    del attributes
    _check_address(sources[0])
    _check_mask(lanes_of(sources[1]), sources[2:])
    return dtypes.void, ()


def _infer_fetch(sources: tuple[Node, ...], attributes: FetchAttributes) -> Inferred:
    del attributes
    _check_address(sources[0])
    return dtypes.void, ()


def _infer_read_scattered(sources: tuple[Node, ...], attributes: ReadAttributes) -> Inferred:
    _check_address(sources[0])
    _check_offsets(sources[1])
    _check_mask(attributes.lanes, sources[2:3])
    return attributes.dtype, sources[1].shape


def _infer_write_scattered(sources: tuple[Node, ...], attributes: WriteAttributes) -> Inferred:
    del attributes
    _check_address(sources[0])
    _check_offsets(sources[1])
    _check_mask(lanes_of(sources[1]), sources[3:4])
    return dtypes.void, ()


def _infer_update(sources: tuple[Node, ...], attributes: UpdateAttributes) -> Inferred:
    del attributes
    _check_address(sources[0])
    _check_mask(0, sources[2:3])
    return sources[1].dtype, ()


def _infer_begin_loop(sources: tuple[Node, ...], attributes: BeginLoopAttributes) -> Inferred:
    del attributes
    for source in sources[:3]:
        if source.dtype is not dtypes.index or source.shape:
            raise VerifyError("a bound of a loop is a scalar index", got=source)
    return dtypes.void, ()


def _infer_loop_position(sources: tuple[Node, ...], attributes: None) -> Inferred:
    del attributes
    if sources[0].op is not begin_loop:
        raise VerifyError("loop_position needs the beginning of a loop", got=sources[0])
    return dtypes.index, ()


def _infer_loop_carry(sources: tuple[Node, ...], attributes: PositionAttributes) -> Inferred:
    if sources[0].op is not begin_loop:
        raise VerifyError("loop_carry needs the beginning of a loop", got=sources[0])
    initial = sources[0].sources[3 + attributes.index]
    return initial.dtype, initial.shape


def _infer_end_loop(sources: tuple[Node, ...], attributes: None) -> Inferred:
    del attributes
    begin, *following = sources
    if begin.op is not begin_loop or len(begin.sources) != 3 + len(following):
        raise VerifyError("end_loop has a next value for each carried value", got=begin)
    for first, second in zip(begin.sources[3:], following, strict=True):
        if first.dtype is not second.dtype or first.shape != second.shape:
            raise VerifyError("a carried value changes its type", got=second, expected=first)
    return dtypes.void, ()


def _infer_loop_value(sources: tuple[Node, ...], attributes: PositionAttributes) -> Inferred:
    if sources[0].op is not end_loop:
        raise VerifyError("loop_value needs the end of a loop", got=sources[0])
    value = sources[0].sources[1 + attributes.index]
    return value.dtype, value.shape


def _infer_instance_bound(
    sources: tuple[Node, ...], attributes: InstanceBoundAttributes
) -> Inferred:
    del sources, attributes
    return dtypes.index, ()


vector = compiler_op("vector", "A constant vector.", 0, _infer_vector, VectorAttributes)
splat = compiler_op("splat", "A scalar in every lane.", 1, _infer_splat, SplatAttributes)
shuffle = compiler_op(
    "shuffle", "Lanes picked from two vectors.", 2, _infer_shuffle, ShuffleAttributes
)
extract = compiler_op("extract", "One lane of a vector.", 1, _infer_extract, LaneAttributes)
insert = compiler_op(
    "insert", "A vector with one lane replaced by a scalar.", 2, _infer_insert, LaneAttributes
)
reduce_lanes = compiler_op(
    "reduce_lanes",
    "All lanes combined, in any order; of bools, maximum is any and minimum is all.",
    1,
    _infer_reduce_lanes,
    ReduceLanesAttributes,
)
multiply_add = compiler_op(
    "multiply_add",
    "x · y + z, fused (rounded once) where the target has an instruction for it.",
    3,
    _infer_multiply_add,
    properties=Property.ELEMENTWISE,
)
address = compiler_op(
    "address",
    "address + scale · index + displacement, in bytes: address(base, [index]).",
    None,
    _infer_address,
    AddressAttributes,
)
address_after = compiler_op(
    "address_after",
    "The address, for reads that come after an effect but in no other order.",
    2,
    _infer_address_after,
)
read = compiler_op(
    "read",
    "Consecutive elements at an address, 0 where masked off: read(address, [mask]).",
    None,
    _infer_read,
    ReadAttributes,
)
write = compiler_op(
    "write",
    "Consecutive elements at an address: write(address, value, [mask]).",
    None,
    _infer_write,
    WriteAttributes,
    Property.EFFECT,
)
fetch_lines = compiler_op(
    "fetch_lines",
    "Lines of the caches that memory is asked for, from an address on: fetch_lines(address).",
    1,
    _infer_fetch,
    FetchAttributes,
    Property.EFFECT,
)
read_scattered = compiler_op(
    "read_scattered",
    "Elements at address[offset] for a vector of offsets in elements, 0 where masked off: "
    "read_scattered(address, offsets, [mask]).",
    None,
    _infer_read_scattered,
    ReadAttributes,
)
write_scattered = compiler_op(
    "write_scattered",
    "address[offset] = value lane after lane: write_scattered(address, offsets, value, [mask]).",
    None,
    _infer_write_scattered,
    WriteAttributes,
    Property.EFFECT,
)
read_lanes = compiler_op(
    "read_lanes",
    "As read_scattered, lane after lane, where there is no instruction for it. A mask is followed "
    "by the address of zeros, which are read instead: read_lanes(address, offsets, [mask, zeros]).",
    None,
    _infer_read_scattered,
    ReadAttributes,
)
write_lanes = compiler_op(
    "write_lanes",
    "As write_scattered, lane after lane, where there is no instruction for it. A mask is followed "
    "by an address to write to instead: write_lanes(address, offsets, value, [mask, spare]).",
    None,
    _infer_write_scattered,
    WriteAttributes,
    Property.EFFECT,
)
update = compiler_op(
    "update",
    "The element at an address, updated in the same step. A mask is followed by an address to "
    "update instead: update(address, value, [mask, spare]).",
    None,
    _infer_update,
    UpdateAttributes,
    Property.EFFECT,
)
begin_loop = compiler_op(
    "begin_loop",
    "for position in range(start, stop, step), carrying values: "
    "begin_loop(start, stop, step, *initial values).",
    None,
    _infer_begin_loop,
    BeginLoopAttributes,
    Property.EFFECT,
)
loop_position = compiler_op(
    "loop_position", "The position of the loop: loop_position(begin_loop).", 1, _infer_loop_position
)
loop_carry = compiler_op(
    "loop_carry",
    "A value carried by the loop: loop_carry(begin_loop).",
    1,
    _infer_loop_carry,
    PositionAttributes,
)
end_loop = compiler_op(
    "end_loop",
    "The end of a round: end_loop(begin_loop, *next values).",
    None,
    _infer_end_loop,
    properties=Property.EFFECT,
)
loop_value = compiler_op(
    "loop_value",
    "A carried value after the last round: loop_value(end_loop).",
    1,
    _infer_loop_value,
    PositionAttributes,
)
instance_bound = compiler_op(
    "instance_bound",
    "The first program instance of this call, or the one after its last.",
    0,
    _infer_instance_bound,
    InstanceBoundAttributes,
)

OPS: tuple[Op, ...] = (
    vector,
    splat,
    shuffle,
    extract,
    insert,
    reduce_lanes,
    multiply_add,
    address,
    address_after,
    read,
    write,
    fetch_lines,
    read_scattered,
    write_scattered,
    read_lanes,
    write_lanes,
    update,
    begin_loop,
    loop_position,
    loop_carry,
    end_loop,
    loop_value,
    instance_bound,
)


def make_vector(dtype: DType, bits: Sequence[int]) -> Node:
    """Return the constant vector whose lanes have these bits."""
    return intern(vector, (), VectorAttributes(dtype, tuple(bits)))
