"""Races: counts stand for times."""

from __future__ import annotations

import random

import pytest

from tilegrad.engine.search.race import Standing, chance_of, race


class Clock:
    """A clock that only goes on when a candidate runs."""

    def __init__(self, seed: int = 0) -> None:
        self.now = 0.0
        self.random = random.Random(seed)
        self.calls: list[float] = []

    def __call__(self) -> float:
        return self.now

    def run(self, seconds: float, noise: float = 0.0):
        def call() -> None:
            self.calls.append(seconds)
            outlier = 10 if self.random.random() < noise / 2 else 1
            self.now += seconds * (1 + noise * self.random.random()) * outlier

        return call


def test_the_faster_are_told_and_the_hopeless_are_given_up():
    clock = Clock()
    runs = [clock.run(seconds) for seconds in (3.0, 2.0, 3.1, 9.0)]
    standings = race(runs, 60.0, clock=clock)
    assert [one.is_faster for one in standings] == [False, True, False, False]
    assert standings[1].ratio == pytest.approx(2 / 3)
    assert clock.calls.count(9.0) == 2
    assert clock.calls.count(3.1) < clock.calls.count(2.0)


def test_noise_makes_hardly_any_winners():
    winners = 0
    for seed in range(100):
        clock = Clock(seed)
        standings = race([clock.run(1.0, noise=0.5) for _ in range(6)], 60.0, clock=clock)
        winners += sum(one.is_faster for one in standings)
    assert winners <= 2  # of 500


@pytest.mark.parametrize("seed", range(5))
def test_a_real_gain_is_found_in_noise(seed):
    clock = Clock(seed)
    runs = [clock.run(seconds, noise=0.3) for seconds in (1.0, 0.7)]
    assert race(runs, 60.0, clock=clock)[1].is_faster


def test_one_round_is_run_even_without_time():
    clock = Clock()
    standings = race([clock.run(s) for s in (2.0, 1.0)], 0.0, clock=clock)
    assert sorted(clock.calls) == [1.0, 2.0]
    assert not standings[1].is_faster


def test_nobody_is_given_up_if_that_is_wanted():
    clock = Clock()
    race([clock.run(s) for s in (1.0, 5.0)], 60.0, gives_up=False, clock=clock)
    assert clock.calls.count(5.0) == clock.calls.count(1.0)


def test_what_comes_before_is_not_measured():
    clock = Clock()
    race([clock.run(1.0), clock.run(0.5)], 60.0, before=clock.run(7.0), clock=clock)
    assert clock.calls.count(7.0) == clock.calls.count(1.0) + clock.calls.count(0.5)


def test_a_gain_that_may_be_chance_is_none():
    assert chance_of(5, 5) == 1 / 32
    assert chance_of(0, 3) == 1.0
    assert not Standing([0.5] * 9).is_faster
    assert Standing([0.5] * 10).is_faster
    assert not Standing([0.99] * 30).is_faster
