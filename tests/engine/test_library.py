"""Kernels that are compiled while others are still planned."""

import sys
import threading

import pytest

from tilegrad.base.trace import Trace
from tilegrad.engine.library import Library
from tilegrad.ops.tile import make_program


class Loaded:
    def __init__(self, binary):
        self.binary = binary

    def address(self, symbol):
        return hash((self.binary, symbol))


class Compiler:
    """Notes what it compiles, and waits until it may."""

    key = "slow"

    def __init__(self):
        self.compiled = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def compile(self, source):
        self.may_go_on.wait(10)
        if "broken" in source:
            raise ValueError(source)
        self.compiled.append(source)
        return source.encode()

    def load(self, binary):
        return Loaded(binary)


def make(name):
    return make_program(name, [4], [])


@pytest.fixture
def library():
    return Library(Compiler(), lambda _, name: name, None, Trace())


def test_what_was_begun_is_compiled_once(library):
    one, two = make("one"), make("two")
    interval = sys.getswitchinterval()
    with library.compiling():
        library.compiler.may_go_on.clear()
        library.begin(one)
        library.begin(one)
        library.compiler.may_go_on.set()
        names = [kernel.name for kernel in library.get_all([two, one, two])]
    assert [name.split("_")[0] for name in names] == ["two", "one", "two"]
    assert sorted(library.compiler.compiled) == sorted(set(names))
    assert library.statistics.compiled == 2
    assert library.get(one) is library.get(one)
    assert library.statistics.compiled == 2
    assert sys.getswitchinterval() == interval


def test_nothing_begins_by_itself(library):
    library.begin(make("one"))
    assert library.get(make("two")).name.startswith("two")
    assert len(library.compiler.compiled) == 1


def test_what_was_not_asked_for_is_forgotten(library):
    def begin_and_stop():
        with library.compiling():
            library.begin(make("one"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        begin_and_stop()
    assert library.statistics.compiled == 0
    assert library.get(make("one")).name.startswith("one")
    assert library.statistics.compiled == 1


def test_errors_come_to_whoever_asks(library):
    with library.compiling():
        library.begin(make("broken"))
        library.begin(make("one"))
        with pytest.raises(ValueError, match="broken"):
            library.get_all([make("one"), make("broken")])
    assert library.get(make("one")).name.startswith("one")
