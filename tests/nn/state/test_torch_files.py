"""Checkpoints that torch itself wrote, and files that try to run code."""

import collections
import pickle
import zipfile

import numpy
import pytest
import torch

from tilegrad.base.errors import DataError
from tilegrad.ir.dtype import dtypes
from tilegrad.nn.state import load_state_dict, torch_load
from tilegrad.nn.state.torch_files import read_torch_file
from tilegrad.tensor import Tensor

DTYPES = [
    torch.bool,
    torch.int8,
    torch.int16,
    torch.int32,
    torch.int64,
    torch.uint8,
    torch.uint16,
    torch.uint32,
    torch.uint64,
    torch.float8_e4m3fn,
    torch.float8_e5m2,
    torch.float16,
    torch.bfloat16,
    torch.float32,
    torch.float64,
]


@pytest.fixture(params=["zip", "stream"])
def save(request, tmp_path):
    def write(value):
        path = tmp_path / "saved.pt"
        torch.save(value, path, _use_new_zipfile_serialization=request.param == "zip")
        return path

    return write


def as_bytes(tensor):
    tensor = tensor.detach().contiguous().reshape(-1)
    return tensor.view(torch.uint8).numpy().tobytes()


def test_every_dtype(save):
    generator = torch.Generator().manual_seed(1)
    saved = {
        str(dtype): torch.randint(0, 2, (3, 5), generator=generator).to(dtype) for dtype in DTYPES
    }
    read = read_torch_file(save(saved))
    assert list(read) == list(saved)
    for dtype in DTYPES:
        array = read[str(dtype)]
        assert array.dtype.itemsize == saved[str(dtype)].element_size()
        assert array.shape == (3, 5)
        assert array.tobytes() == as_bytes(saved[str(dtype)])


def test_strided_views_share_their_storage(save):
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    saved = [base, base.t(), base[1::2, ::3], base[0].expand(3, 6), base[2, 3], base[:0]]
    read = read_torch_file(save(saved))
    for array, tensor in zip(read, saved, strict=True):
        numpy.testing.assert_array_equal(array, tensor.numpy())
    assert numpy.shares_memory(read[0], read[1])


def test_a_model_and_an_optimiser(save):
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    optimiser = torch.optim.Adam(model.parameters(), lr=0.1)
    model(torch.ones(1, 3, 5, 5)).sum().backward()
    optimiser.step()
    saved = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "epoch": 3}
    read = read_torch_file(save(saved))
    assert read["epoch"] == 3
    assert list(read["model"]) == list(saved["model"])
    for name, tensor in saved["model"].items():
        numpy.testing.assert_array_equal(read["model"][name], tensor.numpy())
    state = saved["optimiser"]["state"][0]["exp_avg"]
    numpy.testing.assert_array_equal(read["optimiser"]["state"][0]["exp_avg"], state.numpy())
    assert read["optimiser"]["param_groups"] == saved["optimiser"]["param_groups"]


def test_plain_values(save):
    saved = {
        "size": torch.Size([2, 3]),
        "device": torch.device("cuda", 1),
        "dtype": torch.bfloat16,
        "set": {1, 2},
        "nested": [("a", None, 1.5, 2**70), collections.OrderedDict(b=True)],
        "parameter": torch.nn.Parameter(torch.ones(2)),
    }
    read = read_torch_file(save(saved))
    assert read["size"] == (2, 3)
    assert read["device"] == "cuda:1"
    assert read["dtype"] is dtypes.bfloat16
    assert read["set"] == {1, 2}
    assert read["nested"] == [("a", None, 1.5, 2**70), {"b": True}]
    numpy.testing.assert_array_equal(read["parameter"], [1.0, 1.0])


def test_writing_to_an_array_leaves_the_file_alone(tmp_path):
    path = tmp_path / "saved.pt"
    torch.save(torch.ones(1000), path)
    before = path.read_bytes()
    read_torch_file(path)[:] = 5
    assert path.read_bytes() == before


class Hostile:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(5))
def test_a_hostile_pickle_runs_nothing(tmp_path, protocol):
    target = tmp_path / "made"
    path = tmp_path / "hostile.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "archive/data.pkl", pickle.dumps(Hostile(open, str(target), "w"), protocol)
        )
    with pytest.raises(DataError, match=r"reference to (io|_io|builtins|__builtin__)\.open"):
        read_torch_file(path)
    path.write_bytes(pickle.dumps(Hostile(open, str(target), "w"), protocol))
    with pytest.raises(DataError):
        read_torch_file(path)
    assert not target.exists()


def write_pickle(path, content):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        # The state of a record or of an allowed class is set (BUILD).
        b"ctorch\nFloatStorage\n}X\x05\x00\x00\x00dtypeK\x01sb.",
        b"ctorch._utils\n_rebuild_tensor_v2\nN}X\x04\x00\x00\x00nameK\x01s\x86b.",
        # An attribute of an allowed global is reached for by a dotted name.
        b"\x80\x04\x8c\x0bcollections\x8c\x18OrderedDict.__class__.mro\x93.",
        b"ctorch\nSize\n(I5\ntR.",  # a size that is no tuple
        b"ctorch._utils\n_rebuild_tensor_v2\n(I1\nI0\n(t(ttR.",  # a storage that is none
        b"(lp0\ng0\na.",  # a list that holds itself
        b"X\xff\xff\xff\x7f",  # cut short
        b"",
    ],
)
def test_damaged_descriptions_are_refused(tmp_path, content):
    with pytest.raises(DataError):
        read_torch_file(write_pickle(tmp_path / "bad.pt", content))


def test_a_tensor_beyond_its_storage_is_refused(tmp_path):
    path = tmp_path / "saved.pt"
    torch.save(torch.ones(77), path)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            # The tensor's size is the tuple (BININT1 77, TUPLE1); make it one more.
            archive.writestr(name, content.replace(b"K\x4d\x85", b"K\x4e\x85"))
    with pytest.raises(DataError, match="beyond its data"):
        read_torch_file(path)


def test_files_of_other_kinds_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_torch_file(tmp_path / "absent.pt")
    path = tmp_path / "other"
    path.write_bytes(b"")
    with pytest.raises(DataError, match="empty"):
        read_torch_file(path)
    path.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(DataError, match="not a PyTorch checkpoint"):
        read_torch_file(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(DataError, match="not a PyTorch checkpoint"):
        read_torch_file(path)


def test_a_whole_model_is_refused_with_advice(tmp_path):
    path = tmp_path / "model.pt"
    torch.save(torch.nn.Linear(2, 2), path)
    with pytest.raises(DataError, match=r"torch\.nn\.modules\.linear\.Linear[\s\S]*state_dict"):
        read_torch_file(path)


def test_loaded_tensors_are_values_of_their_own(save):
    base = torch.arange(6, dtype=torch.float32)
    path = save({"base": base, "tied": base, "part": base[2:4], "strided": base.reshape(2, 3).t()})
    read = torch_load(path)
    assert all(isinstance(tensor, Tensor) for tensor in read.values())
    numpy.testing.assert_array_equal(read["strided"].numpy(), base.reshape(2, 3).t().numpy())
    read["base"].assign(read["base"] * 0).realize()
    assert read["base"].tolist() == [0.0] * 6
    assert read["tied"].tolist() == base.tolist()
    assert read["part"].tolist() == [2.0, 3.0]


def test_a_loaded_state_goes_into_a_model(save):
    model = torch.nn.Linear(3, 2)
    ours = {"weight": Tensor.zeros(2, 3), "bias": Tensor.zeros(2)}
    load_state_dict(ours, torch_load(save(model.state_dict())))
    numpy.testing.assert_array_equal(ours["weight"].numpy(), model.weight.detach().numpy())
    numpy.testing.assert_array_equal(ours["bias"].numpy(), model.bias.detach().numpy())
