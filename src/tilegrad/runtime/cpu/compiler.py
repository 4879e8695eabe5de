"""From LLVM IR to an object file.

The generator writes explicit vectors, already in a good order, so a short pipeline is enough;
what remains of the time, one to two milliseconds a kernel, is LLVM's code generation. Modules are
independent (a context each), and several threads may compile at once.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Generator
from contextlib import contextmanager

import llvmlite.binding as llvm

from tilegrad.base.errors import CompileError
from tilegrad.runtime.cpu.llvm import (
    emit,
    parse_module,
    prepare_llvm,
    run_passes,
    verify_module,
)
from tilegrad.runtime.cpu.loader import Loaded, Loader
from tilegrad.runtime.cpu.target import CpuTarget


class Optimisation(enum.IntEnum):
    """How much LLVM does between reading and emitting."""

    NONE = 0  # straight to code, without the optimising code generator
    SHORT = 1  # a few clean-up passes: for IR with explicit vectors
    FULL = 2  # LLVM's whole pipeline with its own vectorisers: for scalar IR


class CpuCompiler:
    """Compiles LLVM IR for one target and loads the results.

    Args:
        target: what to generate code for; only this machine's (or a narrower) code can be loaded.
        optimisation: what `compile` does by default.
    """

    def __init__(self, target: CpuTarget, optimisation: Optimisation = Optimisation.SHORT) -> None:
        self._llvm = prepare_llvm()
        self.target = target
        self.optimisation = optimisation
        self._idle: list[llvm.TargetMachine] = []
        self._loader: Loader | None = None

    @property
    def key(self) -> str:
        """All that decides what a source compiles to, besides the source."""
        version = ".".join(map(str, llvm.llvm_version_info))
        return f"llvm {version} {self.optimisation.name} {self.target.key}"

    def compile(self, source: str) -> bytes:
        """Compile a module of any number of kernels to an object file.

        Raises:
            CompileError: LLVM refuses the module; the message shows the line.
        """
        return self._generate(source, is_object=True)

    def assembly(self, source: str) -> str:
        """Compile a module to the target's assembly, for reading; raises CompileError."""
        return self._generate(source, is_object=False).decode()

    def load(self, binary: bytes) -> Loaded:
        """Make an object file runnable; it is unloaded when nothing refers to the result.

        Raises:
            CompileError: it is damaged, or needs a symbol that this process does not have.
        """
        with self._llvm:
            # Two threads may both make a loader: then one serves a single object.
            if self._loader is None:
                self._loader = Loader(self._new_machine(is_jit=True))
            return self._loader.load(binary)

    def _generate(self, source: str, *, is_object: bool) -> bytes:
        with self._llvm, self._machine() as machine:
            layout = str(machine.target_data)
            header = f'target datalayout = "{layout}" target triple = "{self.target.triple}" '
            context = llvm.create_context()
            module = None
            try:
                # On the first line, so that the numbers of the lines stay those of the source.
                module = parse_module(header + source, context)
                verify_module(module)
                self._transform(module, machine)
                return emit(machine, module, is_object=is_object)
            except RuntimeError as error:
                raise _refusal(source, str(error)) from error
            finally:
                if module is not None:
                    module.close()
                context.close()

    def _transform(self, module: llvm.ModuleRef, machine: llvm.TargetMachine) -> None:
        if self.optimisation == Optimisation.NONE:
            return
        options = llvm.create_pipeline_tuning_options(speed_level=3)
        options.loop_vectorization = options.slp_vectorization = True
        with llvm.create_pass_builder(machine, options) as builder:
            if self.optimisation == Optimisation.FULL:
                passes = builder.getModulePassManager()
            else:
                passes = llvm.create_new_module_pass_manager()
                passes.add_sroa_pass()
                passes.add_instruction_combine_pass()
                passes.add_simplify_cfg_pass()
            run_passes(passes, module, builder)

    def _new_machine(self, *, is_jit: bool) -> llvm.TargetMachine:
        try:
            found = llvm.Target.from_triple(self.target.triple)
        except RuntimeError as error:
            raise CompileError("LLVM knows no such target", got=self.target.triple) from error
        return found.create_target_machine(
            cpu=self.target.cpu,
            features=self.target.feature_text,
            opt=0 if self.optimisation == Optimisation.NONE else 2,
            reloc="pic",
            codemodel="small",
            jit=is_jit,
        )

    @contextmanager
    def _machine(self) -> Generator[llvm.TargetMachine]:
        """Lend a target machine: they cost time to make and serve one thread at a time."""
        try:
            machine = self._idle.pop()
        except IndexError:
            machine = self._new_machine(is_jit=False)
        yield machine
        self._idle.append(machine)


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
