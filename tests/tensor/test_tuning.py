"""The fastest of several candidates, whatever they are: counts stand for times."""

import pytest

from tilegrad.tensor import tuning


@pytest.fixture
def clock(monkeypatch):
    """A clock that only goes on when a candidate runs."""

    class Clock:
        now = 0.0

        def perf_counter(self):
            return self.now

        def run(self, seconds, calls):
            def call():
                calls.append(seconds)
                self.now += seconds

            return call

    found = Clock()
    monkeypatch.setattr(tuning, "time", found)
    return found


def test_the_fastest_wins_and_the_hopeless_are_given_up(clock):
    calls = []
    runs = [clock.run(seconds, calls) for seconds in (3.0, 1.0, 1.1, 9.0)]
    assert tuning.find_fastest(runs, 200.0) == 1
    assert calls.count(9.0) == calls.count(3.0) == 5
    assert calls.count(1.1) > 20


def test_each_candidate_is_measured_even_without_time(clock):
    calls = []
    assert tuning.find_fastest([clock.run(s, calls) for s in (2.0, 1.0)], 0.0) == 1
    assert sorted(calls) == [1.0, 2.0]


def test_a_single_candidate_is_the_fastest(clock):
    assert tuning.find_fastest([clock.run(1.0, [])], 1.0) == 0
