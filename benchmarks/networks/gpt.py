"""A small decoder-only transformer with pre-norm blocks, like GPT-2 in form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.libraries import Library
from benchmarks.libraries.library import Array, Loss, Parameters


@dataclass(frozen=True)
class Size:
    """Sizes of the network and its batch."""

    vocabulary: int = 4096
    length: int = 256
    width: int = 256
    heads: int = 8
    layers: int = 4
    batch: int = 4


def make_parameters(size: Size, generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the parameters; the output layer shares the token embedding."""
    width = size.width
    parameters = {}

    def matrix(name: str, rows: int, columns: int) -> None:
        parameters[name] = generator.standard_normal((rows, columns), np.float32) * np.float32(0.02)

    def norm(name: str) -> None:
        parameters[f"{name}.weight"] = np.ones(width, np.float32)
        parameters[f"{name}.bias"] = np.zeros(width, np.float32)

    matrix("tokens", size.vocabulary, width)
    matrix("positions", size.length, width)
    norm("norm")
    for layer in range(size.layers):
        norm(f"{layer}.attention")
        norm(f"{layer}.feed")
        matrix(f"{layer}.qkv", width, 3 * width)
        matrix(f"{layer}.out", width, width)
        matrix(f"{layer}.up", width, 4 * width)
        matrix(f"{layer}.down", 4 * width, width)
    return parameters


def make_batch(size: Size, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return tokens and those that follow them, each (batch, length)."""
    tokens = generator.integers(0, size.vocabulary, (size.batch, size.length + 1))
    return np.ascontiguousarray(tokens[:, :-1]), np.ascontiguousarray(tokens[:, 1:])


def make_loss(size: Size) -> Loss:
    """Return the function that gives the mean cross-entropy of the next tokens."""

    def attend(library: Library, parameters: Parameters, x: Array, layer: int) -> Array:
        fused = (x @ parameters[f"{layer}.qkv"]).reshape(
            size.batch, size.length, 3, size.heads, size.width // size.heads
        )
        query, key, value = (library.permute(fused[:, :, i], (0, 2, 1, 3)) for i in range(3))
        mixed = library.permute(library.attention(query, key, value), (0, 2, 1, 3))
        return mixed.reshape(size.batch, size.length, size.width) @ parameters[f"{layer}.out"]

    def loss(library: Library, parameters: Parameters, tokens: Array, following: Array) -> Array:
        def norm(x: Array, name: str) -> Array:
            return library.layer_norm(x, parameters[f"{name}.weight"], parameters[f"{name}.bias"])

        x = parameters["tokens"][tokens] + parameters["positions"]
        for layer in range(size.layers):
            x = x + attend(library, parameters, norm(x, f"{layer}.attention"), layer)
            hidden = library.gelu(norm(x, f"{layer}.feed") @ parameters[f"{layer}.up"])
            x = x + hidden @ parameters[f"{layer}.down"]
        logits = norm(x, "norm") @ library.permute(parameters["tokens"], (1, 0))
        return library.cross_entropy(logits.reshape(-1, size.vocabulary), following.reshape(-1))

    return loss
