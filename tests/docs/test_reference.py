"""The generated reference is what the source says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.write_reference import PAGES, make_page

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_page_is_up_to_date(name):
    assert (FOLDER / name).read_text("utf-8") == make_page(name), "`make docs` writes it anew"
