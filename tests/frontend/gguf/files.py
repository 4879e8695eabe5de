"""Small GGUF files for the tests, written by the package gguf."""

from __future__ import annotations

from pathlib import Path

import numpy
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFWriter

SCALES = {
    "Q4_0": (0,),
    "Q4_1": (0, 2),
    "Q5_0": (0,),
    "Q5_1": (0, 2),
    "Q8_0": (0,),
    "Q2_K": (80, 82),
    "Q3_K": (108,),
    "Q4_K": (0, 2),
    "Q5_K": (0, 2),
    "Q6_K": (208,),
    "IQ4_NL": (0,),
    "MXFP4": (),
}
"""Where a block of a format has its float16 numbers."""


def random_blocks(kind: str, rows: int, columns: int) -> numpy.ndarray:
    """Return the bytes of random blocks whose scales are small finite numbers."""
    generator = numpy.random.default_rng(len(kind))
    elements, nbytes = GGML_QUANT_SIZES[GGMLQuantizationType[kind]]
    blocks = generator.integers(0, 256, (rows, columns // elements, nbytes), dtype=numpy.uint8)
    for place in SCALES[kind]:
        scales = generator.standard_normal((*blocks.shape[:2], 1)).astype(numpy.float16)
        blocks[:, :, place : place + 2] = scales.view(numpy.uint8)
    if kind == "MXFP4":  # exponents around that of 1, and both smallest ones
        blocks[:, :, 0] = generator.integers(120, 135, blocks.shape[:2])
        blocks[0, :2, 0] = (0, 1)
    return blocks.reshape(rows, -1)


def write_file(path: Path, weights: dict[str, tuple[str, numpy.ndarray]], **metadata: str) -> None:
    """Write a file with weights (format and bytes) and texts."""
    writer = GGUFWriter(path, "test")
    for key, value in metadata.items():
        writer.add_string(key, value)
    for name, (kind, data) in weights.items():
        writer.add_tensor(name, data, raw_dtype=GGMLQuantizationType[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
