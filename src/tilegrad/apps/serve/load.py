"""Loading what is served."""

from __future__ import annotations

from pathlib import Path

from tilegrad.apps.chat.find_model import find_model
from tilegrad.apps.embedding import SentenceEncoder, find_encoder
from tilegrad.apps.generation import Decoder
from tilegrad.apps.models.language_families import read_config
from tilegrad.apps.models.language_model import LanguageModel
from tilegrad.apps.serve.options import ServeOptions
from tilegrad.apps.serve.service import Embedder, Service, build_service
from tilegrad.base.errors import DataError
from tilegrad.engine import Session
from tilegrad.frontend.gguf import read_gguf

DEFAULT_CONTEXT = 2048


def load_service(session: Session, options: ServeOptions) -> Service:
    """Return a service with the model that was chosen.

    Raises:
        DataError: the model or the encoder cannot be read.
        ArgumentError: the context is longer than the model allows.
    """
    path = options.model or find_model()
    file = read_gguf(path)
    context = options.context or min(DEFAULT_CONTEXT, read_config(file).context)
    model = LanguageModel(file, context)
    decoder = Decoder(model, context=context, sequences=options.sequences)
    decoder.warm_up()
    name = options.name or path.stem
    embedder = _load_embedder(options.encoder)
    return build_service(session, options, name, file, decoder, embedder)


def _load_embedder(folder: Path | None) -> Embedder | None:
    if folder is None:
        try:
            folder = find_encoder()
        except DataError:
            return None  # none is installed, and none was asked for
        name = folder.parent.name.replace("_", "-")
    else:
        name = folder.name
    encoder = SentenceEncoder(folder)
    encoder.warm_up()
    return Embedder(name, encoder)
