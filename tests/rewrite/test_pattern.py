import pytest

from tilegrad.base.errors import ArgumentError
from tilegrad.ir.dtype import dtypes
from tilegrad.ops import arithmetic, comparison, conversion
from tilegrad.rewrite.pattern import (
    BITS,
    INTEGER,
    AttributeVariable,
    Family,
    apply,
    constant_variables,
    lift,
    variables,
    walk,
)

x, y, z = variables("x y z")
maximum, where, cast = lift(arithmetic.maximum, comparison.where, conversion.cast)


def test_terms_print_as_the_law_they_state():
    assert str(x * y + x * z) == "(x * y) + (x * z)"
    assert str(-x - 1) == "(-x) - 1"
    assert str(maximum(x, y) > 0) == "0 < maximum(x, y)"
    assert str(~(x & y) | z) == "(~(x & y)) | z"
    assert (
        str(cast(x, attributes=AttributeVariable("T", conversion.CastAttributes))) == "cast(x, T)"
    )


def test_families_print_what_they_demand():
    assert str(Family("any sum", (arithmetic.add,))) == "any sum(...)"
    some = Family("any sum", (arithmetic.add,), some=(arithmetic.negate,))
    assert str(some) == "any sum(..., negate, ...)"


def test_numbers_become_literals():
    assert [str(part) for part in walk(2 * x)] == ["2 * x", "2", "x"]


def test_wrong_number_of_sources():
    with pytest.raises(ArgumentError, match="where has the wrong number of sources"):
        apply(comparison.where, x, y)


def test_constant_variables_are_marked():
    (c,) = constant_variables("c", BITS)
    assert c.is_constant
    assert c.dtypes is BITS


def test_index_counts_as_an_integer():
    assert dtypes.index in INTEGER.members
    assert dtypes.index not in BITS.members
