"""From LLVM IR to an object file, and from that to code in memory.

LLVM itself is loaded when something is to be compiled, not before.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import llvmlite

from tilegrad.runtime.cpu.loader import Loaded, load_object
from tilegrad.runtime.cpu.target import CpuTarget, Optimisation

if TYPE_CHECKING:
    from tilegrad.runtime.cpu.generator import CodeGenerator


class CpuCompiler:
    """Compiles LLVM IR for one target and loads the results.

    Args:
        target: what to generate code for; only this machine's (or a narrower) code can be loaded.
        optimisation: what `compile` does by default.
    """

    def __init__(self, target: CpuTarget, optimisation: Optimisation = Optimisation.SHORT) -> None:
        self.target = target
        self.optimisation = optimisation

    @functools.cached_property
    def _generator(self) -> CodeGenerator:
        from tilegrad.runtime.cpu.generator import CodeGenerator

        return CodeGenerator(self.target, self.optimisation)

    @property
    def key(self) -> str:
        """All that decides what a source compiles to, besides the source."""
        # Each version of llvmlite carries an LLVM of its own.
        return f"llvmlite {llvmlite.__version__} {self.optimisation.name} {self.target.key}"

    def compile(self, source: str) -> bytes:
        """Compile a module of any number of kernels to an object file.

        Raises:
            CompileError: LLVM refuses the module; the message shows the line.
        """
        return self._generator.generate(source, is_object=True)

    def assembly(self, source: str) -> str:
        """Compile a module to the target's assembly, for reading; raises CompileError."""
        return self._generator.generate(source, is_object=False).decode()

    def load(self, binary: bytes) -> Loaded:
        """Make an object file runnable; it is unloaded when nothing refers to the result.

        Raises:
            CompileError: it is damaged, or needs a symbol that this process does not have.
        """
        return load_object(binary, self.target)
