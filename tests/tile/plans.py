"""Runs plans on the interpreter of tile programs: what the engine launches, checked as it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy

from tilegrad.base.trace import Trace
from tilegrad.engine.graph_key import key_of
from tilegrad.engine.plan import Place, Plan, Step, make_plan
from tilegrad.engine.programs import Programs
from tilegrad.engine.sizes import evaluate_index
from tilegrad.engine.storage import storage_of, view_storage
from tilegrad.ir.node import Node
from tilegrad.ops.dialects import tiles
from tilegrad.runtime.reference.interpreter import interpret
from tilegrad.tile.target import TileTarget

TARGETS = (TileTarget(16, 16), TileTarget(32, 16), TileTarget(64, 32))


def run(
    nodes: Sequence[Node],
    target: TileTarget = TARGETS[2],
    symbols: Mapping[str, int] | None = None,
    programs: Programs | None = None,
) -> list[numpy.ndarray]:
    """Return the values of nodes over realised buffers, by way of verified tile programs."""
    symbols = symbols or {}
    buffers = key_of(nodes).buffers
    plan = make_plan(nodes, buffers, programs or Programs(target), Trace())
    memory: dict[Place, numpy.ndarray] = {}
    for number, node in enumerate(buffers):
        storage = storage_of(node)
        memory[Place("given", number)] = view_storage(storage, (storage.size,))
    for kind, pool in (("made", plan.made), ("temporary", plan.temporaries)):
        for number, made in enumerate(pool):
            size = evaluate_index(made.size, symbols)
            memory[Place(kind, number)] = numpy.zeros(size, made.dtype.numpy)
    for group in plan.groups:
        for step in group:
            perform(step, memory, symbols)
    return [_result(plan, place, memory, symbols) for place in range(len(nodes))]


def perform(step: Step, memory: Mapping[Place, numpy.ndarray], symbols: Mapping[str, int]) -> None:
    """Interpret one launch; memory that it reads before it is written raises an error."""
    program = step.program.program
    tiles.verify([program.root])
    arguments: list[numpy.ndarray | int] = []
    undefined = []
    given = {place for place in step.places if place is not None and place.kind == "given"}
    for slot, (entry, place) in enumerate(zip(program.slots, step.places, strict=True)):
        if place is None:
            arguments.append(evaluate_index(entry.size, symbols))
            continue
        arguments.append(memory[place])
        if entry.role != "input" and place not in given:
            undefined.append(slot)
    interpret(program.root, arguments, undefined=undefined, finds_races=True)


def _result(
    plan: Plan,
    number: int,
    memory: Mapping[Place, numpy.ndarray],
    symbols: Mapping[str, int],
) -> numpy.ndarray:
    place, shape = plan.results[number]
    sizes = tuple(evaluate_index(size, symbols) for size in shape)
    return memory[place][: int(numpy.prod(sizes))].reshape(sizes)
