"""Fashion-MNIST: 70,000 pictures of clothes, 28x28 pixels, in ten classes.

H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
Learning Algorithms", 2017. The held-out split is the authors': the last 10,000.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy

from tilegrad.apps.datasets.dataset import Dataset, Split
from tilegrad.apps.datasets.fetch import Meter, fetch_file
from tilegrad.apps.datasets.idx import parse_idx
from tilegrad.base.errors import DataError

SYSTEM_FOLDER = Path("/usr/share/datasets/fashion-mnist")
SERVERS = (
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
CLASSES = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
# SHA-256 of what is inside: the same for the authors' files and for copies packed by others.
CHECKSUMS = {
    "train-images-idx3-ubyte.gz": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
    ),
    "train-labels-idx1-ubyte.gz": (
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
    ),
}


def load_fashion_mnist(
    cache_directory: Path,
    meter: Callable[[str], Meter],
    system_folder: Path = SYSTEM_FOLDER,
    servers: tuple[str, ...] = SERVERS,
) -> Dataset:
    """Return Fashion-MNIST, images of shape (1, 28, 28).

    It is taken from the folder of Debian's package ``dataset-fashion-mnist`` if that is installed,
    else from the cache, else it is fetched into the cache. Checksums are verified in every case.

    Args:
        cache_directory: the directory of tilegrad's cache.
        meter: makes what is told how far the fetch of a file is, given the file's name.
        system_folder: where the operating system's package puts the files.
        servers: addresses of folders to fetch the files from, tried in order.

    Raises:
        DataError: a file is damaged, or is neither here nor to be had.
    """
    if all((system_folder / name).exists() for name in CHECKSUMS):
        folder, source = system_folder, str(system_folder)
    else:
        folder = cache_directory / "datasets" / "fashion-mnist"
        source = "the cache" if all((folder / name).exists() for name in CHECKSUMS) else servers[0]
    arrays = [_read(folder / name, meter, servers) for name in CHECKSUMS]
    train_images, train_labels, test_images, test_labels = arrays
    return Dataset(
        name="fashion-mnist",
        classes=CLASSES,
        white=255,
        train=_split(train_images, train_labels),
        held_out=_split(test_images, test_labels),
        source=source,
    )


def _split(images: numpy.ndarray, labels: numpy.ndarray) -> Split:
    return Split(images[:, None], labels.astype(numpy.int64))


def _read(path: Path, meter: Callable[[str], Meter], servers: tuple[str, ...]) -> numpy.ndarray:
    check = partial(_unpack, path)
    if path.exists():
        return parse_idx(check(path.read_bytes()), str(path))
    urls = [server + path.name for server in servers]
    try:
        packed = fetch_file(urls, path, check, meter(path.name))
    except DataError as error:
        raise DataError(
            "Fashion-MNIST is not on this machine and could not be fetched",
            got=error.got or error.what,
            mend="apt-get install dataset-fashion-mnist (Debian and Ubuntu), or put "
            f"{', '.join(CHECKSUMS)} into {path.parent}",
        ) from error
    return parse_idx(check(packed), str(path))


def _unpack(path: Path, packed: bytes) -> bytes:
    """Return the contents of a gzip file after verifying their checksum."""
    try:
        contents = gzip.decompress(packed)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{path} is damaged", got=error, expected="a gzip file", mend=f"delete {path}"
        ) from error
    digest = hashlib.sha256(contents).hexdigest()
    if digest != CHECKSUMS[path.name]:
        raise DataError(
            f"The contents of {path} are not those that were published",
            got=f"SHA-256 {digest}",
            expected=CHECKSUMS[path.name],
            mend=f"delete {path}",
        )
    return contents
