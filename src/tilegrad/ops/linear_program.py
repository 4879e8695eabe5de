"""Linear programs: functions as lists of instructions, checked and printed."""

from __future__ import annotations

from dataclasses import dataclass

from tilegrad.base.errors import VerifyError
from tilegrad.ir.dtype import DType, Kind
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
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
        return "\n".join(print_function(self.name, function) for function in self.functions)


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


def print_function(name: str, function: LinearFunction) -> str:
    """Return the text of a function: an instruction a line, loops indented."""
    names: dict[Node, str] = {}
    lines = [f"function {name}{function.suffix}:"]
    indent = 1
    for node in function.instructions:
        if node.op is linear.end_loop:
            indent -= 1
        names[node] = f"v{len(names)}"
        lines.append("  " * indent + _print_instruction(node, names))
        if node.op is linear.begin_loop:
            indent += 1
    return "\n".join(lines) + "\n"


def _print_instruction(node: Node, names: dict[Node, str]) -> str:
    operands = ", ".join(_print_operand(source, names) for source in node.sources)
    text = f"{node.op.name}({operands})"
    if isinstance(node.attributes, tuple):
        text += " " + _print_attributes(node.attributes)
    if node.dtype.kind is Kind.VOID:
        return f"{names[node]}: {text}"
    size = f"[{', '.join(map(str, node.shape))}]" if node.shape else ""
    return f"{names[node]} = {text} : {node.dtype.name}{size}"


def _print_attributes(attributes: tuple[object, ...]) -> str:
    """Return a record without what is so by default."""
    defaults = getattr(attributes, "_field_defaults", {})
    pairs = zip(getattr(attributes, "_fields", ()), attributes, strict=True)
    shown = [(name, value) for name, value in pairs if defaults.get(name, ...) != value]
    return "{" + ", ".join(f"{name}={_print_value(value)}" for name, value in shown) + "}"


def _print_value(value: object) -> str:
    return str(getattr(value, "name", value))


def _print_operand(node: Node, names: dict[Node, str]) -> str:
    if node.op is leaves.constant_op:
        return f"{node.dtype.name}({leaves.value_of(node)})"
    if node.op is matrix.zero_matrix:
        return f"{node.dtype.name}[{', '.join(map(str, node.shape))}](0)"
    if node.op is linear.vector:
        return _print_vector(attributes_of(node, linear.VectorAttributes))
    return names[node]


def _print_vector(attributes: linear.VectorAttributes) -> str:
    """Return a constant vector: one value for all lanes, or each."""
    dtype, bits = attributes
    values = {bit: str(leaves.value_of(_constant(dtype, bit))) for bit in bits}
    if len(values) == 1:
        return f"{dtype.name}[{len(bits)}]({values[bits[0]]})"
    return f"{dtype.name}<{', '.join(values[bit] for bit in bits)}>"


def _constant(dtype: DType, bits: int) -> Node:
    return leaves.constant_op(attributes=leaves.ConstantAttributes(dtype, bits))
