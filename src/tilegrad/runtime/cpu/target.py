"""The processor that code is generated for: this machine's, a narrower one, or a foreign one."""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass, replace

import llvmlite

from tilegrad.base.errors import ArgumentError
from tilegrad.runtime.cpu import host
from tilegrad.runtime.device import BinaryCache


class Optimisation(enum.IntEnum):
    """How much LLVM does between reading and emitting."""

    NONE = 0  # straight to code, without the optimising code generator
    SHORT = 1  # a few clean-up passes: for IR with explicit vectors
    FULL = 2  # LLVM's whole pipeline with its own vectorisers: for scalar IR


# What each level leaves out, by the beginnings of LLVM's feature names, from wide to narrow.
_AMX = ("amx",)
_AVX512 = (*_AMX, "avx512", "avx10", "evex512", "egpr", "ndd", "nf", "zu", "ccmp", "ppx", "push2")
_AVX = (*_AVX512, "avx", "fma", "f16c", "xop", "vaes", "vpclmulqdq", "sha512", "sm3", "sm4")
_LEVELS: dict[str, tuple[str, ...]] = {
    "avx512": _AMX,
    "avx2": _AVX512,
    "sse4.2": _AVX,
    "sse2": (*_AVX, "sse3", "ssse3", "sse4", "popcnt", "bmi", "crc32", "gfni", "sha", "movbe"),
    "neon": ("sve", "sme", "sme2"),
}


@dataclass(frozen=True, slots=True)
class CpuTarget:
    """A processor to generate code for.

    Attributes:
        triple: LLVM's target triple.
        cpu: LLVM's processor name; for this machine the plain architecture, as all that is
            present stands in `features`.
        features: LLVM's names of what is present beyond that, sorted.
        vector_bits: width of the widest vector registers.
        l1, l2, l3: bytes of the data caches as one core sees them; 0 where there is none.
        threads: how many threads run at once.
    """

    triple: str
    cpu: str
    features: tuple[str, ...]
    vector_bits: int
    l1: int
    l2: int
    l3: int
    threads: int

    @property
    def architecture(self) -> str:
        """The first part of the triple, as `x86_64` or `aarch64`."""
        return self.triple.partition("-")[0]

    @property
    def feature_text(self) -> str:
        """The features as LLVM reads them."""
        names = [f"+{name}" for name in self.features]
        # Without this, LLVM keeps to 256 bits on many processors that have 512.
        return ",".join([*names, "-prefer-256-bit"] if self.architecture == "x86_64" else names)

    @property
    def key(self) -> str:
        """All that code generation depends on, as text for a cache key."""
        return f"{self.triple} {self.cpu} {self.feature_text}"

    def has(self, *features: str) -> bool:
        """Say whether all the features, by LLVM's names, are present."""
        return set(features) <= set(self.features)

    def limited(self, level: str) -> CpuTarget:
        """Return this processor without what is newer than a level: avx512, avx2, sse4.2, ...

        Raises:
            ArgumentError: there is no such level.
        """
        if level not in _LEVELS:
            raise ArgumentError(
                "Unknown instruction set level", got=repr(level), expected=", ".join(_LEVELS)
            )
        kept = tuple(name for name in self.features if not name.startswith(_LEVELS[level]))
        return replace(self, features=kept, vector_bits=_vector_bits(self.architecture, kept))

    def __str__(self) -> str:
        caches = "/".join(str(size >> 10) for size in (self.l1, self.l2, self.l3))
        return f"{self.key} {self.vector_bits} bits, {self.threads} threads, {caches} KiB"


def _vector_bits(architecture: str, features: tuple[str, ...]) -> int:
    if architecture == "x86_64":
        return 512 if "avx512f" in features else 256 if "avx" in features else 128
    return 128


def host_target(threads: int | None = None, cache: BinaryCache | None = None) -> CpuTarget:
    """Return this machine's processor; `threads` defaults to the cores that may be used.

    LLVM's name of the host's processor can be wrong in virtual machines, so nothing is concluded
    from it; its list of features comes from the processor itself. What it says is kept in the
    cache for machines of which the system says the same.
    """
    key = hashlib.blake2b(host.processor_flags().encode(), digest_size=16).hexdigest()
    key = f"host {llvmlite.__version__} {key}"
    known = None if cache is None else cache.get(key)
    if known is None:
        known = _ask_llvm()
        if cache is not None:
            cache.put(key, known)
    triple, *features = known.decode().split()
    architecture = triple.partition("-")[0]
    caches = host.cache_sizes()
    return CpuTarget(
        triple=triple,
        cpu="x86-64" if architecture == "x86_64" else "generic",
        features=tuple(features),
        vector_bits=_vector_bits(architecture, tuple(features)),
        l1=caches.l1,
        l2=caches.l2,
        l3=caches.l3,
        threads=host.logical_cores() if threads is None else threads,
    )


def _ask_llvm() -> bytes:
    """Return LLVM's triple of this process and the features of its processor, as words."""
    from tilegrad.runtime.cpu.llvm import describe_host

    triple, features = describe_host()
    return " ".join([triple, *features]).encode()


def foreign_target(
    triple: str, *, cpu: str = "generic", features: tuple[str, ...] = (), threads: int = 1
) -> CpuTarget:
    """Return a processor to cross-compile for, with caches of common sizes."""
    architecture = triple.partition("-")[0]
    return CpuTarget(
        triple=triple,
        cpu="x86-64" if (architecture, cpu) == ("x86_64", "generic") else cpu,
        features=tuple(sorted(features)),
        vector_bits=_vector_bits(architecture, features),
        l1=32 << 10,
        l2=512 << 10,
        l3=0,
        threads=threads,
    )
