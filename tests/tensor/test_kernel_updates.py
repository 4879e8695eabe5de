"""Kernels that write an argument in place: values stay values, and memory is not copied."""

import numpy
import pytest

from tests.language.running import close, on_both
from tilegrad import Tensor, jit, kernel
from tilegrad.base.errors import ArgumentError
from tilegrad.engine.explain import explain

TABLE = numpy.random.default_rng(0).standard_normal((50, 16)).astype(numpy.float32)
ROWS = numpy.random.default_rng(1).standard_normal((3, 16)).astype(numpy.float32)
PLACES = numpy.array([5, 0, 49], numpy.int32)
ADDED = TABLE.copy()
ADDED[PLACES] += ROWS


@kernel
def add_rows(build, rows, places, table):
    """The table with rows added at some places, and the sum of each of these before."""
    table = build.update(table)
    sums = build.output(rows.shape[0], rows.dtype)
    row = build.grid(rows.shape[0])
    before = table[places[row], :]
    table[places[row], :] = before + rows[row, :]
    sums[row] = before.sum()
    return table, sums


def make(device):
    return [Tensor(one, device=device).realize() for one in (ROWS, PLACES, TABLE)]


@on_both
def test_a_result_that_is_not_assigned_is_a_value_of_its_own(device):
    rows, places, table = make(device)
    new, sums = add_rows(rows, places, table)
    close(new.numpy(), ADDED)
    close(sums.numpy(), TABLE[PLACES].sum(1))
    close(table.numpy(), TABLE)
    again, _ = add_rows(rows, places, new * 1)
    close((again - new).sum(1).numpy()[PLACES], ROWS.sum(1), tolerance=1e-5)


@on_both
def test_what_reads_the_old_contents_keeps_its_value(device):
    rows, places, table = make(device)
    old, row, total = table.detach(), table[5], table.sum(0)
    changed = table * 1
    changed.realize()
    table.assign(add_rows(rows, places, table)[0])
    both = total + table.sum(0)  # one kernel would read the old contents and the new
    both.realize(table)
    close(table.numpy(), ADDED)
    close(both.numpy(), (TABLE + ADDED).sum(0), tolerance=1e-5)
    for found, expected in ((old, TABLE), (row, TABLE[5]), (changed, TABLE)):
        close(found.numpy(), expected)


def test_an_assigned_result_is_written_in_place_and_readers_come_after():
    rows, places, table = make("cpu")
    table.assign(add_rows(rows, places, table)[0])
    found = explain(table)
    assert [one.name for one in found.kernels] == ["add_rows"]
    assert found.plan.arena.nbytes < TABLE.nbytes
    table.realize()
    unassigned = explain(add_rows(rows, places, table)[0])
    assert [one.name for one in unassigned.kernels] == ["copy", "add_rows"]


def test_captured_steps_update_in_place():
    rows, places, table = make("cpu")

    @jit
    def step(rows, places):
        new, sums = add_rows(rows, places, table)
        table.assign(new)
        return table.sum(0), sums

    expected = TABLE.copy()
    for _ in range(4):
        before = expected[PLACES].sum(1)
        expected[PLACES] += ROWS
        total, sums = step(rows, places)
        close(total.numpy(), expected.sum(0), tolerance=1e-5)
        close(sums.numpy(), before, tolerance=1e-5)
        close(table.numpy(), expected)
    (captured,) = step.captured
    assert captured.kernels == 2


def test_what_has_been_read_cannot_be_updated():
    @kernel
    def late(build, x):
        first = x[0, :]
        x = build.update(x)
        x[1, :] = first
        return x

    with pytest.raises(ArgumentError, match="has not been read yet"):
        late(Tensor(TABLE))

    @kernel
    def misplaced(build, x, y):
        out = build.output(x.shape, x.dtype)
        y = build.update(y)
        return out, y

    with pytest.raises(ArgumentError, match="returns what it updates"):
        misplaced(Tensor(TABLE), Tensor(ROWS))
