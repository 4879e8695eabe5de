"""The order in which the interpreter computes the nodes of a tile program."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tilegrad.base.errors import VerifyError
from tilegrad.ir.explain import explain_error
from tilegrad.ir.node import Node
from tilegrad.ir.scope import (
    Loops,
    count_carries,
    find_free_loops,
    loop_body,
    loop_number,
    needs_before,
    order_nodes,
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """What to compute in one round of a loop, or once in an instance.

    Attributes:
        steps: the nodes, each after what it needs; effects in the order in which they are listed.
        binders: index and carries of the loop whose round it is.
        bodies: the schedules of the loops among the steps.
    """

    steps: list[Node] = field(default_factory=list)
    binders: list[Node] = field(default_factory=list)
    bodies: dict[Node, Schedule] = field(default_factory=dict)


class Scheduler:
    """Orders the nodes under the blocks of one program."""

    def __init__(self, program: Node) -> None:
        self._program = program
        self._free = find_free_loops(order_nodes([program]))

    def order(self, effects: Iterable[Node]) -> Schedule:
        """Return the schedule of effects that an instance performs.

        Raises:
            VerifyError: an index or a carry of a loop is needed outside the loop.
        """
        return self._order(effects, frozenset(), set())

    def _order(self, wanted: Iterable[Node], open_loops: Loops, done: set[Node]) -> Schedule:
        schedule = Schedule()

        def needs(node: Node) -> Iterable[Node]:
            return needs_before(node, self._free, open_loops, done)

        for node in wanted:
            for need in order_nodes([node], needs):
                if need not in done:
                    done.add(need)
                    self._append(schedule, need, open_loops, done)
        return schedule

    def _append(self, schedule: Schedule, node: Node, open_loops: Loops, done: set[Node]) -> None:
        if node.op.name in ("loop_index", "carry"):
            if loop_number(node) not in open_loops:
                raise VerifyError(
                    f"the {node.op.name} of a loop is needed outside the loop",
                    got="\n" + explain_error(node, "this one", [self._program]),
                )
            schedule.binders.append(node)
            return
        schedule.steps.append(node)
        if node.op.name == "loop":
            inside = open_loops | {loop_number(node)}
            carries, body = count_carries(node), loop_body(node)
            wanted = [*body[carries:], *body[:carries]]
            schedule.bodies[node] = self._order(wanted, inside, done)
