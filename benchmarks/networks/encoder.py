"""A sentence encoder: a BERT of the sizes of MiniLM-L6, with the mean of what it gives."""

from __future__ import annotations

import numpy as np

from benchmarks.libraries import Library
from benchmarks.libraries.library import Array, Parameters

VOCABULARY, CONTEXT, LAYERS, HEADS, WIDTH, HIDDEN = 30522, 512, 6, 12, 384, 1536


def make_parameters(generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Return random weights; matrices are laid out for x @ weight."""
    parameters = {}

    def linear(name: str, rows: int, columns: int) -> None:
        weights = generator.standard_normal((rows, columns), np.float32) * np.float32(0.05)
        parameters[name] = weights
        parameters[f"{name}.bias"] = np.zeros(columns, np.float32)

    def norm(name: str) -> None:
        parameters[f"{name}.weight"] = np.ones(WIDTH, np.float32)
        parameters[f"{name}.bias"] = np.zeros(WIDTH, np.float32)

    parameters["tokens"] = generator.standard_normal((VOCABULARY, WIDTH), np.float32)
    parameters["places"] = generator.standard_normal((CONTEXT, WIDTH), np.float32)
    norm("embeddings")
    for layer in range(LAYERS):
        for name in ("query", "key", "value", "mix"):
            linear(f"{layer}.{name}", WIDTH, WIDTH)
        linear(f"{layer}.up", WIDTH, HIDDEN)
        linear(f"{layer}.down", HIDDEN, WIDTH)
        norm(f"{layer}.attention")
        norm(f"{layer}.output")
    return parameters


def forward(library: Library, parameters: Parameters, tokens: Array, length: int) -> Array:
    """Return the mean vector (1, 384) of one text of tokens (1, length)."""

    def linear(x: Array, name: str) -> Array:
        return x @ parameters[name] + parameters[f"{name}.bias"]

    def norm(x: Array, name: str) -> Array:
        return library.layer_norm(x, parameters[f"{name}.weight"], parameters[f"{name}.bias"])

    def heads(x: Array) -> Array:
        split = x.reshape(1, length, HEADS, WIDTH // HEADS)
        return library.permute(split, (0, 2, 1, 3))

    x = norm(parameters["tokens"][tokens] + parameters["places"][:length], "embeddings")
    for layer in range(LAYERS):
        parts = (heads(linear(x, f"{layer}.{name}")) for name in ("query", "key", "value"))
        mixed = library.permute(library.attention(*parts, is_causal=False), (0, 2, 1, 3))
        mixed = mixed.reshape(1, length, WIDTH)
        x = norm(linear(mixed, f"{layer}.mix") + x, f"{layer}.attention")
        hidden = library.gelu(linear(x, f"{layer}.up"))
        x = norm(linear(hidden, f"{layer}.down") + x, f"{layer}.output")
    return library.mean(x, (1,))
