"""Every code block of the documentation runs, and prints what it states."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.docs.blocks import run_file
from tilegrad.engine import Session

ROOT = Path(__file__).parents[2]
READERS_OWN = {"example.py"}
"""Scripts in the documentation that the reader writes."""
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=str(path.relative_to(ROOT))) for path in DOCUMENTS]
)
def test_the_blocks_of_a_document_run(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TILEGRAD_VERIFY")  # a reader has the default settings
    with Session().entered():
        run_file(path)


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=str(path.relative_to(ROOT))) for path in DOCUMENTS]
)
def test_the_links_of_a_document_lead_somewhere(path):
    for block in MarkdownIt().parse(path.read_text("utf-8")):
        for token in block.children or []:
            target = str(token.attrs.get("href") or token.attrs.get("src") or "")
            if target and not re.match(r"[a-z]+:", target):
                file, _, anchor = target.partition("#")
                linked = (path.parent / file) if file else path
                assert linked.exists(), f"{path}: {target} leads nowhere"
                assert not anchor or anchor in headings(linked), f"{path}: no heading for {target}"


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=str(path.relative_to(ROOT))) for path in DOCUMENTS]
)
def test_the_modules_that_a_document_names_exist(path):
    tokens = (
        token
        for block in MarkdownIt().parse(path.read_text("utf-8"))
        for token in block.children or []
    )
    for token in tokens:
        name = token.content
        if token.type == "code_inline" and re.fullmatch(r"[\w/]+\.py", name):
            found = (ROOT / name).exists() or any(
                any((ROOT / folder).rglob(name))
                for folder in ("src", "tests", "tools", "benchmarks")
            )
            assert found or name in READERS_OWN, f"{path}: there is no {name}"


def headings(path):
    """Return the anchors of a Markdown file's headings, as code hosts make them."""
    lines = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-") for line in lines}


def test_every_document_is_found_from_the_index():
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    for path in (ROOT / "docs").rglob("*.md"):
        name = path.relative_to(ROOT / "docs").as_posix()
        is_listed = f"({name})" in index or name == "index.md" or name.startswith("decisions/")
        assert is_listed, f"docs/index.md does not lead to {name}"
