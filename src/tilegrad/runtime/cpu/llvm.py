"""LLVM as llvmlite gives it, made ready once, with its long calls open to several threads.

llvmlite takes one lock around every call into LLVM, and lets go of Python's during each. LLVM needs
none between modules of different contexts; so what is called for every module goes to the same
shared library directly. The long calls, which read, check, transform, emit and drop a module, let
Python run meanwhile. The brief ones keep it: who lets go of Python beside a thread that plans
waits longer to get it back than these calls take. All else goes through llvmlite.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NewType

import llvmlite.binding as llvm
from llvmlite.binding import ffi

from tilegrad.runtime.cpu.fork import Section

Module = NewType("Module", object)
"""A module of LLVM's, as the pointer that ctypes makes of it."""


@functools.cache
def prepare_llvm() -> Section:
    """Register LLVM's target for this machine and return the section to be in while LLVM works.

    Once a process: LLVM keeps the targets, and whatever else its threads share, in its own global
    state, which a fork must not copy half-changed. One thing no module can set for itself: strength
    reduction takes a fifth of LLVM's time and gains nothing in our loops, whose addresses are
    advanced where they should be.
    """
    llvm.set_option("", "-disable-lsr")
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    # Code is unloaded outside the section, wherever it is dropped. Handlers run in reverse order
    # before a fork: the section empties first, as who is in it may need this lock.
    lock = ffi.lib._lock  # noqa: SLF001
    os.register_at_fork(
        before=lock.__enter__, after_in_parent=lock.__exit__, after_in_child=lock.__exit__
    )
    return Section()


@functools.cache
def find_target(triple: str) -> llvm.Target:
    """Return LLVM's target of a triple; other machines' take 8 MiB more, once they are asked for.

    Raises:
        RuntimeError: LLVM knows none.
    """
    try:
        return llvm.Target.from_triple(triple)
    except RuntimeError:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
        return llvm.Target.from_triple(triple)


def describe_host() -> tuple[str, list[str]]:
    """Return the triple of this process and the features of its processor."""
    prepare_llvm()
    found = llvm.get_host_cpu_features()
    return llvm.get_process_triple(), sorted(
        name for name, is_present in found.items() if is_present
    )


@functools.cache
def _long(name: str) -> Callable[..., Any]:
    """Return a function of llvmlite's library without llvmlite's lock, during which Python runs."""
    return _typed(name, ctypes.CDLL(ffi.lib._name))  # noqa: SLF001


@functools.cache
def _brief(name: str) -> Callable[..., Any]:
    """Return a function that takes microseconds: it keeps Python, for which it would queue."""
    return _typed(name, ctypes.PyDLL(ffi.lib._name))  # noqa: SLF001


def _typed(name: str, library: ctypes.CDLL) -> Callable[..., Any]:
    locked, function = getattr(ffi.lib, name), getattr(library, name)
    function.argtypes, function.restype = locked.argtypes, locked.restype
    return function


@contextmanager
def open_module(source: str) -> Iterator[Module]:
    """Read LLVM IR in a context of its own and check it against LLVM's rules.

    Raises:
        RuntimeError: LLVM refuses it, with LLVM's words.
    """
    context = _brief("LLVMPY_ContextCreate")()
    try:
        error, text = ctypes.c_char_p(), ctypes.c_char_p(source.encode())
        module = _long("LLVMPY_ParseAssembly")(context, text, ctypes.byref(error))
        try:
            _raise(error)
            _long("LLVMPY_VerifyModule")(module, ctypes.byref(error))
            _raise(error)
            yield module
        finally:
            if module:
                _long("LLVMPY_DisposeModule")(module)
    finally:
        _brief("LLVMPY_ContextDispose")(context)


def run_passes(
    passes: llvm.ModulePassManager,
    module: Module,
    machine: llvm.TargetMachine,
    options: llvm.PipelineTuningOptions,
) -> None:
    """Run a pipeline over a module."""
    # A builder serves one run only: it keeps pointers to what the run has on the stack.
    builder = _brief("LLVMPY_CreatePassBuilder")(machine, options)
    try:
        _long("LLVMPY_RunNewModulePassManager")(passes, module, builder)
    finally:
        _brief("LLVMPY_DisposePassBuilder")(builder)


def emit(machine: llvm.TargetMachine, module: Module, *, is_object: bool) -> bytes:
    """Generate an object file or the text of its assembly; raises RuntimeError."""
    error = ctypes.c_char_p()
    buffer = _long("LLVMPY_TargetMachineEmitToMemory")(
        machine, module, int(is_object), ctypes.byref(error)
    )
    _raise(error)
    try:
        start = _brief("LLVMPY_GetBufferStart")(buffer)
        return ctypes.string_at(start, _brief("LLVMPY_GetBufferSize")(buffer))
    finally:
        _brief("LLVMPY_DisposeMemoryBuffer")(buffer)


def _raise(error: ctypes.c_char_p) -> None:
    """Raise what LLVM has to say, if it says something."""
    message = error.value
    if message is not None:
        _brief("LLVMPY_DisposeString")(error)
        error.value = None
    if message:
        raise RuntimeError(message.decode())
