"""Functions made from functions: gradients, products with Jacobians, and checkpointing.

The arguments and results that are differentiated are tensors, or trees of them (nested tuples,
lists and dictionaries). All transforms nest: a gradient is a function that has a gradient.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import cast

from tilegrad.base.errors import ArgumentError, ArgumentTypeError, GradientError, ShapeError
from tilegrad.engine import current_session
from tilegrad.ir.node import Node
from tilegrad.ops.markers import SegmentAttributes, segment
from tilegrad.ops.movement import filled, reshape_to
from tilegrad.tensor import nodes
from tilegrad.tensor.autodiff import gradients, tangents
from tilegrad.tensor.base import TensorBase
from tilegrad.tensor.history import mark
from tilegrad.tensor.trees import Tree, flatten, map_leaves, rebuild

Function = Callable[..., Tree]
Argnums = int | Sequence[int]


def grad(function: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return a function that gives the gradient of another by some of its arguments.

    Args:
        function: gives a tensor with a single element; with ``has_aux`` a pair of it and anything.
        argnums: place or places of the arguments to differentiate by; each is a tensor or a tree
            of tensors, and its gradient has the same form.
        has_aux: whether the function gives more than what is differentiated.

    Returns:
        A function that gives the gradient, or a tuple of them if ``argnums`` is a sequence; with
        ``has_aux`` a pair of that and the rest of what the function gave.

    Raises:
        GradientError: (when called) the result is no single float, or has no gradient.
    """
    differentiated = value_and_grad(function, argnums, has_aux)

    @functools.wraps(function)
    def gradient(*arguments: Tree, **keywords: object) -> Tree:
        value, found = cast("tuple[Tree, Tree]", differentiated(*arguments, **keywords))
        return (found, cast("tuple[Tree, Tree]", value)[1]) if has_aux else found

    return gradient


def value_and_grad(function: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return a function that gives another's result and its gradient, as a pair.

    Args and errors are those of ``grad``; with ``has_aux`` the first of the pair is the whole
    result, itself a pair.
    """
    places = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    @functools.wraps(function)
    def differentiated(*arguments: Tree, **keywords: object) -> tuple[Tree, Tree]:
        for place in places:
            if not -len(arguments) <= place < len(arguments):
                raise ArgumentError(
                    "there is no argument to differentiate by at this place",
                    got=f"place {place} of {len(arguments)} positional arguments",
                )
        positions = [place % len(arguments) for place in places]
        primals = [arguments[position] for position in positions]
        marked = _mark(primals)
        for position, one in zip(positions, marked, strict=True):
            arguments = (*arguments[:position], one, *arguments[position + 1 :])
        value = function(*arguments, **keywords)
        loss = _split_aux(value)[0] if has_aux else value
        if not isinstance(loss, TensorBase):
            raise GradientError(
                "only a function that gives one tensor has a gradient",
                got=type(loss).__name__,
                mend="use vjp for several results, or has_aux=True to return more than the loss",
            )
        inputs = _tensors(marked)
        found = gradients(
            [loss.node], [one.node for one in inputs], histories=current_session().histories
        )
        trees = cast("list[Tree]", rebuild(primals, _fill(found, inputs)))
        return value, trees[0] if isinstance(argnums, int) else tuple(trees)

    return differentiated


def vjp(function: Function, *primals: Tree) -> tuple[Tree, Callable[[Tree], tuple[Tree, ...]]]:
    """Return a function's result and the product of vectors with its Jacobian.

    Args:
        function: takes and gives tensors or trees of them.
        primals: its arguments.

    Returns:
        The result, and a function from upstream gradients (a tree of the result's form) to a tuple
        with the gradient for each argument, of that argument's form.

    Raises:
        GradientError: an argument is not floating-point, or there is no gradient.
    """
    marked = _mark(list(primals))
    inputs = _tensors(marked)
    value = function(*marked)
    outputs = _tensors(value)

    def pull_back(upstream: Tree) -> tuple[Tree, ...]:
        given = _tensors(upstream)
        if len(given) != len(outputs):
            raise ShapeError(
                "the upstream gradients have another form than the result",
                got=f"{len(given)} tensors",
                expected=f"{len(outputs)} tensors",
            )
        found = gradients(
            [one.node for one in outputs],
            [one.node for one in inputs],
            [one.node for one in given],
            current_session().histories,
        )
        return tuple(cast("list[Tree]", rebuild(list(primals), _fill(found, inputs))))

    return value, pull_back


def jvp(
    function: Function, primals: Sequence[Tree], directions: Sequence[Tree]
) -> tuple[Tree, Tree]:
    """Return a function's result and the product of its Jacobian with a vector.

    Args:
        function: takes and gives tensors or trees of them.
        primals: its arguments.
        directions: a direction for each argument, of the argument's form.

    Returns:
        The result, and the rate at which it changes along the directions, of the same form.

    Raises:
        GradientError: an argument is not floating-point, or there is no gradient.
        ShapeError: a direction does not have the form or shape of its argument.
    """
    marked = _mark(list(primals))
    inputs, along = _tensors(marked), _tensors(list(directions))
    shapes = [one.shape for one in inputs], [one.shape for one in along]
    if shapes[0] != shapes[1]:
        raise ShapeError(
            "the directions have another form than the arguments",
            got=shapes[1],
            expected=shapes[0],
        )
    value = function(*marked)
    outputs = _tensors(value)
    found = tangents(
        [one.node for one in outputs],
        [one.node for one in inputs],
        [one.node for one in along],
        current_session().histories,
    )
    return value, rebuild(value, _fill(found, outputs))


def jacobian(function: Function, argnums: int = 0) -> Function:
    """Return a function that gives the matrix of derivatives of another.

    One gradient is built for each element of the result, so it suits small results.

    Args:
        function: gives one tensor.
        argnums: place of the argument, one tensor, to differentiate by.

    Returns:
        A function whose result has the shape of the function's result followed by the argument's.
    """

    @functools.wraps(function)
    def derivative(*arguments: Tree, **keywords: object) -> TensorBase:
        marked = _mark([arguments[argnums]])
        (source,) = _tensors(marked)
        value = function(*arguments[:argnums], *marked, *arguments[argnums + 1 :], **keywords)
        (output,) = _tensors(value)
        shape = output.node.shape
        flat = reshape_to(output.node, (_count(output),))
        rows = []
        for place in range(_count(output)):
            element = nodes.shrink_axis(flat, 0, place, place + 1)
            found = gradients([element], [source.node], histories=current_session().histories)
            (row,) = _fill(found, [source])
            rows.append(reshape_to(row.node, (1, *source.node.shape)))
        stacked = nodes.concatenate(rows, 0)
        return output.with_node(reshape_to(stacked, (*shape, *source.node.shape)))

    return derivative


def hessian(function: Function, argnums: int = 0) -> Function:
    """Return a function that gives the matrix of second derivatives of a scalar function.

    Args:
        function: gives a tensor with a single element.
        argnums: place of the argument, one tensor, to differentiate by.

    Returns:
        A function whose result has the argument's shape twice.
    """
    return jacobian(grad(function, argnums), argnums)


def checkpoint(function: Function) -> Function:
    """Return the same function, whose inner values a backward pass computes again.

    Between the forward and the backward pass only the arguments and results stay in memory
    (T. Chen et al., "Training deep nets with sublinear memory cost", 2016). Tensors that the
    function uses without taking them as arguments, such as weights, get their gradients too.

    Args:
        function: takes and gives tensors or trees of them; it must be free of side effects.
    """

    @functools.wraps(function)
    def checkpointed(*arguments: Tree, **keywords: Tree) -> Tree:
        value = function(*arguments, **keywords)
        leaves = flatten(value)
        results = [leaf for leaf in leaves if isinstance(leaf, TensorBase)]
        taken = [
            leaf.node
            for leaf in flatten([list(arguments), keywords])
            if isinstance(leaf, TensorBase)
        ]
        given = [one.node for one in results]
        attributes = SegmentAttributes(len(given))
        marked = iter(
            one.with_node(segment(one.node, *given, *taken, attributes=attributes))
            for one in results
        )
        return rebuild(
            value, [next(marked) if isinstance(leaf, TensorBase) else leaf for leaf in leaves]
        )

    return checkpointed


def _mark(tree: list[Tree]) -> list[Tree]:
    """Return a tree of tensors of the same values that gradients can be taken by."""
    return cast("list[Tree]", map_leaves(_mark_leaf, tree))


def _mark_leaf(leaf: object) -> TensorBase:
    tensor = _as_tensor(leaf)
    return tensor.with_node(mark(tensor.node))


def _tensors(tree: Tree) -> list[TensorBase]:
    return [_as_tensor(leaf) for leaf in flatten(tree)]


def _as_tensor(leaf: object) -> TensorBase:
    if not isinstance(leaf, TensorBase):
        raise ArgumentTypeError(
            "only tensors can be differentiated",
            got=type(leaf).__name__,
            expected="a tensor, or tuples, lists and dictionaries of tensors",
        )
    return leaf


def _split_aux(value: Tree) -> tuple[Tree, Tree]:
    if not isinstance(value, tuple) or len(value) != 2:
        raise ArgumentTypeError(
            "with has_aux=True the function must give a pair", got=type(value).__name__
        )
    return value


def _fill(found: Sequence[Node | None], like: Sequence[TensorBase]) -> list[TensorBase]:
    """Return tensors for nodes, zeros where there is none."""
    return [
        one.with_node(filled(0, one.dtype, one.node.shape) if node is None else node)
        for node, one in zip(found, like, strict=True)
    ]


def _count(tensor: TensorBase) -> int:
    count = tensor.numel()
    if not isinstance(count, int):
        raise ShapeError("a matrix of derivatives needs a result of known size", got=tensor.shape)
    return count
