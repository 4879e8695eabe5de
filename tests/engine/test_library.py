"""Kernels that are compiled while others are still planned."""

import itertools
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tilegrad.base.trace import Trace
from tilegrad.engine import library as library_module
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


def test_the_caller_compiles_what_nobody_has_begun():
    """The only other thread is in a kernel that ends when the caller has compiled the next."""
    callers = {}
    has_begun = threading.Event()

    class Waiting(Compiler):
        def compile(self, source):
            name = source.split("_")[0]
            callers[name] = threading.get_ident()
            if name == "one":
                has_begun.set()
            else:
                has_begun.wait(10)
                self.may_go_on.set()
            return super().compile(source)

    library = Library(Waiting(), lambda _, name: name, None, Trace(), threads=2)
    library.compiler.may_go_on.clear()
    with library.compiling():
        library.begin(make("one"))
        library.begin(make("two"))
        library.get_all([make("one"), make("two")])
    assert callers["two"] == threading.get_ident() != callers["one"]


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


def interrupt_after(lines):
    """Return a trace function for ``sys.settrace``: it interrupts the library or its pool's end."""
    shutdown = ThreadPoolExecutor.shutdown.__code__

    def trace(frame, event, _):
        nonlocal lines
        if frame.f_code.co_filename != library_module.__file__ and frame.f_code != shutdown:
            return None
        if event == "line":
            lines -= 1
            if lines == 0:
                raise KeyboardInterrupt
        return trace

    return trace


def test_an_interrupt_at_any_line_leaves_the_library_usable(library):
    """An interrupt at each line in turn that a session of compiling runs through."""
    before = sys.gettrace()
    interrupted = 0
    for line in itertools.count(1):
        programs = [make(f"one{line}"), make(f"two{line}")]
        try:
            sys.settrace(interrupt_after(line))
            with library.compiling():
                library.begin(programs[0])
                library.get_all(programs)
        except KeyboardInterrupt:
            interrupted += 1
        else:
            break
        finally:
            sys.settrace(before)
        wanted = [make(f"new{line}"), *programs]
        assert [kernel.name[:3] for kernel in library.get_all(wanted)] == ["new", "one", "two"]
    assert interrupted > 30
