"""Markers: identities that are told apart, and taken away."""

import numpy

from tests.tensor.evaluation import evaluate, leaf
from tilegrad.ops import exponential
from tilegrad.ops.markers import (
    DistinctAttributes,
    Identity,
    SegmentAttributes,
    barrier,
    distinct,
    known,
    remove_markers,
    segment,
)

X = numpy.array([1.0, 2.0, 3.0])


def mark_all(x):
    marked = distinct(x, attributes=DistinctAttributes(Identity()))
    result = exponential.exp(marked)
    ended = segment(result, result, marked, attributes=SegmentAttributes(1))
    return known(barrier(ended, marked), exponential.exp(ended))


def test_markers_change_no_value():
    x = leaf(X)
    numpy.testing.assert_array_equal(evaluate(mark_all(x))[0], numpy.exp(X))


def test_markers_are_told_apart():
    x = leaf(X)
    assert mark_all(x) is not mark_all(x)
    assert barrier(x, x) is barrier(x, x)


def test_removing_markers_leaves_barriers_and_drops_what_stood_behind_known_values():
    x = leaf(X)
    plain = exponential.exp(x)
    assert remove_markers([mark_all(x), plain]) == [barrier(plain, x), plain]
    kept = known(x, plain)
    assert remove_markers([kept], [segment]) == [kept]


def test_a_long_chain_of_markers_is_removed():
    x = node = leaf(X)
    for _ in range(20_000):
        node = distinct(node, attributes=DistinctAttributes(Identity()))
    assert remove_markers([node]) == [x]
