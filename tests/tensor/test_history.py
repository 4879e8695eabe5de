"""Gradients through realised values, at the level of nodes."""

import numpy
import pytest

from tests.tensor.evaluation import evaluate, leaf, normal, total
from tilegrad.base.errors import GradientError
from tilegrad.ir.node import sort_topologically
from tilegrad.ops import exponential, trigonometry
from tilegrad.ops.markers import known
from tilegrad.tensor.autodiff import gradients, tangents


def test_a_realised_value_is_used_and_still_differentiated():
    x = leaf(normal(3))
    expression = exponential.exp(x)
    value = leaf(evaluate(expression)[0])
    histories = {x: None, value: expression}
    loss = total(value * value)
    assert gradients([loss], [x]) == [None]
    (first,) = gradients([loss], [x], histories=histories)
    assert all(node.op not in (exponential.exp, known) for node in sort_topologically([first]))
    (second,) = gradients([total(first)], [x], histories=histories)
    (along,) = tangents([loss], [x], [leaf(numpy.ones(3))], histories)
    results = evaluate(first, second, along)
    squares = evaluate(value)[0] ** 2
    numpy.testing.assert_allclose(results[0], 2 * squares)
    numpy.testing.assert_allclose(results[1], 4 * squares)
    numpy.testing.assert_allclose(results[2], 2 * squares.sum())
    # The realised tensor itself stands for the expression that its users were built on.
    (by_value,) = gradients([total(expression * 3)], [value], histories=histories)
    numpy.testing.assert_allclose(evaluate(by_value)[0], 3)


def test_a_gradient_that_needs_what_was_overwritten_is_refused():
    x = leaf(normal(3))
    expression = trigonometry.sin(x)
    value = leaf(evaluate(expression)[0])
    x.attributes.storage.version += 1
    with pytest.raises(GradientError, match="overwritten"):
        gradients([total(value)], [x], histories={value: expression})
