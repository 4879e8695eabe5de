"""A captured step: one recording of all its launches, patched and run at each replay."""

from __future__ import annotations

import math
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from tilegrad.engine.launches import Launched
from tilegrad.engine.packs import Pack
from tilegrad.engine.plan import Step
from tilegrad.engine.scratch import ScratchUse
from tilegrad.engine.sizes import evaluate_index
from tilegrad.engine.storage import make_buffer_node, memory_of
from tilegrad.engine.tracked import Tracked
from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node
from tilegrad.ir.op import Shape
from tilegrad.ops.leaves import Storage
from tilegrad.runtime.device import Recording

if TYPE_CHECKING:
    from tilegrad.engine.compiled import CompiledExecutor


NEVER = -(1 << 62)
"""Before all changes."""


class Result(NamedTuple):
    """Where a replay finds a result.

    Attributes:
        dtype: of its elements.
        shape: its shape, perhaps symbolic.
        home: ``made`` anew by each replay, the memory of the ``given`` input or of the ``earlier``
            result of that number, or a storage outside.
        number: of the input or result.
        patches: for what is made, which arguments of the recording hold its address.
        size: how many elements it has, None if that depends on symbolic sizes.
    """

    dtype: DType
    shape: Shape
    home: Literal["made", "given", "earlier"] | Storage
    number: int = 0
    patches: Sequence[int] = ()
    size: int | None = None


class Dynamic(NamedTuple):
    """A launch whose scalars or grid depend on symbolic sizes, and its arguments by slot."""

    number: int
    step: Step
    arguments: Sequence[int]


@dataclass(eq=False, slots=True)
class CapturedStep:
    """A captured step, ready to replay.

    Attributes:
        executor: where it runs.
        recording: all launches.
        launches: what they are.
        inputs: for each input, which arguments of the recording hold its address.
        results: where each result is found.
        kernels: how many launches there are, alike ones in one group counted once.
        arena_bytes: size of the memory that it uses beside what it is given and returns.
        overwritten: storages that it writes in place, but for inputs, and those that it keeps.
        overwritten_inputs: numbers of the inputs that it writes in place.
        outside: storages that are neither inputs nor outputs, with the arguments of the recording
            that hold their addresses.
        packs: the packed copies that it reads.
        scratch: where it has what lives only within a replay, and what it keeps.
        memory_changes: the session's count when the addresses were last looked at.
        pack_changes: how often packed copies had become stale when its own were looked at.
        seen: the session's count of changes when ``Session.protect`` last looked at the tensors, or
            ``NEVER``.
        owners: the tensors whose values replays change.
    """

    executor: CompiledExecutor
    recording: Recording
    launches: list[Launched]
    inputs: list[list[int]]
    results: list[Result]
    dynamic: list[Dynamic]
    symbols: dict[str, int]
    kernels: int
    arena_bytes: int
    overwritten: frozenset[Storage]
    overwritten_inputs: list[int]
    outside: dict[Storage, list[int]]
    packs: list[Pack]
    scratch: ScratchUse
    memory_changes: int = -1
    pack_changes: int = -1
    seen: int = NEVER
    owners: list[weakref.ref[Tracked]] = field(default_factory=list)
    _has_new_results: bool = field(init=False)  # no replay overwrites what another one returned

    def __post_init__(self) -> None:
        self._has_new_results = all(result.home in ("made", "earlier") for result in self.results)

    def replay(self, inputs: Sequence[Storage], symbols: Mapping[str, int]) -> list[Node]:
        """Run the step on other inputs of the same sizes; return its results.

        Args:
            inputs: one storage per input of the capture.
            symbols: values of the symbolic sizes.
        """
        packs = self.executor.packs
        self.refresh()
        if symbols != self.symbols:
            self._set_symbols(symbols)
        arguments = self.recording.arguments
        for storage, patches in zip(inputs, self.inputs, strict=True):
            address = memory_of(storage).address
            for argument in patches:
                arguments[argument] = address
        results: list[Storage] = []
        nodes = []
        for result in self.results:
            shape, size = result.shape, result.size
            if size is None:
                sizes = tuple([evaluate_index(extent, symbols) for extent in shape])
                shape, size = sizes, math.prod(sizes)
            if result.home == "made":
                found, memory = self.executor.new_storage(result.dtype, size)
                for argument in result.patches:
                    arguments[argument] = memory.address
            elif isinstance(result.home, Storage):
                found = result.home
            else:
                found = (inputs if result.home == "given" else results)[result.number]
            results.append(found)
            nodes.append((found, shape))
        self.executor.run("replay", self.recording, self.launches, symbols)
        packs.note_written(self.overwritten)
        if self.overwritten_inputs:
            packs.note_written({inputs[number] for number in self.overwritten_inputs})
        return [make_buffer_node(storage, shape) for storage, shape in nodes]

    def refresh(self) -> None:
        """Let packed copies and scratch memory be those of now."""
        packs = self.executor.packs
        if self.pack_changes != packs.changes:
            for pack in self.packs:
                pack.refresh(self.executor.device)
            self.pack_changes = packs.changes
        self.scratch.follow(self.recording.arguments)

    def note_results(self, count: int) -> None:
        """Count tensors just made of the results as seen, if no replay will overwrite them."""
        if self._has_new_results:
            self.seen += count

    def refresh_addresses(self) -> None:
        """Let the launches use the memory that the storages outside have now."""
        for storage, patches in self.outside.items():
            for argument in patches:
                self.recording.arguments[argument] = memory_of(storage).address

    def _set_symbols(self, symbols: Mapping[str, int]) -> None:
        sizes: dict[int, tuple[dict[int, int], int]] = {}  # those of equal programs are the same
        for number, step, arguments in self.dynamic:
            key = id(step.program.program)
            if key not in sizes:
                sizes[key] = self.executor.sizes_of(step, symbols)
            scalars, blocks = sizes[key]
            for slot, value in scalars.items():
                self.recording.arguments[arguments[slot]] = value
            self.recording.set_blocks(number, blocks)
        self.symbols = dict(symbols)
