"""Fashion-MNIST: where it is looked for, on small files with checksums of their own."""

from __future__ import annotations

import gzip
import hashlib

import numpy
import pytest

from tests.apps.datasets.server import Files, serve
from tests.apps.datasets.test_idx import encode
from tilegrad.apps.datasets import fashion_mnist
from tilegrad.apps.datasets.fashion_mnist import SYSTEM_FOLDER, load_fashion_mnist
from tilegrad.base.errors import DataError

NOWHERE = "http://127.0.0.1:9/"


@pytest.fixture
def packed(monkeypatch) -> dict[str, bytes]:
    """Four small files in place of the published ones."""
    generator = numpy.random.default_rng(1)
    counts = iter([6, 6, 4, 4])
    files, checksums = {}, {}
    for name in fashion_mnist.CHECKSUMS:
        shape = (next(counts), 28, 28) if "images" in name else (next(counts),)
        contents = encode(generator.integers(0, 10, shape, dtype=numpy.uint8), 8)
        files[name], checksums[name] = gzip.compress(contents), hashlib.sha256(contents).hexdigest()
    monkeypatch.setattr(fashion_mnist, "CHECKSUMS", checksums)
    return files


def load(cache, system, server=NOWHERE):
    return load_fashion_mnist(cache, lambda _: lambda _done, _total: None, system, (server,))


def test_the_files_of_the_system_come_first(tmp_path, packed):
    for name, contents in packed.items():
        (tmp_path / name).write_bytes(contents)
    found = load(tmp_path / "cache", tmp_path)
    assert found.source == str(tmp_path)
    assert (len(found.train), len(found.held_out)) == (6, 4)
    assert found.image_shape == (1, 28, 28)
    assert not (tmp_path / "cache").exists()


def test_what_was_fetched_once_is_in_the_cache(tmp_path, packed):
    with serve(Files(packed)) as address:
        fetched = load(tmp_path / "cache", tmp_path / "none", address)
    assert fetched.source == address
    found = load(tmp_path / "cache", tmp_path / "none")
    assert found.source == "the cache"
    numpy.testing.assert_array_equal(found.train.images, fetched.train.images)


def test_a_damaged_file_is_named_and_how_to_mend_it(tmp_path, packed):
    for damaged in (b"no gzip", gzip.compress(b"something else")):
        for name, contents in packed.items():
            (tmp_path / name).write_bytes(contents)
        broken = tmp_path / next(iter(packed))
        broken.write_bytes(damaged)
        with pytest.raises(DataError, match=f"delete {broken}"):
            load(tmp_path / "cache", tmp_path)


def test_offline_the_error_says_how_to_get_it(tmp_path, packed):
    with pytest.raises(DataError, match="apt-get install dataset-fashion-mnist") as caught:
        load(tmp_path / "cache", tmp_path / "none")
    assert "refused" in str(caught.value)
    assert str(tmp_path / "cache") in str(caught.value)


@pytest.mark.skipif(not SYSTEM_FOLDER.exists(), reason="dataset-fashion-mnist is not installed")
def test_the_published_files_are_read(tmp_path):
    found = load(tmp_path, SYSTEM_FOLDER)
    assert found.source == str(SYSTEM_FOLDER)
    assert (len(found.train), len(found.held_out)) == (60000, 10000)
    assert numpy.bincount(found.train.labels).tolist() == [6000] * 10
