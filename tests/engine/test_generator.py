"""A change of the code generator makes kernels on disk useless, and nothing else does."""

import shutil
from pathlib import Path

import tilegrad
from tilegrad.engine import generator
from tilegrad.engine.generator import PACKAGES, digest_generator


def test_every_module_of_the_generator_counts(tmp_path, monkeypatch):
    before = digest_generator()
    source = Path(tilegrad.__file__).parent
    for package in PACKAGES:
        shutil.copytree(source / package, tmp_path / package)
    monkeypatch.setattr(generator, "files", lambda _: tmp_path)
    assert digest_generator() == before
    modules = [path for package in PACKAGES for path in (tmp_path / package).rglob("*.py")]
    assert tmp_path / "codegen" / "matrix" / "units.py" in modules
    found = {before}
    for path in modules:
        content = path.read_bytes()
        path.write_bytes(content + b"\n")
        found.add(digest_generator())
        path.write_bytes(content)
    assert len(found) == len(modules) + 1


def test_other_files_do_not_count(tmp_path, monkeypatch):
    for package in PACKAGES:
        (tmp_path / package / "__pycache__").mkdir(parents=True)
    monkeypatch.setattr(generator, "files", lambda _: tmp_path)
    before = digest_generator()
    (tmp_path / "ir" / "__pycache__" / "node.cpython-311.pyc").write_bytes(b"code")
    (tmp_path / "README.md").write_text("text")
    assert digest_generator() == before
