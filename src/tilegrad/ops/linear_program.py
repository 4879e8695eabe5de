"""Linear programs: functions as lists of instructions, checked and printed."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from tilegrad.base.errors import VerifyError
from tilegrad.ir.node import Node
from tilegrad.ir.text import print_sequence
from tilegrad.ops import leaves, linear, matrix

_UNLISTED = (leaves.constant_op, linear.vector, matrix.zero_matrix)
WRITES = (
    linear.write,
    linear.write_scattered,
    linear.write_lanes,
    linear.update,
    matrix.write_matrix,
)
"""What changes memory, at the address that is the first source."""


def find_pointer(address: Node) -> Node:
    """Return what an address counts from: mostly the start of a parameter, scratch or table."""
    while address.op is linear.address or address.op is linear.address_after:
        address = address.sources[0]
    return address


@dataclass(frozen=True, slots=True)
class LinearFunction:
    """A function: what is appended to the program's name, and its instructions in order."""

    suffix: str
    instructions: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class LinearProgram:
    """What is compiled as one module.

    The first function performs program instances ``begin`` to ``end`` (exclusive), the second, if
    there is one, the finish block. Memory of different parameters does not overlap unless none of
    it is written.

    Attributes:
        name: name of the first function.
        functions: the functions; all that follow the first have a suffix.
    """

    name: str
    functions: tuple[LinearFunction, ...]

    def verify(self) -> None:
        """Check that sources stand before their users and that loops nest.

        Raises:
            VerifyError: they do not.
        """
        for function in self.functions:
            _verify(function)

    def __str__(self) -> str:
        """Return the text of the functions: a line for each instruction, loops indented."""
        return "\n".join(
            f"function {self.name}{function.suffix}:\n"
            + textwrap.indent(print_sequence(function.instructions), "  ")
            for function in self.functions
        )


def _verify(function: LinearFunction) -> None:
    known: list[set[Node]] = [set()]
    open_loops: list[Node] = []
    for node in function.instructions:
        for source in node.sources:
            if source.op in _UNLISTED or any(source in region for region in known):
                continue
            raise VerifyError(
                "an instruction uses what is not known there",
                got=f"{source} in {node}",
            )
        if node.op is linear.end_loop:
            if not open_loops or open_loops.pop() is not node.sources[0]:
                raise VerifyError("loops do not nest", got=node)
            known.pop()
        if node.op is linear.begin_loop:
            open_loops.append(node)
            known.append(set())
        known[-1].add(node)
    if open_loops:
        raise VerifyError("a loop does not end", got=open_loops[-1])
