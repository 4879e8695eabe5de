"""Every op is completely defined."""

from __future__ import annotations

import re

import pytest

from tilegrad.ir.op import NotDifferentiable, Op, Property
from tilegrad.ops import ELEMENTWISE_OPS, MOVEMENT_OPS, REDUCTION_OPS, TENSOR_OPS, tensor

WITHOUT_REFERENCE = {
    "buffer": "its value is what lies in memory",
    "symbol": "its value is given when the program runs",
    "call": "a hand-written kernel is run by the interpreter of tile programs",
    "result": "it picks from what the interpreter returned",
}


@pytest.mark.parametrize("op", TENSOR_OPS, ids=str)
def test_is_complete(op: Op):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", op.name)
    assert op.documentation.endswith(".")
    assert (op.reference is None) == (op.name in WITHOUT_REFERENCE)
    if isinstance(op.gradient, NotDifferentiable):
        assert op.gradient.because
    else:
        assert callable(op.gradient)
    if op.attributes is not None:
        assert op.attributes.__doc__
        assert set(op.attributes.__annotations__) == set(op.attributes._fields)


def test_names_are_unique():
    assert len(tensor.by_name) == len(TENSOR_OPS)


def test_properties():
    assert all(op.has(Property.ELEMENTWISE) for op in ELEMENTWISE_OPS)
    assert all(op.has(Property.MOVEMENT) for op in MOVEMENT_OPS)
    assert all(op.has(Property.REDUCTION) for op in REDUCTION_OPS)
    laws = Property.COMMUTATIVE | Property.ASSOCIATIVE
    assert all(op.arity != 1 or not op.properties & laws for op in ELEMENTWISE_OPS)
