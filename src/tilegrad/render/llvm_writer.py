"""The text of one LLVM function under construction."""

from __future__ import annotations

from collections.abc import Callable

from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ops import leaves, linear, matrix
from tilegrad.ops.infer import known_sizes
from tilegrad.render.llvm_types import format_constant, format_type, format_vector


class Writer:
    """Writes one function.

    Attributes:
        lines: the body so far.
        names: operand text of each value.
        declarations: intrinsics that the module must declare.
        label: the basic block that is being written.
        openings: for each loop the block before it, the number of its first phi's line, and the
            operands of what it carries first.
        shuffled: what is an operand of a shuffle.
        fenced: shuffles that LLVM does not look through.
        writes_past_caches: whether writes that say so do; the memory begins at a line then.
    """

    def __init__(
        self, name: str, declarations: dict[str, None], *, writes_past_caches: bool = False
    ) -> None:
        self.name = name
        self.declarations = declarations
        self.writes_past_caches = writes_past_caches
        self.lines: list[str] = []
        self.names: dict[Node, str] = {}
        self.shuffled: set[Node] = set()
        self.fenced: set[Node] = set()
        self.label = "entry"
        self.openings: dict[Node, tuple[str, int, list[str]]] = {}

    def operand(self, node: Node, lanes: int) -> str:
        """Return an operand without its type; a scalar constant stands for all lanes."""
        name = self.names.get(node)
        if name is not None:
            return name
        if node.op is linear.vector:
            return format_vector(attributes_of(node, linear.VectorAttributes))
        if node.op is matrix.zero_matrix:
            return self._write_zero_matrix(node)
        text = format_constant(attributes_of(node, leaves.ConstantAttributes))
        return f"splat ({format_type(node.dtype)} {text})" if lanes else text

    def _write_zero_matrix(self, node: Node) -> str:
        """Write zeros into a tile register of their own, as tile registers cannot be copied."""
        name = f"%zero{len(self.lines)}"
        arguments = format_matrix_size(node)
        self.assign_call(name, "x86_amx", "llvm.x86.tilezero.internal", arguments)
        return name

    def kind(self, node: Node) -> str:
        """Return the type of a value."""
        if matrix.is_matrix(node):
            return "x86_amx"
        return format_type(node.dtype, linear.lanes_of(node))

    def typed(self, node: Node) -> str:
        """Return an operand with its type."""
        return f"{self.kind(node)} {self.operand(node, 0)}"

    def define(self, node: Node, text: str) -> None:
        """Write the instruction that gives a node's value."""
        self.assign(self.names[node], text)

    def assign(self, name: str, text: str) -> None:
        """Write an instruction whose result has a name."""
        self.lines.append(f"  {name} = {text}")

    def call(self, node: Node, name: str, arguments: list[str], flags: str = "") -> None:
        """Write the call of an intrinsic; each argument is type and operand."""
        self.assign_call(self.names[node], self.kind(node), name, arguments, flags)

    def assign_call(
        self, result: str, kind: str, name: str, arguments: list[str], flags: str = ""
    ) -> None:
        """Write the call of an intrinsic whose result has a name and a type."""
        self.declare(kind, name, arguments)
        self.assign(result, f"call{flags} {kind} @{name}({', '.join(arguments)})")

    def perform(self, name: str, arguments: list[str]) -> None:
        """Write the call of an intrinsic that gives nothing."""
        self.declare("void", name, arguments)
        self.lines.append(f"  call void @{name}({', '.join(arguments)})")

    def declare(self, result: str, name: str, arguments: list[str]) -> None:
        """Note that the module uses an intrinsic."""
        kinds = ", ".join(_type_of(argument) for argument in arguments)
        self.declarations[f"declare {result} @{name}({kinds})"] = None

    def fence(self) -> None:
        """Write that others see what went past the caches before they see that this is done."""
        self.declarations["!0 = !{i32 1}"] = None
        self.perform("llvm.x86.sse.sfence", [])


def format_matrix_size(node: Node) -> list[str]:
    """Return the arguments that say how many rows, and bytes of a row, a matrix has."""
    rows, columns = known_sizes(node.shape)
    return [f"i16 {rows}", f"i16 {columns * matrix.WORD_BYTES}"]


def _type_of(argument: str) -> str:
    end = argument.index(">") + 1 if argument.startswith("<") else argument.index(" ")
    return argument[:end]


Write = Callable[[Writer, Node], None]
"""Writes one instruction."""
