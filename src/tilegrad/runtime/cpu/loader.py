"""From an object file to addresses that can be called."""

from __future__ import annotations

import weakref
from collections.abc import Mapping

from tilegrad.base.errors import CompileError
from tilegrad.runtime.cpu.elf import ElfObject, UnlinkableError, find_function
from tilegrad.runtime.cpu.pages import unmap_pages
from tilegrad.runtime.cpu.target import CpuTarget


class Loaded:
    """Code in memory; it is unloaded when nothing refers to this any more.

    Args:
        addresses: those of its functions.
        owner: what keeps the code alive, if it is not to be unmapped.
    """

    __slots__ = ("__weakref__", "_addresses", "_owner")

    def __init__(self, addresses: Mapping[str, int], owner: object = None) -> None:
        self._addresses = addresses
        self._owner = owner

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


def load_object(binary: bytes, target: CpuTarget) -> Loaded:
    """Make an object file runnable; safe from several threads.

    Raises:
        CompileError: it is damaged, or needs a symbol that this process does not have.
    """
    parsed = ElfObject(binary)
    missing = [name for name in parsed.needed if not find_function(name)]
    if missing:
        raise CompileError(
            "The compiled code calls functions that this process does not have",
            got=", ".join(missing),
            mend="the code generator must expand these operations for this target",
        )
    try:
        image = parsed.link()
    except UnlinkableError:
        from tilegrad.runtime.cpu.generator import link

        return Loaded(*link(binary, parsed.defined, target))
    loaded = Loaded(image.functions)
    ending = weakref.finalize(loaded, unmap_pages, image.address, image.size)
    ending.atexit = False  # type: ignore[missing-attribute]  # threads may still be in it then
    return loaded
