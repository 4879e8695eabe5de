"""Ops on memory: where it is, loads and stores. See ``tile`` for what they mean in a program."""

from __future__ import annotations

from typing import NamedTuple

from tilegrad.base.errors import DTypeError, ShapeError, VerifyError
from tilegrad.ir.dtype import STORABLE, DType, dtypes
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import Inferred, Op, Property, Shape, attributes_of
from tilegrad.ops.affine import Index, as_node
from tilegrad.ops.compiler_ops import check_count, check_slot, compiler_op
from tilegrad.ops.infer import broadcast_shapes


class ParameterAttributes(NamedTuple):
    """Number of the launch argument that holds the address, and the dtype of the elements."""

    slot: int
    dtype: DType


class TableAttributes(NamedTuple):
    """Dtype and bits of the elements of constant memory."""

    dtype: DType
    bits: tuple[int, ...]


class LoadAttributes(NamedTuple):
    """Whether a mask and an effect to come after follow pointer and offset.

    ``ahead`` says that what lies so many elements further on is read soon, 0 that nobody knows: a
    processor may fetch it already, and nothing else depends on it.
    """

    has_mask: bool = False
    has_after: bool = False
    ahead: int = 0


class StoreAttributes(NamedTuple):
    """Whether a mask and an effect to come after follow pointer, offset and value.

    ``is_uncached`` says that what is written is too much to be found in caches later; ``ahead``,
    that so many elements from here a part of a line is written soon, which is asked for now.
    """

    has_mask: bool = False
    has_after: bool = False
    is_uncached: bool = False
    ahead: int = 0


class FetchAttributes(NamedTuple):
    """How many elements are read soon."""

    size: int


class ScratchAttributes(NamedTuple):
    """A number that tells scratch memories of a program apart, dtype and number of elements."""

    identity: int
    dtype: DType
    size: int


def is_pointer(node: Node) -> bool:
    """Whether a node is the address of memory rather than a value."""
    return node.op is parameter or node.op is scratch or node.op is table


def check_storable(what: str, dtype: DType) -> None:
    """Raise DTypeError unless memory can hold a dtype."""
    if dtype not in STORABLE:
        raise DTypeError(
            f"{what} cannot hold this dtype", got=dtype.name, expected="a dtype that tensors have"
        )


def _infer_parameter(sources: tuple[Node, ...], attributes: ParameterAttributes) -> Inferred:
    del sources
    check_storable("a parameter", attributes.dtype)
    check_slot("a parameter", attributes.slot)
    return attributes.dtype, ()


def _infer_table(sources: tuple[Node, ...], attributes: TableAttributes) -> Inferred:
    del sources
    check_storable("a table", attributes.dtype)
    return attributes.dtype, ()


def _infer_scratch(sources: tuple[Node, ...], attributes: ScratchAttributes) -> Inferred:
    del sources
    check_storable("scratch", attributes.dtype)
    if attributes.size <= 0:
        raise VerifyError("scratch needs a positive size", got=attributes.size)
    return attributes.dtype, ()


def _check_memory(name: str, sources: tuple[Node, ...], extra: tuple[Node, ...]) -> None:
    pointer, offset = sources[:2]
    if not is_pointer(pointer):
        raise VerifyError(f"{name} needs a pointer", got=pointer, expected="parameter or scratch")
    if offset.dtype is not dtypes.index:
        raise DTypeError(f"{name}: offsets are indices", got=offset.dtype.name, expected="index")
    for node in extra:
        if node.dtype is not dtypes.bool and node.dtype is not dtypes.void:
            raise DTypeError(f"{name}: a mask is a bool tile", got=node.dtype.name)


def _infer_load(sources: tuple[Node, ...], attributes: LoadAttributes) -> Inferred:
    check_count("load", sources, 2 + attributes.has_mask + attributes.has_after)
    _check_memory("load", sources, sources[2:])
    tiles = sources[1 : 2 + attributes.has_mask]
    _check_order("load", attributes.has_mask, attributes.has_after, sources[2:])
    return sources[0].dtype, broadcast_shapes("load", tiles)


def _check_order(name: str, has_mask: bool, has_after: bool, extra: tuple[Node, ...]) -> None:
    if has_mask and extra[0].dtype is not dtypes.bool:
        raise DTypeError(f"{name}: a mask is a bool tile", got=extra[0].dtype.name)
    if has_after and extra[-1].dtype is not dtypes.void:
        raise DTypeError(f"{name} comes after an effect", got=extra[-1].dtype.name, expected="void")


def check_write(name: str, sources: tuple[Node, ...], has_mask: bool, has_after: bool) -> Shape:
    """Check what is written through a pointer; return the shape that its tiles broadcast to.

    Raises:
        VerifyError, DTypeError, ShapeError: the sources do not fit.
    """
    check_count(name, sources, 3 + has_mask + has_after)
    _check_memory(name, sources, sources[3:])
    _check_order(name, has_mask, has_after, sources[3:])
    pointer, value = sources[0], sources[2]
    if value.dtype is not pointer.dtype:
        raise DTypeError(
            f"{name}: the value has another dtype than the memory",
            got=value.dtype.name,
            expected=pointer.dtype.name,
        )
    return broadcast_shapes(name, sources[1 : 3 + has_mask])


def _infer_store(sources: tuple[Node, ...], attributes: StoreAttributes) -> Inferred:
    check_write("store", sources, attributes.has_mask, attributes.has_after)
    return dtypes.void, ()


def _infer_fetch(sources: tuple[Node, ...], attributes: FetchAttributes) -> Inferred:
    _check_memory("fetch", sources, ())
    if sources[1].shape:
        raise ShapeError("a fetch begins at one place", got=sources[1].shape, expected="()")
    if attributes.size <= 0:
        raise VerifyError("a fetch asks for something", got=attributes.size, expected="1 or more")
    return dtypes.void, ()


parameter = compiler_op(
    "parameter",
    "The address of a flat, contiguous buffer of elements, passed at launch.",
    0,
    _infer_parameter,
    ParameterAttributes,
)
scratch = compiler_op(
    "scratch",
    "The address of memory that is private to the program instance; its contents are undefined.",
    0,
    _infer_scratch,
    ScratchAttributes,
)
table = compiler_op(
    "table",
    "The address of constant elements.",
    0,
    _infer_table,
    TableAttributes,
)
load = compiler_op(
    "load",
    "The elements at pointer[offset], 0 (False) where masked off: load(pointer, offset, [mask], "
    "[after]). Masked-off offsets may lie anywhere.",
    None,
    _infer_load,
    LoadAttributes,
)
store = compiler_op(
    "store",
    "pointer[offset] = value where the mask holds: store(pointer, offset, value, [mask], [after]). "
    "Where offsets repeat in one tile, the last in row-major order wins.",
    None,
    _infer_store,
    StoreAttributes,
    Property.EFFECT,
)


fetch = compiler_op(
    "fetch",
    "Says that so many elements from pointer[offset] on, in memory or beyond it, are read soon: "
    "fetch(pointer, offset). A processor may bring them into a cache; nothing else comes of it.",
    2,
    _infer_fetch,
    FetchAttributes,
    Property.EFFECT,
)
OPS: tuple[Op, ...] = (parameter, scratch, table, load, store, fetch)


def make_parameter(slot: int, dtype: DType) -> Node:
    """Return the pointer passed in ``slot``."""
    return parameter(attributes=ParameterAttributes(slot, dtype))


def slot_of(load: Node) -> int:
    """Return the slot of the pointer that a load reads from."""
    return attributes_of(load.sources[0], ParameterAttributes).slot


def loads_in(value: Node) -> list[Node]:
    """Return the loads that a value is computed from."""
    return [node for node in sort_topologically([value]) if node.op is load]


def make_scratch(identity: int, dtype: DType, size: int) -> Node:
    """Return a pointer to ``size`` private elements."""
    return scratch(attributes=ScratchAttributes(identity, dtype, size))


def make_load(
    pointer: Node,
    offset: Index,
    mask: Node | None = None,
    after: Node | None = None,
    *,
    ahead: int = 0,
) -> Node:
    """Return the tile at ``pointer[offset]``, 0 where ``mask`` is false."""
    extra = [node for node in (mask, after) if node is not None]
    attributes = LoadAttributes(mask is not None, after is not None, ahead)
    return load(pointer, as_node(offset), *extra, attributes=attributes)


def make_fetch(pointer: Node, offset: Index, size: int) -> Node:
    """Return the advice that ``size`` elements from ``pointer[offset]`` on are read soon."""
    return fetch(pointer, as_node(offset), attributes=FetchAttributes(size))


def make_store(
    pointer: Node,
    offset: Index,
    value: Node,
    mask: Node | None = None,
    after: Node | None = None,
    *,
    is_uncached: bool = False,
) -> Node:
    """Return the effect ``pointer[offset] = value`` where ``mask`` is true."""
    extra = [node for node in (mask, after) if node is not None]
    attributes = StoreAttributes(mask is not None, after is not None, is_uncached)
    return store(pointer, as_node(offset), value, *extra, attributes=attributes)
