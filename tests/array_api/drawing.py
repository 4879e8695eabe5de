"""Drawing the arguments of functions of the array API standard, for any namespace."""

from __future__ import annotations

from typing import NamedTuple

import numpy
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
INTEGERS = SIGNED + UNSIGNED
FLOATS = ("float32", "float64")
NUMERIC = INTEGERS + FLOATS
EVERY = ("bool", *NUMERIC)
SPECIAL = (float("nan"), float("inf"), -float("inf"), 0.0, -0.0)


class Type(NamedTuple):
    """Stands for the namespace's dtype of this name."""

    name: str


class Call(NamedTuple):
    """A call of one function in any namespace: arrays stand for the namespace's arrays."""

    name: str
    args: tuple[object, ...]
    keywords: dict[str, object]

    def run(self, xp):
        args = convert(xp, self.args)
        keywords = {name: convert(xp, value) for name, value in self.keywords.items()}
        return getattr(xp, self.name)(*args, **keywords)


def call(name, *args, **keywords):
    return Call(name, args, keywords)


def convert(xp, value):
    if isinstance(value, Type):
        return getattr(xp, value.name)
    if isinstance(value, numpy.ndarray):
        return xp.asarray(value)
    if isinstance(value, (tuple, list)):
        return type(value)(convert(xp, part) for part in value)
    return value


class Draw:
    """Draws arrays and other arguments.

    Float elements are eighths, so that sums and products of a few are exact in any order.
    """

    def __init__(self, data, dtype):
        self.data = data
        self.dtype = dtype
        self.type = Type(dtype)

    def pick(self, *options):
        return self.data.draw(st.sampled_from(options))

    def number(self, low, high):
        return self.data.draw(st.integers(low, high))

    def flag(self):
        return self.data.draw(st.booleans())

    def shape(self, least=0, most=3, min_side=0, max_side=4):
        sizes = st.lists(st.integers(min_side, max_side), min_size=least, max_size=most)
        return tuple(self.data.draw(sizes))

    def shapes(self, count=2):
        strategy = arrays.mutually_broadcastable_shapes(
            num_shapes=count, max_dims=3, max_side=3, min_side=0
        )
        return self.data.draw(strategy).input_shapes

    def elements(self, dtype, low=None, high=None, special=True):
        if dtype == "bool":
            return st.booleans()
        if dtype in FLOATS:
            bounds = (-30 if low is None else low, 30 if high is None else high)
            eighths = st.integers(bounds[0] * 8, bounds[1] * 8).map(lambda number: number / 8)
            return eighths | st.sampled_from(SPECIAL) if special else eighths
        limits = numpy.iinfo(dtype)
        least = limits.min if low is None else max(low, limits.min)
        return st.integers(int(least), int(limits.max if high is None else min(high, limits.max)))

    def array(self, shape=None, dtype=None, low=None, high=None, special=True):
        dtype = dtype or self.dtype
        shape = self.shape() if shape is None else shape
        elements = self.elements(dtype, low, high, special)
        return self.data.draw(arrays.arrays(dtype, shape, elements=elements))

    def scalar(self, low=None, high=None):
        value = self.data.draw(self.elements(self.dtype, low, high, special=False))
        return value if self.dtype == "bool" else type(1.5 if self.dtype in FLOATS else 1)(value)

    def axis(self, rank):
        return self.number(-rank, rank - 1)

    def axes(self, rank):
        """Draw one axis, several, or None."""
        chosen = (
            st.lists(st.integers(0, rank - 1), unique=True, max_size=rank) if rank else st.just([])
        )
        one = st.integers(-rank, rank - 1) if rank else st.none()
        return self.data.draw(st.none() | one | chosen.map(tuple))

    def along(self):
        """Draw an axis and whether to keep it, for an array that is drawn with them."""
        shape = self.shape(min_side=1)
        return shape, {"axis": self.axes(len(shape)), "keepdims": self.flag()}
