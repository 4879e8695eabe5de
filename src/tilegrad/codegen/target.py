"""What code generation knows of a processor."""

from __future__ import annotations

from dataclasses import dataclass

from tilegrad.ir.dtype import DType, dtypes


@dataclass(frozen=True, slots=True)
class CodegenTarget:
    """A processor, as far as the choice of instructions depends on it.

    Attributes:
        architecture: first part of LLVM's triple, such as ``x86_64`` or ``aarch64``.
        vector_bits: width of the widest vector registers.
        features: LLVM's names of what is present, sorted.
    """

    architecture: str
    vector_bits: int
    features: tuple[str, ...] = ()

    def has(self, *features: str) -> bool:
        """Whether all these features are present."""
        return all(feature in self.features for feature in features)

    @property
    def is_arm(self) -> bool:
        """Whether this is a 64-bit ARM processor, which always has NEON."""
        return self.architecture in ("aarch64", "arm64")

    @property
    def registers(self) -> int:
        """Number of vector registers."""
        return 32 if self.is_arm or self.has("avx512f") else 16

    @property
    def has_fused_multiply_add(self) -> bool:
        """Whether x·y + z rounded once is one instruction."""
        return self.is_arm or self.has("fma")

    @property
    def has_rounding(self) -> bool:
        """Whether rounding a float to a whole number is one instruction."""
        return self.is_arm or self.has("sse4.1")

    @property
    def has_half_conversion(self) -> bool:
        """Whether float16 converts to and from float32 in hardware."""
        return self.is_arm or self.has("f16c")

    def has_scattered_access(self, bits: int, lanes: int) -> bool:
        """Whether one instruction reads or writes so many elements at any addresses."""
        if not self.has("avx512f", "avx512vl"):
            return False
        return bits == 64 or (bits == 32 and lanes >= 4)

    def lanes(self, dtype: DType) -> int:
        """Return how many elements of a dtype fill a vector register."""
        bits = dtypes.int8.bits if dtype.is_boolean else dtype.bits
        return self.vector_bits // bits
