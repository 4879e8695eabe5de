"""Files in the safetensors format, checked and written by its official library.

A file is mapped into memory when it is loaded: tensors are views of the mapping, private to this
process, so loading reads nothing until a tensor is used and writing to one leaves the file alone.
The library itself is loaded when a file is read or written.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy

from tilegrad.base.errors import DataError
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.nn.state.mapped import wrap_arrays
from tilegrad.tensor import Tensor

_TYPES: dict[str, DType] = {
    "BOOL": dtypes.bool,
    "I8": dtypes.int8,
    "I16": dtypes.int16,
    "I32": dtypes.int32,
    "I64": dtypes.int64,
    "U8": dtypes.uint8,
    "U16": dtypes.uint16,
    "U32": dtypes.uint32,
    "U64": dtypes.uint64,
    "F8_E4M3": dtypes.float8_e4m3,
    "F8_E5M2": dtypes.float8_e5m2,
    "F16": dtypes.float16,
    "BF16": dtypes.bfloat16,
    "F32": dtypes.float32,
    "F64": dtypes.float64,
}


def safe_save(
    tensors: Mapping[str, Tensor], path: str | Path, metadata: Mapping[str, str] | None = None
) -> None:
    """Write tensors to a safetensors file.

    The file appears under its name when it is complete, so one that is loaded may be overwritten.

    Args:
        tensors: the tensors by name.
        path: the file.
        metadata: texts to keep in the file.
    """
    from safetensors import TensorSpec, serialize_file

    if tensors:
        Tensor.realize(*tensors.values())
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    specs = {
        name: TensorSpec(
            dtype=array.dtype.name,
            shape=array.shape,
            data_ptr=array.ctypes.data,
            data_len=array.nbytes,
        )
        for name, array in arrays.items()
    }
    path = Path(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        serialize_file(specs, temporary, metadata=dict(metadata) if metadata else None)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def safe_load(path: str | Path, device: str | None = None) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, by name; nothing is read until it is used.

    Args:
        path: the file.
        device: where the tensors are to be; the session's default device for None.

    Raises:
        DataError: the file is missing, damaged, or holds a dtype that tensors do not have.
    """
    from safetensors import SafetensorError, safe_open

    path = _check_file(path)
    try:
        with safe_open(path, framework="np") as file:
            names = list(file.offset_keys())
            slices = [file.get_slice(name) for name in names]
            kinds = [(one.get_dtype(), tuple(one.get_shape())) for one in slices]
    except SafetensorError as error:
        raise DataError("the safetensors file is damaged", got=f"{path}: {error}") from error
    mapped = numpy.memmap(path, dtype=numpy.uint8, mode="c")
    # The header's length comes first; the tensors follow it in this order, without gaps.
    position = 8 + int.from_bytes(mapped[:8].tobytes(), "little")
    arrays = []
    for name, (kind, shape) in zip(names, kinds, strict=True):
        if kind not in _TYPES:
            raise DataError(
                "the safetensors file holds a dtype that tensors do not have",
                got=f"{name}: {kind}",
                expected=f"one of {', '.join(_TYPES)}",
            )
        dtype = _TYPES[kind].numpy
        size = dtype.itemsize * int(numpy.prod(shape, dtype=numpy.int64))
        block = mapped[position : position + size].view(numpy.ndarray)
        arrays.append(_view(block, dtype, shape))
        position += size
    tensors = dict(zip(names, wrap_arrays(arrays, device), strict=True))
    return {name: tensors[name] for name in sorted(tensors)}


def safe_load_metadata(path: str | Path) -> dict[str, str]:
    """Return the texts that were saved with the tensors of a safetensors file.

    Raises:
        DataError: the file is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    path = _check_file(path)
    try:
        with safe_open(path, framework="np") as file:
            return dict(file.metadata() or {})
    except SafetensorError as error:
        raise DataError("the safetensors file is damaged", got=f"{path}: {error}") from error


def _view(block: numpy.ndarray, dtype: numpy.dtype, shape: tuple[int, ...]) -> numpy.ndarray:
    if block.ctypes.data % dtype.itemsize:
        block = block.copy()
    return block.view(dtype).reshape(shape)


def _check_file(path: str | Path) -> Path:
    path = Path(path)
    if not path.is_file():
        raise DataError("there is no such file", got=path)
    return path
