"""The arena: what is alive at once does not overlap, and little is wasted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tilegrad.engine.memory_plan import ALIGNMENT, Lifetime, count_alive, plan_arena

lifetimes = st.lists(
    st.builds(
        lambda nbytes, first, length: Lifetime(nbytes, first, first + length),
        st.integers(0, 5000),
        st.integers(0, 20),
        st.integers(0, 6),
    ),
    max_size=30,
)


@given(lifetimes)
def test_buffers_alive_at_once_do_not_overlap(lives: list[Lifetime]) -> None:
    arena = plan_arena(lives)
    for i, one in enumerate(lives):
        assert arena.offsets[i] % ALIGNMENT == 0
        assert arena.offsets[i] + one.nbytes <= arena.nbytes
        for j, other in enumerate(lives[:i]):
            if one.last < other.first or other.last < one.first:
                continue
            apart = (
                arena.offsets[i] + one.nbytes <= arena.offsets[j]
                or arena.offsets[j] + other.nbytes <= arena.offsets[i]
            )
            assert apart or 0 in (one.nbytes, other.nbytes)


@given(lifetimes)
def test_arena_lies_between_the_bounds(lives: list[Lifetime]) -> None:
    arena = plan_arena(lives)
    total = sum(-(-life.nbytes // ALIGNMENT) * ALIGNMENT for life in lives)
    assert max(count_alive(lives, 27)) <= arena.nbytes <= total


def test_chain_reuses_two_buffers() -> None:
    lives = [Lifetime(1024, number, number + 1) for number in range(10)]
    assert plan_arena(lives).nbytes == 2 * 1024
