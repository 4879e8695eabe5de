"""Assembly for people: nothing is lost but what is for the assembler, and loops are counted."""

from __future__ import annotations

from tilegrad.render.assembly import clean_assembly, find_loops

X86 = """\
\t.text
\t.globl\tk
k:                                      # @k
\t.cfi_startproc
# %bb.0:
\tmovq\t(%rdi), %rax
\t.p2align\t4
.LBB0_1:                                # =>This Inner Loop Header: Depth=1
\tvmovups\t(%rax), %zmm1
\tvbroadcastss\t4(%rsi), %zmm2
\tvfmadd231ps\t%zmm1, %zmm2, %zmm0
\tvfmadd231ps\t64(%rax), %zmm2, %zmm3
\tvaddps\t%zmm1, %zmm2, %zmm4
\tvmovups\t%zmm4, (%rax) {%k1}
\taddq\t$4, %rsi
\tjb\t.LBB0_1
# %bb.2:
\tretq
.Lfunc_end0:
\t.size\tk, .Lfunc_end0-k
other:
\tretq
"""

ARM = """\
k:
.LBB0_1:                                // =>This Inner Loop Header: Depth=1
\tldp\tq1, q2, [x1], #32
\tldr\tx3, [x2]
\tfmla\tv0.4s, v1.4s, v2.s[0]
\tfadd\tv3.4s, v0.4s, v1.4s
\tstr\tq3, [x0], #16
\tb.lo\t.LBB0_1
\tret
"""


def test_directives_comments_and_other_functions_are_left_out() -> None:
    text = clean_assembly(X86, "k")
    assert text.splitlines()[:4] == [
        "k:",
        "\tmovq\t(%rdi), %rax",
        ".LBB0_1:",
        "\tvmovups\t(%rax), %zmm1",
    ]
    assert text.splitlines()[-1] == "\tretq"
    assert "other" not in text


def test_loops_are_counted_by_what_instructions_do() -> None:
    (loop,) = find_loops(clean_assembly(X86, "k"))
    kinds = {"multiply-add": 2, "other": 2, "load": 1, "shuffle": 1, "vector": 1, "store": 1}
    assert loop == (".LBB0_1", 8, kinds)
    assert str(loop).startswith(".LBB0_1: 8 instructions: 2 multiply-add, 2 other")


def test_other_architectures_too() -> None:
    (loop,) = find_loops(clean_assembly(ARM, "k"))
    assert loop.kinds == {"load": 1, "other": 2, "multiply-add": 1, "vector": 1, "store": 1}
