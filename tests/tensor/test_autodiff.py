"""Gradients of graphs of nodes against torch and finite differences."""

import numpy
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.tensor.evaluation import evaluate, leaf, normal, total
from tilegrad.base.errors import DTypeError, GradientError, ShapeError
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import sort_topologically
from tilegrad.ops import arithmetic, comparison, exponential, graph, rounding, sorting, trigonometry
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.leaves import constant
from tilegrad.ops.markers import (
    DistinctAttributes,
    Identity,
    distinct,
)
from tilegrad.ops.movement import ReshapeAttributes, expand_to, permute_axes, reshape
from tilegrad.ops.reduction import ReduceAttributes, reduce_maximum, reduce_sum, sum_over
from tilegrad.tensor.autodiff import gradients, tangents


def softmax(x):
    rows = ReduceAttributes((len(x.shape) - 1,))
    shifted = exponential.exp(x - reduce_maximum(x, attributes=rows))
    return shifted / reduce_sum(shifted, attributes=rows)


def network(x, w, b, scale):
    """A layer, a broadcast bias, a softmax and a scalar factor that is used twice."""
    rows, inner, columns = x.shape[0], x.shape[1], w.shape[1]
    products = expand_to(
        reshape(x, attributes=ReshapeAttributes((rows, inner, 1))), (rows, inner, columns)
    )
    layer = sum_over(products * reshape(w, attributes=ReshapeAttributes((1, inner, columns))), (1,))
    hidden = trigonometry.tanh(reshape(layer, attributes=ReshapeAttributes((rows, columns))) + b)
    return total(softmax(hidden * scale) * exponential.exp(hidden)) * scale


def torch_network(x, w, b, scale):
    hidden = torch.tanh(x @ w + b)
    return (torch.softmax(hidden * scale, -1) * hidden.exp()).sum() * scale


ARRAYS = [normal(3, 4), normal(4, 5), normal(1, 5), normal()]


def test_a_network_has_the_gradients_of_torch():
    leaves = [leaf(array) for array in ARRAYS]
    tensors = [torch.tensor(array, requires_grad=True) for array in ARRAYS]
    torch_network(*tensors).backward()
    found = gradients([network(*leaves)], leaves)
    for node, tensor in zip(evaluate(*found), tensors, strict=True):
        numpy.testing.assert_allclose(node, tensor.grad.numpy(), rtol=1e-12, atol=1e-13)


def test_second_and_third_derivatives_are_those_of_torch():
    x, t = leaf(ARRAYS[1]), torch.tensor(ARRAYS[1], requires_grad=True)
    first, torch_first = total(trigonometry.sin(x) * x * x), (t.sin() * t * t).sum()
    for _ in range(3):
        (gradient,) = gradients([first], [x])
        (torch_gradient,) = torch.autograd.grad(torch_first, t, create_graph=True)
        numpy.testing.assert_allclose(evaluate(gradient)[0], torch_gradient.detach().numpy())
        first, torch_first = total(gradient * gradient), (torch_gradient**2).sum()


def test_hessian_products_of_a_network_are_those_of_torch():
    leaves = [leaf(array) for array in ARRAYS]
    tensors = [torch.tensor(array, requires_grad=True) for array in ARRAYS]
    first = gradients([network(*leaves)], leaves)
    torch_first = torch.autograd.grad(torch_network(*tensors), tensors, create_graph=True)
    upstream = [leaf(array * 0.5 + 1) for array in ARRAYS]
    second = gradients(first, leaves, upstream)
    torch_second = torch.autograd.grad(
        torch_first, tensors, [torch.tensor(array * 0.5 + 1) for array in ARRAYS]
    )
    for node, tensor in zip(evaluate(*second), torch_second, strict=True):
        numpy.testing.assert_allclose(node, tensor.numpy(), rtol=1e-11, atol=1e-12)


def test_forward_mode_agrees_with_torch_and_finite_differences():
    leaves, directions = [leaf(array) for array in ARRAYS], [normal(*one.shape) for one in ARRAYS]
    x, _, b, scale = leaves
    outputs = [network(*leaves), softmax(permute_axes(x, (1, 0)) * scale), total(b)]

    def torch_outputs(x, w, b, scale):
        return torch_network(x, w, b, scale), torch.softmax(x.T * scale, -1), b.sum()

    found = tangents(outputs, leaves, [leaf(one) for one in directions])
    _, expected = torch.autograd.functional.jvp(
        torch_outputs, tuple(map(torch.tensor, ARRAYS)), tuple(map(torch.tensor, directions))
    )
    step = 1e-6
    above, below = (
        torch_outputs(*(torch.tensor(a + s * d) for a, d in zip(ARRAYS, directions, strict=True)))
        for s in (step, -step)
    )
    for node, one, high, low in zip(evaluate(*found), expected, above, below, strict=True):
        numpy.testing.assert_allclose(node, one.numpy(), rtol=1e-11, atol=1e-12)
        numpy.testing.assert_allclose(node, (high - low).numpy() / (2 * step), rtol=1e-5, atol=1e-7)


def test_forward_over_reverse_is_a_hessian_product():
    x, direction = leaf(ARRAYS[0]), normal(3, 4)
    (gradient,) = gradients([total(exponential.exp(trigonometry.sin(x)))], [x])
    (found,) = tangents([gradient], [x], [leaf(direction)])
    t = torch.tensor(ARRAYS[0])
    _, expected = torch.autograd.functional.hvp(
        lambda x: x.sin().exp().sum(), t, torch.tensor(direction)
    )
    numpy.testing.assert_allclose(evaluate(found)[0], expected.numpy(), rtol=1e-12)


def test_tangents_hold_no_placeholder_and_leave_out_what_does_not_depend():
    x, y = leaf(normal(3)), leaf(normal(3))
    results = tangents([total(x * x), total(y)], [x], [leaf(normal(3))])
    assert results[1] is None
    leaves = [node for node in sort_topologically(results[:1]) if not node.sources]
    assert all(node.attributes.storage.device == "cpu" for node in leaves if node.shape == (3,))


@given(st.lists(st.sampled_from([(1, 1), (3, 1), (1, 4), (3, 4), ()]), min_size=2, max_size=3))
def test_broadcast_sources_get_gradients_of_their_own_shape(shapes):
    arrays = [normal(*shape) for shape in shapes]
    leaves = [leaf(array) for array in arrays]
    product, tensors = leaves[0], [torch.tensor(array, requires_grad=True) for array in arrays]
    for node in leaves[1:]:
        product = product * node
    expected = tensors[0]
    for tensor in tensors[1:]:
        expected = expected * tensor
    expected.exp().sum().backward()
    for node, tensor in zip(
        evaluate(*gradients([total(exponential.exp(product))], leaves)), tensors, strict=True
    ):
        numpy.testing.assert_allclose(node, tensor.grad.numpy(), rtol=1e-10)


def test_several_outputs_and_inputs_that_depend_on_each_other():
    x = leaf(normal(3))
    y = x * x
    first, second = gradients([total(y * x), total(y)], [x, y])
    value = evaluate(x)[0]
    results = evaluate(first, second)
    numpy.testing.assert_allclose(results[0], 3 * value**2 + 2 * value)
    numpy.testing.assert_allclose(results[1], value + 1)
    assert gradients([total(y), total(x)], [x], [None, constant(2, dtypes.float64)]) == [
        expand_to(reshape(constant(2, dtypes.float64), attributes=ReshapeAttributes((1,))), (3,))
    ]


def test_an_input_that_does_not_matter_has_no_gradient():
    x, y = leaf(normal(3)), leaf(normal(3))
    assert gradients([total(x)], [y]) == [None]
    assert gradients([total(graph.detach(y) * x)], [y]) == [None]
    assert gradients([total(rounding.floor(y) * x)], [y]) == [None]
    order = sorting.argsort(y, attributes=sorting.ArgsortAttributes(0, False))
    assert gradients([total(cast_to(order, dtypes.float64) * x)], [y]) == [None]


def test_a_chain_of_many_ops_is_no_deeper_than_a_short_one():
    x = leaf(normal(2))
    node = x
    for _ in range(20_000):
        node = node * 1.0001
    (gradient,) = gradients([total(node)], [x])
    numpy.testing.assert_allclose(evaluate(gradient)[0], 1.0001**20_000, rtol=1e-9)


def test_the_work_grows_linearly():
    def count(depth):
        x = leaf(normal(2))
        node = x
        for _ in range(depth):
            node = exponential.exp(node) * node + x
        return len(sort_topologically(gradients([total(node)], [x])))

    assert count(600) - count(400) == count(400) - count(200)


def test_a_value_that_is_assigned_carries_the_gradient_of_what_was_assigned():
    x, target = leaf(normal(3)), leaf(normal(3))
    before = total(target * x)
    after = graph.assign(target, x * x)
    loss = before + total(after * x)
    results = evaluate(*gradients([loss], [x, target]))
    value, old = evaluate(x, target)
    numpy.testing.assert_allclose(results[0], old + 3 * value**2)
    numpy.testing.assert_allclose(results[1], value)


def test_what_has_no_gradient_is_refused_with_the_reason():
    x = leaf(normal(3))
    with pytest.raises(GradientError, match=r"next_after[\s\S]*\.detach\(\)"):
        gradients([total(rounding.next_after(x, x * 2))], [x])
    with pytest.raises(GradientError, match="with respect to"):
        gradients([total(x)], [leaf(numpy.arange(3))])
    with pytest.raises(GradientError, match="not floating-point"):
        gradients([comparison.less(x, x)], [x])
    with pytest.raises(GradientError, match=r"\.sum\(\)"):
        gradients([x], [x])
    with pytest.raises(DTypeError, match="upstream"):
        gradients([x], [x], [constant(1, dtypes.float32)])
    with pytest.raises(ShapeError, match="upstream"):
        gradients([x], [x], [leaf(normal(4))])
    kernel = graph.call(x, attributes=graph.CallAttributes("k", ((dtypes.float64, (3,)),)))
    with pytest.raises(GradientError, match="hand-written"):
        gradients([total(graph.result(kernel, attributes=graph.ResultAttributes(0)))], [x])


def test_distinct_nodes_of_one_value_are_told_apart():
    zero = constant(0.5, dtypes.float64)
    first, second = (distinct(zero, attributes=DistinctAttributes(Identity())) for _ in range(2))
    assert first is not second
    results = gradients([first * 2 + second * 3 + zero], [first, second])
    assert [float(value) for value in evaluate(*results)] == [2, 3]


def test_a_gradient_in_a_narrow_dtype_is_summed_without_losing_small_parts():
    x = leaf(numpy.ones((1, 1), numpy.float16))
    wide = arithmetic.multiply(x, leaf(numpy.ones((4096, 1), numpy.float16)))
    (gradient,) = gradients([total(wide)], [x])
    assert float(evaluate(gradient)[0].item()) == 4096
