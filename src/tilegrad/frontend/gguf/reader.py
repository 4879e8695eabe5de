"""Reading GGUF files: the metadata as Python values, the weights mapped into memory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy

from tilegrad.base.errors import DataError
from tilegrad.engine import current_session
from tilegrad.frontend.gguf.blocks import Blocks
from tilegrad.frontend.gguf.formats import FORMATS
from tilegrad.frontend.gguf.weight import Weight
from tilegrad.tensor import Tensor

if TYPE_CHECKING:
    from gguf import GGUFReader, ReaderTensor

_PLAIN = {"F32": numpy.float32, "F16": numpy.float16, "BF16": ml_dtypes.bfloat16}


@dataclass(frozen=True, slots=True)
class GGUFFile:
    """A file: what it says of the model, and its weights.

    Attributes:
        path: where it lies.
        metadata: values by key: numbers, texts, and lists of them.
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
        DataError: the file is missing, damaged or of an unknown version, a weight is stored in a
            format that is not known, or the package ``gguf`` is not installed.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError("there is no such file", got=path)
    reader = _open(path)
    metadata = {
        name: field.contents()
        for name, field in reader.fields.items()
        if not name.startswith("GGUF.")
    }
    weights = {tensor.name: _wrap(tensor, path, device) for tensor in reader.tensors}
    return GGUFFile(path, metadata, weights)


def _open(path: Path) -> GGUFReader:
    try:
        from tilegrad.frontend.gguf.quick_reader import QuickReader
    except ImportError as error:
        raise DataError(
            "GGUF files are read by the package gguf, which is not installed",
            got=path,
            mend='pip install "tilegrad[chat]"',
        ) from error
    try:
        return QuickReader(path, "c")
    except (ValueError, IndexError, KeyError, UnicodeDecodeError, MemoryError) as error:
        raise DataError(
            "the GGUF file is damaged or of an unknown version", got=f"{path}: {error}"
        ) from error


def _wrap(tensor: ReaderTensor, path: Path, device: str | None) -> Weight:
    kind = tensor.tensor_type.name
    shape = tuple(int(size) for size in reversed(tensor.shape.tolist()))
    data = tensor.data.view(numpy.ndarray).reshape(-1)
    if kind in _PLAIN:
        stored: Blocks | Tensor = _share(data.view(_PLAIN[kind]).reshape(shape), device)
    elif kind in FORMATS:
        form = FORMATS[kind]
        blocks = (*shape[:-1], shape[-1] // form.elements, form.nbytes)
        if math.prod(blocks) != data.size:
            raise DataError("a weight of the GGUF file is damaged", got=f"{path}: {tensor.name}")
        stored = _blocks(data.reshape(blocks), device)
    else:
        raise DataError(
            "a weight is stored in a format that is not known",
            got=f"{path}: {tensor.name} is {kind}",
            expected=f"one of {', '.join([*_PLAIN, *FORMATS])}",
            mend="take another quantisation of the same model",
        )
    return Weight(tensor.name, kind, shape, stored)


def _blocks(array: numpy.ndarray, device: str | None) -> Blocks:
    has_words = array.shape[-1] % 2 == 0 and array.ctypes.data % 2 == 0
    halves = _share(array.view(numpy.float16), device) if has_words else None
    return Blocks(_share(array, device), halves)


def _share(array: numpy.ndarray, device: str | None) -> Tensor:
    """Return a tensor over an array's own memory; nothing writes to weights."""
    session = current_session()
    name = device or session.default_device
    return Tensor.from_node(session.from_numpy(array, name, copy=False), name)
