"""Kernels written by hand in the tile language, each beside the one that the compiler derives.

Both rows of a pair do the same; the rivals take part in both as their users would write it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import NamedTuple

import numpy as np

from benchmarks.cases.case import Case, make_generator
from benchmarks.libraries import Library
from benchmarks.libraries.library import Array, UnsupportedError

ROWS, WIDTH = 4096, 1024
HEADS, LENGTH, HEAD_WIDTH = 8, 1024, 64
SIZE = 1024
HIDDEN = 4 * 256
BLOCK = 32
Inputs = Callable[[np.random.Generator], list[np.ndarray]]


class Pair(NamedTuple):
    """A kernel in two ways.

    Attributes:
        name: of the derived one; the other's ends in ``-by-hand``.
        title: what is done.
        inputs: makes the arrays.
        formula: what every library does.
        by_hand: what tilegrad does in the row of the hand-written kernel; takes their module.
        work: floating-point operations or bytes, with the unit.
    """

    name: str
    title: str
    inputs: Inputs
    formula: Callable[..., Array | tuple[Array, ...]]
    by_hand: Callable[..., Array | tuple[Array, ...]]
    work: tuple[float, str]


def normal(*shapes: tuple[int, ...]) -> Inputs:
    return lambda random: [random.standard_normal(shape, np.float32) for shape in shapes]


def make_quantised(random: np.random.Generator) -> list[np.ndarray]:
    x = random.standard_normal((1, SIZE), np.float32)
    levels = random.integers(-127, 128, (SIZE, SIZE // BLOCK, BLOCK), np.int8)
    return [x, levels, random.uniform(0.001, 0.01, (SIZE, SIZE // BLOCK)).astype(np.float16)]


def softmax_backward(library: Library, y: Array, upstream: Array) -> Array:
    total = library.sum(y * upstream, 1).reshape(-1, 1)
    return y * (upstream - total)


def perceptron(library: Library, x: Array, first: Array, bias: Array, second: Array) -> Array:
    return library.gelu(x @ first + bias) @ second


def top_k(_library: Library, x: Array) -> Array:
    if not hasattr(x, "topk"):
        raise UnsupportedError("has no top-k method")
    return x.topk(8)[0]


def quantised(_library: Library, x: Array, levels: Array, scales: Array) -> Array:
    wide = levels * scales.reshape(SIZE, -1, 1)
    return (x * wide.reshape(SIZE, SIZE)).sum(1)


def attend_by_hand(kernels: ModuleType, query: Array, key: Array, value: Array) -> Array:
    parts = (one.reshape(HEADS, LENGTH, HEAD_WIDTH) for one in (query, key, value))
    return kernels.flash_attention(*parts, causal=True).reshape(query.shape)


def differentiate(library: Library, *arrays: Array) -> tuple[Array, ...]:
    *operands, seed = arrays
    return library.gradients(library.attention, operands, seed)


def differentiate_by_hand(kernels: ModuleType, *arrays: Array) -> tuple[Array, ...]:
    from tilegrad import grad

    *operands, seed = arrays
    attend = partial(attend_by_hand, kernels)
    return grad(lambda *parts: (attend(*parts) * seed).sum(), argnums=(0, 1, 2))(*operands)


MATRIX, MOVED = (ROWS, WIDTH), 4.0 * ROWS * WIDTH
PAIRS = (
    Pair(
        "kernel-softmax",
        f"softmax {ROWS}×{WIDTH}",
        normal(MATRIX),
        lambda library, x: library.softmax(x),
        lambda kernels, x: kernels.softmax(x),
        (2 * MOVED, "B"),
    ),
    Pair(
        "kernel-softmax-backward",
        f"gradient of softmax {ROWS}×{WIDTH}",
        normal(MATRIX, MATRIX),
        softmax_backward,
        lambda kernels, y, upstream: kernels.softmax_backward(y, upstream),
        (3 * MOVED, "B"),
    ),
    Pair(
        "kernel-layer-norm",
        f"layer norm {ROWS}×{WIDTH}",
        normal(MATRIX, (WIDTH,), (WIDTH,)),
        lambda library, x, weight, bias: library.layer_norm(x, weight, bias),
        lambda kernels, x, weight, bias: kernels.layer_norm(x, weight, bias)[0],
        (2 * MOVED, "B"),
    ),
    Pair(
        "kernel-running-sum",
        f"running sum along rows {ROWS}×{WIDTH}",
        normal(MATRIX),
        lambda _, x: x.cumsum(1),
        lambda kernels, x: kernels.running_sum(x),
        (2 * MOVED, "B"),
    ),
    Pair(
        "kernel-top-k",
        f"8 greatest of each row {ROWS}×{WIDTH}",
        normal(MATRIX),
        top_k,
        lambda kernels, x: kernels.top_k(x, 8)[0],
        (MOVED, "B"),
    ),
    Pair(
        "kernel-matmul",
        f"matmul {SIZE}×{SIZE}",
        normal((SIZE, SIZE), (SIZE, SIZE)),
        lambda _, a, b: a @ b,
        lambda kernels, a, b: kernels.matmul(a, b),
        (2.0 * SIZE**3, "FLOP"),
    ),
    Pair(
        "kernel-perceptron",
        f"two layers 256→{HIDDEN}→256, 512 rows",
        normal((512, 256), (256, HIDDEN), (HIDDEN,), (HIDDEN, 256)),
        perceptron,
        lambda kernels, *arrays: kernels.perceptron(*arrays),
        (4.0 * 512 * 256 * HIDDEN, "FLOP"),
    ),
    Pair(
        "kernel-quantised",
        f"vector times {SIZE}×{SIZE} weights of 8 bits",
        make_quantised,
        quantised,
        lambda kernels, *arrays: kernels.quantised_matmul(*arrays).reshape(SIZE),
        (1.0 * SIZE * SIZE, "B"),
    ),
    Pair(
        "kernel-attention",
        f"causal attention, {HEADS} heads of {HEAD_WIDTH}, length {LENGTH}",
        normal(*[(1, HEADS, LENGTH, HEAD_WIDTH)] * 3),
        lambda library, *arrays: library.attention(*arrays),
        attend_by_hand,
        (2.0 * HEADS * HEAD_WIDTH * LENGTH * LENGTH, "FLOP"),
    ),
    Pair(
        "kernel-attention-backward",
        f"causal attention, {HEADS} heads of {HEAD_WIDTH}, length {LENGTH}, forward and backward",
        normal(*[(1, HEADS, LENGTH, HEAD_WIDTH)] * 4),
        differentiate,
        differentiate_by_hand,
        (7.0 * HEADS * HEAD_WIDTH * LENGTH * LENGTH, "FLOP"),
    ),
)


def make_cases(pair: Pair) -> tuple[Case, ...]:
    def prepare(library: Library, *, is_by_hand: bool) -> Callable[[], Array]:
        arrays = [library.array(one) for one in pair.inputs(make_generator())]
        if is_by_hand and type(library).__name__ == "TilegradLibrary":
            from tilegrad.apps import kernels  # the processes of rivals do without

            run = library.capture(lambda *values: pair.by_hand(kernels, *values))
        else:
            run = library.capture(lambda *values: pair.formula(library, *values))
        return lambda: run(*arrays)

    derived = Case(
        name=pair.name,
        group="kernels",
        title=f"{pair.title}, derived",
        prepare=lambda library: prepare(library, is_by_hand=False),
        work=pair.work,
    )
    by_hand = Case(
        name=f"{pair.name}-by-hand",
        group="kernels",
        title=f"{pair.title}, by hand",
        prepare=lambda library: prepare(library, is_by_hand=True),
        work=pair.work,
    )
    return derived, by_hand


CASES = tuple(case for pair in PAIRS for case in make_cases(pair))
