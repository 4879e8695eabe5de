"""A tile program with what is needed to launch it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ir.text import print_program
from tilegrad.ops.affine import Index
from tilegrad.ops.tile import ProgramAttributes

Role = Literal["input", "update", "output", "workspace", "scalar"]


class Slot(NamedTuple):
    """What one launch argument is.

    Attributes:
        role: ``input`` is only read, ``update`` is read and written, ``output`` and ``workspace``
            mean nothing before the launch, a workspace nothing after it either; a ``scalar`` is an
            integer.
        dtype: of the elements; ``index`` for a scalar.
        size: number of elements behind the pointer, or the value of the scalar, as an integer or an
            index node over the symbols of the graph that launches the program.
    """

    role: Role
    dtype: DType
    size: Index


class Following(NamedTuple):
    """A scalar that says how far away what is launched next reads.

    Attributes:
        scalar: its slot. Its value is how many bytes of memory lie between the end of what
            ``pointer`` points to and what the next launch reads; what its size says where nobody
            knows.
        pointer: a slot with memory.
    """

    scalar: int
    pointer: int


@dataclass(frozen=True, slots=True)
class Program:
    """A tile program and what its slots are.

    The root holds no sizes of the launch but those that its code depends on: programs whose roots
    are the same node share one compiled kernel, whatever the sizes in their slots.

    Attributes:
        root: the ``program`` node.
        slots: what to pass, in order.
        following: scalars that the launches of a recording may have told.
    """

    root: Node
    slots: tuple[Slot, ...]
    following: tuple[Following, ...] = ()

    @property
    def name(self) -> str:
        """Name of the native function."""
        return attributes_of(self.root, ProgramAttributes).name

    @property
    def updates(self) -> dict[int, int]:
        """The outputs, by number, that are updated inputs, and the numbers of these inputs."""
        roles = [slot.role for slot in self.slots]
        inputs = [slot for slot, role in enumerate(roles) if role in ("input", "update")]
        outputs = [slot for slot, role in enumerate(roles) if role in ("update", "output")]
        return {number: inputs.index(slot) for number, slot in enumerate(outputs) if slot in inputs}

    @property
    def grid(self) -> tuple[Node, ...]:
        """Sizes of the grid: index nodes over the root's ``scalar`` nodes."""
        return self.root.sources[1 : 1 + attributes_of(self.root, ProgramAttributes).axes]

    def __str__(self) -> str:
        lines = [
            f"# slot {number}: {role} {dtype.name}, {_describe(role, size)}\n"
            for number, (role, dtype, size) in enumerate(self.slots)
        ]
        return "".join(lines) + print_program([self.root])


def _describe(role: Role, size: Index) -> str:
    text = size if isinstance(size, int) else _last_line(size)
    return f"value {text}" if role == "scalar" else f"{text} elements"


def _last_line(size: Node) -> str:
    return print_program([size]).splitlines()[-1].removeprefix("return ")
