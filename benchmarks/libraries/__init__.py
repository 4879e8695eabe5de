"""The libraries that are compared, each behind the same methods."""

from __future__ import annotations

from importlib import import_module

from benchmarks.libraries.library import Library, UnsupportedError

# Names on the command line, and where the adapter is; tilegrad first, then its rivals.
LIBRARIES = {
    "tilegrad": "tilegrad_library:TilegradLibrary",
    "torch": "torch_library:TorchLibrary",
    "torch-compiled": "torch_library:CompiledTorchLibrary",
    "onnxruntime": "onnxruntime_library:OnnxRuntimeLibrary",
    "tinygrad": "tinygrad_library:TinygradLibrary",
    "jax": "jax_library:JaxLibrary",
    "numpy": "numpy_library:NumpyLibrary",
}

__all__ = ["LIBRARIES", "Library", "UnsupportedError", "open_library"]


def open_library(name: str, threads: int) -> Library:
    """Import a library and return its adapter.

    Raises:
        UnsupportedError: it is not installed, or misses something that it needs.
    """
    module, _, adapter = LIBRARIES[name].partition(":")
    try:
        return getattr(import_module(f"benchmarks.libraries.{module}"), adapter)(threads)
    except ImportError as error:
        raise UnsupportedError(f"not installed ({error})") from error
