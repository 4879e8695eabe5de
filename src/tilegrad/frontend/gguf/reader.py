"""Reading GGUF files: the metadata as Python values, the weights mapped into memory."""

from __future__ import annotations

import contextlib
import math
import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

from tilegrad.base.errors import DataError
from tilegrad.engine import current_session
from tilegrad.frontend.gguf.blocks import Blocks
from tilegrad.frontend.gguf.formats import FORMATS
from tilegrad.frontend.gguf.header import StoredTensor, read_header
from tilegrad.frontend.gguf.stacks import Cut, Spaced, Stack, find_stacks
from tilegrad.frontend.gguf.weight import Weight
from tilegrad.ir.dtype import dtypes
from tilegrad.tensor import Tensor

_PLAIN = {"F32": dtypes.float32, "F16": dtypes.float16, "BF16": dtypes.bfloat16}


@dataclass(frozen=True, slots=True)
class GGUFFile:
    """A file: what it says of the model, and its weights.

    Attributes:
        path: where it lies.
        metadata: values by key: numbers, texts, and sequences of them.
        weights: stored tensors by name. What is not used is not read from the disk.
    """

    path: Path
    metadata: Mapping[str, Any]
    weights: Mapping[str, Weight]


def read_gguf(path: str | Path, device: str | None = None) -> GGUFFile:
    """Map a GGUF file into memory.

    The weights are not copied: they stay as long as tensors over them live, and their pages are the
    operating system's to drop and read again.

    Args:
        path: the file.
        device: where it is computed; the session's default device for None.

    Raises:
        DataError: the file is missing, damaged or of an unknown version, or a weight is stored in a
            format that is not known.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError("there is no such file", got=path)
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        _ask_for_huge_pages(mapped)
        header = read_header(mapped)
    except (ValueError, MemoryError) as error:
        raise DataError(
            "the GGUF file is damaged or of an unknown version", got=f"{path}: {error}"
        ) from error
    content = numpy.frombuffer(mapped, numpy.uint8)
    weights = {tensor.name: _wrap(tensor, content, path, device) for tensor in header.tensors}
    for stack in find_stacks(header.tensors, path):
        weights[stack.name] = _wrap_stack(stack, content, device)
        for part in stack.parts:
            del weights[part.name]
    return GGUFFile(path, header.metadata, weights)


def _ask_for_huge_pages(mapped: mmap.mmap) -> None:
    """Ask the operating system to read the file into huge pages, if it is not in memory yet.

    Memory is then read a third faster than in pages of 4 KiB, at each of which a processor stops
    fetching ahead. It is advice: not all systems and file systems know it.
    """
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):
            mapped.madvise(mmap.MADV_HUGEPAGE)


def _wrap_stack(stack: Stack, content: numpy.ndarray, device: str | None) -> Weight:
    """Return one weight over tensors at equal distances, and over what lies between them."""
    kind, shape, count = stack.parts[0].format, stack.parts[0].shape, len(stack.parts)
    elements, nbytes = _sizes(kind)
    size = math.prod(shape) // elements * nbytes
    start, distance = stack.parts[0].start, stack.distance or size
    # As many distances as there are tensors, from the first one on or up to the end of the last.
    is_late = start + count * distance > len(content)
    start -= (distance - size) * is_late
    data = content[start : start + count * distance].reshape(count, distance)

    def cut(dtype: Any, *last: int) -> Cut:
        width = numpy.dtype(dtype).itemsize
        place = (distance - size) // width * is_late
        return Cut(_share(data.view(dtype), device), place, (*shape[:-1], *last))

    if kind in _PLAIN:
        return Weight(
            stack.name, kind, (count, *shape), Spaced(cut(_PLAIN[kind].numpy, shape[-1]), None)
        )
    blocks = shape[-1] // elements
    has_words = nbytes % 2 == 0 and start % 2 == 0 and distance % 2 == 0
    halves = cut(numpy.float16, blocks, nbytes // 2) if has_words else None
    stored = Spaced(cut(numpy.uint8, blocks, nbytes), halves, is_quantised=True)
    return Weight(stack.name, kind, (count, *shape), stored)


def _sizes(kind: str) -> tuple[int, int]:
    """Return the elements and bytes of a block."""
    return (1, _PLAIN[kind].itemsize) if kind in _PLAIN else FORMATS[kind][:2]


def _wrap(tensor: StoredTensor, content: numpy.ndarray, path: Path, device: str | None) -> Weight:
    kind, shape = tensor.format, tensor.shape
    if kind not in _PLAIN and kind not in FORMATS:
        raise DataError(
            "a weight is stored in a format that is not known",
            got=f"{path}: {tensor.name} is {kind}",
            expected=f"one of {', '.join([*_PLAIN, *FORMATS])}",
            mend="take another quantisation of the same model",
        )
    elements, nbytes = _sizes(kind)
    columns = shape[-1] if shape else 1
    size = math.prod(shape) // elements * nbytes
    if columns % elements or tensor.start + size > len(content):
        raise DataError("a weight of the GGUF file is damaged", got=f"{path}: {tensor.name}")
    data = content[tensor.start : tensor.start + size]
    if kind in _PLAIN:
        return Weight(
            tensor.name, kind, shape, _share(data.view(_PLAIN[kind].numpy).reshape(shape), device)
        )
    blocks = data.reshape(*shape[:-1], columns // elements, nbytes)
    return Weight(tensor.name, kind, shape, _blocks(blocks, device))


def _blocks(array: numpy.ndarray, device: str | None) -> Blocks:
    has_words = array.shape[-1] % 2 == 0 and array.ctypes.data % 2 == 0
    halves = _share(array.view(numpy.float16), device) if has_words else None
    return Blocks(_share(array, device), halves)


def _share(array: numpy.ndarray, device: str | None) -> Tensor:
    """Return a tensor over an array's own memory; nothing writes to weights."""
    session = current_session()
    name = device or session.default_device
    return Tensor.from_node(session.from_numpy(array, name, copy=False), name)
