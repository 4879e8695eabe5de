"""Files are read as the package gguf reads them, mapped and not copied; bad ones are refused."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy
import pytest
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFReader, GGUFWriter

from tests.frontend.gguf.files import random_blocks, write_file
from tilegrad.base.errors import DataError
from tilegrad.frontend.gguf import FORMATS, read_gguf


def test_metadata_are_those_of_the_reference(tmp_path: Path) -> None:
    path = tmp_path / "metadata.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_string("text", "naïve 🙂")
    writer.add_array("texts", ["", "a", "ß🙂", "\x00", "x" * 300])
    writer.add_array("integers", list(range(-5, 300)))
    writer.add_array("floats", [0.5, -1.25])
    writer.add_array("flags", [True, False])
    writer.add_uint64("large", 2**63)
    writer.add_float32("small", 1e-5)
    writer.add_tensor("weight", numpy.arange(64, dtype=numpy.float32).reshape(2, 32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    fields = GGUFReader(path).fields
    expected = {
        name: field.contents() for name, field in fields.items() if not name.startswith("GGUF.")
    }
    file = read_gguf(path)
    texts = file.metadata["texts"]
    assert {**file.metadata, "texts": list(texts)} == expected
    assert texts[2] == texts[-3] == "ß🙂"
    assert texts[1:4] == ["a", "ß🙂", "\x00"]
    assert len(texts) == 5
    numbers = file.weights["weight"].numbers().numpy()
    numpy.testing.assert_array_equal(numbers, numpy.arange(64).reshape(2, 32))


def test_weights_are_mapped(tmp_path: Path) -> None:
    data = random_blocks("Q8_0", 4, 64)
    write_file(tmp_path / "one.gguf", {"weight": ("Q8_0", data)})
    weight = read_gguf(tmp_path / "one.gguf").weights["weight"]
    before = weight.numbers().numpy()
    expected = gguf.dequantize(data, GGMLQuantizationType.Q8_0)
    numpy.testing.assert_array_equal(before, expected)
    content = (tmp_path / "one.gguf").read_bytes()
    with (tmp_path / "one.gguf").open("r+b") as file:  # the same file, not a new one
        file.write(content.replace(data.tobytes(), bytes(data.nbytes)))
    assert not weight.numbers().numpy().any()


def test_missing_and_damaged_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_gguf(tmp_path / "missing.gguf")
    path = tmp_path / "whole.gguf"
    write_file(path, {"weight": ("Q8_0", random_blocks("Q8_0", 4, 64))}, name="model")
    content = path.read_bytes()
    for size in (0, 3, 20, 60, 100, len(content) - 100):
        (tmp_path / "cut.gguf").write_bytes(content[:size])
        with pytest.raises(DataError, match="damaged"):
            read_gguf(tmp_path / "cut.gguf")
    (tmp_path / "other.gguf").write_bytes(b"{}" + content)
    with pytest.raises(DataError, match="damaged"):
        read_gguf(tmp_path / "other.gguf")


def test_formats_are_known_or_named(tmp_path: Path) -> None:
    for kind in GGMLQuantizationType:
        data = numpy.zeros((1, GGML_QUANT_SIZES[kind][1]), numpy.uint8)
        write_file(tmp_path / "one.gguf", {"weight": (kind.name, data)})
        if kind.name in (*FORMATS, "F32", "F16", "BF16"):
            assert read_gguf(tmp_path / "one.gguf").weights["weight"].format == kind.name
            continue
        with pytest.raises(DataError, match="not known") as caught:
            read_gguf(tmp_path / "one.gguf")
        assert f"weight is {kind.name}" in str(caught.value)
