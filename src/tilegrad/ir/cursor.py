"""A line of the text form and how far it has been read."""

from __future__ import annotations

from tilegrad.base.errors import ParseError
from tilegrad.ir.lexer import Line, Token


class Cursor:
    """Goes through the words of a line.

    Attributes:
        line: the line.
    """

    def __init__(self, line: Line) -> None:
        self.line = line
        self._tokens = line.tokens()
        self._position = 0

    def peek(self, ahead: int = 0) -> Token:
        """Return a word to come."""
        return self._tokens[min(self._position + ahead, len(self._tokens) - 1)]

    def take(self) -> Token:
        """Return the next word and go past it."""
        token = self.peek()
        self._position += 1
        return token

    def accept(self, text: str) -> bool:
        """Go past the next word if it is ``text``; return whether it was."""
        if self.peek().text != text:
            return False
        self.take()
        return True

    def expect(self, text: str) -> Token:
        """Go past the next word, which must be ``text``."""
        if self.peek().text != text:
            raise self.fail("unexpected word", expected=repr(text))
        return self.take()

    def expect_end(self) -> None:
        """Check that nothing of the line is left."""
        if self.peek().kind != "end":
            raise self.fail("unexpected word", expected="the end of the line")

    def take_name(self) -> Token:
        """Return the next word, which must be a name."""
        if self.peek().kind != "name":
            raise self.fail("unexpected word", expected="a name")
        return self.take()

    def fail(
        self,
        what: str,
        token: Token | None = None,
        *,
        expected: object = None,
        mend: str | None = None,
    ) -> ParseError:
        """Return the error that points at a word, by default at the next."""
        return self.line.error(what, token or self.peek(), expected=expected, mend=mend)
