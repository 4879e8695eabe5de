"""LLVM as llvmlite gives it, made ready once, with its long calls open to several threads.

llvmlite takes one lock around every call into LLVM. LLVM itself needs none between modules of
different contexts, and compiling is what takes the time; so the four calls that read, check,
transform and emit a module go to the same shared library directly, where ctypes releases the
interpreter's lock. All else goes through llvmlite.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
from llvmlite.binding import ffi

from tilegrad.runtime.cpu.fork import Section


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
def _unlocked(name: str) -> Callable[..., Any]:
    """Return a function of llvmlite's library without llvmlite's lock around it."""
    locked = getattr(ffi.lib, name)
    function = getattr(ctypes.CDLL(ffi.lib._name), name)  # noqa: SLF001
    function.argtypes, function.restype = locked.argtypes, locked.restype
    return function


def parse_module(source: str, context: llvm.ContextRef) -> llvm.ModuleRef:
    """Read LLVM IR; raises RuntimeError with LLVM's words."""
    with ffi.OutputString() as error:
        text = ctypes.c_char_p(source.encode())
        pointer = _unlocked("LLVMPY_ParseAssembly")(context, text, error)
        module = llvm.ModuleRef(pointer, context)
        if error:
            module.close()
            raise RuntimeError(str(error))
    return module


def verify_module(module: llvm.ModuleRef) -> None:
    """Check LLVM's rules; raises RuntimeError with LLVM's words."""
    with ffi.OutputString() as error:
        if _unlocked("LLVMPY_VerifyModule")(module, error):
            raise RuntimeError(str(error))


def run_passes(
    passes: llvm.ModulePassManager, module: llvm.ModuleRef, builder: llvm.PassBuilder
) -> None:
    """Run a pipeline over a module."""
    _unlocked("LLVMPY_RunNewModulePassManager")(passes, module, builder)


def emit(machine: llvm.TargetMachine, module: llvm.ModuleRef, *, is_object: bool) -> bytes:
    """Generate an object file or the text of its assembly; raises RuntimeError."""
    with ffi.OutputString() as error:
        buffer = _unlocked("LLVMPY_TargetMachineEmitToMemory")(
            machine, module, int(is_object), error
        )
        if not buffer:
            raise RuntimeError(str(error))
    try:
        start = ffi.lib.LLVMPY_GetBufferStart(buffer)
        return ctypes.string_at(start, ffi.lib.LLVMPY_GetBufferSize(buffer))
    finally:
        ffi.lib.LLVMPY_DisposeMemoryBuffer(buffer)
