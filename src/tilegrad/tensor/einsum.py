"""Einstein summation: products over named axes, summed over those that the result lacks.

Operands are contracted from left to right, each pair as one multiplication and one sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Self

from tilegrad.base.errors import ArgumentError, ShapeError
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, intern
from tilegrad.ops import comparison
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.elementwise import zero
from tilegrad.ops.movement import permute_axes, reshape_to
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import DTypeLike, resolve_dtype
from tilegrad.tensor.base import TensorBase
from tilegrad.tensor.broadcasting import show_shape, unify_dtypes
from tilegrad.tensor.contraction import Contraction, multiply_and_sum
from tilegrad.tensor.size import Index

_BATCH = "."  # stands for the axes of an ellipsis: .0, .1 .. counted from the last


class Einsum(Contraction):
    """``Tensor.einsum``."""

    __slots__ = ()

    @classmethod
    def einsum(
        cls,
        formula: str,
        *operands: TensorBase | Sequence[TensorBase],
        dtype: DTypeLike | None = None,
    ) -> Self:
        """Return a sum of products over axes named by letters.

        Args:
            formula: such as ``"bij,bjk->bik"``. Without an arrow the result has the letters that
                occur once, in alphabetical order; ``...`` stands for any further axes, which
                broadcast. A letter twice in one operand takes its diagonal.
            operands: one tensor for each part of the left side.
            dtype: dtype of the result; the common one by default.

        Raises:
            ArgumentError: the formula makes no sense or names another number of operands.
            ShapeError: an operand has another rank than named, or sizes of a letter differ.

        Example:
            ``Tensor.einsum("ij,j->i", matrix, vector)``
        """
        first = operands[0] if operands else ()
        tensors = first if isinstance(first, (tuple, list)) else operands
        left, arrow, right = formula.replace(" ", "").partition("->")
        parts = left.split(",")
        if len(parts) != len(tensors) or not tensors:
            raise ArgumentError(
                "einsum: the formula names another number of operands",
                got=f"{formula!r} with {len(tensors)} tensors",
                expected=f"{len(parts)} tensors",
            )
        leader = tensors[0]
        if not isinstance(leader, cls):
            raise ArgumentError("einsum takes tensors", got=type(leader).__name__)
        found = unify_dtypes(*(leader.as_operand(tensor) for tensor in tensors))
        labels = [_label(part, node, formula) for part, node in zip(parts, found, strict=True)]
        result = _label_result(right, labels, formula) if arrow else _imply_result(labels)
        sizes = _collect_sizes(labels, found, formula)
        wanted = found[0].dtype if dtype is None else resolve_dtype(dtype)
        node = _contract(list(found), labels, result, sizes)
        return leader.with_node(cast_to(node, wanted))


def _label(part: str, node: Node, formula: str) -> list[str]:
    """Return a name for each axis of an operand."""
    letters, dots, rest = part.partition("...")
    if not all(letter.isalpha() for letter in letters + rest):
        raise ArgumentError("einsum: axes are named by letters", got=formula)
    count = len(node.shape) - len(letters) - len(rest)
    if count < 0 or (count > 0 and not dots):
        raise ShapeError(
            f"einsum: {part!r} names another number of axes than the tensor has",
            got=f"{len(letters) + len(rest)} names for shape {show_shape(node.shape)}",
        )
    return [*letters, *(f"{_BATCH}{i}" for i in reversed(range(count))), *rest]


def _batch_names(labels: list[list[str]]) -> list[str]:
    names = {name for each in labels for name in each if name.startswith(_BATCH)}
    return sorted(names, key=lambda name: -int(name[1:]))


def _label_result(right: str, labels: list[list[str]], formula: str) -> list[str]:
    letters, dots, rest = right.partition("...")
    result = [*letters, *(_batch_names(labels) if dots else ()), *rest]
    known = {name for each in labels for name in each}
    if len(set(result)) != len(result) or not set(result) <= known:
        raise ArgumentError(
            "einsum: the result must name axes of the operands, each once", got=formula
        )
    return result


def _imply_result(labels: list[list[str]]) -> list[str]:
    counts = Counter(name for each in labels for name in each)
    once = (name for name, count in counts.items() if count == 1 and not name.startswith(_BATCH))
    return [*_batch_names(labels), *sorted(once)]


def _collect_sizes(
    labels: list[list[str]], operands: Sequence[Node], formula: str
) -> dict[str, Index]:
    sizes: dict[str, Index] = {}
    for names, node in zip(labels, operands, strict=True):
        for name, size in zip(names, node.shape, strict=True):
            known = sizes.setdefault(name, size)
            if known not in (1, size) and size != 1:
                raise ShapeError(
                    f"einsum: the sizes of axis {name!r} differ",
                    got=f"{known} and {size} in {formula!r}",
                )
            if known == 1:
                sizes[name] = size
    return sizes


def _contract(
    operands: list[Node], labels: list[list[str]], result: list[str], sizes: dict[str, Index]
) -> Node:
    """Multiply operands one after the other, summing over each axis after its last use.

    Floats narrower than 32 bits become float32.
    """
    node, names = _take_diagonals(nodes.widen(operands[0]), labels[0])
    for place in range(1, len(operands)):
        later = {name for each in labels[place + 1 :] for name in each} | set(result)
        other, other_names = _take_diagonals(nodes.widen(operands[place]), labels[place])
        every = sorted({*names, *other_names}, key=_order(result))
        summed = tuple(i for i, name in enumerate(every) if name not in later)
        product = multiply_and_sum(
            _align(node, names, every), _align(other, other_names, every), summed, node.dtype
        )
        node = nodes.drop_axes(product, summed)
        names = [name for name in every if name in later]
    return _finish(node, names, result, sizes)


def _order(result: list[str]) -> Callable[[str], tuple[int, str]]:
    """Return the sort key that puts the result's axes first, in its order."""
    places = {name: place for place, name in enumerate(result)}
    return lambda name: (places.get(name, len(places)), name)


def _align(node: Node, names: list[str], every: list[str]) -> Node:
    """Return the node with its axes in the order of ``every``, of size 1 where it has none."""
    order = sorted(range(len(names)), key=lambda axis: every.index(names[axis]))
    node = permute_axes(node, order)
    sizes = iter(node.shape)
    return reshape_to(node, tuple(next(sizes) if name in names else 1 for name in every))


def _finish(node: Node, names: list[str], result: list[str], sizes: dict[str, Index]) -> Node:
    """Sum what is left over, and bring the axes into the order of the result."""
    spare = tuple(axis for axis, name in enumerate(names) if name not in result)
    node = nodes.drop_axes(nodes.reduce_sum(node, spare), spare)
    kept = [name for name in names if name in result]
    node = permute_axes(node, [kept.index(name) for name in result])
    return nodes.expand(node, tuple(sizes[name] for name in result))


def _take_diagonals(node: Node, names: list[str]) -> tuple[Node, list[str]]:
    """Return the node with one axis for each name: where a name is repeated, the diagonal."""
    found = list(names)
    while len(set(found)) != len(found):
        name = next(name for name in found if found.count(name) > 1)
        first = found.index(name)
        second = found.index(name, first + 1)
        rank, size = len(found), node.shape[second]
        row = nodes.positions(node.shape[first], dtypes.index, rank, first)
        column = nodes.positions(size, dtypes.index, rank, second)
        is_diagonal = intern(comparison.equal, (row, column))
        kept = nodes.where(is_diagonal, node, zero(node.dtype))
        node = nodes.drop_axes(nodes.reduce_sum(kept, (second,)), (second,))
        del found[second]
    return node, found
