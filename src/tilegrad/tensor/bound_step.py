"""A captured step on arrays of its own: what a replay finds out each time is settled once.

The few dozen functions that Python goes through for a replay take some microseconds while caches
hold them, but 0.4 ms after a step that has read a hundred megabytes in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy

from tilegrad.base.errors import CaptureError
from tilegrad.engine.captured_step import CapturedStep
from tilegrad.engine.session import Session
from tilegrad.engine.storage import view_storage, wrap_memory
from tilegrad.ops.infer import known_sizes


class BoundStep:
    """A captured step that always runs on the same arrays.

    Args:
        session: the step's.
        step: what was captured.
        inputs: C-contiguous arrays of the arguments' shapes and dtypes.
        settle: realises what waits to be written to memory that the step may read.

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
        settle: Callable[[], None],
    ) -> None:
        if step.symbols or step.overwritten_inputs or not (step.results and all(step.is_new)):
            raise CaptureError(
                "a captured step cannot be bound to arrays",
                got=f"results that it makes: {step.is_new}; symbols: {list(step.symbols)}",
                expected="results that the step makes, and sizes that are known",
                mend="call the captured function: it takes and gives tensors",
            )
        self._session, self._step, self._settle = session, step, settle
        device = step.executor.name
        self.inputs = tuple(inputs)
        self._inputs = [wrap_memory(array, device) for array in inputs]
        self._made = [step.executor.new_storage(extent) for extent in step.extents]
        storages = [*self._inputs, *self._made]
        self.outputs = [
            view_storage(storages[home], known_sizes(shape))
            for home, shape in step.results
            if isinstance(home, int)  # as all of them are
        ]

    def run(self) -> None:
        """Read the inputs as they are now, and write the outputs."""
        step, session = self._step, self._session
        if session.settled != session.assignments.count:
            self._settle()
        if step.is_writing and not session.has_protected(step):
            session.protect(step, ())
        step.replay(self._inputs, {}, self._made)
