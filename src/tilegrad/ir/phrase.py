"""Reads the phrases of a line of the text form: operands, attributes, types."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from tilegrad.base.errors import TilegradError
from tilegrad.ir.cursor import Cursor
from tilegrad.ir.dialect import Dialect
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.expression import BITWISE, COMPARISONS, OPTIONAL, QUOTIENTS
from tilegrad.ir.lexer import Line, Token
from tilegrad.ir.literal import float_bits, integer_bits
from tilegrad.ir.node import Node
from tilegrad.ir.record import make_record
from tilegrad.ir.words import DTYPES, WORDS


class _Monomial(NamedTuple):
    """An integer times nodes."""

    coefficient: int
    factors: tuple[Node, ...] = ()

    def times(self, factor: int | Node) -> _Monomial:
        """Return the product with one more factor."""
        if isinstance(factor, Node):
            return _Monomial(self.coefficient, (*self.factors, factor))
        return _Monomial(self.coefficient * factor, self.factors)


class Phrases(Cursor):
    """A line and how far it has been read.

    A *value* is what an attribute can be: a number, text, a dtype, a node, a tuple of these. An
    *operand* is a node; a plain integer as an operand is an index constant.
    """

    def __init__(
        self,
        line: Line,
        dialect: Dialect,
        names: Mapping[str, Node],
        bindings: Sequence[object],
    ) -> None:
        super().__init__(line)
        self.dialect = dialect
        self.names = names
        self.bindings = bindings

    # --- operands and values ---

    def read_operands(self) -> list[Node]:
        """Read operands separated by commas, at least one."""
        operands = [self.read_operand()]
        while self.accept(","):
            operands.append(self.read_operand())
        return operands

    def read_operand(self) -> Node:
        """Read an operand."""
        token = self.peek()
        return self._as_node(self.read_value(), token)

    def read_value(self) -> object:
        """Read a value: comparisons bind loosest, then ``|``, ``&``, sums, products."""
        token = self.peek()
        left = self._read_bits()
        for op_name, sign in COMPARISONS.items():
            if self.peek().text == sign:
                return self._binary(op_name, left, token, self._read_bits)
        return left

    def _read_bits(self, names: tuple[str, ...] = ("bitwise_or", "bitwise_and")) -> object:
        if not names:
            return self._read_sum()
        token = self.peek()
        left = self._read_bits(names[1:])
        while self.peek().text == BITWISE[names[0]]:
            left = self._binary(names[0], left, token, lambda: self._read_bits(names[1:]))
        return left

    def _read_sum(self) -> object:
        first = self._read_term(self.accept("-"))
        if not isinstance(first, _Monomial):
            return first
        terms = [first]
        token = self.peek()
        while self.peek().text in ("+", "-"):
            is_negative = self.take().text == "-"
            term = self._read_term(False)
            if not isinstance(term, _Monomial):
                raise self.fail("only integers and indices can be added", token)
            terms.append(term._replace(coefficient=-term.coefficient) if is_negative else term)
        if len(terms) == 1:
            return self._value(first, token)
        parts = [term for term in terms if term.factors]
        constant = sum(term.coefficient for term in terms if not term.factors)
        if not parts:
            return constant
        atoms = [self._value(term._replace(coefficient=1), token) for term in parts]
        coefficients = tuple(term.coefficient for term in parts)
        fields = {"coefficients": coefficients, "constant": constant}
        return self.build("affine", [self._as_node(atom, token) for atom in atoms], fields, token)

    def _read_term(self, is_negative: bool) -> object:
        """Read factors; return a ``_Monomial``, or a value that is neither integer nor node."""
        token = self.peek()
        value = self._read_factor()
        sign = -1 if is_negative else 1
        if isinstance(value, float):
            return sign * value
        if isinstance(value, bool) or not isinstance(value, (int, Node)):
            return value
        term = _Monomial(sign).times(value)
        while self.peek().text in ("*", "//", "%"):
            word = self.peek()
            if word.text == "*":
                self.take()
                term = term.times(self._whole(self.peek(), self._read_factor()))
            else:
                op_name = next(name for name, sign in QUOTIENTS.items() if sign == word.text)
                left = self._value(term, token)
                term = _Monomial(1).times(self._binary(op_name, left, token, self._read_factor))
        return term

    def _whole(self, token: Token, value: object) -> int | Node:
        if isinstance(value, bool) or not isinstance(value, (int, Node)):
            raise self.fail("only integers and indices can be multiplied", token)
        return value

    def _value(self, term: _Monomial, token: Token) -> int | Node:
        coefficient, factors = term
        if not factors:
            return coefficient
        node = factors[0] if len(factors) == 1 else self.build("product", factors, {}, token)
        if coefficient == 1:
            return node
        return self.build("affine", [node], {"coefficients": (coefficient,), "constant": 0}, token)

    def _binary(
        self, op_name: str, left: object, token: Token, read_right: Callable[[], object]
    ) -> Node:
        sign = self.take()
        right_token = self.peek()
        right = self._as_node(read_right(), right_token)
        return self.build(op_name, [self._as_node(left, token), right], {}, sign)

    def _as_node(self, value: object, token: Token) -> Node:
        if isinstance(value, Node):
            return value
        if isinstance(value, bool):
            return self._constant(dtypes.bool, int(value), token)
        if isinstance(value, int):
            return self._constant(dtypes.index, value, token)
        mend = "write the dtype: float32(1.5)" if isinstance(value, float) else None
        raise self.fail("this is no operand", token, expected="a value of the program", mend=mend)

    def _read_factor(self) -> object:
        token = self.take()
        if token.kind == "integer":
            return int(token.text)
        if token.kind == "hex":
            return int(token.text, 16)
        if token.kind == "float":
            return float(token.text)
        if token.kind == "string":
            return json.loads(token.text)
        if token.text == "(":
            return self._read_group()
        if token.text == "@":
            return self._read_binding()
        if token.kind != "name":
            raise self.fail("unexpected word", token, expected="an operand or a value")
        if token.text in DTYPES:
            dtype = DTYPES[token.text]
            return self._read_literal(dtype) if self.peek().text == "(" else dtype
        if token.text in WORDS:
            return WORDS[token.text]
        if self.peek().text in ("(", "{"):
            return self._read_call(token)
        if token.text not in self.names:
            raise self.line.unknown("name", token, self.names)
        return self.names[token.text]

    def _read_group(self) -> object:
        """Read what follows an opening bracket: an expression, or a tuple."""
        items: list[object] = []
        while not self.accept(")"):
            items.append(self.read_value())
            if len(items) == 1 and self.accept(")"):
                return items[0]
            if len(items) == 1 and self.accept("x"):
                items *= self._read_count()
                self.expect(")")
                break
            if self.peek().text != ")":
                self.expect(",")
        return tuple(items)

    def _read_count(self) -> int:
        token = self.take()
        if token.kind != "integer":
            raise self.fail("unexpected word", token, expected="how often the item is repeated")
        return int(token.text)

    def _read_binding(self) -> object:
        token = self.take()
        number = int(token.text) if token.kind == "integer" else -1
        if not 0 <= number < len(self.bindings):
            raise self.fail(
                "nothing is bound to this number",
                token,
                expected=f"a number below {len(self.bindings)}, how many objects parse was given",
            )
        return self.bindings[number]

    def _read_literal(self, dtype: DType) -> Node:
        """Read ``(number)`` after a dtype."""
        self.expect("(")
        is_negative = self.accept("-")
        token = self.peek()
        value = self._read_factor()
        self.expect(")")
        if isinstance(value, bool):
            return self._constant(dtype, integer_bits(dtype, int(value)), token)
        if not isinstance(value, (int, float)):
            raise self.fail("this is no number", token, expected=f"a constant of {dtype.name}")
        if token.kind == "hex":
            return self._constant(dtype, value, token)
        if dtype.is_float:
            number = -float(value) if is_negative else float(value)
            return self._constant(dtype, float_bits(dtype, number), token)
        signed = -value if is_negative else value
        if isinstance(signed, float):
            raise self.fail("this constant must be whole", token, expected=dtype.name)
        return self._constant(dtype, integer_bits(dtype, signed), token)

    def _constant(self, dtype: DType, bits: float, token: Token) -> Node:
        return self.build("constant", (), {"dtype": dtype, "bits": bits}, token)

    # --- ops ---

    def _read_call(self, token: Token) -> Node:
        """Read ``(operands) {attributes}`` after the name of an op."""
        operands: list[Node] = []
        labelled: dict[str, Node] = {}
        if self.accept("("):
            while not self.accept(")"):
                if self.peek(1).text == "=":
                    label = self.take_name().text
                    self.take()
                    labelled[f"{OPTIONAL}{label}"] = self.read_operand()
                else:
                    operands.append(self.read_operand())
                if self.peek().text != ")":
                    self.expect(",")
        fields = {**self.read_fields(), **dict.fromkeys(labelled, True)}
        record = getattr(self.dialect.by_name.get(token.text), "attributes", None)
        for field in getattr(record, "_fields", ()):
            if field.startswith(OPTIONAL):
                fields.setdefault(field, False)
                operands += [labelled[field]] if field in labelled else []
        return self.build(token.text, operands, fields, token)

    def read_fields(self) -> dict[str, object]:
        """Read ``{name=value, ...}`` if it comes next."""
        fields: dict[str, object] = {}
        if not self.accept("{"):
            return fields
        while not self.accept("}"):
            name = self.take_name()
            self.expect("=")
            fields[name.text] = self.read_value()
            if self.peek().text != "}":
                self.expect(",")
        return fields

    def build(
        self, op_name: str, sources: Sequence[Node], fields: Mapping[str, object], token: Token
    ) -> Node:
        """Return the node of an op; errors point at ``token``."""
        op = self.dialect.by_name.get(op_name)
        if op is None:
            raise self.line.unknown(
                f"op of the dialect {self.dialect.name}", token, self.dialect.by_name
            )
        known: tuple[str, ...] = getattr(op.attributes, "_fields", ())
        for name in fields:
            if name not in known:
                word = Token("name", name, token.column)
                raise self.line.unknown(f"attribute of {op_name}", word, known)
        try:
            return op(*sources, attributes=make_record(op, fields))
        except TilegradError as error:
            got = f" (got {error.got})" if error.got is not None else ""
            what = f"{error.what}{got}"
            raise self.fail(what, token, expected=error.expected, mend=error.mend) from error

    # --- types ---

    def check_type(self, node: Node, start: Token) -> None:
        """Read ``: dtype[sizes]`` if it comes next and compare it with the node's.

        Args:
            node: what stands before the colon.
            start: where it starts, for the error.
        """
        if not self.accept(":"):
            return
        token = self.take_name()
        if token.text not in DTYPES:
            raise self.line.unknown("dtype", token, DTYPES)
        shape: list[object] = []
        if self.accept("["):
            while not self.accept("]"):
                shape.append(self.read_value())
                if self.peek().text != "]":
                    self.expect(",")
        if node.dtype is not DTYPES[token.text] or node.shape != tuple(shape):
            sizes = ", ".join(str(size) for size in node.shape)
            raise self.fail(
                "the type is not that of the op", start, expected=f"{node.dtype.name}[{sizes}]"
            )
