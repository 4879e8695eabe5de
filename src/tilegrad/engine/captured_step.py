"""A captured step: one recording of all its launches, patched and run at each replay."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tilegrad.engine.launches import Launched
from tilegrad.engine.packs import Pack
from tilegrad.engine.plan import Made, Step
from tilegrad.engine.scratch import ScratchUse
from tilegrad.engine.sizes import Extent, evaluate_shape, measure
from tilegrad.engine.storage import Contents, write_addresses
from tilegrad.engine.tracked import Tracked
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
        home: the number of an input or, counted on from those, of what each replay makes anew; or a
            storage outside.
        shape: its shape, perhaps symbolic.
    """

    home: int | Storage
    shape: Shape


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
        inputs: how many there are.
        made: what each replay makes anew.
        patches: which arguments of the recording hold an address, and whose: the number of an input
            or, counted on from those, of what is made.
        results: where each result is found.
        dynamic: the launches that depend on symbolic sizes.
        symbols: the values of these that the recording has now.
        kernels: how many launches there are, alike ones in one group counted once.
        arena_bytes: size of the memory that it uses beside what it is given and returns.
        overwritten: storages that it writes in place, but for inputs, and those that it keeps.
        overwritten_inputs: numbers of the inputs that it writes in place.
        outside: storages that are neither inputs nor made anew, and
        outside_patches: which arguments of the recording hold their addresses.
        packs: the packed copies that it reads.
        scratch: where it has what lives only within a replay, and what it keeps.
        moves: the session's count when the addresses and packed copies were last looked at.
        seen: the session's count of changes when its tensors were last looked at, or ``NEVER``.
        owners: the tensors whose values replays change.
        extents: how large what is made is, with the symbols as they are.
        placed: the memory that was handed in last, if the recording still has its addresses.
        is_writing: whether it overwrites what others may look at.
        is_new: for each result, whether each replay gives it in memory that is nobody else's.
    """

    executor: CompiledExecutor
    recording: Recording
    launches: list[Launched]
    inputs: int
    made: list[Made]
    patches: list[tuple[int, int]]
    results: list[Result]
    dynamic: list[Dynamic]
    symbols: dict[str, int]
    kernels: int
    arena_bytes: int
    overwritten: frozenset[Storage]
    overwritten_inputs: list[int]
    outside: list[Storage]
    outside_patches: list[tuple[int, int]]
    packs: list[Pack]
    scratch: ScratchUse
    moves: int = -1
    seen: int = NEVER
    owners: list[weakref.ref[Tracked]] = field(default_factory=list)
    placed: Sequence[Storage] | None = field(init=False, default=None)
    is_writing: bool = field(init=False)
    is_new: list[bool] = field(init=False)
    extents: list[Extent] = field(init=False)
    _found: list[Result] = field(init=False)  # the results with the symbols as they are

    def __post_init__(self) -> None:
        homes = [result.home for result in self.results]
        self.is_new = [isinstance(home, int) and home >= self.inputs for home in homes]
        self.is_writing = bool(self.overwritten or self.overwritten_inputs)
        self._measure(self.symbols)

    def replay(
        self,
        inputs: Sequence[Storage],
        symbols: Mapping[str, int],
        made: Sequence[Storage] | None = None,
    ) -> list[Contents]:
        """Run the step on other inputs of the same sizes; return its results.

        Args:
            inputs: one storage per input of the capture.
            symbols: values of the symbolic sizes.
            made: takes what each replay makes, and always comes with the same inputs; None for
                new memory.
        """
        executor = self.executor
        moves = executor.moves.count
        if self.moves != moves:
            for pack in self.packs:
                pack.refresh(executor.device)
        results: list[Contents] = []
        given = moves, inputs, symbols, made, results
        executor.run("replay", self.recording, self.launches, symbols, self._prepare, given)
        if self.overwritten:
            executor.packs.note_written(self.overwritten)
        if self.overwritten_inputs:
            executor.packs.note_written({inputs[number] for number in self.overwritten_inputs})
        return results

    def _prepare(
        self,
        moves: int,
        inputs: Sequence[Storage],
        symbols: Mapping[str, int],
        made: Sequence[Storage] | None,
        results: list[Contents],
    ) -> None:
        """Patch the recording, and find where the results will be."""
        if self.moves != moves:
            self._follow(moves)
        if self.symbols != symbols:
            self._set_symbols(symbols)
        new = map(self.executor.new_storage, self.extents) if made is None else made
        storages = [*inputs, *new]
        if made is None or self.placed is not made:
            self.placed = None
            write_addresses(self.recording.arguments, self.patches, storages)
            self.placed = made
        for home, shape in self._found:
            results.append((storages[home] if isinstance(home, int) else home, shape))

    def _follow(self, moves: int) -> None:
        """Let the launches use the memory that scratch and the storages outside have now."""
        arguments = self.recording.arguments
        self.scratch.follow(arguments)
        write_addresses(arguments, self.outside_patches, self.outside)
        self.moves = moves

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
        self._measure(symbols)
        self.symbols = dict(symbols)

    def _measure(self, symbols: Mapping[str, int]) -> None:
        self.extents = measure(self.made, symbols)
        self._found = [Result(home, evaluate_shape(shape, symbols)) for home, shape in self.results]
