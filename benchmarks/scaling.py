"""How the compiler's time grows with the graph: stage by stage, for graphs of growing size.

Usage: ``python -m benchmarks.scaling [GRAPH ...] [SIZE ...]``. Each row gives the CPU time of a
stage, the least of several runs, for each number of operations; the last column is the exponent of
the power of the size that fits best: 1 is linear growth. The graphs:

* chain: each operation takes the result of the one before; one kernel;
* wide: many sums of products that have nothing to do with each other; alike kernels, all launched;
* deep: layers, each a reduction of the one before, with a bias and an activation; a kernel each.
"""

from __future__ import annotations

import gc
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from tilegrad import Tensor
from tilegrad.base.settings import Settings
from tilegrad.engine import Session
from tilegrad.engine.graph_key import key_of
from tilegrad.engine.plan import make_plan
from tilegrad.ir.node import Node

SIZES = (1_000, 3_000, 10_000, 30_000)
ROUNDS = 3
WIDTH = 32
STAGES = ("build", "key", "simplify", "schedule", "lower")

Build = Callable[[int], list[Tensor]]


def leaf(*shape: int) -> Tensor:
    """Return a realised tensor of ones."""
    return Tensor(np.ones(shape, np.float32)).realize()


def chain(count: int) -> list[Tensor]:
    """Return the end of a chain of operations."""
    x, a, b = leaf(WIDTH, WIDTH), leaf(WIDTH, WIDTH), leaf(WIDTH, WIDTH)
    for number in range(count):
        x = x * a if number % 2 else x + b
    return [x]


def wide(count: int) -> list[Tensor]:
    """Return sums of products of leaves that several of them share."""
    some = math.isqrt(count) + 1
    leaves = [leaf(WIDTH, WIDTH) for _ in range(some)]
    return [(leaves[number % some] * leaves[number // some]).sum(1) for number in range(count // 2)]


def deep(count: int) -> list[Tensor]:
    """Return the last of a number of small layers, six operations each."""
    x, weight, bias = leaf(1, WIDTH), leaf(WIDTH, WIDTH), leaf(WIDTH)
    for _ in range(count // 6):
        x = (x @ weight + bias).relu()
    return [x]


GRAPHS: dict[str, Build] = {"chain": chain, "wide": wide, "deep": deep}


@contextmanager
def timed(times: dict[str, float], stage: str) -> Iterator[None]:
    """Add the CPU time of a `with` statement to those of a stage."""
    gc.collect()
    start = time.process_time()
    yield
    times[stage] = time.process_time() - start


def measure(build: Build, count: int) -> tuple[dict[str, float], int]:
    """Return the seconds of each stage for a graph, and how many nodes it has."""
    times: dict[str, float] = {}
    with Session(Settings(cache=False)).entered() as session:
        executor = session.compiled("cpu")
        if executor is None:
            raise RuntimeError("the cpu compiles nothing")
        with timed(times, "build"):
            tensors = build(count)
        nodes = [tensor.node for tensor in tensors]
        with timed(times, "key"):
            key = key_of(nodes)
        with timed(times, "simplify"):
            simplified = executor.simplify(nodes)
        with timed(times, "schedule"):
            plan = make_plan(simplified, key.buffers, executor.programs, executor.trace)
        programs = {step.program.program.root for group in plan.groups for step in group}
        with timed(times, "lower"):
            lower_all(programs, executor.library.write)
    return times, len(key.structure) - 1


def lower_all(programs: set[Node], write: Callable[[Node, str], str]) -> None:
    """Lower and print every kernel."""
    for number, program in enumerate(programs):
        write(program, f"kernel_{number}")


def fit_exponent(sizes: list[int], seconds: list[float]) -> float:
    """Return the slope of the straight line through the logarithms (least squares)."""
    x = np.log(sizes)
    y = np.log(np.maximum(seconds, 1e-6))
    return float(np.polyfit(x, y, 1)[0]) if len(sizes) > 1 else math.nan


def main(arguments: list[str]) -> None:
    """Measure graphs and print a table of each."""
    names = [name for name in arguments if name in GRAPHS] or list(GRAPHS)
    counts = [int(text) for text in arguments if text not in GRAPHS] or SIZES
    for name in names:
        build = GRAPHS[name]
        rows: dict[str, list[float]] = {stage: [] for stage in STAGES}
        sizes = []
        for count in counts:
            runs = [measure(build, count) for _ in range(ROUNDS)]
            sizes.append(runs[0][1])
            for stage in STAGES:
                rows[stage].append(min(times[stage] for times, _ in runs))
        print(f"{name:10}" + "".join(f"{size:>10,}" for size in sizes) + "  nodes, exponent")
        for stage, seconds in rows.items():
            cells = "".join(f"{1e3 * each:>10.1f}" for each in seconds)
            print(f"{stage:10}{cells}  ms, {fit_exponent(sizes, seconds):.2f}", flush=True)
        print()


if __name__ == "__main__":
    main(sys.argv[1:])
