"""The session: devices, settings, trace, and the tensors that are alive."""

from __future__ import annotations

import os
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, Self

import numpy

from tilegrad.base.errors import CaptureError, DeviceError
from tilegrad.base.settings import Settings
from tilegrad.base.trace import Trace
from tilegrad.base.trace_files import open_trace_file
from tilegrad.engine.capture import Capture, InThread
from tilegrad.engine.captured_step import NEVER, CapturedStep
from tilegrad.engine.compiled import CompiledExecutor
from tilegrad.engine.cpu import start_cpu
from tilegrad.engine.modes import ModeWatch
from tilegrad.engine.reference import ReferenceExecutor
from tilegrad.engine.storage import (
    Contents,
    Moves,
    concrete_shape,
    copy_storage,
    lend_memory,
    own_memory,
    storage_of,
    view_storage,
    wrap_array,
)
from tilegrad.engine.tracked import Changes, Tracked, find_holders, find_readers, part_with_memory
from tilegrad.engine.transfer import move_copies
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import graph
from tilegrad.ops.leaves import Storage, buffer
from tilegrad.runtime.buffer import Buffer


class Executor(Protocol):
    """What realises nodes on one device."""

    name: str

    def realize(
        self, nodes: Sequence[Node], symbols: Mapping[str, int], order: Sequence[Node] | None = None
    ) -> list[Contents]:
        """Return contents of nodes; ``order`` is all that they depend on, sources first."""
        ...


class RandomState(Protocol):
    """The state of random numbers on one device.

    Attributes:
        state: the tensor that holds it; realised along with whatever is realised after a draw.
    """

    state: Any

    def draw(self, shape: tuple[int | Node, ...]) -> Node:
        """Return random 64-bit words."""
        ...

    def reseed(self, seed: int) -> None:
        """Begin anew."""
        ...


class Session:
    """Owns everything that has state.

    Args:
        settings: what is in force; read from the environment if None.
        trace: where events go; if None, to the file that the settings name, or nowhere.
    """

    def __init__(self, settings: Settings | None = None, trace: Trace | None = None) -> None:
        self.settings = settings or Settings.from_environment(os.environ)
        self.trace = trace or _open_trace(self.settings)
        # What was made or assigned to, the latter alone, and how often memory was replaced: replays
        # look only then.
        self.changes = Changes()
        self.assignments = Changes()
        self.settled = NEVER  # the count of assignments when all of them were last written
        self.moves = Moves()
        self._executors: dict[str, Executor] = {}
        self._thread = InThread()
        # Keys alone matter; a dictionary keeps them in the order in which they were made. Each
        # reference takes itself out, without any Python.
        self._live: dict[weakref.ref[Tracked], None] = {}
        self._forget = self._live.__delitem__
        # Whether layers train, and who looked at their own modes (nn/module.py); the seed of random
        # numbers, and their state on each device (tensor/random.py, tensor/generator.py).
        self.training = False
        self.modes = ModeWatch()
        self.random_seed: int | None = None
        self.generators: dict[str, RandomState] = {}
        # What realised values were computed from, where gradients may flow further: buffers to
        # expressions, or None where gradients end (tensor/history.py).
        self.histories: weakref.WeakKeyDictionary[Node, Node | None] = weakref.WeakKeyDictionary()

    @property
    def device_names(self) -> tuple[str, ...]:
        """Names of the devices that can be used."""
        return ("cpu", "reference")

    @property
    def default_device(self) -> str:
        """Name of the device that tensors are made on unless another is named."""
        return self.settings.device

    @contextmanager
    def entered(self) -> Iterator[Self]:
        """Make this the session in force in a ``with`` statement, in the thread that runs it."""
        token = _current.set(self)
        try:
            yield self
        finally:
            _current.reset(token)

    def executor(self, device: str) -> Executor:
        """Return the executor of a device, started on first use.

        Raises:
            DeviceError: there is no such device.
        """
        found = self._executors.get(device)
        if found is None:
            if device not in self.device_names:
                raise DeviceError(
                    "there is no such device",
                    got=device,
                    expected=f"one of {', '.join(self.device_names)}",
                )
            found = self._executors[device] = self._start(device)
        return found

    def _start(self, device: str) -> Executor:
        if device == "cpu":
            return start_cpu(self.settings, self.trace, self.moves)
        return ReferenceExecutor()

    def compiled(self, device: str) -> CompiledExecutor | None:
        """Return the executor of a device if it can capture and replay, else None."""
        executor = self.executor(device)
        return executor if isinstance(executor, CompiledExecutor) else None

    def trim(self) -> None:
        """Give memory that is kept for reuse, and the C library's, back to the system."""
        for executor in self._executors.values():
            if isinstance(executor, CompiledExecutor):
                executor.device.allocator.trim()

    @contextmanager
    def bound(self, symbols: Mapping[str, int]) -> Iterator[None]:
        """Give symbolic sizes values, by name, for what is realised in a ``with`` statement."""
        before = self._thread.symbols
        self._thread.symbols = {**before, **symbols}
        try:
            yield
        finally:
            self._thread.symbols = before

    @contextmanager
    def capturing(self, executor: CompiledExecutor) -> Iterator[Capture]:
        """Note every plan that runs in a ``with`` statement, where data may not reach the host.

        What other threads do meanwhile is no part of it.

        Raises:
            CaptureError: another capture is under way in this thread.
        """
        if self._thread.capture is not None:
            raise CaptureError(
                "a captured function called another while it was captured",
                mend="capture the outer function only",
            )
        own, running = self._thread, executor.thread
        capture = own.capture = running.capture = Capture(self.live_tensors())
        try:
            yield capture
        finally:
            own.capture = running.capture = None

    @property
    def is_capturing(self) -> bool:
        """Whether a function is being captured in this thread."""
        return self._thread.capture is not None

    def _refuse_host(self, what: str, mend: str) -> None:
        if self._thread.capture is not None:
            raise CaptureError(what, mend=mend)

    def note_owners(self, step: CapturedStep, results: Collection[Tracked]) -> None:
        """Remember whose values replays of a step change: those that hold what it writes now.

        Args:
            step: it has just been captured.
            results: what it returned, which keeps its value.
        """
        apart = set(map(id, results))
        found = find_holders(self.live_tensors(), step.overwritten)
        step.owners = [weakref.ref(tensor) for tensor in found if id(tensor) not in apart]

    def protect(self, step: CapturedStep, arguments: Sequence[Tracked]) -> list[Storage]:
        """Let what others see keep its value when a replay overwrites memory.

        Lent memory is left to those who have it; lazy tensors that read the memory are realised,
        and those that share it get memory of their own.

        Args:
            step: what is to be replayed.
            arguments: realised tensors.

        Returns:
            The memory of the arguments: none that the step overwrites, but for its own arguments.
        """
        inputs = [storage_of(tensor.node) for tensor in arguments]
        if not step.overwritten.isdisjoint(inputs):
            inputs = _set_apart(step, arguments)
        for number in step.overwritten_inputs:
            self._own(inputs[number])
        if step.moves != self.moves.count:
            for storage in step.overwritten:
                self._own(storage)
        if step.seen == self.changes.count and not step.overwritten_inputs:
            return inputs
        changed = self.changed_since(self.changes, NEVER if step.overwritten_inputs else step.seen)
        step.seen = self.changes.count
        targets = {*step.overwritten, *(inputs[number] for number in step.overwritten_inputs)}
        owners = _owners_of(step) | {id(arguments[number]) for number in step.overwritten_inputs}
        others = [
            tensor
            for tensor in find_readers(changed, targets)
            if tensor.node.op is not buffer or id(tensor) not in owners
        ]
        lazy = [tensor for tensor in others if not part_with_memory(tensor)]
        if lazy:
            self._settle(lazy)
        return inputs

    def has_protected(self, step: CapturedStep) -> bool:
        """Whether nothing has changed since ``protect`` looked at what a step overwrites."""
        return step.seen == self.changes.count and step.moves == self.moves.count

    def is_read(self, storages: Collection[Storage]) -> bool:
        """Whether a tensor that is alive, or the gradients of one, would read a storage."""
        nodes = [tensor.node for tensor in self.live_tensors()]
        for realised, expression in self.histories.items():
            nodes += [realised] if expression is None else [realised, expression]
        order = sort_topologically(nodes)
        return any(node.op is buffer and storage_of(node) in storages for node in order)

    def track(self, tensor: Tracked) -> None:
        """Remember a tensor as long as it lives (see ``realize``)."""
        reference = weakref.ref(tensor, self._forget)
        self._live[reference] = None
        self.changes.note(reference)

    def track_result(self, tensor: Tracked) -> None:
        """Remember a tensor of memory that is nobody else's: no step that is known writes there."""
        self._live[weakref.ref(tensor, self._forget)] = None

    def note_change(self, tensor: Tracked) -> None:
        """Note that a tensor has become another value, or that its memory waits to be written."""
        reference = weakref.ref(tensor)
        self.changes.note(reference)
        self.assignments.note(reference)

    def changed_since(self, changes: Changes, count: int) -> list[Tracked]:
        """Return the tensors of the changes since there were so many of them, or all tensors."""
        changed = changes.since(count)
        return self.live_tensors() if changed is None else changed

    def live_tensors(self) -> list[Tracked]:
        """Return the tensors that are alive, in the order in which they were made."""
        found = (reference() for reference in list(self._live))
        return [tensor for tensor in found if tensor is not None]

    def realize(
        self,
        nodes: Sequence[Node],
        device: str | None = None,
        symbols: Mapping[str, int] | None = None,
    ) -> list[Contents]:
        """Compute nodes and return the contents of each.

        An ``assign`` writes into its target's storage. Tensors that still have to read the old
        contents, views of it too, are realised first, so that every tensor keeps its value.

        Args:
            nodes: what is wanted.
            device: where to compute what depends on no realised tensor; default: the default.
            symbols: values of the symbolic sizes, by name.
        """
        targets = {storage_of(node.sources[0]): node for node in nodes if node.op is graph.assign}
        late = self._find_late(targets) if targets else ()
        wanted = [*nodes, *[tensor.node for tensor in late]] if late else nodes
        order = sort_topologically(wanted)
        if graph.copy in {node.op for node in order}:
            wanted = move_copies(wanted, self.realize, device or self.default_device)
            order = sort_topologically(wanted)
        name = _find_device(order) or device or self.default_device
        results = self.executor(name).realize(wanted, symbols or self._thread.symbols, order)
        for tensor in reversed(late):
            tensor.settle(results.pop())
        return results

    def _find_late(self, targets: Mapping[Storage, Node]) -> list[Tracked]:
        """Return tensors that must be realised with assignments, which overwrite what they read.

        Args:
            targets: what is assigned to, with the assignments.
        """
        for storage in targets:
            self._own(storage)
        readers = find_readers(self.live_tensors(), targets.keys(), targets.values())
        late = [tensor for tensor in readers if not part_with_memory(tensor)]
        capture = self._thread.capture
        return late if capture is None else self._realize_bystanders(late, capture)

    def _realize_bystanders(self, late: Sequence[Tracked], capture: Capture) -> list[Tracked]:
        """Realise tensors that have nothing to do with what is captured; return the others."""
        outside = [tensor for tensor in late if capture.is_bystander(tensor)]
        if outside:
            with capture.paused():
                self._settle(outside)
        return [tensor for tensor in late if not capture.is_bystander(tensor)]

    def _settle(self, tensors: Sequence[Tracked]) -> None:
        results = self.realize([tensor.node for tensor in tensors])
        for tensor, result in zip(tensors, results, strict=True):
            tensor.settle(result)

    def _own(self, storage: Storage) -> None:
        if own_memory(storage):
            self.moves.count += 1

    def read(self, node: Node) -> numpy.ndarray:
        """Return the contents of a buffer node as an array of its own."""
        return self.view(node).copy()

    def view(self, node: Node) -> numpy.ndarray:
        """Return the contents of a buffer node as an array over the same memory.

        Raises:
            CaptureError: a function is being captured.
        """
        self._refuse_host(
            "the contents of a tensor were read while a function was captured",
            "return the tensor and read it outside: a replay runs no Python",
        )
        return view_storage(storage_of(node), concrete_shape(node))

    def lend(self, node: Node) -> Buffer:
        """Return the memory of a buffer node for others to look at, for as long as they like.

        It is never written again: a tensor that is assigned to moves to other memory first.

        Raises:
            CaptureError: a function is being captured.
        """
        self._refuse_host(
            "the memory of a tensor was shared while a function was captured",
            "return the tensor and share it outside: a replay runs no Python",
        )
        self.moves.count += 1
        return lend_memory(storage_of(node))

    def from_numpy(
        self, array: numpy.ndarray, device: str | None = None, *, copy: bool = True
    ) -> Node:
        """Return a buffer node with the contents of an array.

        Args:
            array: any array of a dtype that tensors have.
            device: where to put it; default: the default device.
            copy: False to share the array's memory, which must be C-contiguous.

        Raises:
            CaptureError: a function is being captured.
        """
        self._refuse_host(
            "a tensor was made from the host's data while a function was captured",
            "make it outside and pass it as an argument: a replay could not make it anew",
        )
        owned = numpy.array(array, order="C", copy=True) if copy else array
        return wrap_array(owned, device or self.default_device)


def _find_device(order: Iterable[Node]) -> str | None:
    """Return the name of the device that nodes are computed on, or None if any would do."""
    for node in order:
        if node.op is buffer:
            return storage_of(node).device
    return None


def _owners_of(step: CapturedStep) -> set[int]:
    return {id(owner()) for owner in step.owners}


def _set_apart(step: CapturedStep, arguments: Sequence[Tracked]) -> list[Storage]:
    """Return the memory of arguments, copied where the step overwrites it besides reading it.

    The tensor whose value the step changes keeps its memory, another one takes the copy.
    """
    owners = _owners_of(step)
    inputs: list[Storage] = []
    for tensor in arguments:
        storage = storage_of(tensor.node)
        if storage in step.overwritten and id(tensor) in owners:
            storage = copy_storage(storage, concrete_shape(tensor.node))
        elif storage in step.overwritten:
            part_with_memory(tensor)
            storage = storage_of(tensor.node)
        inputs.append(storage)
    return inputs


def _open_trace(settings: Settings) -> Trace:
    return Trace() if settings.trace is None else Trace(open_trace_file(settings.trace))


_current: ContextVar[Session | None] = ContextVar("tilegrad_session", default=None)
_default: list[Session] = []


def current_session() -> Session:
    """Return the session in force: the one entered last, else the process's own."""
    session = _current.get()
    if session is not None:
        return session
    if not _default:
        _default.append(Session())
    return _default[0]
