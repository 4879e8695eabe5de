"""Capture of functions: a step that has been captured replays as one native call.

The first call with arguments of given shapes runs as usual. The second is captured: everything it
computes is noted. From the third on, no Python of the function runs any more; its launches are
replayed on the new arguments. What the function does to tensors outside (assignments to parameters,
to an optimiser's state, to running statistics, random draws) happens again at every replay.
"""

from __future__ import annotations

import functools
import gc
import itertools
from collections.abc import Callable, Hashable, KeysView, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, ParamSpec, TypeVar, cast

from tilegrad.base.errors import CaptureError
from tilegrad.engine import current_session
from tilegrad.engine.captured_step import NEVER, CapturedStep
from tilegrad.engine.modes import SeenModes, are_unchanged
from tilegrad.engine.session import Session
from tilegrad.engine.step_builder import Output
from tilegrad.engine.storage import Contents, make_buffer_node, storage_of
from tilegrad.engine.tracked import Snapshot, part_with_memory
from tilegrad.ops.leaves import Storage
from tilegrad.tensor.base import TensorBase
from tilegrad.tensor.bound_step import BoundStep
from tilegrad.tensor.captured_arguments import find_storages, sort_arguments
from tilegrad.tensor.conversion import realize
from tilegrad.tensor.size import BoundVariable
from tilegrad.tensor.trees import Tree, flatten, map_leaves, rebuild

CALLS_TO_CAPTURE = 2
"""After so many calls a captured function is a replay."""

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(slots=True)
class _Captured:
    """A captured step and the form of its result.

    Attributes:
        step: the launches; None after the first call, before the capture.
        result: the result of the captured call; its tensors are replaced at each replay.
        device: name of the device.
        modes: the training modes of the modules that were called.
        checked: how many changes of modes there had been when these were last found in force.
    """

    step: CapturedStep | None = None
    result: Tree = None
    device: str = ""
    modes: SeenModes = field(default_factory=dict)
    checked: int = NEVER

    def suits(self, session: Session) -> bool:
        """Return whether the modules are in the modes in which they were captured."""
        if self.checked != session.modes.changes:
            if not are_unchanged(self.modes):
                return False
            self.checked = session.modes.changes
        return True


class Jit(Generic[P, R]):
    """A function that is captured on its second call and replayed from the third on.

    Args:
        function: takes and gives tensors, or trees of them (nested tuples, lists, dictionaries).
            Numbers and other arguments are part of the function: other values make another capture.
            A bound variable stands for a symbolic size: other values replay the same capture.

    Raises:
        CaptureError: (when called) the function reads a tensor's contents on the host or makes a
            tensor from data of the host, which a replay could not repeat.
    """

    def __init__(self, function: Callable[P, R]) -> None:
        self.function = function
        self._captured: dict[Hashable, list[_Captured]] = {}
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call, capture or replay the function."""
        session = current_session()
        form, tensors, symbols = sort_arguments(session, args, kwargs)
        if session.settled != session.assignments.count:
            _settle(session)
        inputs = find_storages(tensors)
        if len(inputs) > 1 and len(set(inputs)) < len(inputs):  # some share their memory
            inputs = _separate(tensors)
            form.append(tuple(map(inputs.index, inputs)))
        key = tuple(form)
        captured = self._find(session, key)
        if captured is not None and captured.step is not None:
            return _replay(session, captured, captured.step, tensors, inputs, symbols)
        call = _bind(self.function, args, kwargs)
        with session.bound(symbols), session.modes.watching() as modes:
            if captured is None:
                result = _run_watched(session, call)
                captured = _Captured()
                self._captured.setdefault(key, []).append(captured)
            else:
                result = _capture(session, call, tensors, symbols, captured)
        captured.modes, captured.checked = modes, session.modes.changes
        return cast("R", result)

    def _find(self, session: Session, key: Hashable) -> _Captured | None:
        for captured in self._captured.get(key, ()):
            if captured.suits(session):
                return captured
        return None

    def bind(self, *args: P.args, **kwargs: P.kwargs) -> BoundStep | None:
        """Return the step that a call would replay, on arrays of its own; None if it would not.

        Its inputs are like the tensors among the arguments, in the same order.

        Raises:
            CaptureError: the step cannot be bound; see ``BoundStep``.
        """
        session = current_session()
        form, tensors, _ = sort_arguments(session, args, kwargs)
        captured = self._find(session, tuple(form))
        if captured is None or captured.step is None:
            return None
        realize(*tensors)
        inputs = [session.read(tensor.node) for tensor in tensors]
        return BoundStep(session, captured.step, inputs, functools.partial(_settle, session))

    @property
    def captured(self) -> tuple[CapturedStep, ...]:
        """The captured steps, one for each form of the arguments."""
        every = itertools.chain.from_iterable(self._captured.values())
        return tuple(one.step for one in every if one.step is not None)

    def reset(self) -> None:
        """Forget all captures."""
        self._captured.clear()


def jit(function: Callable[P, R]) -> Jit[P, R]:
    """Return a function that is captured on its second call and replayed from the third on.

    See ``Jit`` for what may be captured.

    Example:
        ``step = jit(lambda x: (x * 2).sum())``
    """
    return Jit(function)


def _separate(tensors: Sequence[TensorBase]) -> list[Storage]:
    """Return the memory of tensors; different ones get different memory, as one may be written."""
    owners: dict[Storage, TensorBase] = {}
    for tensor in tensors:
        if owners.setdefault(storage_of(tensor.node), tensor) is not tensor:
            part_with_memory(tensor)
    return find_storages(tensors)


def _bind(
    function: Callable[..., object], args: Sequence[object], kwargs: Mapping[str, object]
) -> Callable[[], object]:
    """Return the call of a function, with variables in place of bound variables."""

    def strip(leaf: object) -> object:
        return leaf.variable if isinstance(leaf, BoundVariable) else leaf

    positional = [map_leaves(strip, value) for value in args]
    named = {name: map_leaves(strip, value) for name, value in kwargs.items()}
    return functools.partial(function, *positional, **named)


def _run_watched(session: Session, call: Callable[[], object]) -> object:
    """Run a function and realise its result and all that it changed."""
    before = Snapshot(session.live_tensors())
    result = call()
    returned = [leaf for leaf in flatten(result) if isinstance(leaf, TensorBase)]
    if not _waiting(session, before) <= set(returned):
        gc.collect()  # nobody waits for what only circles of garbage hold
    waiting = [*returned, *_waiting(session, before)]
    realize(*dict.fromkeys(tensor for tensor in waiting if not tensor.is_realized()))
    return result


def _waiting(session: Session, before: Snapshot) -> KeysView[TensorBase]:
    """Return the tensors that a function made or changed, and that are not realised, in order."""
    return {
        tensor: None
        for tensor in session.live_tensors()
        if isinstance(tensor, TensorBase)
        and not before.has_unchanged(tensor)
        and not tensor.is_realized()
    }.keys()


def _settle(session: Session) -> None:
    """Realise the tensors whose memory, which a replay may read, waits to be written."""
    count = session.assignments.count
    changed = session.changed_since(session.assignments, session.settled)
    realize(*[one for one in changed if isinstance(one, TensorBase) and one.target is not None])
    session.settled = count


def _capture(
    session: Session,
    call: Callable[[], object],
    arguments: Sequence[TensorBase],
    symbols: Mapping[str, int],
    captured: _Captured,
) -> object:
    device = _common_device(session, arguments)
    executor = session.compiled(device)
    if executor is None:  # a device that only interprets: it runs the function every time
        return _run_watched(session, call)
    inputs = [storage_of(tensor.node) for tensor in arguments]
    before = Snapshot(session.live_tensors())
    with session.capturing(executor) as capture:
        result = _run_watched(session, call)
    gc.collect()  # nobody reads what only circles of garbage hold
    outputs, captured.result = _outputs(result, arguments, before)
    captured.step = capture.build(executor, inputs, outputs, symbols, session.is_read)
    captured.device = device
    returned = {leaf for leaf in flatten(result) if isinstance(leaf, TensorBase)}
    session.note_owners(captured.step, {leaf for leaf in returned if leaf not in before})
    return result


def _common_device(session: Session, arguments: Sequence[TensorBase]) -> str:
    devices = {tensor.device for tensor in arguments} or {session.default_device}
    if len(devices) != 1:
        raise CaptureError(
            "the arguments of a captured function are on different devices",
            got=", ".join(sorted(devices)),
            mend="move them to one device: tensor.to(device)",
        )
    return devices.pop()


def _outputs(
    result: object, arguments: Sequence[TensorBase], before: Snapshot
) -> tuple[list[Output], Tree]:
    """Return the results that replays give, and the result with their numbers as leaves.

    An argument that is returned stands for that argument of the replay; other tensors that were
    there before the call are themselves.
    """
    outputs: list[Output] = []

    def number(leaf: object) -> object:
        if not isinstance(leaf, TensorBase):
            return leaf
        for place, argument in enumerate(arguments):
            if argument is leaf:
                return _Argument(place)
        if leaf in before:
            return leaf
        outputs.append(Output(storage_of(leaf.node), leaf.node.shape))
        return _Numbered(len(outputs) - 1, type(leaf))

    return outputs, map_leaves(number, result)


class _Argument:
    """Stands for an argument in the form of what a captured function returns."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


class _Numbered:
    """Stands for a result in the form of what a captured function returns."""

    __slots__ = ("kind", "number")

    def __init__(self, number: int, kind: type[TensorBase]) -> None:
        self.number = number
        self.kind = kind

    def fill(
        self, session: Session, step: CapturedStep, results: Sequence[Contents], device: str
    ) -> TensorBase:
        """Return the one of the results of a replay."""
        found = results[self.number]
        if step.is_new[self.number]:
            return self.kind.from_result(found, device, session)
        return self.kind.from_node(make_buffer_node(*found), device)


def _replay(
    session: Session,
    captured: _Captured,
    step: CapturedStep,
    arguments: Sequence[TensorBase],
    inputs: Sequence[Storage],
    symbols: Mapping[str, int],
) -> Any:
    if step.is_writing:
        inputs = session.protect(step, arguments)
    results = step.replay(inputs, symbols)
    result, device = captured.result, captured.device
    if isinstance(result, _Numbered):  # the common case, without a walk
        return result.fill(session, step, results, device)

    def fill(leaf: object) -> object:
        if isinstance(leaf, _Numbered):
            return leaf.fill(session, step, results, device)
        if isinstance(leaf, _Argument):
            return arguments[leaf.number]
        return leaf

    return rebuild(result, [fill(leaf) for leaf in flatten(result)])
