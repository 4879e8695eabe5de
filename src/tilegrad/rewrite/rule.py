"""A rule: an equation that is used from left to right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias, TypeVar, overload

from tilegrad.base.errors import ArgumentError
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op
from tilegrad.rewrite.pattern import (
    ANY,
    BOOLEAN,
    FLOAT,
    INTEGER,
    Apply,
    AttributeVariable,
    DTypeClass,
    Family,
    Literal,
    Term,
    Variable,
    walk,
)

A = TypeVar("A")


class RuleKind(Enum):
    """Where a law holds, and how exactly."""

    EXACT = "exact"
    """Bit for bit in every dtype that its ops take. (All NaNs count as one: which of them an
    operation gives is not defined.)"""
    INTEGER = "integer"
    """Exactly in integers and indices, where arithmetic wraps or is unbounded, not in floats."""
    BOOLEAN = "boolean"
    """In bool only."""
    RELAXED = "relaxed"
    """In real numbers; floats round differently on the two sides. Off unless asked for."""

    @property
    def dtypes(self) -> DTypeClass:
        """The dtypes that a variable without a class of its own may have."""
        return _CLASSES[self]


_CLASSES = {
    RuleKind.EXACT: ANY,
    RuleKind.INTEGER: INTEGER,
    RuleKind.BOOLEAN: BOOLEAN,
    RuleKind.RELAXED: FLOAT,
}


class Match:
    """What the variables of a left side stand for at one node.

    Attributes:
        node: the node that matched.
    """

    __slots__ = ("_slots", "_values", "node")

    def __init__(self, node: Node, slots: Mapping[object, int], values: list[object]) -> None:
        self.node = node
        self._slots = slots
        self._values = values

    @overload
    def __getitem__(self, symbol: Variable) -> Node: ...
    @overload
    def __getitem__(self, symbol: AttributeVariable[A]) -> A: ...
    def __getitem__(self, symbol: object) -> object:
        return self._values[self._slots[symbol]]


Guard: TypeAlias = Callable[[Match], bool]
Builder: TypeAlias = Callable[[Match], Node | None]


@dataclass(frozen=True, eq=False)
class Rule:
    """An equation used from left to right, wherever its left side matches.

    Sources of commutative ops match in either order. Where the right side has a smaller shape than
    the left (after broadcasting), the engine expands it.

    Attributes:
        name: the law it states, in a few words joined by underscores.
        left: the side that is looked for.
        right: the side that replaces it, or a function that computes it (None: leave it).
        law: the law in mathematics; the equation itself if it is not given.
        kind: where it holds.
        guard: a condition on the match beyond its structure.
        tolerance: for relaxed rules: by how many units in the last place of the result the sides
            may differ, for operands of one sign and of moderate magnitude.
    """

    name: str
    left: Apply | Family
    right: Term | Builder | int | float
    law: str = ""
    kind: RuleKind = RuleKind.EXACT
    guard: Guard | None = None
    tolerance: int = 0

    def __post_init__(self) -> None:
        right = self.right
        if isinstance(right, bool | int | float):
            object.__setattr__(self, "right", Literal(right))
        self._check()

    def _check(self) -> None:
        if (self.kind is RuleKind.RELAXED) != (self.tolerance > 0):
            raise ArgumentError(
                f"rule {self.name}: relaxed rules, and only they, have a tolerance",
                got=f"{self.kind}, tolerance {self.tolerance}",
            )
        if not isinstance(self.right, Term):
            if not self.law:
                raise ArgumentError(f"rule {self.name} computes, so it must state its law in words")
            return
        unbound = symbols_of(self.right) - symbols_of(self.left)
        if unbound:
            raise ArgumentError(
                f"rule {self.name}: the right side has variables that the left side has not",
                got=", ".join(sorted(str(symbol) for symbol in unbound)),
            )

    @property
    def ops(self) -> tuple[Op, ...]:
        """The ops of the nodes that it may apply to."""
        return self.left.ops if isinstance(self.left, Family) else (self.left.op,)

    @property
    def statement(self) -> str:
        """The law in mathematics."""
        return self.law or f"{self.left} = {self.right}"

    def class_of(self, variable: Variable) -> DTypeClass:
        """Return the dtypes that a variable may have in this rule."""
        return variable.dtypes or self.kind.dtypes

    def __repr__(self) -> str:
        return f"<rule {self.name}: {self.statement}>"


def symbols_of(term: Term) -> set[object]:
    """Return the variables and attribute variables of a term."""
    found: set[object] = set()
    for part in walk(term):
        if isinstance(part, Variable):
            found.add(part)
        elif isinstance(part, Apply) and isinstance(part.attributes, AttributeVariable):
            found.add(part.attributes)
    return found
