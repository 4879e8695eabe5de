"""How each format of GGUF packs numbers into blocks, and what they stand for.

The layouts are those of ggml (its ``ggml-quants.c`` and the Python package ``gguf``). A format
decodes blocks into float32 tensors of which the axes after the blocks, taken in row-major order,
are the elements of a block: so no element's place has to be divided, and a kernel that multiplies
by them reads the bytes in the order in which they lie.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from tilegrad.frontend.gguf.blocks import Blocks, fields, scale
from tilegrad.ir.dtype import dtypes
from tilegrad.tensor import Tensor


class Format(NamedTuple):
    """A way to store numbers in blocks.

    Attributes:
        elements: how many numbers a block holds.
        nbytes: its size.
        decode: returns float32 of shape (.., *parts) for blocks (..); the parts' product is the
            number of elements.
    """

    elements: int
    nbytes: int
    decode: Callable[[Blocks], Tensor]


def _q4_0(blocks: Blocks) -> Tensor:
    """Return scale · (q - 8), q of 4 bits."""
    levels = fields(blocks.part(2, 18, 1, 16), 4, -2)
    return _scale_from(levels, 8, blocks.number(0, 2))


def _scale_from(levels: Tensor, middle: int, factor: Tensor) -> Tensor:
    """Return factor · (levels - middle), exact but for one rounding if middle is a power of two."""
    return scale(levels, factor, factor * -middle)


def _q4_1(blocks: Blocks) -> Tensor:
    """Return scale · q + least, q of 4 bits."""
    levels = fields(blocks.part(4, 20, 1, 16), 4, -2)
    return scale(levels, blocks.number(0, 2), blocks.number(2, 2))


def _five_bits(blocks: Blocks, place: int) -> Tensor:
    """Return numbers of 5 bits: the fifth ones are 32 bits before the bytes of the others."""
    low = fields(blocks.part(place + 4, place + 20, 1, 16), 4, -2)
    shifts = Tensor.arange(16, dtype=dtypes.uint16, device=low.device)
    high = (blocks.words(place, 2, dtypes.uint16).unsqueeze(-1) >> shifts) & 1
    return low | (high.cast(dtypes.uint8) << 4)


def _q5_0(blocks: Blocks) -> Tensor:
    """Return scale · (q - 16), q of 5 bits."""
    return _scale_from(_five_bits(blocks, 2), 16, blocks.number(0, 2))


def _q5_1(blocks: Blocks) -> Tensor:
    """Return scale · q + least, q of 5 bits."""
    return scale(_five_bits(blocks, 4), blocks.number(0, 2), blocks.number(2, 2))


def _q8_0(blocks: Blocks) -> Tensor:
    """Return scale · q, q of 8 bits with a sign."""
    return blocks.part(2, 34, 2, 16).bitcast(dtypes.int8).float() * blocks.number(0, 2)


def _q2_k(blocks: Blocks) -> Tensor:
    """Return scale · q - least, q of 2 bits; scale and least of 4 bits for every 16 numbers."""
    levels = fields(blocks.part(16, 80, 2, 1, 2, 16), 2, -3)
    parts = blocks.part(0, 16, 2, 4, 2, 1)
    scales = (parts & 15).float() * blocks.number(80, 4)
    return scale(levels, scales, (parts >> 4).float() * -blocks.number(82, 4))


def _q3_k(blocks: Blocks) -> Tensor:
    """Return scale · (q - 4), q of 3 bits; a scale of 6 bits for every 16 numbers."""
    low = fields(blocks.part(32, 96, 2, 1, 2, 16), 2, -3)
    high = fields(blocks.part(0, 32, 1, 2, 16), 1, -3).unflatten(-3, (2, 4))
    scales = fields(blocks.part(96, 104, 1, 8), 4, -2).flatten(-2).unflatten(-1, (2, 4, 2))
    upper = fields(blocks.part(104, 108, 1, 4), 2, -2).flatten(-2).unflatten(-1, (2, 4, 2))
    factors = (scales | (upper << 4)).float() - 32
    return _scale_from(low | (high << 2), 4, factors.unsqueeze(-1) * blocks.number(108, 4))


def _scales_and_offsets(blocks: Blocks) -> tuple[Tensor, Tensor]:
    """Return scales and negative leasts of 6 bits, (.., 4, 2, 1), from the 12 bytes after 4."""
    scale, least, rest = (blocks.part(start, start + 4, 2, 2) for start in (4, 8, 12))
    scales = (scale & 63).cat((rest & 15) | ((scale >> 6) << 4), dim=-2)
    leasts = (least & 63).cat((rest >> 4) | ((least >> 6) << 4), dim=-2)
    factor, offset = blocks.number(0, 3), blocks.number(2, 3)
    return scales.unsqueeze(-1).float() * factor, leasts.unsqueeze(-1).float() * -offset


def _q4_k(blocks: Blocks) -> Tensor:
    """Return scale · q - least, q of 4 bits; scale and least for every 32 numbers."""
    levels = fields(blocks.part(16, 144, 4, 1, 32), 4, -2)
    return scale(levels, *_scales_and_offsets(blocks))


def _q5_k(blocks: Blocks) -> Tensor:
    """Return scale · q - least, q of 5 bits; scale and least for every 32 numbers."""
    low = fields(blocks.part(48, 176, 4, 1, 32), 4, -2)
    high = fields(blocks.part(16, 48, 1, 32), 1, -2).unflatten(-2, (4, 2))
    return scale(low | (high << 4), *_scales_and_offsets(blocks))


def _q6_k(blocks: Blocks) -> Tensor:
    """Return scale · (q - 32), q of 6 bits; a scale of 8 bits for every 16 numbers."""
    low = fields(blocks.part(0, 128, 2, 1, 2, 2, 16), 4, -4)
    high = fields(blocks.part(128, 192, 2, 1, 2, 16), 2, -3).unflatten(-3, (2, 2))
    scales = blocks.part(192, 208, 2, 2, 2, 2, 1).bitcast(dtypes.int8)
    return _scale_from(low | (high << 4), 32, scales.float() * blocks.number(208, 5))


_CURVE = (1.43298969, 91.5184774 / 8, -1.07597145 / 64, 41.90198255 / 512, 6.4964314 / 4096)
"""A polynomial in q - 8 that is less than 0.44 from each of the values below."""


def _iq4_nl(blocks: Blocks) -> Tensor:
    """Return scale · value, one of 16 values.

    They are -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89 and 113, and so
    smooth that a polynomial, rounded, gives them in fewer steps than a choice.
    """
    place = fields(blocks.part(2, 18, 1, 16), 4, -2).float() - 8
    *lower, highest = (Tensor.full((), one, device=place.device) for one in _CURVE)
    value = scale(place, highest, lower.pop())
    while lower:
        value = scale(value, place, lower.pop())
    return value.round() * blocks.number(0, 2)


def _mxfp4(blocks: Blocks) -> Tensor:
    """Return 2^(e - 127) · value, a float of 4 bits: sign, two of exponent and one of mantissa.

    In float16 these bits are the value times 2^-14; 2^(e - 127) is taken in halves, as its greatest
    values are none of float32.
    """
    levels = fields(blocks.part(1, 17, 1, 16), 4, -2).cast(dtypes.uint16)
    small = (((levels & 7) << 9) | ((levels & 8) << 12)).bitcast(dtypes.float16)
    exponent = blocks.part(0, 1, 1, 1).cast(dtypes.uint32)
    normal, subnormal = (exponent - 1) << 23, (exponent + 1) << 21
    half = (exponent < 2).where(subnormal, normal).bitcast(dtypes.float32)
    return (small.float() * 2.0**15) * half


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "Q4_0": Format(32, 18, _q4_0),
        "Q4_1": Format(32, 20, _q4_1),
        "Q5_0": Format(32, 22, _q5_0),
        "Q5_1": Format(32, 24, _q5_1),
        "Q8_0": Format(32, 34, _q8_0),
        "Q2_K": Format(256, 84, _q2_k),
        "Q3_K": Format(256, 110, _q3_k),
        "Q4_K": Format(256, 144, _q4_k),
        "Q5_K": Format(256, 176, _q5_k),
        "Q6_K": Format(256, 210, _q6_k),
        "IQ4_NL": Format(32, 18, _iq4_nl),
        "MXFP4": Format(32, 17, _mxfp4),
    }
)
"""The quantised formats, by ggml's names."""
