"""What the parser says of texts that are no programs."""

import pytest

from tilegrad.base.errors import ParseError
from tilegrad.ir.dialect import Dialect
from tilegrad.ir.parser import parse
from tilegrad.ir.text import print_program
from tilegrad.ops import TENSOR_OPS, tensor, tile

LOOPS = Dialect("loops", "Tensor ops and loops, for these tests.", (*TENSOR_OPS, *tile.OPS))


def failure(text: str) -> str:
    with pytest.raises(ParseError) as caught:
        parse(text, LOOPS)
    return str(caught.value)


def test_comments_and_empty_lines_are_skipped():
    (root,) = parse("# a program\n\nx = float32(1.5)  # a constant\nreturn exp(x)\n", tensor)
    assert root.op.name == "exp"


def test_operands_can_be_nested_by_hand():
    text = 'n = symbol {name="n", minimum=1, maximum=9}\nreturn minimum(2*(n + 1), n % 4 - 1)\n'
    (root,) = parse(text, tensor)
    assert [source.op.name for source in root.sources] == ["affine", "affine"]


def test_repeated_items_of_a_tuple_are_counted():
    text = "x = float32(1)\ny = reshape(x) {shape=(1 x 5)} : float32[1, 1, 1, 1, 1]\nreturn y\n"
    (root,) = parse(text, tensor)
    assert root.shape == (1,) * 5
    assert "{shape=(1 x 5)}" in print_program([root])


def test_error_points_at_the_place():
    message = failure("x = float32(1.5)\ny = exp(z)\nreturn y")
    assert "unknown name 'z'" in message
    assert "line 2, column 9\n    y = exp(z)\n            ^" in message


def test_nearest_names_are_suggested():
    assert "did you mean 'exp'?" in failure("y = expp(float32(1))\nreturn y")
    assert "did you mean 'value'?" in failure("value = float32(1)\nreturn vale")
    assert "did you mean 'minimum'?" in failure('n = symbol {name="n", minimun=1, maximum=2}')
    assert "did you mean 'float32'?" in failure("x = exp(float32(1)) : flaot32\nreturn x")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = float32(1)", "the program does not end"),
        ("x = float32(1)\nx = float32(2)\nreturn x", "x is defined twice"),
        ("return float32(1)\nreturn float32(1)", "a line after return"),
        ("x = exp(1.5)\nreturn x", "write the dtype: float32(1.5)"),
        ("x = exp(float32(1)) : float64\nreturn x", "expected: float32"),
        ("x = exp(int8(1))\nreturn x", "exp does not take this dtype (got int8)"),
        ("x = exp(float32(1)\nreturn x", "unexpected word"),
        ("x = float32(1) $\nreturn x", "unexpected character '$'"),
        ("x = int32(1.5)\nreturn x", "this constant must be whole"),
        ('n = symbol {name="n", minimum=1}\nreturn n', "symbol lacks attributes"),
        ("n = symbol {name=3, minimum=1, maximum=2}\nreturn n", "has the wrong type"),
        ("b = buffer {storage=@0, shape=(4,), version=0}\nreturn b", "nothing is bound"),
        ("do exp(float32(1))\nreturn x", "do outside a loop"),
        ("next 3\nreturn 3", "this word belongs into a loop"),
        ("for i in range(0, 4) {loop=0}:\n  pass\nreturn 3", "range takes three bounds"),
        (
            "for i in range(0, 4, 1) {loop=0} with c = 3:\n  pass\nreturn 3",
            "the next values do not fit the loop",
        ),
        (
            "for i in range(0, 4, 1) {loop=0} with c = 3:\n  d = c + 1\nreturn 3",
            "does not say how its carried tiles go on",
        ),
        ("for i in range(0, 4, 1) {loop=0}:\n  do 3\nreturn 3", "loop lists effects"),
        ("for i in range(0, 4, 1) {loop=0}:\n  return 3", "return inside a loop"),
        ("x = 3 + true\nreturn x", "only integers and indices can be added"),
    ],
)
def test_bad_texts_are_refused(text, expected):
    assert expected in failure(text)
