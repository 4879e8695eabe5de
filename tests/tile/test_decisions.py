"""Whatever is decided, a kernel computes the same; and what is decided is what the record says."""

from __future__ import annotations

from unittest.mock import patch

import numpy
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.tile.plans import run
from tilegrad import Tensor
from tilegrad.engine.programs import Programs, source_of
from tilegrad.ir.digest import digest
from tilegrad.tile.choices import schedule
from tilegrad.tile.decisions import NO_CHOICES, Decider, Decision, list_near
from tilegrad.tile.target import TileTarget

TARGETS = (TileTarget(16, 16, 4096), TileTarget(64, 32, 8192))


def whole(*shape: int, seed: int = 0) -> numpy.ndarray:
    """Return small whole numbers as float32, whose sums and products are exact."""
    return numpy.random.default_rng(seed).integers(-4, 5, shape).astype(numpy.float32)


A, B, C = whole(20, 17, seed=1), whole(17, 35, seed=2), whole(2, 18, 33, seed=3)
IMAGE, WEIGHT = whole(1, 2, 7, 7, seed=4), whole(18, 2, 3, 3, seed=5)
LONG = whole(2, 700)
PADDED = numpy.pad(IMAGE, ((0, 0), (0, 0), (1, 1), (1, 1)))
VIEW = numpy.lib.stride_tricks.sliding_window_view(PADDED, (3, 3), (2, 3))


def softmax(x: numpy.ndarray) -> numpy.ndarray:
    raised = numpy.exp(x - x.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def attend(x: numpy.ndarray) -> numpy.ndarray:
    return softmax(x @ x.swapaxes(-1, -2) * 0.05) @ x


KERNELS = {
    "product": (lambda: Tensor(A) @ Tensor(B), A @ B),
    "turned product": (lambda: Tensor(A.T.copy()).T @ Tensor(B.T.copy()).T, A @ B),
    "matrix and vector": (lambda: Tensor(C) @ Tensor(whole(33)), C @ whole(33)),
    "convolution": (
        lambda: Tensor(IMAGE).conv2d(Tensor(WEIGHT), padding=1),
        numpy.einsum("nchwij,ocij->nohw", VIEW, WEIGHT),
    ),
    "softmax": (lambda: Tensor(C).softmax(), softmax(C)),
    "columns": (lambda: Tensor(C).sum(1), C.sum(1)),
    "rows": (lambda: Tensor(LONG).sum(1), LONG.sum(1)),
    "outer and inner": (lambda: Tensor(C).sum((0, 2)), C.sum((0, 2))),
    "transpose": (lambda: Tensor(C).permute(2, 0, 1).contiguous(), C.transpose(2, 0, 1)),
    "pieces": (
        lambda: Tensor(A).cat(Tensor(A) * 2, dim=1) + 1,
        numpy.concatenate((A, A * 2), 1) + 1,
    ),
    "attention": (
        lambda: (Tensor(C) @ Tensor(C).transpose(1, 2) * 0.05).softmax() @ Tensor(C),
        attend(C),
    ),
}


class Drawing(Decider):
    """Makes every decision by a draw."""

    def __init__(self, data: st.DataObject) -> None:
        super().__init__()
        self.data = data
        self.taken: dict[str, str] = {}

    def take(self, name, candidates, cost=None, label=str):
        taken = self.data.draw(st.sampled_from(list(candidates)), label=name)
        self.taken[name] = label(taken)
        return taken


class DrawnPrograms(Programs):
    """Lowers every kernel by drawn decisions, and checks that their record leads there again."""

    def __init__(self, target: TileTarget, data: st.DataObject) -> None:
        super().__init__(target)
        self.data = data

    def derive(self, expressed):
        drawing, source = Drawing(self.data), source_of(expressed)
        found = self.lower(source, drawing)
        notes: dict[str, Decision] = {}
        again = self.lower(source, Decider(drawing.taken, notes))
        assert digest(again.program.root) == digest(found.program.root)
        assert {name: one.taken for name, one in notes.items()} == drawing.taken
        return found


@pytest.mark.parametrize("name", KERNELS)
@given(data=st.data())
@settings(max_examples=4, phases=(Phase.generate,))
def test_decisions_change_no_results(name, data):
    build, expected = KERNELS[name]
    target = data.draw(st.sampled_from(TARGETS))
    # Reductions this short are cut into parts too; lanes that only pad may hold anything.
    with patch.object(schedule, "SPLIT_WORK", 1 << 9), numpy.errstate(all="ignore"):
        (found,) = run([build().node], target, programs=DrawnPrograms(target, data))
    numpy.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_costs_decide_unless_choices_do():
    notes: dict[str, Decision] = {}
    decider = Decider({"width": "3", "gone": "7"}, notes)
    assert decider.take("width", (1, 2, 3)) == 3
    assert decider.take("gone", (4, 2), cost=float) == 2
    assert decider.take("free", (4, 2)) == 4
    assert [one.label for one in notes["gone"].candidates] == ["2", "4"]
    assert notes["free"].candidates[0].cost is None
    assert Decider(NO_CHOICES).take("width", ("a", "b"), cost=len) == "a"


def test_numbers_near_are_halves_and_doubles_within_bounds():
    assert list_near(8, 3, 16) == (8, 4, 16)
    assert list_near(1, 1, 4) == (1, 2, 4)
