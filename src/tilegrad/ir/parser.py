"""Reads the text form of programs (see ``text``) back into nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tilegrad.base.errors import ParseError
from tilegrad.ir.dialect import Dialect
from tilegrad.ir.lexer import Line, Token
from tilegrad.ir.node import Node
from tilegrad.ir.phrase import Phrases


def parse(text: str, dialect: Dialect, bindings: Sequence[object] = ()) -> tuple[Node, ...]:
    """Return the roots of a program given as text.

    ``parse(print_program(roots), dialect, bindings)`` gives ``roots``, the same objects.

    Args:
        text: the program; empty lines and ``#`` comments are skipped.
        dialect: where the ops are looked up.
        bindings: the objects that ``@0``, ``@1`` ... stand for.

    Raises:
        ParseError: the text is no program; the message points at the place.
    """
    return _read(text, dialect, bindings).finish()


def parse_sequence(text: str, dialect: Dialect) -> tuple[Node, ...]:
    """Return instructions given as text, in order; the reverse of ``text.print_sequence``.

    Raises:
        ParseError: the text is no sequence; the message points at the place.
    """
    return tuple(_read(text, dialect, ()).defined)


def _read(text: str, dialect: Dialect, bindings: Sequence[object]) -> _Reader:
    reader = _Reader(dialect, bindings)
    for number, content in enumerate(text.splitlines(), 1):
        line = Line(number, content)
        if line.tokens()[0].kind != "end":
            reader.read(line)
    return reader


@dataclass(slots=True)
class _Region:
    """A loop whose lines are being read.

    Attributes:
        indent: spaces before its header.
        label: name of the loop, or None.
        is_performed: whether the loop around performs it.
        phrases: where its header stands, for errors.
        sources: bounds and initial values.
        attributes: the fields of its attributes as written.
        carries: how many tiles it carries.
    """

    indent: int
    label: str | None
    is_performed: bool
    phrases: Phrases
    start: Token
    sources: list[Node]
    attributes: dict[str, object]
    carries: int
    following: list[Node] | None = None
    effects: list[Node] = field(default_factory=list)


class _Reader:
    """Reads a program line by line.

    Attributes:
        values: the names defined so far.
        defined: the nodes of all lines so far.
    """

    def __init__(self, dialect: Dialect, bindings: Sequence[object]) -> None:
        self.dialect = dialect
        self.bindings = bindings
        self.values: dict[str, Node] = {}
        self.defined: list[Node] = []
        self.regions: list[_Region] = []
        self.roots: tuple[Node, ...] | None = None

    def read(self, line: Line) -> None:
        """Read one line."""
        while self.regions and line.indent <= self.regions[-1].indent:
            self._close()
        phrases = Phrases(line, self.dialect, self.values, self.bindings)
        if self.roots is not None:
            raise phrases.fail("a line after return", expected="nothing")
        word = phrases.peek()
        if word.text == "return":
            self._read_return(phrases)
        elif word.text in ("next", "pass"):
            self._read_next(phrases)
        else:
            self._read_definition(phrases)
        phrases.expect_end()

    def finish(self) -> tuple[Node, ...]:
        """Return the roots after the last line."""
        if self.roots is None:
            raise ParseError("the program does not end", expected="a last line: return name, ...")
        return self.roots

    def _read_return(self, phrases: Phrases) -> None:
        if self.regions:
            raise phrases.fail("return inside a loop", expected="no indentation")
        phrases.take()
        self.roots = tuple(phrases.read_operands())

    def _read_next(self, phrases: Phrases) -> None:
        if not self.regions:
            raise phrases.fail("this word belongs into a loop", expected="an indented line")
        word = phrases.take()
        region = self.regions[-1]
        following = phrases.read_operands() if word.text == "next" else []
        if region.following is not None or len(following) != region.carries:
            raise phrases.fail(
                "the next values do not fit the loop",
                word,
                expected=f"one line with {region.carries} values, as many as the loop carries",
            )
        region.following = following

    def _read_definition(self, phrases: Phrases) -> None:
        is_performed = phrases.accept("do")
        label = None
        token = phrases.peek()
        if token.kind == "name" and phrases.peek(1).text == "=":
            label = token.text
            self._check_label(phrases, token)
            phrases.take()
            phrases.take()
        if is_performed and not self.regions:
            raise phrases.fail("do outside a loop", token, expected="an indented line")
        if phrases.peek().text == "for":
            self._open(phrases, label, is_performed=is_performed)
            return
        start = phrases.peek()
        node = phrases.read_operand()
        phrases.check_type(node, start)
        self._define(node, label, is_performed=is_performed)

    def _check_label(self, phrases: Phrases, token: Token) -> None:
        if token.text in self.values:
            raise phrases.fail(
                f"{token.text} is defined twice", token, mend="give this value another name"
            )

    def _define(self, node: Node, label: str | None, *, is_performed: bool) -> None:
        self.defined.append(node)
        if label is not None:
            self.values[label] = node
        if is_performed:
            self.regions[-1].effects.append(node)

    # --- loops ---

    def _open(self, phrases: Phrases, label: str | None, *, is_performed: bool) -> None:
        """Read ``for i0 in range(start, stop, step) {loop=0} with c0 = initial, ...:``."""
        start = phrases.take()
        index = phrases.take_name()
        phrases.expect("in")
        phrases.expect("range")
        phrases.expect("(")
        bounds = phrases.read_operands()
        phrases.expect(")")
        if len(bounds) != 3:
            raise phrases.fail(
                "range takes three bounds", start, expected="range(start, stop, step)"
            )
        attributes = phrases.read_fields()
        carried: list[Token] = []
        initial: list[Node] = []
        while phrases.accept(",") if carried else phrases.accept("with"):
            carried.append(phrases.take_name())
            phrases.expect("=")
            initial.append(phrases.read_operand())
        phrases.expect(":")
        number = attributes.get("loop")
        self._declare(phrases, index, "loop_index", bounds[:2], {"loop": number})
        for position, (name, value) in enumerate(zip(carried, initial, strict=True)):
            fields = {"loop": number, "position": position}
            self._declare(phrases, name, "carry", [value], fields)
        sources = [*bounds, *initial]
        self.regions.append(
            _Region(
                phrases.line.indent,
                label,
                is_performed,
                phrases,
                start,
                sources,
                attributes,
                len(initial),
            )
        )

    def _declare(
        self,
        phrases: Phrases,
        name: Token,
        op_name: str,
        sources: Sequence[Node],
        fields: dict[str, object],
    ) -> None:
        self._check_label(phrases, name)
        self.values[name.text] = phrases.build(op_name, sources, fields, name)

    def _close(self) -> None:
        region = self.regions.pop()
        if region.following is None and region.carries:
            raise region.phrases.fail(
                "the loop does not say how its carried tiles go on",
                region.start,
                expected=f"a last line: next value, ... ({region.carries} values)",
            )
        sources = [*region.sources, *(region.following or []), *region.effects]
        fields = {**region.attributes, "carries": region.carries}
        node = region.phrases.build("loop", sources, fields, region.start)
        self._define(node, region.label, is_performed=region.is_performed)
