"""Sums around a mean that do not wait for it: when, and how accurate they are."""

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilegrad import Tensor
from tilegrad.tile.decisions import Decider
from tilegrad.tile.facts import Facts
from tilegrad.tile.kernels.moments import LEAST_BYTES, SAMPLE, join_moments

LONG = LEAST_BYTES // 4 + 8
ROWS = 16
ERROR = 2.0**-24


def normalise(x):
    x = x.astype(float)
    return (x - x.mean(1, keepdims=True)) / numpy.sqrt(x.var(1, keepdims=True) + 1e-5)


def differentiate(x, seed):
    y, seed = normalise(x), seed.astype(float)
    scale = 1 / numpy.sqrt(x.astype(float).var(1, keepdims=True) + 1e-5)
    return scale * (seed - seed.mean(1, keepdims=True) - y * (y * seed).mean(1, keepdims=True))


def norm(x):
    return x.layer_norm((x.shape[1],))


def gradient(x, seed):
    return norm(x).gradient(x, gradient=seed)[0]


def count_walks(kernel):
    """Return how many walks along whole rows the reductions of a kernel take."""
    facts = Facts(kernel)
    regions = [region for region in facts.regions.values() if region.own]
    longest = max(axis.attributes.extent for region in regions for axis in region.own)
    return len({r.level for r in regions if r.own[0].attributes.extent == longest})


@pytest.mark.parametrize("formula", [norm, lambda x: gradient(x, x + 1)], ids=["norm", "gradient"])
@pytest.mark.parametrize(("width", "walks"), [(LONG - 8, [2, 2]), (LONG, [2, 1])])
def test_walks_along_rows(formula, width, walks, monkeypatch):
    kernels = []

    def join(root, decider):
        joined = join_moments(root, decider)
        if any(region.own for region in Facts(root).regions.values()):
            kernels.extend([root, joined])
        return joined

    monkeypatch.setattr("tilegrad.tile.derive.join_moments", join)
    formula(Tensor(numpy.ones((ROWS, width), numpy.float32))).realize()
    assert list(map(count_walks, kernels)) == walks
    in_turn = Decider({"moments": "in turn"})
    assert join_moments(kernels[0], in_turn) is kernels[0]


@pytest.mark.parametrize(
    "share",
    [lambda s: s / 0.0, lambda s: 0.0 / s, lambda s: LONG / s, lambda s: s * (1 / LONG)],
    ids=["s/0", "0/s", "n/s", "s/n"],
)
def test_only_a_mean_is_taken_for_one(share):
    x = 3 + numpy.random.default_rng(0).standard_normal((2, LONG)).astype(numpy.float32)
    found = ((row := Tensor(x)) - share(row.sum(1, keepdim=True))).square().sum(1).numpy()
    x = x.astype(float)
    with numpy.errstate(divide="ignore"):
        expected = ((x - share(x.sum(1, keepdims=True))) ** 2).sum(1)
    numpy.testing.assert_allclose(found, expected, rtol=1e-5)


@settings(max_examples=10, deadline=None)
@given(
    offset=st.sampled_from([0.0, 1.0, -300.0, 1e4]),
    sample=st.sampled_from([0.0, 5.0, -1000.0]),
    spread=st.sampled_from([1.0, 1e-3, 0.0]),
    seed=st.integers(0, 1 << 16),
)
def test_accuracy(offset, sample, spread, seed):
    generator = numpy.random.default_rng(seed)
    x = offset + spread * generator.standard_normal((ROWS, LONG))
    x[:, : LONG // SAMPLE] += sample
    x, upstream = x.astype(numpy.float32), generator.standard_normal(x.shape).astype(numpy.float32)
    # The mean is rounded like the greatest number, the variance loses four bits at most.
    deviation = numpy.sqrt(x.astype(float).var(1, keepdims=True) + 1e-5)
    shift = ERROR * numpy.abs(x).max() / deviation
    y = normalise(x)
    found = norm(Tensor(x)).numpy()
    assert (numpy.abs(found - y) <= 8 * (shift + ERROR * SAMPLE * (1 + numpy.abs(y)))).all()
    found = gradient(Tensor(x), Tensor(upstream)).numpy()
    bound = 16 * (shift + ERROR * SAMPLE) * (1 + numpy.abs(y)) * numpy.abs(upstream).max()
    assert (numpy.abs(found - differentiate(x, upstream)) <= bound / deviation).all()
