"""The text form of programs of every dialect: readable SSA that parses back to the same nodes.

One op a line, ``name = op(operands) {attribute=value} : dtype[shape]``. Constants and short index
arithmetic stand inline (``load(p0, 64*i0 + r1)``), also in attributes and shapes. A loop is an
indented region that holds what depends on its index or its carried tiles::

    loop0 = for i0 in range(0, n, 16) {loop=0} with c0 = float32(0):
      v0 = load(p0, i0 + r0) : float32[16]
      do store(p1, i0 + r0, v0)
      next add(c0, ...)

``do`` marks the loop's effects in order, ``next`` gives its carried tiles for the next round; the
last line, ``return``, names the roots. ``@0`` stands for an object that has no text (the storage of
a tensor); ``parse`` takes such objects again. ``parser.parse`` reads the form.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.expression import Expressions, Inline
from tilegrad.ir.node import Node
from tilegrad.ir.scope import (
    Loops,
    count_carries,
    dependencies,
    find_free_loops,
    loop_body,
    loop_number,
    needs_before,
    order_nodes,
)
from tilegrad.ir.words import DTYPES, KEYWORDS, WORDS

_PREFIXES = {
    "buffer": "b",
    "carry": "c",
    "iota": "r",
    "loop": "loop",
    "loop_index": "i",
    "parameter": "p",
    "program_index": "g",
    "scalar": "n",
    "scratch": "s",
}
_NUMBERS = {"parameter": "slot", "program_index": "axis", "scratch": "identity"}
"""Attributes that number the values of an op by themselves."""


@dataclass(frozen=True, slots=True)
class Printed:
    """A program as text.

    Attributes:
        text: the lines.
        bindings: the objects that ``@0``, ``@1`` ... stand for.
        line_of: number (from 0) of the line that defines a node, for those that have one.
        names: name or inline text of every node.
    """

    text: str
    bindings: tuple[object, ...]
    line_of: dict[Node, int]
    names: dict[Node, str]


def print_program(roots: Iterable[Node]) -> str:
    """Return the text of a program."""
    return describe_program(roots).text


def print_sequence(instructions: Sequence[Node]) -> str:
    """Return the text of instructions whose order matters: each on its line, in that order.

    Only nodes that are not listed (constants) stand inline. Lines between ``begin_loop`` and
    ``end_loop`` are indented. ``parser.parse_sequence`` reads the form.
    """
    writer = _Writer(list(instructions), frozenset())
    writer.write_sequence()
    return "\n".join(writer.lines) + "\n"


def describe_program(roots: Iterable[Node], named: Iterable[Node] = ()) -> Printed:
    """Return the text of a program and what is where in it.

    Args:
        roots: the results of the program.
        named: nodes that get a line of their own even where they could stand inline.
    """
    writer = _Writer(list(roots), frozenset(named))
    writer.write()
    names = {node: operand.text for node, operand in writer.expressions.operands.items()}
    text = "\n".join(writer.lines) + "\n"
    return Printed(text, tuple(writer.expressions.bindings), writer.line_of, names)


class _Writer:
    """Writes one program.

    Attributes:
        open_loops: those whose regions the current line is in.
    """

    def __init__(self, roots: list[Node], named: frozenset[Node]) -> None:
        self.roots = roots
        self.named = named
        self.expressions = Expressions()
        self.lines: list[str] = []
        self.line_of: dict[Node, int] = {}
        self.open_loops: Loops = frozenset()
        self._depth = 0
        order = order_nodes(roots)
        self._free = find_free_loops(order)
        self._binders: dict[int, list[Node]] = {}
        self._uses: dict[Node, int] = dict.fromkeys(order, 0)
        self._taken: set[str] = {*KEYWORDS, *DTYPES, *WORDS}
        self._counts: dict[str, int] = {}
        for node in order:
            self._note(node)

    def _note(self, node: Node) -> None:
        for need in dependencies(node):
            self._uses[need] += 1
        if node.op.name in ("loop_index", "carry"):
            self._binders.setdefault(loop_number(node), []).append(node)

    def write(self) -> None:
        """Write all lines."""
        for root in self.roots:
            self._uses[root] += 1
        self._write_nodes(self.roots)
        self._line(f"return {', '.join(self._text(root) for root in self.roots)}")

    def write_sequence(self) -> None:
        """Write the roots as instructions."""
        operands = self.expressions.operands
        listed = set(self.roots)
        for node in self.roots:
            for source in node.sources:
                if source not in listed and source not in operands:
                    found = self.expressions.inline(source)
                    operands[source] = found or Inline(self.expressions.call(source))
            self._depth -= node.op.name == "end_loop"
            self._write_statement(node)
            self._depth += node.op.name == "begin_loop"

    # --- which lines, in which order ---

    def _write_nodes(self, roots: Iterable[Node]) -> None:
        """Write the lines of nodes and of all that they need and that has none yet."""
        for node in order_nodes(roots, self._needs):
            if node not in self.expressions.operands:
                self._write_node(node)

    def _needs(self, node: Node) -> Iterable[Node]:
        """Return what must be written before a node."""
        return needs_before(node, self._free, self.open_loops, self.expressions.operands)

    def _write_node(self, node: Node) -> None:
        if node.op.name == "loop":
            self._write_loop(node)
            return
        inline = None if node in self.named else self.expressions.inline(node)
        if inline is not None:
            self.expressions.operands[node] = inline
        else:
            self._write_statement(node)

    def _write_effect(self, effect: Node) -> None:
        """Write an effect that the loop around performs."""
        is_named = self._uses[effect] > 1
        self._write_nodes(self._needs(effect))
        if effect in self.expressions.operands:
            self._line(f"do {self._text(effect)}")
        elif effect.op.name == "loop":
            self._write_loop(effect, "do ", is_named=is_named)
        else:
            self._write_statement(effect, "do ", is_named=is_named)

    def _write_loop(self, loop: Node, prefix: str = "", *, is_named: bool = True) -> None:
        """Write a loop as a region if a header can declare its index and carries."""
        binders = self._find_binders(loop)
        if binders is None:
            self._write_nodes(loop.sources)
            self._write_statement(loop, prefix, is_named=is_named)
            return
        carries = count_carries(loop)
        header = self._header(loop, *binders)
        self._define(loop, f"{header}:", prefix, is_named=is_named)
        outside, self.open_loops = self.open_loops, self.open_loops | {loop_number(loop)}
        self._depth += 1
        following, effects = loop_body(loop)[:carries], loop_body(loop)[carries:]
        for effect in effects:
            self._write_effect(effect)
        self._write_nodes(following)
        if following:
            self._line(f"next {', '.join(self._text(node) for node in following)}")
        elif not effects:
            self._line("pass")
        self._depth -= 1
        self.open_loops = outside

    def _find_binders(self, loop: Node) -> tuple[Node | None, list[Node | None]] | None:
        """Return a loop's index and carries where used; None if the header cannot declare them."""
        index: Node | None = None
        carried: list[Node | None] = [None] * count_carries(loop)
        for node in self._binders.get(loop_number(loop), ()):
            if node in self.expressions.operands:
                return None
            position = getattr(node.attributes, "position", None)
            if position is None and node.sources == loop.sources[:2]:
                index = node
            elif position is not None and node.sources == loop.sources[3 + position : 4 + position]:
                carried[position] = node
        return index, carried

    # --- the text of a line ---

    def _header(self, loop: Node, index: Node | None, carried: Sequence[Node | None]) -> str:
        start, stop, step = (self._text(bound) for bound in loop.sources[:3])
        name = self._bind(index, self._free_name(f"i{loop_number(loop)}"))
        header = f"for {name} in range({start}, {stop}, {step})"
        header += self.expressions.attributes(loop.attributes, leave_out=("carries",))
        pairs = [
            f"{self._bind(node, self._numbered('c'))} = {self._text(initial)}"
            for node, initial in zip(carried, loop.sources[3 : 3 + len(carried)], strict=True)
        ]
        return f"{header} with {', '.join(pairs)}" if pairs else header

    def _write_statement(self, node: Node, prefix: str = "", *, is_named: bool = True) -> None:
        text = f"{self.expressions.call(node)}{self.expressions.type(node)}"
        self._define(node, text, prefix, is_named=is_named)

    def _define(self, node: Node, text: str, prefix: str = "", *, is_named: bool = True) -> None:
        label = f"{self._bind(node, self._name(node))} = " if is_named else ""
        self.line_of[node] = len(self.lines)
        self._line(f"{prefix}{label}{text}")

    def _line(self, text: str) -> None:
        self.lines.append("  " * self._depth + text)

    def _text(self, node: Node) -> str:
        return self.expressions.operands[node].text

    # --- names ---

    def _bind(self, node: Node | None, name: str) -> str:
        self._taken.add(name)
        if node is not None:
            self.expressions.operands[node] = Inline(name)
        return name

    def _name(self, node: Node) -> str:
        own = getattr(node.attributes, "name", None)
        if isinstance(own, str) and own.isidentifier() and own.isascii() and not node.sources:
            return self._free_name(own)
        prefix = _PREFIXES.get(node.op.name, "e" if node.dtype is dtypes.void else "v")
        if node.op.name in _NUMBERS:
            return self._free_name(f"{prefix}{getattr(node.attributes, _NUMBERS[node.op.name])}")
        return self._numbered(prefix)

    def _free_name(self, wanted: str) -> str:
        return wanted if wanted not in self._taken else self._numbered(f"{wanted}_")

    def _numbered(self, prefix: str) -> str:
        while True:
            number = self._counts.get(prefix, 0)
            self._counts[prefix] = number + 1
            if f"{prefix}{number}" not in self._taken:
                return f"{prefix}{number}"
