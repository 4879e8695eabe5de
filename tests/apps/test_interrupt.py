"""Ctrl-C as a request."""

from __future__ import annotations

import signal
import threading

import pytest

from tilegrad.apps.interrupt import Interrupt


def test_the_first_interrupt_is_noted_and_the_second_acts():
    with Interrupt() as interrupt:
        assert not interrupt.is_requested
        signal.raise_signal(signal.SIGINT)
        assert interrupt.is_requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_afterwards_interrupts_are_as_before():
    before = signal.getsignal(signal.SIGINT)
    with Interrupt() as interrupt:
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before
    assert not interrupt.is_requested


def test_in_another_thread_it_does_nothing():
    found = []

    def run() -> None:
        with Interrupt() as interrupt:
            found.append((interrupt.is_requested, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [(False, signal.getsignal(signal.SIGINT))]
