"""A long run of random graphs: ``python -m tests.conformance.fuzz --minutes 10``.

Goes through seeds one after the other, each with some hundred graphs, and prints the smallest graph
of each failure. A seed that failed is run again with ``--seed``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import hypothesis

from tests.conformance.graph_model import Graph
from tests.conformance.graphs import check_graph, graphs

SETTINGS = hypothesis.settings(
    max_examples=300,
    deadline=None,
    database=None,
    derandomize=False,
    report_multiple_bugs=False,
    suppress_health_check=list(hypothesis.HealthCheck),
)


def search(seed: int) -> Exception | None:
    """Return what goes wrong with the graphs of a seed, made as small as it goes."""

    @hypothesis.seed(seed)
    @SETTINGS
    @hypothesis.given(graphs(30))
    def check(graph: Graph) -> None:
        check_graph(graph)

    run: Callable[[], None] = check
    try:
        run()
    except Exception as error:  # noqa: BLE001 - each failure is a finding
        return error
    return None


def main(arguments: list[str]) -> int:
    """Search for as long as was asked for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.fuzz")
    parser.add_argument("--minutes", type=float, default=10, help="how long to search")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    options = parser.parse_args(arguments)
    end = time.monotonic() + 60 * options.minutes
    seed, failures = options.seed, 0
    while time.monotonic() < end:
        error = search(seed)
        if error is not None:
            failures += 1
            notes = "\n".join(getattr(error, "__notes__", ()))
            sys.stdout.write(f"seed {seed}: {type(error).__name__}: {error}\n{notes}\n\n")
            sys.stdout.flush()
        seed += 1
    sys.stdout.write(f"{seed - options.seed} seeds, {failures} failures\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
