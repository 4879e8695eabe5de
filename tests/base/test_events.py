"""The events: plain, frozen data with units in their names."""

from __future__ import annotations

import dataclasses
import typing

import pytest
from hypothesis import given

from tests.base.events import events
from tilegrad.base import events as module
from tilegrad.base.events import EVENTS, Event, KernelLaunched, MemoryChanged, Timed


def test_the_tuple_of_events_is_complete():
    classes = {each for each in vars(module).values() if isinstance(each, type)}
    events = {each for each in classes if issubclass(each, Event)}
    assert set(EVENTS) == events - {Event, Timed, MemoryChanged}


@pytest.mark.parametrize("event", EVENTS)
def test_every_field_is_plain_and_documented(event):
    hints = typing.get_type_hints(event)
    attributes = "".join(each.__doc__ or "" for each in event.__mro__)
    for field in dataclasses.fields(event):
        plain = {str, int, bool, type(None)}
        kind = hints[field.name]
        assert field.name == "counts" or kind in plain or set(typing.get_args(kind)) <= plain
        assert f"\n        {field.name}: " in attributes or f"\n    {field.name}: " in attributes


@given(events)
def test_every_event_says_how_a_timeline_shows_it(event):
    assert isinstance(event.title, str)
    assert isinstance(event, Timed) == (event.interval_ns is not None)
    assert event.category


def test_a_launch_lies_on_its_device():
    event = KernelLaunched(1_000, 3_000, "softmax", "cpu", moved_bytes=64, operations=32)
    assert event.lane == "cpu"
    assert event.interval_ns == (1_000, 3_000)
    assert event.seconds == pytest.approx(2e-6)
