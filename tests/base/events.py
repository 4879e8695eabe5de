"""Hypothesis strategies for the events of the trace."""

from __future__ import annotations

from hypothesis import strategies as st

from tilegrad.base.events import EVENTS
from tilegrad.base.trace import Entry

numbers = st.integers(min_value=0, max_value=2**63 - 1)
counts = st.dictionaries(st.text(max_size=8), numbers, max_size=3)


def of_class(event):
    """Return a strategy for events of one class, by the types of its fields."""
    strategies = {"counts": counts} if "counts" in event.__dataclass_fields__ else {}
    return st.builds(event, **strategies)


events = st.one_of([of_class(event) for event in EVENTS])
entries = st.builds(Entry, numbers, numbers, events)
