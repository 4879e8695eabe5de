"""Attention in bfloat16: scores by matrix units, within stated bounds of the formula in float64."""

from __future__ import annotations

import math

import ml_dtypes
import numpy
import pytest

from tests.codegen.test_matrix import assembly
from tests.tile.plans import run
from tests.tile.products.test_narrow import PRODUCTS, SMALL, TILES, programs_of, tile_target, whole
from tilegrad import Tensor, dtypes

QUERIES, KEYS = 200, 190
BOUND = 4 * 2.0**-8
"""Inputs are exact and sums are float32: what is rounded is the result, and its terms by exp."""


def random_values(*shape: int, seed: int) -> numpy.ndarray:
    values = numpy.random.default_rng(seed).standard_normal(shape)
    return values.astype(ml_dtypes.bfloat16)


def attend(arrays: list[numpy.ndarray], *, is_causal: bool) -> tuple[numpy.ndarray, ...]:
    """Return output and gradients in float64, those of the sum of output times upstream."""
    q, k, v, up = (one.astype("f8") for one in arrays)
    scale = 1 / math.sqrt(q.shape[-1])
    scores = q @ k.swapaxes(-1, -2) * scale
    if is_causal:
        scores[..., ~numpy.tri(*scores.shape[-2:], dtype=bool)] = -math.inf
    weights = numpy.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    of_weights = up @ v.swapaxes(-1, -2)
    of_scores = weights * (of_weights - (of_weights * weights).sum(-1, keepdims=True)) * scale
    value = weights.swapaxes(-1, -2) @ up
    return weights @ v, of_scores @ k, of_scores.swapaxes(-1, -2) @ q, value


@pytest.mark.parametrize(("features", "is_causal"), [(32, True), (20, False), (15, False)])
def test_attention_and_its_gradients(features, is_causal):
    sizes = (QUERIES, KEYS, KEYS, QUERIES)
    arrays = [random_values(2, n, features, seed=seed) for seed, n in enumerate(sizes)]
    query, key, value, upstream = map(Tensor, arrays)
    output = query.scaled_dot_product_attention(key, value, is_causal=is_causal)
    found = output, *(output * upstream).sum().gradient(query, key, value)
    for one, expected in zip(found, attend(arrays, is_causal=is_causal), strict=True):
        assert one.dtype is dtypes.bfloat16
        error = numpy.abs(one.cast(dtypes.float32).numpy() - expected)
        assert error.max() <= BOUND * numpy.abs(expected).max()


@pytest.mark.parametrize("unit", [TILES, PRODUCTS, SMALL], ids=["tiles", "products", "small"])
def test_units_multiply_and_nothing_is_rounded(unit):
    """Of whole numbers, the scores and their maximum are exact."""
    q, k = (whole(dtypes.bfloat16, 192, 32, seed=seed) for seed in (1, 2))
    scores = Tensor(q).matmul(Tensor(k).T, dtype="float32")
    weights = (scores - scores.max(-1, keepdim=True)).exp()
    target = tile_target(unit)
    (program,) = programs_of(weights.sum(-1), target)
    text = assembly(program, unit)
    assert text.count({TILES: "tdpbf16ps", PRODUCTS: "vdpbf16ps", SMALL: "bfdot"}[unit]) >= 4
    (found,) = run([weights.sum(-1).node], target)
    exact = q.astype("f8") @ k.astype("f8").T
    expected = numpy.exp(exact - exact.max(-1, keepdims=True)).sum(-1)
    numpy.testing.assert_allclose(found, expected, rtol=1e-5)
