"""The code blocks of Markdown files, and running them.

The convention is in CONTRIBUTING.md under "Documentation".
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

LANGUAGES = {"python", "console", "output"}


@dataclass(frozen=True)
class Block:
    """A fenced code block.

    Attributes:
        path: the file it stands in.
        line: the number of its first line of code.
        language: the first word after the fence.
        raises: the class of the exception that it ends with, or None.
        code: the text between the fences.
        output: what it prints, from the `output` block after it, or None.
    """

    path: Path
    line: int
    language: str
    raises: str | None
    code: str
    output: str | None = None


def find_blocks(path: Path) -> list[Block]:
    """Return the blocks of a Markdown file that are run, with their stated output."""
    blocks: list[Block] = []
    for token in MarkdownIt().parse(path.read_text("utf-8")):
        words = token.info.split() if token.type == "fence" else []
        if not words or words[0] not in LANGUAGES or token.map is None:
            continue
        line = token.map[0] + 2
        if words[0] == "output":
            if not blocks or blocks[-1].output is not None:
                raise ValueError(f"{path}:{line}: an output block that follows no python block")
            blocks[-1] = Block(**(vars(blocks[-1]) | {"output": token.content}))
            continue
        raises = [word.removeprefix("raises=") for word in words[1:] if word.startswith("raises=")]
        blocks.append(Block(path, line, words[0], raises[0] if raises else None, token.content))
    return blocks


def run_file(path: Path) -> None:
    """Run the blocks of a file in order, the Python ones in one namespace.

    Raises:
        AssertionError: a block printed something else than is stated, or ended otherwise.
    """
    module = types.ModuleType("docs_" + re.sub(r"\W", "_", path.stem))
    sys.modules[module.__name__] = module
    try:
        for block in find_blocks(path):
            if block.language == "python":
                check_output(block, run_python(block, module), block.output)
            else:
                for command, expected in find_commands(block.code):
                    check_output(block, run_command(block, command), expected)
    finally:
        del sys.modules[module.__name__]


def run_python(block: Block, module: types.ModuleType) -> str:
    """Run a Python block in a module's namespace; return what it printed, or its exception."""
    # The empty lines make the numbers in a traceback those of the Markdown file.
    code = compile("\n" * (block.line - 1) + block.code, str(block.path), "exec")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        if block.raises is None:
            exec(code, vars(module))
        else:
            printed.write(_catch(block, code, vars(module)))
    return printed.getvalue()


def _catch(block: Block, code: types.CodeType, namespace: dict[str, object]) -> str:
    try:
        exec(code, namespace)
    except Exception as error:
        if type(error).__name__ != block.raises:
            raise
        return f"{block.raises}: {error}\n"
    raise AssertionError(f"{block.path}:{block.line}: the block did not raise {block.raises}")


def find_commands(code: str) -> Iterator[tuple[str, str | None]]:
    """Yield each ``$ tilegrad …`` command of a console block with the output stated below it."""
    for part in re.split(r"^\$ ", code, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        if shlex.split(command)[:1] == ["tilegrad"]:
            yield command, output or None


def run_command(block: Block, command: str) -> str:
    """Run a ``tilegrad`` command as a user would; return what it printed."""
    program = Path(sys.executable).with_name("tilegrad")
    words = [str(program), *shlex.split(command)[1:]]
    done = subprocess.run(
        words, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=240, check=False
    )
    if done.returncode != 0:
        place = f"{block.path}:{block.line}: `{command}`"
        raise AssertionError(f"{place} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def check_output(block: Block, printed: str, expected: str | None) -> None:
    """Compare what was printed with what is stated; ``...`` there stands for any text."""
    if expected is None:
        return
    parts = (re.escape(part) for part in _normalise(expected).split("..."))
    if not re.fullmatch(".*".join(parts), _normalise(printed), re.DOTALL):
        place = f"{block.path}:{block.line}"
        raise AssertionError(f"{place}: the block printed\n{printed}\nbut states\n{expected}")


def _normalise(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
