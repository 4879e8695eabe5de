"""The tree of errors: stable codes, and messages that say everything."""

from __future__ import annotations

import pytest

from tilegrad.base import errors
from tilegrad.base.errors import ShapeError, TilegradError, find_user_location


def all_error_classes(root=TilegradError):
    return [root, *(each for child in root.__subclasses__() for each in all_error_classes(child))]


def test_every_error_has_a_code_of_its_own():
    codes = [error.__dict__["code"] for error in all_error_classes()]
    assert len(set(codes)) == len(codes)
    assert all(code.startswith("TG") and len(code) == 5 for code in codes)


def test_every_error_is_defined_in_the_tree():
    assert {error.__module__ for error in all_error_classes()} == {errors.__name__}


def test_the_message_says_what_was_got_expected_and_how_to_mend_it():
    error = ShapeError("Shapes differ", got=(2, 3), expected=(3, 2), mend="transpose one")
    what, got, expected, mend, at = str(error).splitlines()
    assert what == "Shapes differ [TG101]"
    assert got == "  got: (2, 3)"
    assert expected == "  expected: (3, 2)"
    assert mend == "  to mend: transpose one"
    assert at.startswith(f"  at: {__file__}:")


def test_what_is_not_known_is_left_out():
    assert "got" not in str(ShapeError("Shapes differ"))


def test_the_location_is_the_users_line():
    location = find_user_location()
    assert location is not None
    assert location.startswith(f"{__file__}:")


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.ShapeError, ValueError),
        (errors.DTypeError, TypeError),
        (errors.OutOfRangeError, IndexError),
        (errors.OutOfMemoryError, MemoryError),
    ],
)
def test_errors_are_also_what_python_users_catch(error, builtin):
    assert issubclass(error, builtin)
