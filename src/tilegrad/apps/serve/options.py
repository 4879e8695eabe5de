"""What may be chosen when a server is started."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tilegrad.apps.serve.limits import Limits
from tilegrad.base.errors import ArgumentError


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """What a user may choose.

    Attributes:
        model: a GGUF file; None for the one that is installed.
        name: of the model in the API; None for that of the file.
        encoder: the folder of an encoder of texts; None for the one that is installed, if any.
        host: the address to listen at.
        port: the port; 0 for any that is free.
        key: what clients have to show, or None.
        context: tokens of a prompt and its reply; None for 2048, or fewer if that is the most.
        sequences: replies that are written at once.
        limits: on what clients may ask for.

    Raises:
        ArgumentError: no client could show the key.
    """

    model: Path | None = None
    name: str | None = None
    encoder: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    key: str | None = None
    context: int | None = None
    sequences: int = 8
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.key is None:
            return
        if not self.key or self.key != self.key.strip() or not self.key.isprintable():
            raise ArgumentError(
                "no client can send this API key",
                got="an empty one, or one with spaces around it or signs that are not printed",
                mend="choose another: --api-key, or TILEGRAD_API_KEY",
            )
