"""A dialect: a set of ops with a verifier. Each stage takes one dialect and gives another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tilegrad.base.errors import VerifyError
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import Op


@dataclass(frozen=True, eq=False)
class Dialect:
    """A named set of ops and the checks that a program in it must pass.

    Attributes:
        name: name of the dialect.
        documentation: what its programs mean.
        ops: the ops that may occur.
        checks: functions that raise ``VerifyError`` on a program (given as its nodes, sources
            first) that breaks a rule which no single op's dtype and shape rule can see.
    """

    name: str
    documentation: str
    ops: tuple[Op, ...]
    checks: tuple[Callable[[list[Node]], None], ...] = ()
    by_name: dict[str, Op] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {op.name: op for op in self.ops})

    def verify(self, roots: Iterable[Node]) -> None:
        """Check a program.

        Raises:
            VerifyError: an op does not belong to the dialect or a check fails.
        """
        order = sort_topologically(roots)
        for node in order:
            if self.by_name.get(node.op.name) is not node.op:
                raise VerifyError(
                    f"{node.op.name} is not an op of the dialect {self.name}",
                    got=node,
                    expected=f"one of {', '.join(sorted(self.by_name))}",
                )
        for check in self.checks:
            check(order)
