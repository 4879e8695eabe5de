"""From an object file to addresses that can be called.

Uses LLVM's ORC with JITLink: measured beside MCJIT (an engine for each object 0.9 ms) and ORC with
RuntimeDyld (0.15-0.35 ms, three mappings), it takes 0.15-0.2 ms and two mappings an object, can
unload each one, and reports a missing symbol where MCJIT would end the process.
"""

from __future__ import annotations

import itertools
import struct

import llvmlite.binding as llvm

from tilegrad.base.errors import CompileError

_SYMBOL_TABLE = 2
_GLOBAL, _UNDEFINED = 1, 0


class Loaded:
    """Code in memory; it is unloaded when nothing refers to this any more."""

    __slots__ = ("__weakref__", "_addresses", "_jit", "_tracker")

    def __init__(
        self, jit: llvm.LLJIT, tracker: llvm.ResourceTracker, symbols: tuple[str, ...]
    ) -> None:
        self._jit, self._tracker = jit, tracker
        self._addresses = {symbol: tracker[symbol] for symbol in symbols}

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the functions that can be called from outside."""
        return tuple(self._addresses)

    def address(self, symbol: str) -> int:
        """Return a function's address; raises CompileError if there is none of that name."""
        try:
            return self._addresses[symbol]
        except KeyError:
            raise CompileError(
                "No such symbol in the loaded code",
                got=symbol,
                expected=", ".join(self._addresses) or "nothing: it has no symbols",
            ) from None


class Loader:
    """Loads objects for this machine.

    Args:
        machine: describes the code to be loaded. It serves this loader alone.
    """

    def __init__(self, machine: llvm.TargetMachine) -> None:
        # LLVM would write to the standard error stream what is raised here anyway.
        self._jit = llvm.create_lljit_compiler(machine, use_jit_link=True, suppress_errors=True)
        self._numbers = itertools.count()

    def load(self, binary: bytes) -> Loaded:
        """Load an ELF object; safe from several threads; raises CompileError."""
        defined, needed = read_symbols(binary)
        missing = [name for name in needed if not llvm.address_of_symbol(name)]
        if missing:
            raise CompileError(
                "The compiled code calls functions that this process does not have",
                got=", ".join(missing),
                mend="the code generator must expand these operations for this target",
            )
        builder = llvm.JITLibraryBuilder().add_object_img(binary).add_current_process()
        for name in defined:
            builder.export_symbol(name)
        try:
            tracker = builder.link(self._jit, f"object{next(self._numbers)}")
        except RuntimeError as error:
            raise _damaged(str(error).strip()) from error
        return Loaded(self._jit, tracker, defined)


def read_symbols(binary: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the global symbols that a 64-bit ELF object defines and that it needs.

    Layout from the System V ABI, "Object Files": a symbol is name (4 bytes), info (1), other (1),
    section (2), value (8), size (8). Raises CompileError if it is no such object.
    """
    try:
        if binary[:6] != b"\x7fELF\x02\x01":
            raise _damaged("it is not a 64-bit little-endian ELF file")
        table = struct.unpack_from("<Q", binary, 40)[0]
        entry, count = struct.unpack_from("<HH", binary, 58)
        # Of each section header: type, offset, size, link.
        sections = [
            struct.unpack_from("<4xI16xQQI", binary, table + entry * number)
            for number in range(count)
        ]
        defined: list[str] = []
        needed: list[str] = []
        for kind, offset, size, link in sections:
            if kind != _SYMBOL_TABLE:
                continue
            strings, length = sections[link][1:3]
            names = binary[strings : strings + length]
            records = struct.iter_unpack("<IBBHQQ", binary[offset : offset + size])
            for name, info, _, section, _, _ in records:
                if info >> 4 == _GLOBAL:
                    text = names[name : names.index(b"\0", name)].decode()
                    (needed if section == _UNDEFINED else defined).append(text)
    except (struct.error, IndexError, ValueError) as error:
        raise _damaged(str(error)) from error
    return tuple(defined), tuple(name for name in needed if name != "_GLOBAL_OFFSET_TABLE_")


def _damaged(reason: str) -> CompileError:
    return CompileError(
        "The object file is damaged", got=reason, mend="compile it again; a cache must drop it"
    )
