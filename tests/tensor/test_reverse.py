"""Segments, whose inner values the backward pass computes again, at the level of nodes."""

import numpy

from tests.tensor.evaluation import evaluate, leaf, normal, total
from tilegrad.ir.node import sort_topologically
from tilegrad.ops import exponential, trigonometry
from tilegrad.ops.markers import SegmentAttributes, barrier, segment
from tilegrad.tensor.autodiff import gradients, tangents


def mark(results, arguments):
    attributes = SegmentAttributes(len(results))
    return [segment(one, *results, *arguments, attributes=attributes) for one in results]


def build_deep(x, weights, is_marked):
    for w in weights:
        hidden = trigonometry.tanh(x * w)
        results = [exponential.exp(hidden) * 0.1, trigonometry.sin(hidden) * w]
        if is_marked:
            results = mark(results, [x])
        x = results[0] + results[1] * results[0]
    return total(x)


def test_segments_give_identical_gradients_from_a_copy():
    x, weights = leaf(normal(4)), [leaf(normal(4)) for _ in range(5)]
    plain = gradients([build_deep(x, weights, False)], [x, *weights])
    marked_loss = build_deep(x, weights, True)
    marked = gradients([marked_loss], [x, *weights])
    for one, other in zip(evaluate(*plain), evaluate(*marked), strict=True):
        numpy.testing.assert_array_equal(one, other)
    # Between the segments' results and the copies' barriers nothing of the forward pass is left.
    forward = sort_topologically([marked_loss])
    ends = sort_topologically(marked, is_leaf=lambda node: node.op in (barrier, segment))
    assert sum(node.op is trigonometry.tanh for node in ends) == len(weights)
    assert not any(node.op is trigonometry.tanh for node in set(ends).intersection(forward))


def test_segments_within_segments_and_values_that_are_no_arguments():
    x, w = leaf(normal(4)), leaf(normal(4))

    def build(is_marked):
        captured = trigonometry.sin(w * x)
        inner = exponential.exp(x * captured)
        (inner,) = mark([inner], [x]) if is_marked else [inner]
        outer = trigonometry.tanh(inner * w) + captured
        (outer,) = mark([outer], [x]) if is_marked else [outer]
        return total(outer * captured)

    plain, marked = (gradients([build(flag)], [x, w]) for flag in (False, True))
    for one, other in zip(evaluate(*plain), evaluate(*marked), strict=True):
        numpy.testing.assert_allclose(one, other, rtol=1e-13)
    second_plain, second_marked = (
        gradients([total(pair[0] * pair[0])], [x, w]) for pair in (plain, marked)
    )
    for one, other in zip(evaluate(*second_plain), evaluate(*second_marked), strict=True):
        numpy.testing.assert_allclose(one, other, rtol=1e-12)


def test_segments_pass_tangents():
    x, weights = leaf(normal(4)), [leaf(normal(4)) for _ in range(3)]
    direction = leaf(normal(4))
    plain, marked = (
        tangents([build_deep(x, weights, flag)], [x], [direction])[0] for flag in (False, True)
    )
    numpy.testing.assert_array_equal(*evaluate(plain, marked))


def test_many_segments_cost_linear_work():
    def count(depth):
        x = leaf(normal(2))
        weights = [leaf(normal(2)) for _ in range(depth)]
        return len(sort_topologically(gradients([build_deep(x, weights, True)], [x, *weights])))

    assert count(60) - count(40) == count(40) - count(20)


def test_results_of_a_segment_that_are_not_used_or_are_arguments():
    x = leaf(normal(3))
    first, second, third = mark([x * x, exponential.exp(x), x], [x])
    results = evaluate(*gradients([total(first)], [x]), *gradients([total(third * first)], [x]))
    value = evaluate(x)[0]
    numpy.testing.assert_allclose(results[0], 2 * value)
    numpy.testing.assert_allclose(results[1], 3 * value**2)
    assert second.op is segment


def test_a_realised_value_within_a_segment_is_used_and_differentiated():
    x = leaf(normal(3))
    inner = exponential.exp(x)
    value = leaf(evaluate(inner)[0])
    (result,) = mark([trigonometry.sin(value * x)], [x])
    (found,) = gradients([total(result)], [x], histories={value: inner})
    (expected,) = gradients([total(trigonometry.sin(inner * x))], [x])
    numpy.testing.assert_allclose(*evaluate(found, expected))
