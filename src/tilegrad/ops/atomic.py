"""Atomic updates of memory that several program instances change at once.

An update is an effect: it is performed once for each round of the loops around it, element after
element in row-major order, so that where offsets repeat in a tile each of them counts. What stood
there before is its ``atomic_result``. Between instances there is no order: sums of floats may
differ in their last bits from run to run. What one instance updates no other may load or store; the
finish block may.
"""

from __future__ import annotations

from typing import NamedTuple

from tilegrad.base.errors import DTypeError, VerifyError
from tilegrad.ir.dtype import DType, Kind, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Inferred, Op, Property, attributes_of
from tilegrad.ops.affine import Index, as_node
from tilegrad.ops.compiler_ops import compiler_op
from tilegrad.ops.infer import broadcast_shapes
from tilegrad.ops.memory import check_write

KINDS = ("add", "maximum", "minimum", "exchange")
"""What an update may be. Of floats, maximum and minimum propagate NaN."""


class AtomicAttributes(NamedTuple):
    """What the update is, and whether a mask and an effect to come after follow the value."""

    kind: str
    has_mask: bool = False
    has_after: bool = False


def is_updatable(dtype: DType) -> bool:
    """Whether elements of a dtype can be updated: devices agree on numbers of 32 and 64 bits."""
    is_number = dtype.kind in (Kind.SIGNED, Kind.UNSIGNED, Kind.FLOAT)
    return is_number and dtype.bits in (32, 64)


def _infer_atomic(sources: tuple[Node, ...], attributes: AtomicAttributes) -> Inferred:
    check_write("atomic", sources, attributes.has_mask, attributes.has_after)
    if attributes.kind not in KINDS:
        raise VerifyError("there is no such update", got=attributes.kind, expected=", ".join(KINDS))
    if not is_updatable(sources[0].dtype):
        raise DTypeError(
            "atomic: memory of this dtype is not updated",
            got=sources[0].dtype.name,
            expected="numbers of 32 or 64 bits",
        )
    return dtypes.void, ()


def _infer_atomic_result(sources: tuple[Node, ...], attributes: None) -> Inferred:
    del attributes
    (source,) = sources
    if source.op is not atomic:
        raise VerifyError("atomic_result needs an atomic update", got=source)
    has_mask = attributes_of(source, AtomicAttributes).has_mask
    tiles = source.sources[1 : 3 + has_mask]
    return source.sources[0].dtype, broadcast_shapes("atomic", tiles)


atomic = compiler_op(
    "atomic",
    "pointer[offset] = kind(pointer[offset], value) where the mask holds, each in one step: "
    "atomic(pointer, offset, value, [mask], [after]).",
    None,
    _infer_atomic,
    AtomicAttributes,
    Property.EFFECT,
)
atomic_result = compiler_op(
    "atomic_result",
    "What stood at each offset just before its update, 0 where masked off.",
    1,
    _infer_atomic_result,
)


OPS: tuple[Op, ...] = (atomic, atomic_result)


def make_atomic(
    kind: str,
    pointer: Node,
    offset: Index,
    value: Node,
    mask: Node | None = None,
    after: Node | None = None,
) -> Node:
    """Return the effect that updates ``pointer[offset]`` by ``value`` where ``mask`` is true."""
    extra = [node for node in (mask, after) if node is not None]
    attributes = AtomicAttributes(kind, mask is not None, after is not None)
    return atomic(pointer, as_node(offset), value, *extra, attributes=attributes)
