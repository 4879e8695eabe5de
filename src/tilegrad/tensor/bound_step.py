"""A captured step on arrays of its own: what a replay finds out each time is settled once.

The few dozen functions that Python goes through for a replay take some microseconds while caches
hold them, but 0.4 ms after a step that has read a hundred megabytes in between.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy

from tilegrad.base.errors import CaptureError
from tilegrad.engine.captured_step import CapturedStep
from tilegrad.engine.session import Session
from tilegrad.engine.storage import view_storage


class BoundStep:
    """A captured step that always runs on the same arrays.

    Args:
        session: the step's.
        step: what was captured.
        inputs: C-contiguous arrays of the arguments' shapes and dtypes.
        settle: realises tensors whose memory the step may read.

    Attributes:
        inputs: as given; a run reads what they hold then.
        outputs: an array for each tensor that the step makes and returns; every run writes them.

    Raises:
        CaptureError: the step has symbolic sizes, writes an argument, makes no result or returns
            something that it has not made.
    """

    def __init__(
        self,
        session: Session,
        step: CapturedStep,
        inputs: Sequence[numpy.ndarray],
        settle: Callable[[CapturedStep], None],
    ) -> None:
        homes = {str(result.home) for result in step.results}
        if step.symbols or step.overwritten_inputs or homes != {"made"}:
            raise CaptureError(
                "a captured step cannot be bound to arrays",
                got=f"results that are {', '.join(sorted(homes))}; symbols {list(step.symbols)}",
                expected="results that the step makes, and sizes that are known",
                mend="call the captured function: it takes and gives tensors",
            )
        self._session, self._step, self._settle = session, step, settle
        self._recording, self._packs = step.recording, step.executor.packs
        self._addresses: dict[int, int] = {}
        for array, patches in zip(inputs, step.inputs, strict=True):
            self._addresses |= dict.fromkeys(patches, array.ctypes.data)
        self.inputs, self.outputs = tuple(inputs), list[numpy.ndarray]()
        for result in step.results:
            shape = tuple(size for size in result.shape if isinstance(size, int))
            storage, memory = step.executor.new_storage(result.dtype, math.prod(shape))
            self.outputs.append(view_storage(storage, shape))
            self._addresses |= dict.fromkeys(result.patches, memory.address)
        # A replay on other arrays writes other results: by one address one knows whose turn it was.
        self._place, self._address = next(reversed(self._addresses.items()))

    def run(self) -> None:
        """Read the inputs as they are now, and write the outputs."""
        step, session = self._step, self._session
        if (
            step.seen != session.changes.count
            or step.memory_changes != session.memory_changes
            or step.pack_changes != self._packs.changes
            or self._recording.arguments[self._place] != self._address
        ):
            self._prepare()
        step.executor.run("replay", self._recording, step.launches, {})
        self._packs.note_written(step.overwritten)

    def _prepare(self) -> None:
        """Do what a replay does before it runs."""
        step = self._step
        self._settle(step)
        self._session.protect(step, ())
        step.refresh()
        arguments = self._recording.arguments
        for place, address in self._addresses.items():
            arguments[place] = address
