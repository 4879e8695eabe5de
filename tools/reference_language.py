"""The page of the reference about the language of kernels, from its docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator

from tilegrad import language
from tilegrad.tensor import Kernel

INTRODUCTION = """\
# The tile language

What `@tilegrad.kernel` and `tilegrad.language` offer to those who
[write kernels](../how-to/write-a-kernel.md). A size is an integer or, where it is known at launch
only, a scalar tile. Every mistake is a `TilegradError`, raised at the line that made it while the
kernel is written."""

CLASSES: tuple[type, ...] = (
    Kernel,
    language.KernelBuilder,
    language.KernelLoop,
    language.Array,
    language.Span,
    language.Tile,
)
NOT_FOR_AUTHORS = ("arguments", "finish", "axis", "indices", "pointer", "node")
OPERATORS = "`+ - * / // % ** & | ^ ~ << >> < <= > >= == !=`, unary `-` and `abs`"


def describe_language() -> Iterator[str]:
    """Yield the lines of the page."""
    yield INTRODUCTION
    for documented in CLASSES:
        yield from ("", f"## `{documented.__name__}`", "", _summary(documented))
        if documented is language.Tile:
            yield from ("", f"Operators: {OPERATORS}.")
        yield from _list(list(_members(documented)))
    yield from ("", "## Functions")
    functions = {name: getattr(language, name) for name in sorted(language.__all__)}
    named = [_describe(*item) for item in functions.items() if inspect.isfunction(item[1])]
    yield from _list(named)


def _list(items: list[str]) -> Iterator[str]:
    yield ""
    yield from items


def _members(documented: type) -> Iterator[str]:
    for name, member in vars(documented).items():
        if name.startswith("_") or name in NOT_FOR_AUTHORS:
            continue
        if isinstance(member, property) and member.fget is not None:
            yield f"- `{name}`: {_lower(_summary(member.fget))}"
        elif inspect.isfunction(member):
            yield _describe(name, member)


def _describe(name: str, function: Callable[..., object]) -> str:
    signature = re.sub(r"\(self(, )?", "(", str(inspect.signature(function)).replace("'", ""))
    return f"- `{name}{signature}`: {_lower(_summary(function))}"


def _summary(documented: object) -> str:
    """Return the first paragraph of a docstring as one line."""
    text = (inspect.getdoc(documented) or "").partition("\n\n")[0]
    return (
        " ".join(text.split())
        .replace("``", "`")
        .removeprefix("Elementwise: ")
        .replace(" The gradient is 0.", "")
    )


def _lower(text: str) -> str:
    """Return a sentence as it stands after a colon; formulas keep their letters."""
    return text[0].lower() + text[1:] if re.match(r"[A-Z][a-z]", text) else text
