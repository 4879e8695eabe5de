"""Leaves: constants, realised tensors, symbolic sizes and positions."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy

from tilegrad.base.errors import ArgumentError, DTypeError, ShapeError
from tilegrad.ir.dtype import DType, Kind, dtypes, has_infinity
from tilegrad.ir.node import Node
from tilegrad.ir.op import Inferred, NotDifferentiable, Op, Shape
from tilegrad.ops.infer import known_sizes
from tilegrad.ops.numerics import round_to

Number = bool | int | float

_NO_SOURCES = NotDifferentiable("it has no sources")


class ConstantAttributes(NamedTuple):
    """A value by its exact bits; for dtype index, ``bits`` is the integer itself."""

    dtype: DType
    bits: int


def _infer_constant(sources: tuple[Node, ...], attributes: ConstantAttributes) -> Inferred:
    del sources
    if attributes.dtype.kind is Kind.VOID:
        raise DTypeError("a constant has a value", got=attributes.dtype.name)
    return attributes.dtype, ()


def _constant_reference(attributes: ConstantAttributes) -> numpy.ndarray:
    dtype = attributes.dtype
    if dtype.kind is Kind.INDEX:
        return numpy.array(attributes.bits, numpy.int64)
    return numpy.array(attributes.bits, f"uint{8 * dtype.itemsize}").view(dtype.numpy)


constant_op = Op(
    "constant",
    "A scalar, given by its exact bits.",
    0,
    _infer_constant,
    attributes=ConstantAttributes,
    reference=_constant_reference,
    gradient=_NO_SOURCES,
)


def constant(value: Number, dtype: DType) -> Node:
    """Return the scalar constant nearest to ``value``.

    Integers wrap to the width of an integer dtype; floats round to nearest even (finite ones of FP8
    saturate).

    Raises:
        ArgumentError: a number that is not whole was given for an integer dtype.
    """
    return constant_op(attributes=ConstantAttributes(dtype, _bits_of(value, dtype)))


def _bits_of(value: Number, dtype: DType) -> int:
    if dtype.is_float:
        return _float_bits(float(value), dtype)
    if dtype.is_boolean:
        return int(bool(value))
    if isinstance(value, float) and value % 1 != 0:
        raise ArgumentError(
            f"a constant of dtype {dtype.name} must be whole",
            got=value,
            expected="an integer",
            mend="cast the other operand to a floating-point dtype",
        )
    return int(value) if dtype.kind is Kind.INDEX else int(value) & ((1 << dtype.bits) - 1)


def _float_bits(value: float, dtype: DType) -> int:
    if dtype is dtypes.float64:
        return int(struct.unpack("<Q", struct.pack("<d", value))[0])
    if dtype is dtypes.float32 and abs(value) < 3.4e38:
        return int(struct.unpack("<I", struct.pack("<f", value))[0])
    if math.isinf(value) and has_infinity(dtype):
        return int(numpy.array(value, dtype.numpy).view(f"uint{dtype.bits}"))
    with numpy.errstate(over="ignore"):
        rounded = round_to(numpy.array(value, numpy.float64), dtype.numpy)
    return int(rounded.view(f"uint{dtype.bits}"))


def is_true(node: Node) -> bool:
    """Whether a node is the constant True."""
    return node.op is constant_op and value_of(node) is True


def value_of(node: Node) -> Number:
    """Return the value of a constant as a Python number.

    Raises:
        ArgumentError: the node is no constant.
    """
    attributes = node.attributes
    if not isinstance(attributes, ConstantAttributes):
        raise ArgumentError("only a constant has a known value", got=node)
    dtype, bits = attributes
    if dtype.is_float:
        return float(_constant_reference(attributes))
    if dtype.is_boolean:
        return bool(bits)
    is_negative = dtype.kind is Kind.SIGNED and bits >> (dtype.bits - 1)
    return bits - (1 << dtype.bits) if is_negative else bits


@dataclass(eq=False, slots=True)
class Storage:
    """Memory of a realised tensor on a device; compared by identity.

    Attributes:
        device: name of the device.
        dtype: dtype of the elements.
        size: number of elements.
        memory: the runtime's buffer, or None until it is allocated.
        version: how often the contents have been overwritten.
    """

    device: str
    dtype: DType
    size: int
    memory: object = field(default=None, repr=False)
    version: int = 0


class BufferAttributes(NamedTuple):
    """Where the elements lie, their shape, and which version of the contents is meant."""

    storage: Storage
    shape: Shape
    version: int


def _infer_buffer(sources: tuple[Node, ...], attributes: BufferAttributes) -> Inferred:
    del sources
    storage, shape, _ = attributes
    size = 1
    for extent in shape:
        if type(extent) is int:
            size *= extent
    if size > storage.size:
        raise ShapeError(
            "the storage is too small for the buffer",
            got=f"{storage.size} elements",
            expected=f"{size} elements for shape {shape}",
        )
    return storage.dtype, shape


buffer = Op(
    "buffer",
    "A realised tensor: the contents of a storage at one version, row-major without gaps.",
    0,
    _infer_buffer,
    attributes=BufferAttributes,
    gradient=_NO_SOURCES,
)


class SymbolAttributes(NamedTuple):
    """Name and inclusive bounds of a symbolic integer."""

    name: str
    minimum: int
    maximum: int


def _infer_symbol(sources: tuple[Node, ...], attributes: SymbolAttributes) -> Inferred:
    del sources
    if attributes.minimum > attributes.maximum:
        raise ArgumentError(
            f"the bounds of {attributes.name} exclude every value",
            got=f"minimum {attributes.minimum}, maximum {attributes.maximum}",
        )
    return dtypes.index, ()


symbol = Op(
    "symbol",
    "An integer that is known only when the program runs, within bounds.",
    0,
    _infer_symbol,
    attributes=SymbolAttributes,
    gradient=_NO_SOURCES,
)


class IotaAttributes(NamedTuple):
    """Shape of the result and the axis that is counted."""

    shape: Shape
    axis: int


def _infer_iota(sources: tuple[Node, ...], attributes: IotaAttributes) -> Inferred:
    del sources
    if not 0 <= attributes.axis < len(attributes.shape):
        raise ShapeError(
            "iota: the axis lies outside the shape",
            got=f"axis {attributes.axis}",
            expected=f"0 to {len(attributes.shape) - 1}",
        )
    return dtypes.index, attributes.shape


def _iota_reference(attributes: IotaAttributes) -> numpy.ndarray:
    shape, axis = known_sizes(attributes.shape), attributes.axis
    place = [1] * len(shape)
    place[axis] = shape[axis]
    counted = numpy.arange(shape[axis], dtype=numpy.int64)
    return numpy.broadcast_to(counted.reshape(place), shape)


iota = Op(
    "iota",
    "result[.., i at axis, ..] = i: each element's position along one axis.",
    0,
    _infer_iota,
    attributes=IotaAttributes,
    reference=_iota_reference,
    gradient=_NO_SOURCES,
)
