"""Words of the text form, and the errors that point at them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from tilegrad.base.errors import ParseError

_TOKEN = re.compile(
    r"""(?P<space>[ ]+|\#.*)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<hex>0x[0-9a-fA-F]+)
    |(?P<float>[0-9]+(?:\.[0-9]*(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+))
    |(?P<integer>[0-9]+)
    |(?P<string>"(?:[^"\\]|\\.)*")
    |(?P<sign>//|<=|==|[-+*%<&|~()\[\]{},:=@])""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a line.

    Attributes:
        kind: name, hex, float, integer, string, sign, or end (of the line).
        text: the word as written.
        column: where it starts, from 0.
    """

    kind: str
    text: str
    column: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a program: its number from 1 and its text."""

    number: int
    text: str

    @property
    def indent(self) -> int:
        """How many spaces it starts with."""
        return len(self.text) - len(self.text.lstrip(" "))

    def tokens(self) -> list[Token]:
        """Return the words of the line, ended by one of kind ``end``.

        Raises:
            ParseError: a character that belongs to no word.
        """
        found: list[Token] = []
        position = 0
        while position < len(self.text):
            match = _TOKEN.match(self.text, position)
            if match is None:
                character = Token("sign", self.text[position], position)
                raise self.error(f"unexpected character {character.text!r}", character)
            if match.lastgroup != "space":
                found.append(Token(str(match.lastgroup), match.group(), position))
            position = match.end()
        found.append(Token("end", "", len(self.text.rstrip())))
        return found

    def error(
        self, what: str, token: Token, *, expected: object = None, mend: str | None = None
    ) -> ParseError:
        """Return the error that points at a word of this line."""
        marks = " " * token.column + "^" * max(1, len(token.text))
        got = f"line {self.number}, column {token.column + 1}\n    {self.text}\n    {marks}"
        return ParseError(what, got=got, expected=expected, mend=mend)

    def unknown(self, what: str, token: Token, known: Iterable[str]) -> ParseError:
        """Return the error for a name that nothing has, with the nearest one that something has."""
        close = difflib.get_close_matches(token.text, list(known), n=1)
        mend = f"did you mean {close[0]!r}?" if close else None
        return self.error(f"unknown {what} {token.text!r}", token, mend=mend)
