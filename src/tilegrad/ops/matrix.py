"""Instructions that multiply matrices: dot products within lanes, and units with tile registers.

Both take operands as *words* of 32 bits. A word holds a group of neighbours along the depth of the
product, as many as fit: 2 of bfloat16, 4 of int8. The left operand a[M, K] is words[M, K/group] as
it lies in memory row by row; the right one b[K, N] is words[K/group, N], so rows of b are
interleaved: word (k, n) is b[group·k, n], b[group·k + 1, n], ...

``hold``, ``accumulate`` and ``release`` are ``dot`` taken apart: the accumulator is brought into
the form in which the unit keeps it (tile registers, or sums that lack a correction), multiplied
into, and brought back. ``release(hold(c))`` is c, so that a loop can carry what is held.

``multiply_groups`` is the same instruction where both operands lie along the lanes: a sum, along an
axis of four, of products of bytes.

A value of rank 2 is a matrix in a tile register; its dtype is that of the words.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from tilegrad.base.errors import VerifyError
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Inferred, Op, Property
from tilegrad.ops.compiler_ops import compiler_op
from tilegrad.ops.infer import infer_same
from tilegrad.ops.linear import WriteAttributes

WORD_BYTES = 4


class MatrixFacts(NamedTuple):
    """A kind of matrix product that a target has instructions for.

    Attributes:
        left, right, accumulator: dtypes of the operands and of the sum.
        rows, columns: the largest part of the accumulator that one instruction updates.
        group: neighbours along the depth in a word: the interleave of the right operand.
        depth: how many elements along the depth one instruction takes, a multiple of ``group``.
        registers: how many registers hold parts of accumulators and operands.
        is_raised: whether the left operand is signed, but the instructions take only an unsigned
            one. It pays to add 128 to it where it is packed, and to begin with -128 · Σ b.
    """

    left: DType
    right: DType
    accumulator: DType
    rows: int
    columns: int
    group: int
    depth: int
    registers: int
    is_raised: bool = False


class UnitAttributes(NamedTuple):
    """The unit's name and the dtypes of the operands that it multiplies."""

    unit: str
    left: DType
    right: DType


class InstructionAttributes(NamedTuple):
    """The instruction, by the processor's name for it."""

    name: str


class GroupAttributes(NamedTuple):
    """The instruction, and the axis of the bytes whose products one lane adds up."""

    name: str
    axis: int


class ReinterpretAttributes(NamedTuple):
    """Dtype and lanes (0 for a scalar) of the result."""

    dtype: DType
    lanes: int


class MatrixAttributes(NamedTuple):
    """Dtype, rows and columns of a matrix, and its place in the order of effects."""

    dtype: DType
    rows: int
    columns: int
    order: int = 0


def is_matrix(node: Node) -> bool:
    """Whether an instruction's value is in a tile register."""
    return len(node.shape) == 2


def _infer_multiply_words(sources: tuple[Node, ...], attributes: InstructionAttributes) -> Inferred:
    del attributes
    total, *words = sources
    for word in words:
        if word.dtype is not dtypes.uint32 or word.shape != total.shape:
            raise VerifyError("multiply_words takes a word for each lane", got=word)
    return total.dtype, total.shape


def _infer_reinterpret(sources: tuple[Node, ...], attributes: ReinterpretAttributes) -> Inferred:
    (source,) = sources
    size = source.shape[0] if source.shape else 1
    dtype, lanes = attributes
    if size * source.dtype.bits != max(lanes, 1) * dtype.bits:  # type: ignore[operator]
        raise VerifyError("reinterpret keeps the number of bits", got=source, expected=attributes)
    return dtype, (lanes,) if lanes else ()


def _infer_zero(sources: tuple[Node, ...], attributes: MatrixAttributes) -> Inferred:
    del sources
    return attributes.dtype, (attributes.rows, attributes.columns)


def _check_step(step: Node) -> None:
    if step.dtype is not dtypes.index or step.shape:
        raise VerifyError("the step between rows is a scalar index, in bytes", got=step)


def _infer_read(sources: tuple[Node, ...], attributes: MatrixAttributes) -> Inferred:
    _check_step(sources[1])
    return attributes.dtype, (attributes.rows, attributes.columns)


def _infer_write(sources: tuple[Node, ...], attributes: Hashable) -> Inferred:
    del attributes
    _check_step(sources[1])
    if not is_matrix(sources[2]):
        raise VerifyError("write_matrix writes a matrix", got=sources[2])
    return dtypes.void, ()


def _infer_multiply(sources: tuple[Node, ...], attributes: InstructionAttributes) -> Inferred:
    del attributes
    total, left, right = (source.shape for source in sources)
    if len(left) != 2 or total != (left[0], right[1]) or left[1] != right[0]:
        raise VerifyError("multiply_matrices: the shapes do not fit", got=(total, left, right))
    return sources[0].dtype, total


hold = compiler_op(
    "hold",
    "An accumulator, brought into the form that a unit keeps.",
    1,
    infer_same,
    UnitAttributes,
)
accumulate = compiler_op(
    "accumulate",
    "A held accumulator + a·b: accumulate(held, a, b).",
    3,
    infer_same,
    UnitAttributes,
)
release = compiler_op("release", "A held accumulator, brought back.", 1, infer_same, UnitAttributes)
multiply_groups = compiler_op(
    "multiply_groups",
    "total + the sum of a·b along an axis of four bytes: multiply_groups(total, a, b).",
    3,
    infer_same,
    GroupAttributes,
)
multiply_words = compiler_op(
    "multiply_words",
    "total + the sum of the products of neighbours, lane by lane: multiply_words(total, a, b).",
    3,
    _infer_multiply_words,
    InstructionAttributes,
)
reinterpret = compiler_op(
    "reinterpret",
    "The bits of a vector as lanes of another width.",
    1,
    _infer_reinterpret,
    ReinterpretAttributes,
)
zero_matrix = compiler_op(
    "zero_matrix", "A matrix of zeros: a constant, not listed.", 0, _infer_zero, MatrixAttributes
)
read_matrix = compiler_op(
    "read_matrix",
    "Rows at an address and every so many bytes after it: read_matrix(address, step).",
    2,
    _infer_read,
    MatrixAttributes,
)
write_matrix = compiler_op(
    "write_matrix",
    "Rows written to an address and every so many bytes after it: "
    "write_matrix(address, step, value).",
    3,
    _infer_write,
    WriteAttributes,
    Property.EFFECT,
)
multiply_matrices = compiler_op(
    "multiply_matrices",
    "total + a·b for words a[M, K] and b[K, N]: multiply_matrices(total, a, b).",
    3,
    _infer_multiply,
    InstructionAttributes,
)

OPS: tuple[Op, ...] = (
    multiply_words,
    reinterpret,
    zero_matrix,
    read_matrix,
    write_matrix,
    multiply_matrices,
)
"""The instructions among them."""
