"""The text of single nodes: operands, index expressions written inline, attributes, types."""

from __future__ import annotations

import json
from typing import NamedTuple

from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.literal import format_literal
from tilegrad.ir.node import Node
from tilegrad.ir.op import Property

COMPARISONS = {"less": "<", "less_equal": "<=", "equal": "=="}
QUOTIENTS = {"floor_divide": "//", "modulo": "%"}
BITWISE = {"bitwise_and": "&", "bitwise_or": "|"}
OPTIONAL = "has_"
"""An attribute ``has_mask`` says whether an optional operand, written ``mask=...``, is there."""
_LONGEST_INLINE = 60
"""Longer index expressions get a line and a name; this also bounds the text of shared ones."""
_SHORTEST_REPETITION = 4
"""A tuple of this many equal items or more is written ``(item x count)``."""

_COMPARISON, _BITWISE, _SUM, _TERM, _ATOM = range(5)


class Inline(NamedTuple):
    """Text of an operand and how tightly its outermost operator binds."""

    text: str
    level: int = _ATOM

    def at(self, level: int) -> str:
        """Return the text, in parentheses if it binds less tightly than ``level``."""
        return self.text if self.level >= level else f"({self.text})"


class Expressions:
    """The texts of a program's nodes as operands, filled in as their lines are written.

    Attributes:
        operands: name or inline text of each node seen so far.
        bindings: objects in attributes that have no text (storages), in order of appearance.
    """

    def __init__(self) -> None:
        self.operands: dict[Node, Inline] = {}
        self.bindings: list[object] = []

    def inline(self, node: Node) -> Inline | None:
        """Return the text of a node that is to stand where it is used, or None if it gets a line.

        Constants and short index arithmetic stand inline; all its sources must have been seen.
        """
        name = node.op.name
        if name == "constant":
            return _constant(node)
        if not node.op.has(Property.ELEMENTWISE) or not self._is_index_arithmetic(node):
            return None
        if name == "affine":
            found = self._affine(node)
        elif name == "product":
            found = self._product(node)
        elif all(source.dtype is dtypes.index for source in node.sources) and name in COMPARISONS:
            left, right = (self.operands[source].at(_BITWISE) for source in node.sources)
            found = Inline(f"{left} {COMPARISONS[name]} {right}", _COMPARISON)
        elif name in QUOTIENTS or name in BITWISE:
            left, right = (self.operands[source].at(_ATOM) for source in node.sources)
            sign = QUOTIENTS.get(name) or BITWISE[name]
            found = Inline(f"{left} {sign} {right}", _TERM if name in QUOTIENTS else _BITWISE)
        else:
            found = Inline(self.call(node))
        return found if len(found.text) <= _LONGEST_INLINE else None

    def _is_index_arithmetic(self, node: Node) -> bool:
        if node.dtype is not dtypes.index and node.dtype is not dtypes.bool:
            return False
        return all(
            source.dtype is dtypes.index
            or (source.dtype is dtypes.bool and self.operands[source].level != _ATOM)
            for source in node.sources
        )

    def _affine(self, node: Node) -> Inline:
        coefficients, constant = node.attributes  # type: ignore[misc]
        is_plain = coefficients == (1,) and not constant
        if not coefficients or is_plain or any(s.op.name == "constant" for s in node.sources):
            return Inline(self.call(node))
        text = ""
        for coefficient, source in zip(coefficients, node.sources, strict=True):
            text += _sign(coefficient < 0, text) + self._scaled(abs(coefficient), source)
        if constant:
            text += f"{_sign(constant < 0, text)}{abs(constant)}"
        return Inline(text, _TERM if len(coefficients) == 1 and not constant else _SUM)

    def _scaled(self, factor: int, source: Node) -> str:
        operand = self.operands[source]
        # A named product stands for itself; an inline one multiplies like its factors.
        level = _TERM if source.op.name == "product" else _ATOM
        return operand.at(level) if factor == 1 else f"{factor}*{operand.at(level)}"

    def _product(self, node: Node) -> Inline:
        if len(node.sources) < 2 or any(s.op.name == "constant" for s in node.sources):
            return Inline(self.call(node))
        return Inline("*".join(self.operands[source].at(_ATOM) for source in node.sources), _TERM)

    def call(self, node: Node) -> str:
        """Return ``op(operands) {attributes}``."""
        fields: tuple[str, ...] = getattr(node.attributes, "_fields", ())
        optional = tuple(field for field in fields if field.startswith(OPTIONAL))
        labels = [
            f"{field.removeprefix(OPTIONAL)}="
            for field in optional
            if getattr(node.attributes, field)
        ]
        labels = [""] * (len(node.sources) - len(labels)) + labels
        operands = ", ".join(
            label + self.operands[source].text
            for label, source in zip(labels, node.sources, strict=True)
        )
        attributes = self.attributes(node.attributes, leave_out=optional)
        brackets = "" if attributes and not operands else f"({operands})"
        return f"{node.op.name}{brackets}{attributes}"

    def attributes(self, record: object, leave_out: tuple[str, ...] = ()) -> str:
        """Return `` {name=value, ...}`` of an attribute record without its defaults, or nothing."""
        fields: tuple[str, ...] = getattr(record, "_fields", ())
        defaults: dict[str, object] = getattr(record, "_field_defaults", {})
        parts = []
        for field in fields:
            value = getattr(record, field)
            if field not in leave_out and not (field in defaults and defaults[field] == value):
                parts.append(f"{field}={self.value(value)}")
        return f" {{{', '.join(parts)}}}" if parts else ""

    def value(self, value: object) -> str:
        """Return the text of a value in an attribute record."""
        if isinstance(value, Node):
            return self._constant_value(value) or self.operands[value].text
        if isinstance(value, DType):
            return value.name
        if isinstance(value, tuple):
            return self._tuple(value)
        if value is None:
            return "none"
        if isinstance(value, (bool, str)):
            return json.dumps(value)
        if isinstance(value, (int, float)):
            return repr(value)
        return f"@{self._bind(value)}"

    def _tuple(self, items: tuple[object, ...]) -> str:
        kinds = {(type(item), item) for item in items}
        if len(items) >= _SHORTEST_REPETITION and len(kinds) == 1:
            return f"({self.value(items[0])} x {len(items)})"
        text = ", ".join(self.value(item) for item in items)
        return f"({text},)" if len(items) == 1 else f"({text})"

    def _constant_value(self, node: Node) -> str | None:
        if node.op.name != "constant":
            return None
        dtype, bits = node.attributes  # type: ignore[misc]
        return f"{dtype.name}({format_literal(dtype, bits)})"

    def _bind(self, value: object) -> int:
        for number, known in enumerate(self.bindings):
            if known is value:
                return number
        self.bindings.append(value)
        return len(self.bindings) - 1

    def type(self, node: Node) -> str:
        """Return `` : dtype[shape]``, or nothing for an effect."""
        if node.dtype is dtypes.void:
            return ""
        sizes = ", ".join(self._size(size) for size in node.shape)
        return f" : {node.dtype.name}{f'[{sizes}]' if sizes else ''}"

    def _size(self, size: int | Node) -> str:
        return self.operands[size].text if isinstance(size, Node) else str(size)


def _constant(node: Node) -> Inline:
    dtype, bits = node.attributes  # type: ignore[misc]
    text = format_literal(dtype, bits)
    if dtype is dtypes.index:
        return Inline(text, _SUM if text.startswith("-") else _ATOM)
    return Inline(text if dtype is dtypes.bool else f"{dtype.name}({text})")


def _sign(is_negative: bool, before: str) -> str:
    if not before:
        return "-" if is_negative else ""
    return " - " if is_negative else " + "
