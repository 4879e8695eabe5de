"""Searches: what wins is kept, found by later sessions, and computes the same."""

from __future__ import annotations

from dataclasses import replace

import numpy
import pytest

import tilegrad.language as tl
from tilegrad import Tensor, kernel
from tilegrad.base.events import KernelScheduled, ScheduleTried
from tilegrad.base.settings import Settings
from tilegrad.base.trace import Recording, Trace
from tilegrad.engine import Session
from tilegrad.engine.profile import Profile
from tilegrad.engine.search import Search, Standing, climb

X = numpy.random.default_rng(0).standard_normal((300, 40)).astype(numpy.float32)
FASTER, SLOWER = Standing([0.5] * 20), Standing([2.0] * 20)


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(cache_directory=tmp_path, threads=1)


@kernel
def double(build, x, *, width: int = tl.choice(8, 16, 32)):
    out = build.output(x.shape, x.dtype)
    block = build.grid(x.size, 96)
    with build.loop(block.start, block.stop, width) as loop:
        out.flat[loop.span] = x.flat[loop.span] * 2.0
    return out


def compute() -> list[numpy.ndarray]:
    x = Tensor(X)
    counts = Tensor(numpy.zeros(4, numpy.int32)).realize()
    counts += 1
    found = [x.sum(0), double(x), x[Tensor([3, 1, 299])], counts]
    return [one.numpy() for one in found]


def profile_of(session: Session) -> Profile:
    executor = session.compiled("cpu")
    profile = executor.profile = Profile()
    compute()
    executor.profile = None
    return profile


def search(session: Session, trace: Trace | None = None) -> dict[str, dict[str, str]]:
    searching = Search(session.compiled("cpu"), profile_of(session), trace or Trace())
    told = []
    outcomes = [outcome for _, outcome in searching.run(60.0, told.append)]
    assert set(told) >= {one.name for one in outcomes}
    return {one.name: dict(one.choices) for one in outcomes}


def win(*names: str):
    """Return a race whose second candidate wins, the others lose."""

    def race(runs, seconds, **_options):
        for run in runs:
            run()
        return [Standing([1.0] * 20), FASTER, *[SLOWER] * (len(runs) - 2)]

    return race


def test_winners_are_kept_and_found_by_later_sessions(settings, monkeypatch):
    monkeypatch.setattr(climb, "race", win())
    with Session(settings).entered() as session:
        expected = compute()
        found = search(session)
    assert found["double"]["width"] in ("16", "32")
    reduction = next(choices for name, choices in found.items() if name.startswith("reduce"))
    assert reduction
    with Session(settings).entered() as session:
        profile = profile_of(session)
        double_root = double.program(Tensor(X), width=int(found["double"]["width"])).root
        assert double_root in profile.samples
        for one, right in zip(compute(), expected, strict=True):
            numpy.testing.assert_allclose(one, right, rtol=1e-5, atol=1e-5)
        assert session.compiled("cpu").library.statistics.compiled == 0
    with Session(replace(settings, cache=False)).entered() as session:
        assert double_root not in profile_of(session).samples


def test_losers_change_nothing(settings, monkeypatch):
    monkeypatch.setattr(
        climb, "race", lambda runs, *_, **__: [Standing([1.0]), *[SLOWER] * (len(runs) - 1)]
    )
    with Session(settings).entered() as session:
        assert not any(search(session).values())
    assert not list(settings.cache_directory.glob("schedules/*/*"))


def test_what_computes_something_else_is_refused(settings, monkeypatch):
    monkeypatch.setattr(climb, "race", win())
    monkeypatch.setattr(climb, "agree", lambda *_: False)
    recording = Recording()
    with Session(settings).entered() as session:
        assert not any(search(session, Trace(recording)).values())
    tried = recording.find(ScheduleTried)
    assert tried
    assert all(one.failure and one.median_ns is None for one in tried)


def test_the_trace_is_told(settings, monkeypatch):
    monkeypatch.setattr(climb, "race", win())
    recording = Recording()
    with Session(settings).entered() as session:
        search(session, Trace(recording))
    assert any(one.schedule == "width 16" for one in recording.find(ScheduleTried))
    assert {one.chosen_by for one in recording.find(KernelScheduled)} == {"search"}


def test_an_interrupted_search_keeps_what_was_found(settings, monkeypatch):
    race, calls = win(), []

    def interrupted(runs, *rest, **options):
        calls.append(runs)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return race(runs, *rest, **options)

    monkeypatch.setattr(climb, "race", interrupted)
    with Session(settings).entered() as session, pytest.raises(KeyboardInterrupt):
        search(session)
    assert len(list(settings.cache_directory.glob("schedules/*/*"))) == 1


def test_real_races_leave_results_as_they_are(settings):
    with Session(settings).entered() as session:
        expected = compute()
        searching = Search(session.compiled("cpu"), profile_of(session), Trace())
        assert len(list(searching.run(0.5, lambda _: None))) <= searching.kernels
    with Session(settings).entered():
        for one, right in zip(compute(), expected, strict=True):
            numpy.testing.assert_allclose(one, right, rtol=1e-5, atol=1e-5)
