"""State dictionaries of objects and containers."""

from typing import NamedTuple

import numpy
import pytest

from tilegrad.base.errors import DataError
from tilegrad.ir.dtype import dtypes
from tilegrad.nn.state import get_parameters, get_state_dict, load_state_dict
from tilegrad.tensor import Tensor


class Pair(NamedTuple):
    left: Tensor
    right: Tensor


class Layer:
    def __init__(self, size):
        self.weight = Tensor.ones(size, 2)
        self.count = Tensor(0)
        self.running = Tensor.zeros(size, requires_grad=False)
        self._hidden = Tensor([1.0])
        self.bias = None
        self.activation = lambda x: x


class Model:
    def __init__(self):
        self.layers = [Layer(3), Layer(4)]
        self.named = {"a": Tensor([1.0]), 7: (Tensor([2.0]),)}
        self.pair = Pair(Tensor([3.0]), Tensor([4.0]))
        self.tied = self.layers[0].weight
        self.parent = self


def test_names_are_paths():
    state = get_state_dict(Model())
    assert list(state) == [
        "layers.0.weight",
        "layers.0.count",
        "layers.0.running",
        "layers.1.weight",
        "layers.1.count",
        "layers.1.running",
        "named.a",
        "named.7.0",
        "pair.left",
        "pair.right",
        "tied",
    ]
    assert state["tied"] is state["layers.0.weight"]
    assert list(get_state_dict([Tensor([1.0])], "model")) == ["model.0"]


def test_parameters_are_what_can_be_trained():
    model = Model()
    parameters = get_parameters(model)
    assert len(parameters) == 6
    assert sum(parameter is model.tied for parameter in parameters) == 1


def test_loading_takes_values_over():
    model, other = Model(), Model()
    for place, tensor in enumerate(get_state_dict(other).values()):
        tensor.assign(Tensor.full(tensor.shape, place, dtype=tensor.dtype))
    weight = model.layers[1].weight
    load_state_dict(model, get_state_dict(other))
    assert model.layers[1].weight is weight
    for tensor, expected in zip(
        get_state_dict(model).values(), get_state_dict(other).values(), strict=True
    ):
        numpy.testing.assert_array_equal(tensor.numpy(), expected.numpy())


def test_loading_keeps_the_dtype_and_the_wish_for_gradients():
    model = {"w": Tensor([1.0, 2.0], dtype="bfloat16", requires_grad=True)}
    load_state_dict(model, {"w": Tensor([3.0, 4.0], dtype="float64")})
    assert model["w"].dtype is dtypes.bfloat16
    (model["w"] * model["w"]).sum().backward()
    assert model["w"].grad.tolist() == [6.0, 8.0]


def test_training_a_loaded_model_leaves_the_state_alone():
    state = {"w": Tensor([1.0, 2.0])}
    model = {"w": Tensor([0.0, 0.0])}
    load_state_dict(model, state)
    model["w"].assign(model["w"] + 5).realize()
    assert state["w"].tolist() == [1.0, 2.0]


def test_what_does_not_fit_is_listed_and_nothing_changes():
    model = {"a": Tensor([1.0]), "b": Tensor([2.0]), "c": Tensor([3.0])}
    state = {"a": Tensor([5.0, 6.0]), "b": Tensor([7.0]), "d": Tensor([8.0])}
    with pytest.raises(DataError) as caught:
        load_state_dict(model, state)
    text = str(caught.value)
    assert "missing: c" in text
    assert "unexpected: d" in text
    assert "a: shape (2,) instead of (1,)" in text
    assert model["b"].item() == 2.0
    with pytest.raises(DataError, match="a: shape"):
        load_state_dict(model, state, strict=False)
    load_state_dict(model, {"b": Tensor([7.0]), "d": Tensor([8.0])}, strict=False)
    assert model["b"].item() == 7.0
    many = {f"name{place}": Tensor([0.0]) for place in range(15)}
    with pytest.raises(DataError, match="and 5 more"):
        load_state_dict({}, many)


def test_the_best_weights_are_taken_back_and_trained_on():
    """A clone may take over memory that only it refers to, where gradients ended before."""
    model = {"w": Tensor([1.0, 2.0], requires_grad=True).realize()}
    load_state_dict(model, {name: tensor.clone() for name, tensor in get_state_dict(model).items()})
    before = (model["w"] ** 2).sum()
    model["w"].realize()
    (before + (model["w"] ** 3).sum()).backward()
    assert model["w"].grad.tolist() == [5.0, 16.0]


def test_what_only_one_side_has_is_returned():
    model, state = {"a": Tensor([1.0])}, {"b": Tensor([2.0])}
    assert load_state_dict(model, state, strict=False) == (["a"], ["b"])
