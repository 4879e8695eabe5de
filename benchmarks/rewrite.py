"""Measures the rewrite engine: CPU time for each node and sweep, for graphs of growing size.

Usage: ``python -m benchmarks.rewrite [SIZE ...]``. The time is that of ``rewrite`` alone, the least
of several runs, without building the graph; it must not grow with the graph. The columns:

* nothing: a chain of sums and products of tensors to which no rule of the pass comes close;
* candidate: sums with constants, so that rules are tried at each node and refuse;
* match: each second node is rewritten away;
* fold: each node is computed.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable

from tilegrad.base.trace import Trace
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops.leaves import BufferAttributes, Storage, buffer, constant
from tilegrad.rewrite import Pass, rewrite
from tilegrad.simplify import simplify_tensor_graph

SIZES = (1_000, 10_000, 100_000)
SHAPE = (64, 64)
ROUNDS = 5

Step = Callable[[int, Node, Node], Node]


def leaf() -> Node:
    """Return a new tensor."""
    storage = Storage("reference", dtypes.float32, SHAPE[0] * SHAPE[1])
    return buffer(attributes=BufferAttributes(storage, SHAPE, 0))


def chain(count: int, step: Step) -> Node:
    """Return the last node of a chain of ``count`` steps."""
    node, other = leaf(), leaf()
    for number in range(count):
        node = step(number, node, other)
    return node


def fold_chain(count: int) -> Node:
    """Return a chain of constants."""
    node = constant(1.0, dtypes.float32)
    for _ in range(count):
        node = node * 1.0001
    return node


STEPS: dict[str, Step] = {
    "nothing": lambda number, x, y: x * y if number % 2 else x + y,
    "candidate": lambda number, x, _: x + (number % 50 + 2.0),
    "match": lambda number, x, y: x * y if number % 2 else x - 0.0,
}


def measure(graph: Node, rules: Pass) -> float:
    """Return microseconds of CPU time for each node."""
    count = len(sort_topologically([graph]))
    best = float("inf")
    for _ in range(ROUNDS):
        gc.collect()
        start = time.process_time()
        kept = rewrite([graph], rules, Trace())
        best = min(best, time.process_time() - start)
        del kept
    return best / count * 1e6


def main(sizes: tuple[int, ...] = SIZES) -> None:
    """Print the table."""
    names = (*STEPS, "fold")
    print("µs for each node  " + "".join(f"{name:>12}" for name in names))
    for size in sizes:
        graphs = [chain(size, step) for step in STEPS.values()] + [fold_chain(size)]
        times = [measure(graph, simplify_tensor_graph) for graph in graphs]
        print(f"{size:>9} steps   " + "".join(f"{found:12.2f}" for found in times))


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or SIZES)
