"""The picture of the stages shows what the compiler does today."""

from __future__ import annotations

import html
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tools import draw_stages

PICTURE = Path(__file__).parents[2] / draw_stages.PICTURE


@pytest.fixture(scope="module")
def panels():
    return draw_stages.describe_stages(draw_stages.explain_expression())


def test_the_picture_is_up_to_date(panels):
    kept = html.unescape(PICTURE.read_text("utf-8"))
    for panel in panels[1:4]:  # the code after these is also LLVM's, and changes with its version
        for line in panel.lines:
            assert f">{line.text}<" in kept, "`make docs` draws it anew"


def test_every_op_is_found_in_every_stage(panels):
    ops = ["reduce_maximum", "subtract", "exp", "reduce_sum", "divide", "multiply"]
    assert [line.text.split(" = ")[1].split("(")[0] for line in panels[0].lines[1:-1]] == ops
    for panel in panels[2:]:
        assert set(ops) <= {line.op for line in panel.lines}, panel.title


def test_the_picture_is_well_formed(panels):
    root = ElementTree.fromstring(draw_stages.draw(panels))
    assert root.tag.endswith("svg")
