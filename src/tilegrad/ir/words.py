"""Words of the text form that have a meaning of their own; no value is named so."""

from __future__ import annotations

import math

from tilegrad.ir.dtype import STORABLE, DType, dtypes

KEYWORDS = ("do", "for", "in", "range", "with", "next", "pass", "return")
WORDS: dict[str, object] = {
    "none": None,
    "true": True,
    "false": False,
    "inf": math.inf,
    "nan": math.nan,
}
DTYPES: dict[str, DType] = {dtype.name: dtype for dtype in (*STORABLE, dtypes.index, dtypes.void)}
