"""Sums of sums are taken from what the graph computes anyway, and mean the same."""

from __future__ import annotations

import numpy
import pytest

from tilegrad.engine.storage import storage_of, view_storage, wrap_array
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import arithmetic
from tilegrad.ops.evaluate import evaluate
from tilegrad.ops.exponential import exp
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import reshape_to
from tilegrad.ops.reduction import reduce_sum, sum_over
from tilegrad.schedule.exchange import exchange_sums

ROWS, STEPS, WIDTH = 4, 5, 3


def leaf(*shape: int, seed: int = 0) -> Node:
    array = numpy.random.default_rng(seed).standard_normal(shape) + 2.0
    return wrap_array(array, "cpu")


WEIGHTS = exp(leaf(ROWS, STEPS))
OTHER_WEIGHTS = exp(leaf(ROWS, STEPS, seed=1))
SCALE = leaf(ROWS, 1, seed=2)
VALUES = leaf(1, STEPS, WIDTH, seed=3)
OTHER_VALUES = leaf(1, STEPS, WIDTH, seed=4)
UPSTREAM = leaf(ROWS, 1, WIDTH, seed=5)


def product_of(weights: Node, values: Node = VALUES) -> Node:
    """Return weights · values, (rows, 1, width)."""
    return sum_over(reshape_to(weights, (ROWS, STEPS, 1)) * values, (1,))


def gradient_of_weights(values: Node = VALUES, upstream: Node = UPSTREAM) -> Node:
    return reshape_to(sum_over(upstream * values, (2,)), (ROWS, STEPS))


TAKEN = {
    "plain": (product_of(WEIGHTS), sum_over(WEIGHTS * gradient_of_weights(), (1,))),
    "scaled": (product_of(WEIGHTS), sum_over(gradient_of_weights() / SCALE * WEIGHTS, (1,))),
    "softmax": (
        product_of(WEIGHTS / SCALE),
        sum_over(arithmetic.negate(gradient_of_weights() / SCALE * (WEIGHTS / SCALE)), (1,)),
    ),
    "with a number": (
        product_of(WEIGHTS),
        sum_over(gradient_of_weights() * WEIGHTS * constant(2.0, dtypes.float64), (1,)),
    ),
    "differently scaled": (
        product_of(WEIGHTS * SCALE),
        sum_over(gradient_of_weights() * WEIGHTS, (1,)),
    ),
    "made of another that is taken": (
        product_of(WEIGHTS),
        sum_over(
            gradient_of_weights(
                upstream=UPSTREAM
                * reshape_to(sum_over(WEIGHTS * gradient_of_weights(), (1,)), (ROWS, 1, 1))
            )
            * WEIGHTS,
            (1,),
        ),
    ),
}
LEFT = {
    "nothing known": (leaf(2, 2), sum_over(WEIGHTS * gradient_of_weights(), (1,))),
    "other weights": (
        product_of(OTHER_WEIGHTS),
        sum_over(WEIGHTS * gradient_of_weights(), (1,)),
    ),
    "other values": (
        product_of(WEIGHTS, OTHER_VALUES),
        sum_over(WEIGHTS * gradient_of_weights(), (1,)),
    ),
    "the values with themselves": (
        sum_over(VALUES * VALUES, (1,)),
        sum_over(WEIGHTS * gradient_of_weights(), (1,)),
    ),
    "an upstream for each step": (
        product_of(WEIGHTS),
        sum_over(WEIGHTS * gradient_of_weights(upstream=leaf(ROWS, STEPS, WIDTH)), (1,)),
    ),
    "one factor": (product_of(WEIGHTS), sum_over(WEIGHTS * constant(2.0, dtypes.float64), (1,))),
    "along the rows": (product_of(WEIGHTS), sum_over(WEIGHTS * gradient_of_weights(), (0,))),
    "a third factor along the steps": (
        product_of(WEIGHTS),
        sum_over(WEIGHTS * gradient_of_weights() * leaf(ROWS, STEPS), (1,)),
    ),
}


def values_of(nodes: list[Node]) -> list[numpy.ndarray]:
    def contents(node: Node) -> numpy.ndarray:
        storage = storage_of(node)
        return view_storage(storage, (storage.size,)).reshape(node.shape)  # type: ignore[arg-type]

    return evaluate(nodes, contents, {})


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_known_is_taken(name):
    nodes = list(TAKEN[name])
    found = exchange_sums(nodes)
    assert found[0] is nodes[0]
    order = sort_topologically(found[1:], is_leaf=lambda node: node is nodes[0])
    assert nodes[0] in order
    assert not any(node.shape == (ROWS, STEPS, WIDTH) for node in order)
    for result, wanted in zip(values_of(found), values_of(nodes), strict=True):
        numpy.testing.assert_allclose(result, wanted, rtol=1e-12)


@pytest.mark.parametrize("name", LEFT)
def test_anything_else_stays(name):
    nodes = list(LEFT[name])
    assert exchange_sums(nodes) == nodes


def gradient_of_softmax(rows: int, steps: int) -> Node:
    """Return Σₖ p(k) · gradient(k), as it stands in the gradient of a softmax."""
    weights = exp(leaf(rows, steps) - leaf(rows, 1, seed=1)) / leaf(rows, 1, seed=2)
    upstream, values = leaf(rows, 1, WIDTH, seed=3), leaf(1, steps, WIDTH, seed=4)
    return sum_over(weights * reshape_to(sum_over(upstream * values, (2,)), (rows, steps)), (1,))


def test_of_a_large_softmax_the_inner_half_is_made():
    total = gradient_of_softmax(64, 512)
    (found,) = exchange_sums([total])
    made = [node for node in sort_topologically([found]) if node.shape == (64, 1, WIDTH)]
    assert any(node.op is reduce_sum for node in made)
    (result,), (wanted,) = values_of([found]), values_of([total])
    numpy.testing.assert_allclose(result, wanted, rtol=1e-12)


def test_a_small_softmax_is_stored_and_stays():
    total = gradient_of_softmax(8, 16)
    assert exchange_sums([total]) == [total]
