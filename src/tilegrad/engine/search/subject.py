"""What is searched over: a kernel, the decisions there are about it, and its program for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from tilegrad.engine.profile import Sample, Variants
from tilegrad.engine.programs import Derived, Programs, Source, measure
from tilegrad.ir.digest import digest
from tilegrad.ir.node import Node
from tilegrad.ir.op import attributes_of
from tilegrad.ops.tile import ProgramAttributes
from tilegrad.tile.decisions import Candidate, Choices, Decider, Decision


class Lowered(NamedTuple):
    """A program with the decisions that led to it.

    Attributes:
        program: what runs.
        decisions: by name.
    """

    program: Derived
    decisions: Mapping[str, Decision]

    @property
    def key(self) -> tuple[str, int | None]:
        """What tells it apart from schedules that make a difference."""
        return digest(self.program.program.root), self.program.units


class Subject(Protocol):
    """A kernel that may be lowered in several ways.

    Attributes:
        name: of the kernel.
        digest: by which its winner is kept.
    """

    name: str
    digest: str

    def lower(self, choices: Choices) -> Lowered:
        """Return the program for some choices; raises TilegradError if there is none."""
        ...


class DerivedSubject:
    """A kernel that the compiler derived.

    Args:
        programs: lowers it.
        source: the kernel.
        name: of the kernel.
    """

    def __init__(self, programs: Programs, source: Source, name: str) -> None:
        self.programs = programs
        self.source = source
        self.name = name
        self.digest = digest(source.program)

    def lower(self, choices: Choices) -> Lowered:
        """Return the program for some choices."""
        notes: dict[str, Decision] = {}
        return Lowered(self.programs.lower(self.source, Decider(choices, notes)), notes)


class WrittenSubject:
    """A kernel that was written by hand, with parameters to choose.

    Args:
        variants: the ways to write it.
        name: of the kernel.
    """

    def __init__(self, variants: Variants, name: str) -> None:
        self.variants = variants
        self.name = name
        self.digest = variants.digest

    def lower(self, choices: Choices) -> Lowered:
        """Return the program for some choices."""
        notes: dict[str, Decision] = {}
        decider = Decider(choices, notes)
        values = {
            name: decider.take(name, candidates, label=repr)
            for name, candidates in self.variants.candidates.items()
        }
        return Lowered(measure(self.variants.write(values)), notes)


def make_subject(
    sample: Sample, programs: Programs, variants: Mapping[Node, Variants]
) -> Subject | None:
    """Return what can be decided about a kernel; None if there is nothing."""
    root = sample.program.program.root
    name = attributes_of(root, ProgramAttributes).name
    if sample.program.source is not None:
        return DerivedSubject(programs, sample.program.source, name)
    written = variants.get(root)
    return None if written is None else WrittenSubject(written, name)


def name_choices(choices: Choices) -> str:
    """Return choices in words."""
    return ", ".join(f"{name} {label}" for name, label in choices.items()) or "default"


def alternatives(decision: Decision, most: int) -> list[Candidate]:
    """Return the likeliest candidates that were not taken."""
    return [one for one in decision.candidates if one.label != decision.taken][:most]
