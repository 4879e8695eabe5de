"""Modules against torch's: what they hold by name, their training modes, freezing, moving."""

import copy

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.nn.parity import close, compare, normal, take_state
from tilegrad import nn
from tilegrad.base.errors import ArgumentError, ArgumentTypeError, DataError, DTypeError
from tilegrad.engine import Session
from tilegrad.ir.dtype import dtypes
from tilegrad.tensor import Tensor, jit


def define(library, tensor):
    """Return the classes of a model with all that a module can hold, written as for torch."""

    class Part(library.Module):
        def __init__(self, size, is_last=False):
            super().__init__()
            self.linear = library.Linear(size, size)
            self.norm = library.BatchNorm1d(size)
            self.scale = library.Parameter(tensor(normal(size)))
            self.register_buffer("shift", tensor(normal(size)))
            self.register_buffer("unsaved", tensor(normal(size)), persistent=False)
            self.register_buffer("nothing", None)
            self.is_last = is_last

        def forward(self, x):
            x = self.norm(self.linear(x)) * self.scale + self.shift + self.unsaved
            return x if self.is_last else x.relu()

    class Model(library.Module):
        def __init__(self):
            super().__init__()
            self.first = library.Linear(3, 4)
            self.parts = library.ModuleList([Part(4), library.Sequential(Part(4), Part(4, True))])
            self.named = library.ModuleDict({"drop": library.Dropout(0.5)})
            self.extra = library.ParameterList([library.Parameter(tensor(normal(4)))])
            self.again = self.first

        def forward(self, x):
            x = self.first(x) + self.extra[0]
            for part in self.parts:
                x = part(x)
            return self.named["drop"](x)

    return Model


def models():
    ours, theirs = define(nn, Tensor)(), define(torch.nn, torch.tensor)()
    take_state(ours, theirs)
    for (_, part), (_, other) in zip(parts_of(ours), parts_of(theirs), strict=True):
        part.unsaved = Tensor(other.unsaved.numpy())
    return ours, theirs


def parts_of(model):
    return [pair for pair in model.named_modules() if type(pair[1]).__name__ == "Part"]


def names(pairs):
    return [name for name, _ in pairs]


def test_what_a_module_holds_has_torch_s_names():
    ours, theirs = models()
    assert sorted(ours.state_dict()) == sorted(theirs.state_dict())
    for method in ("named_parameters", "named_buffers", "named_modules", "named_children"):
        found, expected = names(getattr(ours, method)()), names(getattr(theirs, method)())
        assert sorted(found) == sorted(expected), method
    assert len(ours.parameters()) == len(list(theirs.parameters()))
    assert len(ours.buffers()) == len(list(theirs.buffers()))
    assert len(ours.modules()) == len(list(theirs.modules()))
    assert len(ours.children()) == len(list(theirs.children()))
    assert not hasattr(ours, "missing")


def test_modules_are_visited_in_torch_s_order():
    ours, theirs = models()
    seen, expected = [], []
    assert ours.apply(lambda module: seen.append(type(module).__name__)) is ours
    theirs.apply(lambda module: expected.append(type(module).__name__))
    assert seen == [name.replace("BatchNorm1d", "BatchNorm") for name in expected]


def test_a_model_written_for_torch_computes_what_torch_does():
    ours, theirs = models()
    theirs.eval()
    compare(ours, theirs, normal(6, 3))
    del theirs.named["drop"], ours.named["drop"]
    theirs.named["drop"], ours.named["drop"] = torch.nn.Identity(), nn.Identity()
    theirs.train()
    ours.train()
    compare(ours, theirs, normal(6, 3), rtol=1e-4, atol=1e-4)
    close(ours.parts[0].norm.running_mean, theirs.parts[0].norm.running_mean)


PLACES = 10  # modules in the model


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, PLACES - 1), st.booleans()), max_size=5))
def test_training_modes_are_torch_s(changes):
    """From ``train`` on the whole model: before that, ours goes by ``Tensor.training``."""
    ours, theirs = define(nn, Tensor)().train(), define(torch.nn, torch.tensor)().train()
    ours, theirs = copy.deepcopy(ours), copy.deepcopy(theirs)
    for place, mode in changes:
        name = names(theirs.named_modules())[place]
        dict(ours.named_modules())[name].train(mode)
        theirs.get_submodule(name).train(mode)
    found = {name: module.training for name, module in ours.named_modules()}
    assert found == {name: module.training for name, module in theirs.named_modules()}
    x = Tensor(numpy.ones((5, 4), numpy.float32))
    for tensor_mode in (False, True):
        with Tensor.train(tensor_mode):
            dropped = (ours.named["drop"](x).numpy() == 0).any()
            assert dropped == theirs.named["drop"].training
        for (_, part), (_, other) in zip(parts_of(ours), parts_of(theirs), strict=True):
            before = part.norm.running_mean.numpy()
            part.norm(Tensor(normal(5, 4)))
            part.norm.running_mean.realize()
            assert (part.norm.running_mean.numpy() != before).all() == other.norm.training


def test_without_a_mode_of_its_own_a_module_goes_by_the_tensors():
    layer = nn.Dropout(0.5)
    assert not layer.training
    with Tensor.train():
        assert layer.training
        assert not layer.eval().training
    assert layer.train().training
    assert not Tensor.training


def test_a_mode_holds_for_functions_inside_and_ends_with_an_error():
    class Model(nn.Module):
        def forward(self, x):
            return x.dropout(0.5) if x.ndim == 1 else x.nonsense()

    model, x = Model().train(), Tensor(numpy.ones(64, numpy.float32))
    assert (model(x).numpy() == 0).any()
    with pytest.raises(AttributeError):
        model(x.reshape(8, 8))
    assert not Tensor.training


def test_captured_functions_follow_the_modes():
    with Session().entered():
        first, second = nn.Dropout(0.5), nn.Sequential(nn.Dropout(0.5))

        @jit
        def run(x):
            return first(x), second(x)

        def drops(x):
            return [bool((one.numpy() == 0).any()) for one in run(x)]

        x = Tensor(numpy.ones(64, numpy.float32))
        for _ in range(3):
            for modes in ((True, False), (True, True), (False, False), (False, True)):
                first.train(modes[0])
                second.train(modes[1])
                assert drops(x) == list(modes)
                assert drops(x) == list(modes)
        assert len(run.captured) == 4
        nn.Dropout(0.5).train()  # a module that it knows nothing of
        drops(x)
        assert len(run.captured) == 4


def test_freezing_and_thawing_is_torch_s():
    ours, theirs = models()
    for model, optimiser in ((ours, nn.optim.SGD), (theirs, torch.optim.SGD)):
        model.requires_grad_(False)
        assert not any(parameter.requires_grad for parameter in model.parameters())
        model.parts[1].requires_grad_(True)
        chosen = [one for one in model.parameters() if one.requires_grad]
        assert len(chosen) == 2 * 5
        model.eval()
        model.first.weight.grad = None
        optimiser(chosen, lr=0.1)
    x = normal(5, 3)
    before = ours.first.weight.numpy()
    trained = nn.optim.SGD(ours.parameters(), lr=0.1)
    reference = torch.optim.SGD(theirs.parameters(), lr=0.1)
    (ours(Tensor(x)) ** 2).sum().backward()
    (theirs(torch.tensor(x)) ** 2).sum().backward()
    assert ours.first.weight.grad is None
    trained.step()
    reference.step()
    for name, parameter in theirs.named_parameters():
        close(dict(ours.named_parameters())[name], parameter, rtol=1e-4, atol=1e-4)
    numpy.testing.assert_array_equal(ours.first.weight.numpy(), before)


def test_buffers_are_left_alone_by_optimisers():
    ours, _ = models()
    assert {id(one) for one in nn.state.get_parameters(ours)} == {
        id(one) for one in nn.optim.SGD(ours.parameters()).params
    }
    assert ours.parts[0].shift.requires_grad is None
    for name in ("a.b", "_hidden", ""):
        with pytest.raises(ArgumentError, match="buffer"):
            ours.register_buffer(name, Tensor([1.0]))


def test_casting_and_moving_takes_all_tensors():
    model, _ = models()
    model.parts[0].requires_grad_(True)
    x = normal(4, 3)
    expected = model(Tensor(x)).numpy()
    assert model.double() is model
    assert {one.dtype for one in (*model.parameters(), *model.buffers())} == {
        dtypes.float64,
        dtypes.int64,
    }
    found = model(Tensor(x.astype(numpy.float64)))
    numpy.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-6)
    found.sum().backward()
    assert model.parts[0].scale.grad.dtype is dtypes.float64
    assert model.first.weight.grad is None
    assert model.half().first.weight.dtype is dtypes.float16
    assert model.bfloat16().first.weight.dtype is dtypes.bfloat16
    assert model.to(dtypes.float32).float().first.weight.dtype is dtypes.float32
    model.to("reference")
    assert {one.device for one in (*model.parameters(), *model.buffers())} == {"reference"}
    assert model.cpu().parts[0].unsaved.device == "cpu"
    with pytest.raises(DTypeError, match="floating-point"):
        model.to(dtypes.int32)


def test_what_does_not_fit_is_returned_or_refused():
    ours, theirs = models()
    state = ours.state_dict()
    del state["first.bias"]
    state["head.weight"] = Tensor([1.0])
    expected = theirs.load_state_dict(
        {name: torch.tensor(tensor.numpy()) for name, tensor in state.items()}, strict=False
    )
    missing, unexpected = ours.load_state_dict(state, strict=False)
    assert missing == expected.missing_keys == ["first.bias"]
    assert unexpected == expected.unexpected_keys == ["head.weight"]
    with pytest.raises(DataError, match="missing: first"):
        ours.load_state_dict(state)


def test_a_module_shows_its_parts_as_torch_s_does():
    ours = nn.Sequential(nn.Linear(3, 4), nn.ModuleDict({"drop": nn.Dropout(0.25)}))
    assert repr(ours) == (
        "Sequential(\n"
        "  (0): Linear(in_features=3, out_features=4, weight=(4, 3), bias=(4,))\n"
        "  (1): ModuleDict(\n"
        "    (drop): Dropout(p=0.25)\n"
        "  )\n"
        ")"
    )


def test_a_module_that_computes_nothing_says_so():
    with pytest.raises(ArgumentTypeError, match="ModuleList cannot be called"):
        nn.ModuleList([nn.Identity()])(Tensor([1.0]))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Linear", (3, 4)),
        ("Bilinear", (3, 4, 5)),
        ("Conv2d", (4, 6, 3)),
        ("ConvTranspose1d", (4, 6, 3)),
        ("Embedding", (5, 4)),
        ("GroupNorm", (2, 4)),
        ("InstanceNorm2d", (4,)),
        ("LSTMCell", (3, 4)),
    ],
)
def test_layers_know_their_sizes(name, arguments):
    ours, theirs = getattr(nn, name)(*arguments), getattr(torch.nn, name)(*arguments)
    sizes = [size for size in theirs.__constants__ if type(getattr(theirs, size, None)) is int]
    assert sizes
    for size in sizes:
        assert getattr(ours, size) == getattr(theirs, size), size


def test_gradients_are_forgotten_or_zeroed():
    layer = nn.Linear(2, 1).requires_grad_()
    layer(Tensor([1.0, 2.0])).sum().backward()
    layer.zero_grad(set_to_none=False)
    assert layer.weight.grad.tolist() == [[0.0, 0.0]]
    layer.zero_grad()
    assert layer.weight.grad is None
