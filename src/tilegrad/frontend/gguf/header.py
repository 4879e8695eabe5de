"""The header of a GGUF file: what it says of the model, and where each weight lies.

From ggml's "GGUF" specification, versions 2 and 3. It is read here and not by the package ``gguf``,
which takes as long for a vocabulary of 50,000 texts as all the rest until a model's first word.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from mmap import mmap
from typing import Any, NamedTuple

from tilegrad.frontend.gguf.texts import Texts

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_TEXT, _ARRAY, _FLAG = 8, 9, 7
_SCALARS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
"""What ``struct`` calls the numbers, by GGUF's type."""
_KINDS = {
    **dict(enumerate(("F32", "F16", "Q4_0", "Q4_1"))),
    **dict(enumerate(("Q5_0", "Q5_1", "Q8_0", "Q8_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K"), start=6)),
    **dict(enumerate(("Q6_K", "Q8_K", "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S"), start=14)),
    **dict(enumerate(("IQ4_NL", "IQ3_S", "IQ2_S", "IQ4_XS", "I8", "I16", "I32"), start=20)),
    27: "I64",
    28: "F64",
    29: "IQ1_M",
    30: "BF16",
    34: "TQ1_0",
    35: "TQ2_0",
    39: "MXFP4",
    40: "NVFP4",
    41: "Q1_0",
}
"""ggml's names of the ways to store a tensor."""
_DEEPEST_ARRAY = 4
_MOST_AXES = 8
_ALIGNMENT = 32
_COUNT = struct.Struct("<Q")
_NUMBER = struct.Struct("<I")


class StoredTensor(NamedTuple):
    """A weight, as the header describes it.

    Attributes:
        name: its name.
        format: ggml's name of how it is stored, or a number if that is not known.
        shape: in row-major order.
        start: where it begins in the file, in bytes.
    """

    name: str
    format: str
    shape: tuple[int, ...]
    start: int


class Header(NamedTuple):
    """The header.

    Attributes:
        metadata: numbers, texts, and sequences of them, by key.
        tensors: the weights.
    """

    metadata: dict[str, Any]
    tensors: list[StoredTensor]


def read_header(mapped: mmap) -> Header:
    """Return what the header of a mapped file says.

    Raises:
        ValueError: it is damaged (also: ends early), or of a version or byte order that is not
            known. Texts that are no UTF-8 raise UnicodeDecodeError, which is a ValueError.
    """
    try:
        return _Reader(mapped).read()
    except struct.error as error:
        raise ValueError("it ends within its header") from error


class _Reader:
    """Reads one value after the other."""

    def __init__(self, mapped: mmap) -> None:
        self._mapped = mapped
        self._place = 0

    def read(self) -> Header:
        if self._mapped[:4] != _MAGIC:
            raise ValueError("it does not begin as such files do")
        self._place = 4
        version = self._number()
        if version not in _VERSIONS:
            raise ValueError(f"its version is {version}, not one of {_VERSIONS}")
        tensors, pairs = self._count(), self._count()
        metadata: dict[str, Any] = {}
        for _ in range(pairs):
            key = self._text()
            metadata[key] = self._value(self._number())
        found = [self._tensor() for _ in range(tensors)]
        alignment = metadata.get("general.alignment", _ALIGNMENT)
        if not isinstance(alignment, int) or alignment < 1:
            raise ValueError(f"its alignment is {alignment}")
        start = -(-self._place // alignment) * alignment
        return Header(metadata, [one._replace(start=start + one.start) for one in found])

    def _count(self) -> int:
        (value,) = _COUNT.unpack_from(self._mapped, self._place)
        self._place += _COUNT.size
        return value  # type: ignore[no-any-return]

    def _number(self) -> int:
        (value,) = _NUMBER.unpack_from(self._mapped, self._place)
        self._place += _NUMBER.size
        return value  # type: ignore[no-any-return]

    def _text(self) -> str:
        return self._texts(1)[0]

    def _texts(self, count: int) -> Texts:
        """Return texts that stand one after the other, each after its length."""
        mapped, place, unpack = self._mapped, self._place, _COUNT.unpack_from
        size = len(mapped)
        places = array("Q")
        for _ in range(count):
            begin = place + 8
            place = begin + unpack(mapped, place)[0]
            if place > size:
                raise ValueError("a text reaches beyond its end")
            mapped[begin:place].decode()  # raises an error if it is none
            places.append(begin)
            places.append(place)
        self._place = place
        return Texts(mapped, places)

    def _value(self, kind: int, depth: int = 0) -> Any:
        if kind == _TEXT:
            return self._text()
        if kind == _ARRAY:
            return self._array(depth + 1)
        (value,) = self._scalars(kind, 1)
        return value

    def _array(self, depth: int) -> Sequence[Any]:
        kind, count = self._number(), self._count()
        if kind == _TEXT:
            return self._texts(count)
        if kind == _ARRAY:
            if depth > _DEEPEST_ARRAY:
                raise ValueError("its lists are nested too deep")
            return [self._array(depth + 1) for _ in range(count)]
        return self._scalars(kind, count)

    def _scalars(self, kind: int, count: int) -> list[Any]:
        letter = _SCALARS.get(kind)
        if letter is None:
            raise ValueError(f"a value is of type {kind}, which is not known")
        size = struct.calcsize(letter) * count
        if self._place + size > len(self._mapped):
            raise ValueError("a list reaches beyond its end")
        values = struct.unpack_from(f"<{count}{letter}", self._mapped, self._place)
        self._place += size
        return list(values)

    def _tensor(self) -> StoredTensor:
        name, axes = self._text(), self._number()
        if axes > _MOST_AXES:
            raise ValueError(f"a weight has {axes} axes")
        sizes = self._scalars(10, axes)
        kind, start = self._number(), self._count()
        form = _KINDS.get(kind, f"number {kind}")
        return StoredTensor(name, form, tuple(reversed(sizes)), start)
