"""LLVM at work: from IR to object files and assembly. Imported when something is to be compiled.

The generator writes explicit vectors, already in a good order, so a short pipeline is enough;
what remains of the time, one to two milliseconds a kernel, is LLVM's code generation. Modules are
independent (a context each), and several threads may compile at once.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import llvmlite.binding as llvm

from tilegrad.base.errors import CompileError
from tilegrad.runtime.cpu.elf import damaged
from tilegrad.runtime.cpu.llvm import (
    emit,
    find_target,
    open_module,
    prepare_llvm,
    run_passes,
)
from tilegrad.runtime.cpu.target import CpuTarget, Optimisation

_NUMBERS = itertools.count()


class _Tools(NamedTuple):
    """What one thread at a time compiles with: it costs time to make, and nothing to use again.

    Attributes:
        machine: the target machine.
        header: the first words of a module for it.
        passes: what is done before code is generated, if anything is.
        options: of these.
    """

    machine: llvm.TargetMachine
    header: str
    passes: llvm.ModulePassManager | None
    options: llvm.PipelineTuningOptions


class CodeGenerator:
    """Turns LLVM IR into machine code.

    Args:
        target: what to generate code for.
        optimisation: what is done before.
    """

    def __init__(self, target: CpuTarget, optimisation: Optimisation) -> None:
        self._llvm = prepare_llvm()
        self.target = target
        self.optimisation = optimisation
        self._idle: list[_Tools] = []

    def generate(self, source: str, *, is_object: bool) -> bytes:
        """Return an object file, or the text of its assembly; raises CompileError."""
        with self._llvm, self._tools() as tools:
            try:
                # On the first line, so that the numbers of the lines stay those of the source.
                with open_module(tools.header + source) as module:
                    if tools.passes is not None:
                        run_passes(tools.passes, module, tools.machine, tools.options)
                    return emit(tools.machine, module, is_object=is_object)
            except RuntimeError as error:
                raise _refusal(source, str(error)) from error

    @contextmanager
    def _tools(self) -> Generator[_Tools]:
        try:
            tools = self._idle.pop()
        except IndexError:
            tools = _make_tools(self.target, self.optimisation)
        yield tools
        self._idle.append(tools)


def _make_tools(target: CpuTarget, optimisation: Optimisation) -> _Tools:
    machine = _make_machine(target, optimisation)
    header = f'target datalayout = "{machine.target_data}" target triple = "{target.triple}" '
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = True
    passes = None
    if optimisation == Optimisation.FULL:
        with llvm.create_pass_builder(machine, options) as builder:
            passes = builder.getModulePassManager()
    elif optimisation == Optimisation.SHORT:
        passes = llvm.create_new_module_pass_manager()
        passes.add_sroa_pass()
        passes.add_instruction_combine_pass()
        passes.add_simplify_cfg_pass()
    return _Tools(machine, header, passes, options)


def _make_machine(
    target: CpuTarget, optimisation: Optimisation, *, is_jit: bool = False
) -> llvm.TargetMachine:
    try:
        found = find_target(target.triple)
    except RuntimeError as error:
        raise CompileError("LLVM knows no such target", got=target.triple) from error
    return found.create_target_machine(
        cpu=target.cpu,
        features=target.feature_text,
        opt=0 if optimisation == Optimisation.NONE else 2,
        reloc="pic",
        codemodel="small",
        jit=is_jit,
    )


def link(
    binary: bytes, symbols: tuple[str, ...], target: CpuTarget
) -> tuple[Mapping[str, int], object]:
    """Load an object of a machine whose objects are not linked by us, by LLVM's JITLink.

    Returns:
        The addresses of its symbols, and what keeps the code alive.

    Raises:
        CompileError: it is damaged.
    """
    with prepare_llvm():
        # LLVM would write to the standard error stream what is raised here anyway.
        machine = _make_machine(target, Optimisation.SHORT, is_jit=True)
        jit = llvm.create_lljit_compiler(machine, use_jit_link=True, suppress_errors=True)
        builder = llvm.JITLibraryBuilder().add_object_img(binary).add_current_process()
        for name in symbols:
            builder.export_symbol(name)
        try:
            tracker = builder.link(jit, f"object{next(_NUMBERS)}")
        except RuntimeError as error:
            raise damaged(str(error).strip()) from error
        return {name: tracker[name] for name in symbols}, (jit, tracker)


def _refusal(source: str, message: str) -> CompileError:
    """Make the error for a module that LLVM refuses, with the line that it speaks of."""
    lines = source.splitlines()
    position = re.search(r"<string>:(\d+):(\d+): error: (.*)", message)
    if position:
        number, reason = int(position[1]), position[3]
    else:
        number, reason = _find_line(lines, message), message.strip()
    shown = [
        f"{'>' if index == number else ' '} {index:4} {lines[index - 1]}"
        for index in range(max(number - 2, 1), min(number + 2, len(lines)) + 1)
        if number
    ]
    return CompileError(
        f"LLVM refuses the generated code: {reason}",
        got="\n".join(["the IR around the line", *shown]) if shown else None,
        mend="this is a defect of the code generator, or of IR written by hand",
    )


def _find_line(lines: list[str], message: str) -> int:
    """Return the number of the line that the verifier's message quotes, or 0."""
    quoted = {re.sub(r"\s+", " ", line.strip()) for line in message.splitlines()}
    for number, line in enumerate(lines, 1):
        if re.sub(r"\s+", " ", line.strip()) in quoted - {""}:
            return number
    return 0
