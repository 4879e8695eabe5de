"""What compiling takes, with nothing in the caches on disk and with all of it there."""

from __future__ import annotations

from benchmarks.cases.case import Case, Kind
from benchmarks.cases.inference import resnet_forward
from benchmarks.cases.training import (
    CONVNET_TITLE,
    GPT_TITLE,
    RESNET_TITLE,
    convnet_step,
    gpt_step,
    resnet_step,
)

CASES = (
    Case("compile-resnet", "compile", "ResNet-50 forward", resnet_forward, Kind.COMPILE),
    Case("compile-convnet", "compile", CONVNET_TITLE, convnet_step, Kind.COMPILE, is_quick=True),
    Case(
        "first-convnet",
        "compile",
        f"first {CONVNET_TITLE}",
        convnet_step,
        Kind.FIRST,
        is_quick=True,
    ),
    Case("first-gpt", "compile", f"first {GPT_TITLE}", gpt_step, Kind.FIRST),
    Case("first-resnet", "compile", f"first {RESNET_TITLE}", resnet_step, Kind.FIRST),
)
