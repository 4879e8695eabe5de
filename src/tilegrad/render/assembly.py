"""Assembly as a person reads it: without what is for the assembler, with what its loops do."""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

_LABEL = re.compile(r"^([.\w$]+):")
_ENTRY = re.compile(r"^[A-Za-z_]")
_COMMENT = re.compile(r"\s+(?:#|//)\s.*$")
_VECTOR = re.compile(r"%[xyz]mm\d|\b[vqz]\d+\b")
_X86_STORE = re.compile(r",\s*-?[\w$]*\([^)]*\)(?:\s*\{[^}]*\})?$")
_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("call", re.compile(r"^(call|bl|blr)")),
    ("matrix", re.compile(r"^(tdp|tile|v?dpbf16|vpdp|bfdot|bfm|[su]dot|usdot|[su]mm|usmm)")),
    ("multiply-add", re.compile(r"^(vfn?m(add|sub)|fml[as]|fn?m(add|sub)|ml[as]\b)")),
    ("divide or root", re.compile(r"^v?(div|sqrt|fdiv|fsqrt|udiv|sdiv|idiv)")),
    (
        "shuffle",
        re.compile(r"^v?p?(shuf|perm|unpck|broadcast|dup|tbl|zip|uzp|trn|ext|insert)"),
    ),
)


class Loop(NamedTuple):
    """An innermost loop.

    Attributes:
        label: where it begins.
        instructions: how many there are.
        kinds: how many of each kind; those that neither compute on vectors nor touch memory are
            "other".
    """

    label: str
    instructions: int
    kinds: dict[str, int]

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.kinds.items())
        return f"{self.label}: {self.instructions} instructions: {kinds}"


def clean_assembly(text: str, entry: str) -> str:
    """Return a function of an assembly file without directives and comments.

    Args:
        text: of the file.
        entry: name of the function; those whose names go on from there are kept too.
    """
    kept: list[str] = []
    is_inside = False
    for line in text.splitlines():
        bare = _COMMENT.sub("", line).rstrip()
        label = _LABEL.match(bare)
        if label and _ENTRY.match(bare):
            is_inside = label[1].startswith(entry)
        if label:
            is_kept = not label[1].startswith((".Lfunc", ".Ltmp"))
        else:
            is_kept = bool(bare) and not bare.lstrip().startswith((".", "#", "//"))
        if is_inside and is_kept:
            kept.append(bare)
    return "\n".join(kept) + "\n"


def find_loops(text: str) -> list[Loop]:
    """Return the innermost loops of cleaned assembly, in order."""
    found: list[Loop] = []
    label = ""
    body: list[str] = []
    for line in text.splitlines():
        match = _LABEL.match(line)
        if match:
            label = match[1]
            body = []
            continue
        body.append(line.strip())
        target = body[-1].split()[-1]
        if label and target == label:
            found.append(Loop(label, len(body), dict(Counter(map(_kind_of, body)).most_common())))
    return found


def _kind_of(instruction: str) -> str:
    """Return what an instruction does, in a word."""
    name, _, operands = (
        instruction.partition("\t") if "\t" in instruction else (instruction, "", "")
    )
    for kind, pattern in _KINDS:
        if pattern.match(name):
            return kind
    is_vector = bool(_VECTOR.search(operands))
    if name.startswith(("st1", "str", "stp", "stur")) or _is_x86_store(name, operands):
        return "store" if is_vector else "other"
    if name.startswith(("ld1", "ldr", "ldp", "ldur")) or (
        name.startswith("vmov") and "(" in operands
    ):
        return "load" if is_vector else "other"
    return "vector" if is_vector else "other"


def _is_x86_store(name: str, operands: str) -> bool:
    is_move = name.startswith(("vmov", "mov", "vscatter", "vpscatter"))
    return is_move and bool(_X86_STORE.search(operands))
