"""Which code generator this is: kernels on disk are only of use to the one that made them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

PACKAGES = ("ir", "ops", "rewrite", "simplify", "codegen", "render", "runtime")
"""What native code follows from, besides the tile program and the target."""


def digest_generator() -> str:
    """Return a digest of all modules that turn tile programs into native code.

    It takes some milliseconds, and whoever edits one of them is served no kernel of before.
    """
    content = hashlib.blake2b(digest_size=16)
    root = files("tilegrad")
    for package in PACKAGES:
        for path, module in _list_modules(root / package, package):
            source = module.read_bytes()
            content.update(f"{path} {len(source)}\n".encode() + source)
    return content.hexdigest()


def _list_modules(directory: Traversable, path: str) -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(directory.iterdir(), key=lambda entry: entry.name):
        inner = f"{path}/{entry.name}"
        if entry.name.endswith(".py"):
            yield inner, entry
        elif entry.is_dir():
            yield from _list_modules(entry, inner)
