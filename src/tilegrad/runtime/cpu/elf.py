"""Object files of x86-64, put into memory as code.

What kernels are made of is little: functions, constants that they reach relative to the
instruction, and at times calls of the C library. So they are linked here, and a process that finds
all its kernels on disk never loads LLVM, which is larger than all the rest of it.

Layout from the System V ABI, "Object Files", and its x86-64 supplement, "Relocation".
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from typing import NamedTuple

from tilegrad.base.errors import CompileError
from tilegrad.runtime.cpu.pages import map_pages, protect_code, unmap_pages

_PROGRAM, _SYMBOLS, _RELOCATIONS = 1, 2, 4
_WRITABLE, _ALLOCATED = 1, 2
_GLOBAL = 1
_X86_64 = 62
_ABSOLUTE, _RELATIVE, _CALL, _TABLE = 1, 2, 4, (9, 41, 42)
_JUMP = b"\xff\x25\0\0\0\0"
"""A jump to the address that follows."""
_JUMP_BYTES = 16


class UnlinkableError(Exception):
    """An object has something that is not known here."""


class _Section(NamedTuple):
    name: int
    kind: int
    flags: int
    offset: int
    size: int
    link: int
    target: int
    alignment: int


class _Symbol(NamedTuple):
    name: str
    is_global: bool
    section: int
    value: int


class Image(NamedTuple):
    """Code in memory.

    Attributes:
        address: where it begins.
        size: of its pages, in bytes.
        functions: the addresses of its global symbols.
    """

    address: int
    size: int
    functions: dict[str, int]


class ElfObject:
    """A 64-bit little-endian object file.

    Args:
        binary: its content.

    Raises:
        CompileError: it is damaged.
    """

    def __init__(self, binary: bytes) -> None:
        self.binary = binary
        if binary[:6] != b"\x7fELF\x02\x01":
            raise damaged("it is not a 64-bit little-endian ELF file")
        try:
            self.machine = struct.unpack_from("<H", binary, 18)[0]
            table = struct.unpack_from("<Q", binary, 40)[0]
            entry, count = struct.unpack_from("<HH", binary, 58)
            headers = (
                struct.unpack_from("<IIQQQQIIQQ", binary, table + entry * number)
                for number in range(count)
            )
            self.sections = [_Section(*header[:3], *header[4:9]) for header in headers]
            self.symbols = self._read_symbols()
        except (struct.error, IndexError, ValueError) as error:
            raise damaged(str(error)) from error

    def _read_symbols(self) -> list[_Symbol]:
        symbols: list[_Symbol] = []
        for section in self.sections:
            if section.kind != _SYMBOLS:
                continue
            strings = self.sections[section.link]
            names = self.binary[strings.offset : strings.offset + strings.size]
            records = self.binary[section.offset : section.offset + section.size]
            for name, info, _, place, value, _ in struct.iter_unpack("<IBBHQQ", records):
                text = names[name : names.index(b"\0", name)].decode()
                symbols.append(_Symbol(text, info >> 4 == _GLOBAL, place, value))
        return symbols

    @property
    def defined(self) -> tuple[str, ...]:
        """The global symbols that it defines."""
        return tuple(one.name for one in self.symbols if one.is_global and one.section)

    @property
    def needed(self) -> tuple[str, ...]:
        """The global symbols that it needs."""
        names = (one.name for one in self.symbols if one.is_global and not one.section)
        return tuple(name for name in names if name != "_GLOBAL_OFFSET_TABLE_")

    def link(self) -> Image:
        """Put it into memory.

        Raises:
            CompileError: it is damaged, or the system gives no memory for code.
            UnlinkableError: it is for another machine, or needs more than what is known here.
        """
        if self.machine != _X86_64:
            raise UnlinkableError(f"machine {self.machine}")
        try:
            return _Linker(self).link()
        except (struct.error, IndexError, ValueError) as error:
            raise damaged(str(error)) from error


class _Linker:
    def __init__(self, binary: ElfObject) -> None:
        self.object = binary
        self.places: dict[int, int] = {}
        end = 0
        for number, section in enumerate(binary.sections):
            if not section.flags & _ALLOCATED or not section.size:
                continue
            if section.kind != _PROGRAM or section.flags & _WRITABLE:
                raise UnlinkableError(f"a section of type {section.kind}, flags {section.flags}")
            end = -(-end // section.alignment) * section.alignment
            self.places[number] = end
            end += section.size
        end = -(-end // _JUMP_BYTES) * _JUMP_BYTES
        # Jumps and addresses of what other code defines lie behind, at most two for each symbol.
        self.extra = end
        self.size = end + 2 * _JUMP_BYTES * len(binary.symbols)
        self.image = bytearray(self.size)
        self.jumps: dict[int, int] = {}

    def link(self) -> Image:
        pages = -(-self.size // mmap.PAGESIZE) * mmap.PAGESIZE
        address = map_pages(pages)
        if not address:
            raise CompileError("The system gives no memory for code", got=f"{pages} bytes asked")
        try:
            values = self._fill(address)
            ctypes.memmove(address, bytes(self.image), self.size)
            protect_code(address, pages)
        except BaseException as error:
            unmap_pages(address, pages)
            if isinstance(error, OSError):
                raise CompileError(
                    "The system lets no new memory be executed",
                    got=error.strerror,
                    mend="allow it for this program; device reference runs without",
                ) from error
            raise
        functions = {
            symbol.name: value
            for symbol, value in zip(self.object.symbols, values, strict=True)
            if symbol.is_global and symbol.section
        }
        return Image(address, pages, functions)

    def _fill(self, address: int) -> list[int]:
        """Make the image that is to lie at an address; return the values of all symbols."""
        binary, sections = self.object.binary, self.object.sections
        for number, place in self.places.items():
            section = sections[number]
            content = binary[section.offset : section.offset + section.size]
            if len(content) != section.size:
                raise damaged("a section reaches beyond its end")
            self.image[place : place + section.size] = content
        values = [self._value(symbol, address) for symbol in self.object.symbols]
        for section in sections:
            if section.kind == _RELOCATIONS and section.target in self.places:
                self._relocate(section, values, address)
        return values

    def _value(self, symbol: _Symbol, address: int) -> int:
        if symbol.section in self.places:
            return address + self.places[symbol.section] + symbol.value
        if symbol.section or not symbol.is_global:
            return 0
        return find_function(symbol.name)

    def _relocate(self, section: _Section, values: list[int], address: int) -> None:
        start = self.places[section.target]
        records = self.object.binary[section.offset : section.offset + section.size]
        for offset, info, addend in struct.iter_unpack("<QQq", records):
            kind, number = info & 0xFFFFFFFF, info >> 32
            place, value = start + offset, values[number]
            if kind == _ABSOLUTE:
                struct.pack_into("<Q", self.image, place, value + addend)
                continue
            if kind in _TABLE:
                value = address + self._jump(number, value) + len(_JUMP)
            elif kind == _CALL and not self.object.symbols[number].section:
                value = address + self._jump(number, value)
            elif kind not in (_RELATIVE, _CALL):
                raise UnlinkableError(f"relocation {kind}")
            struct.pack_into("<i", self.image, place, value + addend - address - place)

    def _jump(self, number: int, value: int) -> int:
        """Return the place of a jump to a symbol."""
        if number not in self.jumps:
            place = self.jumps[number] = self.extra
            self.extra += _JUMP_BYTES
            self.image[place : place + len(_JUMP)] = _JUMP
            struct.pack_into("<Q", self.image, place + len(_JUMP), value)
        return self.jumps[number]


def find_function(name: str) -> int:
    """Return the address of a function that the process has; 0 if there is none."""
    try:
        function = getattr(ctypes.CDLL(None), name)
    except AttributeError:
        return 0
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def damaged(reason: str) -> CompileError:
    """Return the error for an object file that is not whole."""
    return CompileError(
        "The object file is damaged", got=reason, mend="compile it again; a cache must drop it"
    )
