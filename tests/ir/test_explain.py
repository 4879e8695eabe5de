"""Errors shown inside the program."""

import textwrap

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.explain import explain_error
from tilegrad.ops import exponential
from tilegrad.ops.leaves import constant


def test_explain_error_shows_neighbours_and_a_caret():
    chain = [constant(1.0, dtypes.float32)]
    for _ in range(8):
        chain.append(exponential.exp(chain[-1]))
    expected = """\
          ...
          v1 = exp(v0) : float32
          v2 = exp(v1) : float32
          v3 = exp(v2) : float32
          ^^^^^^^^^^^^^^^^^^^^^^
          too large
          v4 = exp(v3) : float32
          v5 = exp(v4) : float32
          ..."""
    found = explain_error(chain[4], "too large", roots=[chain[-1]])
    assert textwrap.dedent(found) == textwrap.dedent(expected)


def test_explain_error_names_an_inline_node():
    node = constant(1.0, dtypes.float32)
    text = explain_error(node, "bad", roots=[exponential.exp(node)])
    assert "v0 = constant {dtype=float32, bits=1065353216} : float32" in text
