"""Decisions: every choice among schedules that lowering makes, and how to make it otherwise.

A schedule in the wide sense is a record of such choices, ``Choices``: a mapping from the name of a
decision to the label of what was taken. An empty one leaves all to the cost model. A record that
does not fit a kernel any more, as candidates have changed, does no harm: what it names and is not
among the candidates is left to the cost model, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeVar

T = TypeVar("T")

Choices = Mapping[str, str]
NO_CHOICES: Choices = MappingProxyType({})


class Candidate(NamedTuple):
    """One possibility of a decision.

    Attributes:
        label: its name, different from all others of the decision.
        cost: what the cost model expects, comparable within the decision; None if it is silent.
    """

    label: str
    cost: float | None


class Decision(NamedTuple):
    """What was decided, and among what.

    Attributes:
        candidates: the likeliest first.
        taken: the label of the one that was taken.
    """

    candidates: tuple[Candidate, ...]
    taken: str


class Decider:
    """Makes the decisions of one lowering.

    Args:
        choices: what to take, by the name of the decision; the cost model chooses the others.
        notes: where to note all decisions by name, or None.
    """

    def __init__(
        self, choices: Choices = NO_CHOICES, notes: dict[str, Decision] | None = None
    ) -> None:
        self.choices = choices
        self.notes = notes

    def take(
        self,
        name: str,
        candidates: Sequence[T],
        cost: Callable[[T], float] | None = None,
        label: Callable[[T], str] = str,
    ) -> T:
        """Return what is chosen, or else the first of the cheapest candidates.

        Args:
            name: of the decision; unique in a kernel.
            candidates: at least one; without costs, the default comes first.
            cost: what a candidate is expected to cost, in any unit.
            label: names a candidate; the same name in every process.
        """
        chosen = self.choices.get(name)
        fitting: list[T] = []
        if chosen is not None:
            fitting = [one for one in candidates if label(one) == chosen]
        if fitting:
            taken = fitting[0]
        else:
            taken = candidates[0] if cost is None else min(candidates, key=cost)
        if self.notes is not None:
            found = {label(one): None if cost is None else cost(one) for one in candidates}
            noted = [Candidate(*pair) for pair in found.items()]
            if cost is not None:
                noted.sort(key=lambda one: one.cost or 0.0)
            self.notes[name] = Decision(tuple(noted), label(taken))
        return taken


def list_near(default: int, least: int, most: int) -> tuple[int, ...]:
    """Return a number and its halves and doubles within bounds, the number itself first."""
    others = (default // 4, default // 2, default * 2, default * 4)
    return tuple(dict.fromkeys((default, *(one for one in others if least <= one <= most))))
