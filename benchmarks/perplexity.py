"""The perplexity of a language model beside that of transformers on the dequantised weights.

`python -m benchmarks.perplexity` reads a text in windows: the first half of a window is read in
chunks, as a prompt is, the tokens of the second half follow one by one, and each is scored by the
logits before it. The text is the reference of Python's language that CPython carries along.
"""

from __future__ import annotations

import platform
import pydoc_data.topics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click
import numpy
import torch
import transformers

from tilegrad.apps.chat import Tokeniser
from tilegrad.apps.chat.find_model import find_model
from tilegrad.apps.generation import Decoder
from tilegrad.apps.models.language_model import LanguageModel
from tilegrad.frontend.gguf import read_gguf


class Scores(NamedTuple):
    """What was found of a text.

    Attributes:
        losses: -log of the probability of each scored token, ours and the reference's,
            shape (2, tokens).
        difference: the largest one between two logits.
    """

    losses: numpy.ndarray
    difference: float


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--model", type=click.Path(exists=True, path_type=Path), help="A GGUF file.")
@click.option("--text", type=click.Path(exists=True, path_type=Path), help="Another text.")
@click.option("--window", default=2048, help="Tokens of a window.")
@click.option("--windows", default=4, help="How many windows are read.")
def main(model: Path | None, text: Path | None, window: int, windows: int) -> None:
    """Print the perplexity of a model by tilegrad and by transformers."""
    path = model or find_model()
    words = text.read_text("utf-8") if text else python_reference()
    file = read_gguf(path)
    tokens = Tokeniser(file.metadata).encode(words)
    parts = [tokens[start : start + window] for start in range(0, len(tokens), window // 2)]
    parts = [part for part in parts if len(part) == window][:windows]
    count = len(words.split()) * len(parts) * window // 2 // len(tokens)
    click.echo(f"{path.name}: {len(parts)} windows of {window} tokens, {count} words scored")
    decoder = Decoder(LanguageModel(file, window), context=window)
    reference = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32
    ).eval()
    scores = [score(decoder, reference, part) for part in parts]
    ours, theirs = numpy.exp(numpy.concatenate([one.losses for one in scores], 1).mean(1))
    click.echo(f"perplexity by tilegrad      {ours:.5f}")
    click.echo(f"perplexity by transformers  {theirs:.5f}")
    click.echo(f"relative difference         {abs(ours / theirs - 1):.2e}")
    click.echo(f"largest difference of two logits  {max(one.difference for one in scores):.4f}")


def python_reference() -> str:
    """Return the topics of Python's reference, one after the other."""
    topics = pydoc_data.topics.topics
    click.echo(f"text: the reference of Python {platform.python_version()}")
    return "\n".join(topics[name] for name in sorted(topics))


def score(
    decoder: Decoder, reference: transformers.PreTrainedModel, tokens: Sequence[int]
) -> Scores:
    """Score the second half of some tokens after the first one."""
    half = len(tokens) // 2
    with torch.no_grad():
        expected = reference(torch.tensor([tokens])).logits[0, half - 1 : -1].numpy()
    sequence = decoder.open(tokens[:half])
    while (logits := decoder.read(sequence)) is None:
        pass
    steps = [decoder.step({sequence: token})[sequence] for token in tokens[half:-1]]
    decoder.close(sequence)
    found = numpy.stack([logits, *steps])
    losses = [_losses(logits, tokens[half:]) for logits in (found, expected)]
    difference = numpy.abs(found - expected).max()
    return Scores(numpy.stack(losses), float(difference))


def _losses(logits: numpy.ndarray, tokens: Sequence[int]) -> numpy.ndarray:
    shifted = logits.astype(numpy.float64) - logits.max(1, keepdims=True)
    chosen = shifted[numpy.arange(len(tokens)), tokens]
    return numpy.log(numpy.exp(shifted).sum(1)) - chosen


if __name__ == "__main__":
    main()
