"""Rearranging axes by a formula of names, in the notation of einops."""

from __future__ import annotations

import re
from typing import Self

from tilegrad.base.errors import ArgumentError, ShapeError
from tilegrad.ops import symbolic
from tilegrad.ops.movement import permute_axes, reshape_to
from tilegrad.tensor.attention import Attention
from tilegrad.tensor.broadcasting import show_shape
from tilegrad.tensor.size import Index, Size, as_index

_TOKEN = re.compile(r"\.\.\.|[A-Za-z_]\w*|1|[()]")


class Rearrangement(Attention):
    """``rearrange``."""

    __slots__ = ()

    def rearrange(self, formula: str, **sizes: Size) -> Self:
        """Return the tensor with axes split, reordered and joined as a formula says.

        Args:
            formula: the axes before and after ``->``, each a name, ``1``, or names in parentheses
                for an axis that is their product; ``...`` stands for any further axes.
            sizes: sizes of names, where a product leaves more than one unknown.

        Raises:
            ArgumentError: the formula makes no sense, or a size is missing.
            ShapeError: the tensor has other axes, or a size does not divide an axis.

        Example:
            ``images.rearrange("b c (h p) (w q) -> b (h w) (c p q)", p=8, q=8)``
        """
        left, arrow, right = formula.partition("->")
        if not arrow:
            raise ArgumentError("rearrange: the formula has no arrow", got=formula)
        shape = self.node.shape
        before, after = _parse(left, formula), _parse(right, formula)
        before = _fill(before, len(shape), formula)
        extra = [group for group in before if group and group[0].startswith(".")]
        after = [one for group in after for one in (extra if group == ["..."] else [group])]
        if len(before) != len(shape):
            raise ShapeError(
                "rearrange: the formula names another number of axes",
                got=f"{show_shape(shape)} for {left.strip()!r}",
            )
        names = [name for group in before for name in group]
        wanted = [name for group in after for name in group]
        if sorted(names) != sorted(wanted) or len(set(names)) != len(names):
            raise ArgumentError(
                "rearrange: both sides must hold the same names, each once", got=formula
            )
        known = {name: as_index(size) for name, size in sizes.items()}
        for group, size in zip(before, shape, strict=True):
            _solve(group, size, known, formula)
        node = reshape_to(self.node, tuple(known[name] for name in names))
        node = permute_axes(node, [names.index(name) for name in wanted])
        joined = tuple(symbolic.multiply_all(known[name] for name in group) for group in after)
        return self.with_node(reshape_to(node, joined))


def _parse(side: str, formula: str) -> list[list[str]]:
    """Return the names in each axis of one side."""
    parts = _TOKEN.findall(side)
    if "".join(parts) != "".join(side.split()):
        raise ArgumentError("rearrange: the formula cannot be read", got=formula)
    groups: list[list[str]] = []
    is_open = False
    for part in parts:
        if part in ("(", ")"):
            if is_open == (part == "("):
                raise ArgumentError("rearrange: the parentheses do not match", got=formula)
            is_open = part == "("
            if is_open:
                groups.append([])
        elif is_open:
            groups[-1] += [part] if part != "1" else []
        else:
            groups.append([part] if part != "1" else [])
    if is_open:
        raise ArgumentError("rearrange: the parentheses do not match", got=formula)
    return groups


def _fill(groups: list[list[str]], rank: int, formula: str) -> list[list[str]]:
    """Return the groups with the ellipsis replaced by names of single axes."""
    count = groups.count(["..."])
    if count > 1:
        raise ArgumentError("rearrange: one ellipsis a side", got=formula)
    missing = max(0, rank - len(groups) + count)
    spare = [[f".{number}"] for number in range(missing)]
    return [one for group in groups for one in (spare if group == ["..."] else [group])]


def _solve(group: list[str], size: Index, known: dict[str, Index], formula: str) -> None:
    """Find the one unknown size of an axis, and check that the names make up the axis."""
    unknown = [name for name in group if name not in known]
    if len(unknown) > 1:
        raise ArgumentError(
            "rearrange: these sizes are not known",
            got=", ".join(unknown),
            mend=f"pass one of them: rearrange({formula!r}, {unknown[0]}=..)",
        )
    product = symbolic.multiply_all(known[name] for name in group if name in known)
    if unknown and product != 0:
        known[unknown[0]] = symbolic.floor_divide(size, product)
        product = symbolic.multiply(product, known[unknown[0]])
    if symbolic.equal(product, size) is False:
        raise ShapeError(
            "rearrange: the sizes do not make up the axis",
            got=f"{size} for ({' '.join(group)}) in {formula!r}",
        )
