"""What the rules of decomposition read: the processor, the loop maker, and values made wide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tilegrad.codegen import narrow
from tilegrad.codegen.mathematics.rounds import Rounds
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node

Sources = tuple[Node, ...]


@dataclass(slots=True)
class Decomposition:
    """The state of rewriting one program.

    Attributes:
        target: the processor.
        rounds: makes the loops that some formulas need.
        wide: float32 of replaced nodes of narrow dtypes.
        has_units: whether a product is left to a matrix unit.
    """

    target: CodegenTarget
    rounds: Rounds
    wide: dict[Node, Node] = field(default_factory=dict)
    has_units: bool = False

    def storage(self, dtype: DType) -> DType:
        """Return the dtype in which elements are held in registers and memory."""
        return narrow.storage_dtype(self.target, dtype)

    def widen_source(self, source: Node, replaced: Node) -> Node:
        """Return the replacement of a source, as float32 if it is of a narrow dtype."""
        if not narrow.is_narrow(source.dtype):
            return replaced
        return self.widen(replaced, source.dtype)

    def widen(self, stored: Node, dtype: DType) -> Node:
        """Return elements of a narrow dtype, as stored, as float32."""
        found = self.wide.get(stored)
        if found is None:
            found = self.wide[stored] = narrow.widen(stored, dtype)
        return found

    def narrow(self, x: Node, dtype: DType, *, is_exact: bool = False) -> Node:
        """Return a float rounded to a narrow dtype, as stored."""
        return narrow.narrow(self.target, x, dtype, is_exact=is_exact)


Rule = Callable[[Decomposition, Node, Sources], Node]
"""Makes the replacement of a node from its replaced sources."""
