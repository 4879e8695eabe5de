"""A structural digest of a program: equal programs have equal digests in every process.

Node identity holds only inside one process; cache keys and the canonical order of terms need
something that does not depend on memory addresses or on the order in which nodes were made.
"""

from __future__ import annotations

import hashlib

from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node, sort_topologically


def digest(root: Node) -> str:
    """Return 32 hexadecimal digits that depend on the structure of the program alone."""
    if root.cached_digest is None:
        for node in sort_topologically([root], is_leaf=_has_digest):
            if node.cached_digest is None:
                node.cached_digest = _digest_of(node)
    return root.cached_digest or ""


def _has_digest(node: Node) -> bool:
    return node.cached_digest is not None


def _digest_of(node: Node) -> str:
    parts = [node.op.name, _encode(node.attributes)]
    parts += [source.cached_digest or digest(source) for source in node.sources]
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def _encode(value: object) -> str:
    if isinstance(value, Node):
        return digest(value)
    if isinstance(value, DType):
        return value.name
    if isinstance(value, tuple):
        return "(" + ",".join(_encode(item) for item in value) + ")"
    return repr(value)
