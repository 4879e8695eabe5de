"""A profile: the kernels that a program runs, what they find in memory, and how long they take."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

from tilegrad.engine.plan import Place, Step
from tilegrad.engine.programs import Derived
from tilegrad.engine.sizes import evaluate_index
from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node
from tilegrad.ops.program import Program, Role
from tilegrad.runtime.buffer import Buffer


@dataclass(frozen=True, slots=True)
class Operand:
    """The memory behind an input or output of a kernel.

    Attributes:
        dtype: of its elements.
        size: how many there are.
        contents: what was there before the first launch; None for floats, whose values do not
            change what a kernel does.
    """

    dtype: DType
    size: int
    contents: NDArray[Any] | None


@dataclass(slots=True)
class Sample:
    """A kernel as the program ran it.

    Attributes:
        program: the kernel.
        symbols: values of the symbolic sizes.
        operands: the memory of its inputs and outputs.
        roles: for each role of slots with memory, which operand each slot is; one that is read and
            written is written in place.
        launches: how often it ran.
        least: seconds of the launch that took least time.
    """

    program: Derived
    symbols: Mapping[str, int]
    operands: list[Operand]
    roles: Mapping[Role, list[int]]
    launches: int = 0
    least: float = math.inf

    @property
    def seconds(self) -> float:
        """How long all launches take that are as fast as the fastest."""
        return self.launches * self.least

    @property
    def written(self) -> list[int]:
        """The operands that are written."""
        return [*self.roles["update"], *self.roles["output"]]

    @property
    def is_in_place(self) -> bool:
        """Whether a launch changes what the next one reads."""
        return not set(self.written).isdisjoint((*self.roles["input"], *self.roles["update"]))


class Variants(NamedTuple):
    """The ways to write a kernel by hand.

    Attributes:
        digest: of the program that is written by default.
        candidates: for each choice, its values, the default first.
        write: gives the program of a value for each choice.
    """

    digest: str
    candidates: Mapping[str, Sequence[object]]
    write: Callable[[Mapping[str, object]], Program]


@dataclass(slots=True)
class Profile:
    """What an executor ran while this was its profile.

    Attributes:
        samples: by the root of the program, one for each kernel.
        variants: other ways to write a kernel, by the root of its program; hand-written kernels
            offer them (``tilegrad.tensor.kernel``).
    """

    samples: dict[Node, Sample] = field(default_factory=dict)
    variants: dict[Node, Variants] = field(default_factory=dict)

    def note(self, step: Step, memory: Mapping[Place, Buffer], symbols: Mapping[str, int]) -> None:
        """Note what a launch finds in memory, if it is the first of its kernel."""
        root = step.program.program.root
        if root in self.samples:
            return
        numbers: dict[Place, int] = {}
        operands: list[Operand] = []
        roles: dict[Role, list[int]] = {"input": [], "update": [], "output": []}
        for slot, place in zip(step.program.program.slots, step.places, strict=True):
            if place is None or slot.role not in roles:
                continue
            if place not in numbers:
                numbers[place] = len(operands)
                count = evaluate_index(slot.size, symbols)
                is_read = slot.role != "output"
                operands.append(_look(memory[place], slot.dtype, count, is_read=is_read))
            roles[slot.role].append(numbers[place])
        self.samples[root] = Sample(step.program, dict(symbols), operands, roles)

    def count(self, step: Step, seconds: float = math.inf) -> None:
        """Count a launch; note how long it took, if that is known."""
        sample = self.samples.get(step.program.program.root)
        if sample is not None:
            sample.launches += 1
            sample.least = min(sample.least, seconds)


def _look(memory: Buffer, dtype: DType, count: int, *, is_read: bool) -> Operand:
    if dtype.is_float or not is_read:
        return Operand(dtype, count, None)
    whole = Buffer(memory.address, count * dtype.itemsize, memory)
    return Operand(dtype, count, numpy.array(whole.array()))
