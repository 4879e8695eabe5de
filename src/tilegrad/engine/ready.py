"""Plans that are ready to run: with their kernels, and as recordings once they have run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from tilegrad.engine.launches import Launched
from tilegrad.engine.library import Kernel
from tilegrad.engine.plan import Place, Plan
from tilegrad.engine.sizes import Extent, measure
from tilegrad.ir.node import Node
from tilegrad.ir.op import Shape
from tilegrad.runtime.device import Recording


@dataclass(slots=True)
class Ready:
    """A plan with its kernels, and its recording once it has run.

    Attributes:
        plan: the plan.
        kernels: by group and step.
        given: how many buffers it is given.
        launches: all launches, in the order of the recording.
        results: the number of each one's storage, of those given and, counted on, made; its shape.
        is_symbolic: whether sizes differ from run to run.
        made: how large what is made is, if that does not differ.
        bound: what runs; None before the first run.
    """

    plan: Plan
    kernels: list[list[Kernel]]
    given: int
    launches: list[Launched] = field(init=False)
    results: list[tuple[int, Shape]] = field(init=False)
    is_symbolic: bool = field(init=False)
    made: list[Extent] = field(init=False)
    bound: Bound | None = None

    def __post_init__(self) -> None:
        plan = self.plan
        self.launches = [
            launched
            for steps, kernels in zip(plan.groups, self.kernels, strict=True)
            for launched in map(Launched, steps, kernels)
        ]
        self.results = [(self.number_of(place), shape) for place, shape in plan.results]
        sizes = [size for _, shape in self.results for size in shape]
        self.is_symbolic = plan.is_symbolic or any(isinstance(size, Node) for size in sizes)
        self.made = [] if self.is_symbolic else measure(plan.made, {})

    def number_of(self, place: Place) -> int:
        """Return the number of what is given or made."""
        return place.number + (self.given if place.kind == "made" else 0)


class Bound(NamedTuple):
    """The launches of a plan as a recording, and where it holds what differs from run to run.

    Attributes:
        recording: the launches.
        patches: which arguments hold an address, and the number of what is given or made there.
        temporaries: the arguments that lie in temporary memory, and how far from its beginning.
        nbytes: how much temporary memory there is.
    """

    recording: Recording
    patches: list[tuple[int, int]]
    temporaries: list[tuple[int, int]]
    nbytes: int
