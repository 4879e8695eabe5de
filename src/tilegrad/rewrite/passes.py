"""A pass: a named tuple of rules, indexed by the ops that they look for.

A rule is compiled when an op is met that it looks for, once for all passes that have it: most
programs never meet most of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from tilegrad.base.errors import ArgumentError
from tilegrad.ir.dialect import Dialect
from tilegrad.ir.op import Op
from tilegrad.rewrite.matching import Variant, compile_rule
from tilegrad.rewrite.rule import Rule

Key: TypeAlias = tuple[Op | frozenset[Op], ...]


@dataclass(frozen=True, eq=False)
class Pass:
    """Rules that are applied together until none matches.

    Where several rules match a node, the first in order is taken.

    Attributes:
        name: a verb phrase.
        documentation: what the pass is for.
        rules: the rules, in order.
        input: dialect of the programs it takes, or None if it works on any.
        output: dialect of those it gives, or None if it is the same.
        by_op: the rules that may apply to each op, in order.
    """

    name: str
    documentation: str
    rules: tuple[Rule, ...]
    input: Dialect | None = None
    output: Dialect | None = None
    by_op: dict[Op, list[Rule]] = field(init=False, repr=False)
    index: dict[Key, tuple[Variant, ...]] = field(init=False, repr=False)
    """Memo of `find`, a pure function: the variants that can match, by op and ops of sources."""

    def __post_init__(self) -> None:
        names = [rule.name for rule in self.rules]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ArgumentError(f"pass {self.name} has several rules of one name", got=repeated)
        by_op: dict[Op, list[Rule]] = {}
        for rule in self.rules:
            for op in rule.ops:
                by_op.setdefault(op, []).append(rule)
        object.__setattr__(self, "by_op", by_op)
        object.__setattr__(self, "index", {})

    def find(self, op: Op, source_ops: Iterable[Op]) -> tuple[Variant, ...]:
        """Return the variants of rules that can match an op over sources of the given ops."""
        ops = tuple(source_ops)
        return tuple(
            variant
            for rule in self.by_op.get(op, ())
            for variant in compile_rule(rule)
            if variant.accepts(ops)
        )
