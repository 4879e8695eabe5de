"""What to compute: every op on every dtype that it takes, with values that find mistakes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy

from tests.conformance.values import all_values, moderate_values, random_values, special_values
from tilegrad.base.errors import DTypeError
from tilegrad.ir.dtype import STORABLE, DType, dtypes, from_numpy
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op
from tilegrad.ops import ELEMENTWISE_OPS, bits, comparison, conversion
from tilegrad.ops.leaves import BufferAttributes, Storage, buffer

OPERAND_DTYPES = (*STORABLE, dtypes.index)


@dataclass(frozen=True, eq=False)
class Case:
    """One application of an op.

    Attributes:
        op: the op.
        inputs: an array for each source.
        attributes: the op's attributes, or None.
        dtype: dtype of the sources (of the data, where indices or conditions stand beside it).
        note: what this case is about, for its name.
    """

    op: Op
    inputs: tuple[numpy.ndarray, ...]
    dtype: DType
    attributes: Hashable = None
    note: str = ""
    leaves: tuple[Node, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "leaves", tuple(self._leaf(array) for array in self.inputs))

    def _leaf(self, array: numpy.ndarray) -> Node:
        is_data = array.dtype == self.dtype.numpy
        dtype = self.dtype if is_data else from_numpy(array.dtype)
        storage = Storage("reference", dtype, array.size)
        return buffer(attributes=BufferAttributes(storage, array.shape, 0))

    @property
    def name(self) -> str:
        """Name for test reports."""
        return "-".join(filter(None, (self.op.name, self.dtype.name, self.note)))

    def build(self, leaves: Sequence[Node] | None = None) -> Node:
        """Return the node over these sources, or over buffers whose contents ``read`` gives."""
        return self.op(*(leaves or self.leaves), attributes=self.attributes)

    def read(self, leaf: Node) -> numpy.ndarray:
        """Return the contents of one of the case's buffers."""
        return self.inputs[self.leaves.index(leaf)]


def accepts(op: Op, sources: tuple[DType, ...], attributes: Hashable = None) -> bool:
    """Whether an elementwise op takes sources of these dtypes."""
    arrays = [numpy.zeros((), dtype.numpy) for dtype in sources]
    leaves = [
        buffer(attributes=BufferAttributes(Storage("reference", dtype, 1), array.shape, 0))
        for dtype, array in zip(sources, arrays, strict=True)
    ]
    try:
        op(*leaves, attributes=attributes)
    except DTypeError:
        return False
    return True


def elementwise_cases() -> Iterator[Case]:
    """Yield the cases of all elementwise ops."""
    for op in ELEMENTWISE_OPS:
        if op in (conversion.cast, conversion.bitcast):
            yield from _conversion_cases(op)
            continue
        for dtype in OPERAND_DTYPES:
            if accepts(op, _source_dtypes(op, dtype)):
                yield from _value_cases(op, dtype)
                yield from _shape_cases(op, dtype)


def _source_dtypes(op: Op, dtype: DType) -> tuple[DType, ...]:
    if op is comparison.where:
        return dtypes.bool, dtype, dtype
    return (dtype,) * (op.arity or 0)


def _value_cases(op: Op, dtype: DType) -> Iterator[Case]:
    special = special_values(dtype)
    if op.arity == 1:
        values = all_values(dtype) if dtype.bits <= 16 else special
        yield Case(op, (values,), dtype, note="values")
        if dtype.bits > 16:
            yield Case(op, (random_values(dtype, (2000,), 1),), dtype, note="random")
        return
    if op.arity == 2:
        values = all_values(dtype) if dtype.bits <= 8 else special
        grid = numpy.meshgrid(values, values, indexing="ij")
        yield Case(op, tuple(map(numpy.ascontiguousarray, grid)), dtype, note="values")
        if op in (bits.shift_left, bits.shift_right):
            yield Case(op, _shift_operands(dtype), dtype, note="counts")
    yield Case(op, _operands(op, dtype, ((2000,),) * 3, random_values), dtype, note="random")


def _shift_operands(dtype: DType) -> tuple[numpy.ndarray, numpy.ndarray]:
    counts = numpy.arange(0 if dtype.is_unsigned else -2, min(dtype.bits + 2, 100))
    values = special_values(dtype)[:, None]
    return values, counts.astype(dtype.numpy)[None, :]


Fill = Callable[[DType, tuple[int, ...], int], numpy.ndarray]


def _operands(
    op: Op, dtype: DType, shapes: tuple[tuple[int, ...], ...], fill: Fill
) -> tuple[numpy.ndarray, ...]:
    kinds = _source_dtypes(op, dtype)
    return tuple(
        fill(kind, shape, seed)
        for seed, (kind, shape) in enumerate(zip(kinds, shapes, strict=False))
    )


def _shape_cases(op: Op, dtype: DType) -> Iterator[Case]:
    layouts: dict[str, tuple[tuple[int, ...], ...]] = {
        "scalars": ((), (), ()),
        "empty": ((0, 3), (0, 3), (0, 3)),
    }
    if op.arity != 1:
        layouts["broadcast"] = ((3, 1, 4), (1, 5, 4), (3, 5, 1))
        layouts["scalar"] = ((), (2, 3), ())
    for note, shapes in layouts.items():
        yield Case(op, _operands(op, dtype, shapes, moderate_values), dtype, note=note)


def _conversion_cases(op: Op) -> Iterator[Case]:
    for dtype in OPERAND_DTYPES:
        values = all_values(dtype) if dtype.bits <= 8 else special_values(dtype)
        for target in OPERAND_DTYPES:
            attributes = conversion.CastAttributes(target)
            if not accepts(op, (dtype,), attributes):
                continue
            yield Case(op, (values,), dtype, attributes, f"{target.name}-values")
            random = random_values(dtype, (500,), 3)
            yield Case(op, (random,), dtype, attributes, f"{target.name}-random")
