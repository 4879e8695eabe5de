"""What a matrix unit is: which products it takes, and how each step of one is lowered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tilegrad.codegen.context import Context, Vectors
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node
from tilegrad.ops.matrix import MatrixFacts


@dataclass(frozen=True, slots=True)
class MatrixUnit:
    """Instructions of a processor that multiply matrices of some dtypes.

    Attributes:
        name: what the processor's makers call the multiplication.
        left, right, accumulator: dtypes of the operands and of the sum.
        features: any of these sets of features gives a processor the unit.
        facts: what choosing tiles needs to know.
        accepts: whether it computes products of these sizes: rows, depth, columns.
        hold: lowers ``hold``.
        accumulate: lowers ``accumulate``.
        release: lowers ``release``.
    """

    name: str
    left: DType
    right: DType
    accumulator: DType
    features: tuple[tuple[str, ...], ...]
    facts: Callable[[CodegenTarget], MatrixFacts]
    accepts: Callable[[int, int, int], bool]
    hold: Callable[[Context, Node], Vectors]
    accumulate: Callable[[Context, Node], Vectors]
    release: Callable[[Context, Node], Vectors]

    def is_on(self, target: CodegenTarget) -> bool:
        """Whether a processor has it."""
        return any(target.has(*features) for features in self.features)
