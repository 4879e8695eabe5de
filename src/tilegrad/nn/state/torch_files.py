"""Checkpoints written by ``torch.save``: the zip format and the older stream format.

Both hold a pickle that describes the objects and, outside it, the raw bytes of each storage. The
file is mapped into memory and never copied as a whole: arrays are views of the mapping (private
to this process: writing to one does not change the file).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeGuard

import numpy

from tilegrad.base.errors import DataError
from tilegrad.ir.dtype import DType
from tilegrad.nn.state.mapped import wrap_arrays
from tilegrad.nn.state.pickled import (
    Call,
    ElementType,
    StorageRecord,
    StorageType,
    is_size,
    unpickle,
)
from tilegrad.tensor.trees import flatten, map_leaves

_STREAM_MAGIC = 0x1950A86A20F9469CFC6C
_DEEPEST = 200
_WIDEST = 8
_LOCAL_HEADER_BYTES = 30


def torch_load(path: str | Path, device: str | None = None) -> Any:
    """Load what ``torch.save`` wrote, without running any code of the file.

    Args:
        path: the file.
        device: where the tensors are to be; the session's default device for None.

    Returns:
        The saved object, with tensors and parameters as tensors over the mapped file (copied where
        they are strided or share memory); see ``read_torch_file`` for the rest.

    Raises:
        DataError: the file is missing, damaged, in another format, or holds other objects than
            tensors and plain containers.
    """
    tree = read_torch_file(path)
    arrays = [leaf for leaf in flatten(tree) if isinstance(leaf, numpy.ndarray)]
    tensors = iter(wrap_arrays(arrays, device))
    return map_leaves(lambda leaf: next(tensors) if isinstance(leaf, numpy.ndarray) else leaf, tree)


def read_torch_file(path: str | Path) -> object:
    """Read what ``torch.save`` wrote, with every tensor as a NumPy array.

    Returns:
        The saved object: dictionaries, lists, tuples, sets and scalars as they are, tensors and
        parameters as arrays (views of the mapped file), ``torch.Size`` as a tuple of ints,
        ``torch.device`` as a string and a saved dtype as a ``DType``.

    Raises:
        DataError: the file is missing, damaged, in another format, or holds other objects.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError("there is no such file", got=path)
    if path.stat().st_size == 0:
        raise DataError("the file is empty", got=path)
    mapped = numpy.memmap(path, dtype=numpy.uint8, mode="c")
    if zipfile.is_zipfile(path):
        try:
            return _read_zip(path, mapped)
        except zipfile.BadZipFile as error:
            raise DataError("the checkpoint's zip container is damaged", got=error) from error
    return _read_stream(path, mapped)


def _read_zip(path: Path, mapped: numpy.ndarray) -> object:
    with zipfile.ZipFile(path) as archive:
        names = {name.partition("/")[2]: name for name in archive.namelist()}
        if "data.pkl" not in names:
            raise DataError("this zip file is not a PyTorch checkpoint", got=path)
        if "byteorder" in names and archive.read(names["byteorder"]) != b"little":
            raise DataError("the checkpoint's numbers are big-endian", got=path)
        described = unpickle(io.BytesIO(archive.read(names["data.pkl"])))

        def find_bytes(record: StorageRecord) -> numpy.ndarray:
            name = names.get(f"data/{record.key}")
            if name is None:
                raise DataError("the checkpoint lacks a storage", got=record.key)
            return _find_entry(archive, name, mapped)

        return _build(described, find_bytes)


def _find_entry(archive: zipfile.ZipFile, name: str, mapped: numpy.ndarray) -> numpy.ndarray:
    """Return the bytes of a zip entry: a view of the mapping if it is stored uncompressed."""
    entry = archive.getinfo(name)
    if entry.compress_type != zipfile.ZIP_STORED:
        return numpy.frombuffer(bytearray(archive.read(name)), numpy.uint8)
    header = mapped[entry.header_offset : entry.header_offset + _LOCAL_HEADER_BYTES].tobytes()
    lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    start = entry.header_offset + _LOCAL_HEADER_BYTES + lengths
    return _align(mapped[start : start + entry.file_size])


def _align(block: numpy.ndarray) -> numpy.ndarray:
    """Return the bytes at an address that suits every dtype, copied only if they are not."""
    return block.copy() if block.ctypes.data % _WIDEST else block


def _read_stream(path: Path, mapped: numpy.ndarray) -> object:
    """Read the format from before PyTorch 1.6: five pickles, then the storages one by one.

    The pickles are a magic number, a version, facts about the machine, the object, and the order
    of the storages; each storage is its number of elements (8 bytes) and then its bytes.
    """
    with path.open("rb") as file:
        if _unpickle_or_none(file) != _STREAM_MAGIC:
            raise DataError(
                "the file is not a PyTorch checkpoint", got=path, expected="a file of torch.save"
            )
        unpickle(file)
        facts = unpickle(file)
        if isinstance(facts, dict) and facts.get("little_endian") is False:
            raise DataError("the checkpoint's numbers are big-endian", got=path)
        described = unpickle(file)
        keys = unpickle(file)
        position = file.tell()
    types: dict[str, StorageType] = {}
    _build(described, lambda record: _note_type(record, types))
    if not isinstance(keys, list):
        raise DataError("the checkpoint's list of storages is damaged", got=path)
    blocks: dict[str, numpy.ndarray] = {}
    for key in keys:
        if key not in types:
            raise DataError("the checkpoint holds a storage that nothing refers to", got=key)
        size = int.from_bytes(mapped[position : position + 8].tobytes(), "little")
        end = position + 8 + size * types[key].itemsize
        blocks[key] = _align(mapped[position + 8 : end])
        position = end

    def find_bytes(record: StorageRecord) -> numpy.ndarray:
        if record.key not in blocks:
            raise DataError("the checkpoint lacks a storage", got=record.key)
        return blocks[record.key]

    return _build(described, find_bytes)


def _unpickle_or_none(file: io.BufferedReader) -> object:
    try:
        return unpickle(file)
    except DataError:
        return None


def _note_type(record: StorageRecord, types: dict[str, StorageType]) -> None:
    types[record.key] = record.storage_type


def _build(
    described: object,
    find_bytes: Callable[[StorageRecord], numpy.ndarray | None],
    depth: int = 0,
) -> object:
    """Turn noted calls into arrays, inside any nesting of plain containers."""
    if depth > _DEEPEST:
        raise DataError(f"the checkpoint's containers nest deeper than {_DEEPEST}")
    if isinstance(described, Call):
        return _build_call(described, find_bytes, depth)
    if isinstance(described, ElementType):
        return described.dtype
    if isinstance(described, (StorageRecord, StorageType)):
        raise DataError("the checkpoint holds a bare storage", got=repr(described))
    if isinstance(described, dict):
        return {key: _build(value, find_bytes, depth + 1) for key, value in described.items()}
    if isinstance(described, list):
        return [_build(value, find_bytes, depth + 1) for value in described]
    if isinstance(described, tuple):
        return tuple(_build(value, find_bytes, depth + 1) for value in described)
    return described


def _build_call(
    call: Call, find_bytes: Callable[[StorageRecord], numpy.ndarray | None], depth: int
) -> object:
    name, arguments = call
    if name in {"_rebuild_parameter", "_rebuild_parameter_with_state"} and arguments:
        return _build(arguments[0], find_bytes, depth + 1)
    if name == "Size" and len(arguments) == 1 and isinstance(arguments[0], tuple):
        return arguments[0]
    if name == "device":
        return ":".join(str(part) for part in arguments)
    if name.startswith("_rebuild_tensor") and len(arguments) >= 4:
        storage, start, sizes, strides = arguments[:4]
        dtype = arguments[6] if name == "_rebuild_tensor_v3" and len(arguments) > 6 else None
        if (
            isinstance(storage, StorageRecord)
            and is_size(start)
            and _are_sizes(sizes)
            and _are_sizes(strides)
            and len(sizes) == len(strides)
        ):
            found = dtype.dtype if isinstance(dtype, ElementType) else storage.storage_type.dtype
            return _view(storage, find_bytes(storage), found, start, sizes, strides)
    raise DataError("the checkpoint describes a tensor in an unknown way", got=repr(call)[:200])


def _are_sizes(sizes: object) -> TypeGuard[tuple[int, ...]]:
    return isinstance(sizes, tuple) and all(is_size(number) for number in sizes)


def _view(
    record: StorageRecord,
    block: numpy.ndarray | None,
    dtype: DType,
    start: int,
    sizes: tuple[int, ...],
    strides: tuple[int, ...],
) -> numpy.ndarray | None:
    """Return a strided view of a storage's bytes, checked to stay inside them."""
    if block is None:
        return None
    offset = record.start * record.storage_type.itemsize
    held = block[offset : offset + record.size * record.storage_type.itemsize]
    available = held.size // dtype.itemsize
    if 0 in sizes:
        return numpy.zeros(sizes, dtype.numpy)
    last = start + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
    if last >= available:
        raise DataError(
            "a tensor of the checkpoint reaches beyond its data",
            got=f"element {last} of storage {record.key}",
            expected=f"less than {available} (is the file cut short?)",
        )
    byte_strides = [stride * dtype.itemsize for stride in strides]
    return numpy.ndarray(sizes, dtype.numpy, held, start * dtype.itemsize, byte_strides)
