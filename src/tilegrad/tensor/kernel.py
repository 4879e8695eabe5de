"""Hand-written kernels as functions of tensors.

The function that writes a kernel (see ``tilegrad.language``) is run once for each combination of
shapes, dtypes and other arguments; the tile program that it wrote becomes a ``call`` in the lazy
graph, which is scheduled, captured and explained like every other kernel.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar, cast, overload

from tilegrad.base.errors import (
    ArgumentError,
    ArgumentTypeError,
    DeviceError,
)
from tilegrad.engine import current_session
from tilegrad.engine.profile import Profile, Variants
from tilegrad.ir.digest import digest
from tilegrad.ir.dtype import DType
from tilegrad.ir.op import Shape
from tilegrad.language import Array, Choice, KernelBuilder
from tilegrad.ops import dialects
from tilegrad.ops.graph import CallAttributes, ResultAttributes, call, result
from tilegrad.ops.program import Program
from tilegrad.tensor.base import TensorBase
from tilegrad.tensor.call_gradient import CallGradient, Given, Gradient
from tilegrad.tensor.jit import CALLS_TO_CAPTURE, jit
from tilegrad.tensor.tensor import Tensor

R = TypeVar("R")


class _Signature(NamedTuple):
    """Dtype and shape of a tensor that a kernel is called with."""

    dtype: DType
    shape: Shape


class _Written(NamedTuple):
    """What a kernel's function wrote for some arguments.

    Attributes:
        program: the tile program.
        results: dtype and shape of each output.
        is_single: whether the function returned one output, rather than a tuple.
    """

    program: Program
    results: tuple[tuple[DType, Shape], ...]
    is_single: bool


class Kernel(Generic[R]):
    """A hand-written kernel, called with tensors.

    Positional arguments that are tensors become the kernel's arrays; all others, and keyword
    arguments, are hashable values that the kernel is written for. A parameter whose default is a
    ``choice`` has the first candidate unless the call says otherwise.

    Args:
        function: takes a ``KernelBuilder`` and the arguments, and returns its outputs.

    Raises:
        ArgumentError: the function has no parameters, or variadic ones.
    """

    def __init__(self, function: Callable[..., object]) -> None:
        self.function = function
        self.name = re.sub(r"\W", "_", getattr(function, "__name__", "kernel"), flags=re.ASCII)
        self._signature = inspect.signature(function)
        _check_signature(self.name, self._signature)
        defaults = {name: one.default for name, one in self._signature.parameters.items()}
        self._choices = {n: one for n, one in defaults.items() if isinstance(one, Choice)}
        self._gradient: Gradient | None = None
        self._written: dict[Hashable, _Written] = {}
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *arguments: object, **parameters: object) -> R:
        """Return the kernel's outputs as lazy tensors.

        Raises:
            ArgumentTypeError: no argument is a tensor, or one is neither a tensor nor hashable.
            DeviceError: the tensors are on different devices.
            TilegradError: the kernel cannot be written for these arguments; says where.
        """
        values = self._bind(arguments, parameters)
        tensors = [value for value in values.values() if isinstance(value, TensorBase)]
        device = _common_device(tensors)
        written = self._write(values)
        executor = current_session().compiled(device)
        if self._choices and executor is not None and executor.profile is not None:
            self._offer(executor.profile, values, written)
        gradient = None
        if self._gradient is not None:
            given = tuple(
                self._give(*item) for item in values.items() if item[0] not in self._choices
            )
            gradient = CallGradient(self._gradient, device, written.is_single, given)
        attributes = CallAttributes(written.program, written.results, gradient)
        node = call(*(tensor.node for tensor in tensors), attributes=attributes)
        outputs = tuple(
            Tensor.from_node(result(node, attributes=ResultAttributes(number)), device)
            for number in range(len(written.results))
        )
        return cast("R", outputs[0] if written.is_single else outputs)

    def gradient(self, function: Gradient) -> Gradient:
        """Give the kernel a gradient; a decorator.

        Args:
            function: ``function(upstream, results, *arguments, **parameters)`` returns the gradient
                by each tensor among the arguments (None where it is zero): one tensor, or a
                sequence. ``upstream`` and ``results`` are one tensor or a tuple as the kernel
                returns them; the gradient of a result that nothing used is None. The arguments are
                those of the call, without choices.
        """
        self._gradient = function
        return function

    def configurations(self) -> list[dict[str, object]]:
        """Return all combinations of the candidates of its parameters, the default first."""
        choices = {name: choice.values for name, choice in self._choices.items()}
        return [
            dict(zip(choices, values, strict=True))
            for values in itertools.product(*choices.values())
        ]

    def tune(
        self, *arguments: object, seconds: float = 2.0, **parameters: object
    ) -> dict[str, object]:
        """Measure all configurations for some arguments; return the fastest.

        Later calls with tensors of the same shapes and dtypes, and the same other arguments, use it
        unless they say otherwise, in later processes too. ``tilegrad tune`` does the same for all
        kernels of a script.

        Args:
            arguments: as for a call.
            seconds: how long to measure; compiling comes on top of it.
            parameters: as for a call; a choice that is made here is not searched over.

        Raises:
            DeviceError: the tensors are on a device that only interprets.
        """
        from tilegrad.engine.search import race

        free = [name for name in self._choices if name not in parameters]
        configurations = [{name: values[name] for name in free} for values in self.configurations()]
        configurations = [
            one for n, one in enumerate(configurations) if one not in configurations[:n]
        ]
        device = _common_device([one for one in arguments if isinstance(one, TensorBase)])
        executor = current_session().compiled(device)
        if executor is None:
            raise DeviceError("only what is compiled can be tuned", got=device)
        runs = [functools.partial(jit(self), *arguments, **parameters, **c) for c in configurations]
        for run in runs:
            for _ in range(CALLS_TO_CAPTURE + 1):  # the last one is a replay
                run()
        standings = race(runs, seconds)
        faster = [number for number, standing in enumerate(standings) if standing.is_faster]
        best = configurations[min(faster, key=lambda number: standings[number].ratio, default=0)]
        default = self._write(self._with_defaults(self._bound(arguments, parameters)))
        labels = {name: repr(value) for name, value in best.items()}
        executor.programs.winners.keep(digest(default.program.root), labels)
        return best

    def program(self, *arguments: object, **parameters: object) -> Program:
        """Return the tile program for some arguments; print it to read it."""
        return self._write(self._bind(arguments, parameters)).program

    def _bound(
        self, arguments: Sequence[object], parameters: Mapping[str, object]
    ) -> dict[str, object]:
        """Return the value of every argument but the first by name, free choices as such."""
        try:
            bound = self._signature.bind(None, *arguments, **parameters)
        except TypeError as error:
            raise ArgumentTypeError(
                f"the kernel {self.name} does not take these arguments",
                got=str(error),
                expected=f"{self.name}{self._signature}, without the first",
            ) from None
        bound.apply_defaults()
        (_, *given) = bound.arguments.items()
        return dict(given)

    def _bind(
        self, arguments: Sequence[object], parameters: Mapping[str, object]
    ) -> dict[str, object]:
        """Return the value of every argument but the first by name, choices made."""
        values = self._bound(arguments, parameters)
        best = self._find_best(values)
        return {
            name: best.get(name, value.values[0]) if isinstance(value, Choice) else value
            for name, value in values.items()
        }

    def _with_defaults(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return values of arguments with the default of every choice."""
        return {**values, **{name: one.values[0] for name, one in self._choices.items()}}

    def _find_best(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return the values of choices that a search found to be best, as far as it did."""
        tensors = [value for value in values.values() if isinstance(value, TensorBase)]
        if not self._choices or not tensors:
            return {}
        executor = current_session().compiled(_common_device(tensors))
        if executor is None or executor.programs.winners.is_empty:
            return {}
        default = self._write(self._with_defaults(values))
        found = executor.programs.winners.find(digest(default.program.root))
        return {
            name: value
            for name, choice in self._choices.items()
            for value in choice.values
            if repr(value) == found.get(name)
        }

    def _offer(self, profile: Profile, values: Mapping[str, object], written: _Written) -> None:
        """Tell a profile of the other ways to write the kernel for some arguments."""
        if written.program.root in profile.variants:
            return

        def write(chosen: Mapping[str, object]) -> Program:
            return self._write({**values, **chosen}).program

        default = self._write(self._with_defaults(values)).program
        candidates = {name: choice.values for name, choice in self._choices.items()}
        variants = Variants(digest(default.root), candidates, write)
        profile.variants[written.program.root] = variants

    def _write(self, values: Mapping[str, object]) -> _Written:
        key = tuple(_key_of(name, value) for name, value in values.items())
        written = self._written.get(key)
        if written is None:
            written = self._written[key] = self._trace(values)
        return written

    def _trace(self, values: Mapping[str, object]) -> _Written:
        build = KernelBuilder(self.name)
        nodes = {n: value.node for n, value in values.items() if isinstance(value, TensorBase)}
        arrays = build.arguments([(node.dtype, node.shape) for node in nodes.values()])
        given = {**values, **dict(zip(nodes, arrays, strict=True))}
        returned = self.function(build, *self._positional(given), **self._named(given))
        program, results = build.finish(returned)
        dialects.tiles.verify([program.root])
        return _Written(program, results, isinstance(returned, Array))

    def _give(self, name: str, value: object) -> Given:
        keyword = name if self._is_keyword(name) else None
        is_tensor = isinstance(value, TensorBase)
        return Given(keyword, is_tensor, None if is_tensor else value)

    def _positional(self, values: Mapping[str, object]) -> list[object]:
        return [values[name] for name in values if not self._is_keyword(name)]

    def _named(self, values: Mapping[str, object]) -> dict[str, object]:
        return {name: value for name, value in values.items() if self._is_keyword(name)}

    def _is_keyword(self, name: str) -> bool:
        return self._signature.parameters[name].kind is inspect.Parameter.KEYWORD_ONLY


@overload
def kernel(function: Callable[..., Array]) -> Kernel[Tensor]: ...
@overload
def kernel(function: Callable[..., tuple[Array, ...]]) -> Kernel[tuple[Tensor, ...]]: ...
def kernel(function: Callable[..., Array | tuple[Array, ...]]) -> Kernel[Any]:
    """Return the kernel that a function writes; a decorator. See ``Kernel``."""
    return Kernel(function)


def _check_signature(name: str, signature: inspect.Signature) -> None:
    kinds = [parameter.kind for parameter in signature.parameters.values()]
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    if not kinds or any(kind in variadic for kind in kinds):
        raise ArgumentError(
            f"the kernel {name} does not name what it takes",
            got=f"{name}{signature}",
            expected="a builder first, then arguments with names",
        )


def _common_device(tensors: Sequence[TensorBase]) -> str:
    devices = sorted({tensor.device for tensor in tensors})
    if not devices:
        raise ArgumentTypeError(
            "a kernel is called with tensors", got="none", mend="make one: Tensor(array)"
        )
    if len(devices) > 1:
        raise DeviceError(
            "the tensors are on different devices",
            got=" and ".join(devices),
            mend=f"move them to one: .to({devices[0]!r})",
        )
    return devices[0]


def _key_of(name: str, value: object) -> Hashable:
    if isinstance(value, TensorBase):
        return name, _Signature(value.node.dtype, value.node.shape)
    try:
        hash(value)
    except TypeError:
        raise ArgumentTypeError(
            f"the argument {name} of a kernel is neither a tensor nor hashable",
            got=type(value).__name__,
            expected="a tensor, or a number, string, dtype, tuple ...",
            mend="pass arrays as tensors: Tensor(array)",
        ) from None
    return name, type(value), repr(value) if isinstance(value, float) else value
