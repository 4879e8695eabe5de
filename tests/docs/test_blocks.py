"""The runner of code blocks: it runs what it should, and notices what is wrong."""

from __future__ import annotations

import textwrap

import pytest

from tests.docs.blocks import find_blocks, find_commands, run_file


@pytest.fixture
def write(tmp_path):
    def write_document(text):
        path = tmp_path / "page.md"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write_document


def test_blocks_share_a_namespace(write):
    run_file(
        write("""\
        ```python
        x = 1
        ```
        ```python
        print(x + 1)
        ```
        ```output
        2
        ```
        """)
    )


def test_a_wrong_output_is_noticed(write):
    path = write("""\
        ```python
        print("2 kernels in 3 ms")
        ```
        ```output
        3 kernels in ... ms
        ```
        """)
    with pytest.raises(AssertionError, match=r"page\.md:2: the block printed"):
        run_file(path)


def test_dots_stand_for_any_text(write):
    run_file(
        write("""\
        ```python
        print("2 kernels in 3 ms\\nand more\\nend")
        ```
        ```output
        2 kernels in ... ms
        ...
        end
        ```
        """)
    )


def test_an_error_shows_the_line_of_the_document(write):
    path = write("""\
        # Title

        ```python
        x = 1
        x / 0
        ```
        """)
    with pytest.raises(ZeroDivisionError) as caught:
        run_file(path)
    assert (str(caught.traceback[-1].path), caught.traceback[-1].lineno + 1) == (str(path), 5)


def test_a_stated_exception_is_caught_and_compared(write):
    run_file(
        write("""\
        ```python raises=ZeroDivisionError
        1 // 0
        ```
        ```output
        ZeroDivisionError: integer division ...
        ```
        """)
    )


def test_a_stated_exception_that_does_not_come_is_noticed(write):
    path = write("""\
        ```python raises=ZeroDivisionError
        1 // 1
        ```
        """)
    with pytest.raises(AssertionError, match="did not raise ZeroDivisionError"):
        run_file(path)


def test_an_output_without_a_block_is_noticed(write):
    with pytest.raises(ValueError, match="follows no python block"):
        find_blocks(write("```output\n2\n```\n"))


def test_other_languages_are_left_alone(write):
    assert find_blocks(write("```sh\nmake test\n```\n\n```text\n2\n```\n")) == []


def test_commands_carry_their_output():
    code = "$ make test\nall green\n$ tilegrad info\nname  cpu\n$ tilegrad info --settings\n"
    assert list(find_commands(code)) == [
        ("tilegrad info", "name  cpu\n"),
        ("tilegrad info --settings", None),
    ]


def test_classes_of_a_document_know_their_module(write):
    run_file(
        write("""\
        ```python
        import dataclasses
        import sys

        @dataclasses.dataclass
        class Point:
            x: int

        print(sys.modules[Point.__module__].Point(3))
        ```
        ```output
        Point(x=3)
        ```
        """)
    )
