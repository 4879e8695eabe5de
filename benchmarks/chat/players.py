"""The programs that are compared, each behind the same few words."""

from __future__ import annotations

import json
import os
import sys
import time
import types
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol


class Turn(NamedTuple):
    """What a prompt and some tokens after it took.

    Attributes:
        prompt: seconds until the first token was known.
        token: seconds for each token after that; 0 if there was only one.
    """

    prompt: float
    token: float


class Player(Protocol):
    """A program with the model in memory."""

    @property
    def version(self) -> str:
        """Its version."""
        ...

    def take_turn(self, prompt: list[int], count: int) -> Turn:
        """Read a prompt anew and predict so many tokens, the likeliest each time."""
        ...


def time_tokens(tokens: Iterator[int], count: int) -> Turn:
    """Return how long the first token of a reply and the following ones took."""
    start = time.perf_counter()
    next(tokens)
    first = time.perf_counter()
    for _ in range(count - 1):
        next(tokens)
    end = time.perf_counter()
    return Turn(first - start, (end - first) / max(1, count - 1))


class TilegradPlayer:
    """tilegrad's decoder, as `tilegrad chat` and `tilegrad serve` use it."""

    def __init__(self, path: Path, context: int, threads: int) -> None:
        del threads  # by TILEGRAD_THREADS
        from tilegrad.apps.generation.decoder import Decoder
        from tilegrad.apps.models.language_model import LanguageModel
        from tilegrad.frontend.gguf import read_gguf

        self.version = version("tilegrad")
        self._decoder = Decoder(LanguageModel(read_gguf(path)), context=context)

    def take_turn(self, prompt: list[int], count: int) -> Turn:
        """See `Player`."""
        return time_tokens(self._generate(prompt), count)

    def _generate(self, prompt: list[int]) -> Iterator[int]:
        decoder = self._decoder
        sequence = decoder.open(prompt)
        try:
            logits = None
            while logits is None:
                logits = decoder.read(sequence)
            while True:
                token = int(logits.argmax())
                yield token
                logits = decoder.step({sequence: token})[sequence]
        finally:
            decoder.close(sequence)


class LlamaCppPlayer:
    """llama.cpp in this process, through the package xllamacpp; it times itself."""

    def __init__(self, path: Path, context: int, threads: int) -> None:
        import xllamacpp

        self.version = f"by xllamacpp {version('xllamacpp')}"
        options = xllamacpp.CommonParams()
        options.model.path = str(path)
        options.cpuparams.n_threads = options.cpuparams_batch.n_threads = threads
        options.n_ctx = context
        options.n_parallel = 1
        options.verbosity = -1
        self._server = xllamacpp.Server(options)

    def take_turn(self, prompt: list[int], count: int) -> Turn:
        """See `Player`."""
        request = {"prompt": prompt, "max_tokens": count, "cache_prompt": False, "temperature": 0}
        answer = self._server.handle_completions(request | {"ignore_eos": True})
        timings = (json.loads(answer) if isinstance(answer, str) else answer)["timings"]
        after = timings["predicted_per_token_ms"] / 1e3 if count > 1 else 0.0
        return Turn(timings["prompt_ms"] / 1e3, after)


class TinygradPlayer:
    """tinygrad's own program for language models."""

    def __init__(self, path: Path, context: int, threads: int) -> None:
        del threads  # it has none
        from tinygrad.nn import Linear

        # The wheel lacks this package of kernels for AMD's cards, which is used on no other device.
        kernels = types.ModuleType("tinygrad.llm.kernels.amd")
        unused = {"gated_delta_prefill": None, "flash_attention": None}
        vars(kernels).update(unused, Linear=Linear, amd_custom_kernels_supported=lambda _: False)
        sys.modules["tinygrad.llm.kernels"] = types.ModuleType("tinygrad.llm.kernels")
        sys.modules[kernels.__name__] = kernels
        from tinygrad.llm.model import Transformer

        self.version = version("tinygrad")
        self._model, _ = Transformer.from_gguf(path, context)

    def take_turn(self, prompt: list[int], count: int) -> Turn:
        """See `Player`."""
        return time_tokens(iter(self._model.generate(list(prompt))), count)


PLAYERS: Mapping[str, Callable[[Path, int, int], Player]] = MappingProxyType(
    {"tilegrad": TilegradPlayer, "llama.cpp": LlamaCppPlayer, "tinygrad": TinygradPlayer}
)


def memory() -> dict[str, int]:
    """Return this process's peak of resident memory, and how much of it is no file's, in bytes."""
    wanted = {"VmHWM": "peak", "RssAnon": "anonymous"}
    found = {}
    for line in Path(f"/proc/{os.getpid()}/status").read_text().splitlines():
        label, _, value = line.partition(":")
        if label in wanted:
            found[wanted[label]] = int(value.split()[0]) << 10
    return found
