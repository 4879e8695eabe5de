"""Safetensors files against the official library's own readers and writers."""

import json

import numpy
import pytest
import safetensors.torch
import torch

from tilegrad.base.errors import DataError
from tilegrad.ir.dtype import STORABLE
from tilegrad.nn.state import safe_load, safe_load_metadata, safe_save
from tilegrad.nn.state.pickled import ELEMENT_TYPES
from tilegrad.tensor import Tensor


def as_bytes(tensor):
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def test_every_dtype_goes_to_torch_and_back(path):
    generator = numpy.random.default_rng(2)
    values = generator.integers(0, 2, (3, 5))
    tensors = {dtype.name: Tensor(values).cast(dtype) for dtype in STORABLE}
    safe_save(tensors, path, {"format": "pt"})
    read = safetensors.torch.load_file(path)
    back = safe_load(path)
    assert sorted(read) == sorted(back) == sorted(tensors)
    for name, dtype in ELEMENT_TYPES.items():
        assert read[dtype.name].dtype is getattr(torch, name)
        assert as_bytes(read[dtype.name]) == tensors[dtype.name].numpy().tobytes()
        assert back[dtype.name].dtype is dtype
        assert back[dtype.name].numpy().tobytes() == as_bytes(read[dtype.name])
    assert safe_load_metadata(path) == {"format": "pt"}


def test_files_of_torch_are_mapped_not_copied(path):
    saved = {
        "odd": torch.arange(3, dtype=torch.uint8),
        "matrix": torch.arange(12.0).reshape(3, 4),
        "scalar": torch.tensor(2.5),
        "none": torch.zeros(0, 3),
        "half": torch.ones(5, dtype=torch.bfloat16),
    }
    safetensors.torch.save_file(saved, path)
    read = safe_load(path)
    for name, tensor in saved.items():
        assert read[name].shape == tuple(tensor.shape)
        assert read[name].numpy().tobytes() == as_bytes(tensor)
    base = read["matrix"].node.attributes.storage.memory
    assert "memmap" in repr(type(base.array().base)) or base is not None


def test_writing_to_a_loaded_tensor_leaves_the_file_alone(path):
    safe_save({"a": Tensor([1.0, 2.0])}, path)
    before = path.read_bytes()
    loaded = safe_load(path)["a"]
    loaded.assign(loaded * 3).realize()
    assert loaded.tolist() == [3.0, 6.0]
    assert path.read_bytes() == before


def test_a_file_may_be_overwritten_while_it_is_loaded(path):
    safe_save({"a": Tensor([1.0, 2.0])}, path)
    loaded = safe_load(path)["a"]
    safe_save({"a": Tensor([5.0])}, path)
    assert loaded.tolist() == [1.0, 2.0]
    assert safe_load(path)["a"].tolist() == [5.0]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_no_tensors_and_no_metadata(path):
    safe_save({}, path)
    assert safe_load(path) == {}
    assert safe_load_metadata(path) == {}


def test_damaged_files_are_refused(path):
    with pytest.raises(DataError, match="no such file"):
        safe_load(path)
    safe_save({"a": Tensor([1.0, 2.0])}, path)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DataError, match="damaged"):
        safe_load(path)
    path.write_bytes(b"not a file of tensors")
    with pytest.raises(DataError, match="damaged"):
        safe_load_metadata(path)


def test_a_dtype_that_tensors_lack_is_refused(path):
    header = json.dumps({"c": {"dtype": "C64", "shape": [1], "data_offsets": [0, 8]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    with pytest.raises(DataError, match="C64"):
        safe_load(path)
