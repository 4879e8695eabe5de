"""The devices under test: functions that compute cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy

from tests.conformance.cases import Case
from tilegrad.engine.storage import view_storage, wrap_array
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.evaluate import evaluate
from tilegrad.ops.infer import known_sizes


class Executor(Protocol):
    """What realises nodes on a device."""

    name: str

    def realize(self, nodes: Sequence[Node], symbols: Mapping[str, int]) -> list[Node]:
        """Return one buffer node per node."""
        ...


def run_reference(case: Case) -> numpy.ndarray:
    """Compute a case op by op with the NumPy references."""
    return evaluate([case.build()], case.read, {})[0]


def run_together(executor: Executor, cases: Sequence[Case]) -> list[numpy.ndarray]:
    """Compute cases on a device at once. Indices, which no tensor can hold, go there as int64."""
    nodes = [_store(case.build(_load(case, executor.name))) for case in cases]
    results = executor.realize(nodes, {})
    return [view_storage(storage, known_sizes(shape)).copy() for storage, shape in results]


def _load(case: Case, device: str) -> list[Node]:
    leaves = [wrap_array(numpy.array(array, order="C"), device) for array in case.inputs]
    if case.dtype is not dtypes.index:
        return leaves
    kinds = zip(leaves, case.leaves, strict=True)
    return [
        cast_to(leaf, dtypes.index) if kind.dtype is dtypes.index else leaf for leaf, kind in kinds
    ]


def _store(node: Node) -> Node:
    return cast_to(node, dtypes.int64) if node.dtype is dtypes.index else node
