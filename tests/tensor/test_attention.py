import numpy
import pytest
import torch

from tests.tensor.support import FLOATS, check, random_array, to_torch
from tilegrad import Tensor, dtypes
from tilegrad.base.errors import ArgumentError, ShapeError

attention = torch.nn.functional.scaled_dot_product_attention


def arrays(dtype=dtypes.float32, heads=3):
    query = random_array((2, 3, 5, 4), dtype)
    return (
        query,
        random_array((2, heads, 7, 4), dtype, seed=1),
        random_array((2, heads, 7, 6), dtype, seed=2),
    )


@pytest.mark.parametrize("kind", ["plain", "causal", "mask", "bias", "scale", "grouped"])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_attention_is_that_of_torch(kind, dtype):
    query, key, value = arrays(dtype, heads=1 if kind == "grouped" else 3)
    mask = random_array((5, 7)) > 0
    mask[:, 0] = True
    options = {
        "plain": {},
        "causal": {"is_causal": True},
        "mask": {"attn_mask": mask},
        "bias": {"attn_mask": random_array((3, 1, 7), dtype)},
        "scale": {"scale": 0.3},
        "grouped": {"enable_gqa": True},
    }[kind]
    mine = {
        name: Tensor(one) if isinstance(one, numpy.ndarray) else one
        for name, one in options.items()
    }
    theirs = {
        name: to_torch(one) if isinstance(one, numpy.ndarray) else one
        for name, one in options.items()
    }
    if kind == "bias":
        theirs["attn_mask"] = theirs["attn_mask"].double()
    wide = [to_torch(array).double() for array in (query, key, value)]
    expected = attention(*wide, **theirs).to(to_torch(query).dtype)
    found = Tensor(query).scaled_dot_product_attention(Tensor(key), Tensor(value), **mine)
    check(found, expected, tolerance=1e-5 if dtype.bits == 32 else None)


def test_gradients_are_those_of_torch():
    given = [to_torch(array).requires_grad_() for array in arrays()]
    attention(*given, is_causal=True).square().sum().backward()
    mine = [Tensor(array, requires_grad=True) for array in arrays()]
    result = mine[0].scaled_dot_product_attention(*mine[1:], is_causal=True)
    result.square().sum().backward()
    for tensor, expected in zip(mine, given, strict=True):
        check(tensor.grad, expected.grad, tolerance=1e-4)


def test_dropped_weights():
    Tensor.manual_seed(0)
    query, key, _ = (Tensor(array) for array in arrays())
    ones = Tensor.ones(2, 3, 7, 1)
    found = query.scaled_dot_product_attention(key, ones, dropout_p=0.5).numpy()
    assert found.std() > 0.1
    assert found.mean() == pytest.approx(1.0, abs=0.3)


def test_attention_refuses():
    query, key, value = (Tensor(array) for array in arrays())
    with pytest.raises(ShapeError, match="do not fit"):
        query.scaled_dot_product_attention(value, value)
    with pytest.raises(ArgumentError, match="not both"):
        query.scaled_dot_product_attention(key, value, Tensor.ones(5, 7), is_causal=True)
    with pytest.raises(ArgumentError, match="multiple"):
        query.scaled_dot_product_attention(key[:, :2], value[:, :2], enable_gqa=True)


def test_attention_without_features_is_that_of_torch():
    """All products are empty sums, so all keys count alike."""
    x, value = numpy.zeros((2, 3, 0), "f4"), random_array((2, 3, 4), dtypes.float32)
    expected = torch.nn.functional.scaled_dot_product_attention(
        torch.tensor(x), torch.tensor(x), torch.tensor(value)
    )
    check(Tensor(x).scaled_dot_product_attention(Tensor(x), Tensor(value)), expected)
