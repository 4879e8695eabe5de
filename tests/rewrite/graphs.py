"""Small graphs to rewrite, and what the tests of rules share."""

from __future__ import annotations

import math

from tilegrad.base.trace import Trace
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops.leaves import BufferAttributes, Storage, buffer
from tilegrad.rewrite import Pass, Rule, rewrite

SILENT = Trace()


def leaf(dtype: DType = dtypes.int32, shape: tuple[int, ...] = (3, 4)) -> Node:
    """Return a new tensor that nothing is known about."""
    storage = Storage("reference", dtype, math.prod(shape))
    return buffer(attributes=BufferAttributes(storage, shape, 0))


def rewrite_one(root: Node, *rules: Rule) -> Node:
    """Rewrite one root by a few rules."""
    return rewrite([root], Pass("test", "Rules under test.", rules), SILENT)[0]
