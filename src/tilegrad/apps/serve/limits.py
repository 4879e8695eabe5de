"""How much a client may ask for."""

from __future__ import annotations

from dataclasses import dataclass

from tilegrad.base.errors import ArgumentError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is refused beyond.

    Attributes:
        body: bytes of a request.
        body_seconds: in which a request's headers have to arrive, and then its body.
        waiting: replies that wait until the model has room for them.
        seconds: in which a reply has to be complete, waiting included.
        choices: replies to one request.
        texts: that are embedded by one request.
        grace_seconds: in which running replies may come to their end when the server stops.

    Raises:
        ArgumentError: replies get no time.
    """

    body: int = 4 * 1024 * 1024
    body_seconds: float = 30.0
    waiting: int = 64
    seconds: float = 600.0
    choices: int = 16
    texts: int = 2048
    grace_seconds: int = 10

    def __post_init__(self) -> None:
        if not self.seconds > 0:  # nor is NaN
            raise ArgumentError(
                "a reply cannot be given in no time", got=self.seconds, expected="seconds above 0"
            )
