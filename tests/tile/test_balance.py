"""How evenly instances fill threads: by what every schedule without idle threads obeys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilegrad.tile.balance import DELAY, Cycles, Grid

sizes = st.integers(1, 12)
times = st.integers(0, 9).map(float)


@given(st.data(), st.integers(2, 5))
def test_span_lies_within_the_bounds_of_list_scheduling(data, threads):
    batch, rows, lanes = (data.draw(sizes) for _ in range(3))
    block = data.draw(st.integers(1, rows)), data.draw(st.integers(1, lanes))
    grid = Grid(batch, rows, lanes, block)
    cycles = Cycles(1.0 + data.draw(times), data.draw(times), data.draw(times))
    works = list(grid.measure(cycles))
    total, longest = sum(works), max(works)
    assert len(works) == grid.instances
    assert grid.total(cycles) == pytest.approx(total) == grid.span(cycles, 1)
    # Graham, "Bounds on multiprocessing timing anomalies" (1969).
    span = grid.span(cycles, threads) - DELAY * longest
    assert grid.least(cycles) <= grid.span(cycles, threads) + 1e-6
    assert max(total, longest) - 1e-6 <= span <= total + threads * longest + 1e-6


def test_tiles_that_do_not_divide_evenly_keep_a_thread_waiting():
    cycles = Cycles(1.0, 0.0, 0.0)
    uneven, even = Grid(1, 1, 11, (1, 2)), Grid(1, 1, 8, (1, 2))
    assert uneven.span(cycles, 2) == 12 + 2 * DELAY
    assert even.span(cycles, 2) == 8 + 2 * DELAY
