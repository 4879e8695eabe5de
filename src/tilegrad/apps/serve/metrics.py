"""What is counted, in the format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_TOKEN_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 5.0)


class Metrics:
    """Counters of one server.

    Attributes:
        requests: by path and status.
        failures: replies that the model could not give.
        first_token_seconds: from a request to the first token of its reply.
        token_seconds: from each token of a reply to its next.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.requests = Counter(
            "tilegrad_requests",
            "Requests that were answered.",
            ["path", "status"],
            registry=self._registry,
        )
        self._tokens = Counter(
            "tilegrad_tokens",
            "Tokens of prompts, those of them that were known already, and tokens of replies.",
            ["kind"],
            registry=self._registry,
        )
        self.failures = Counter(
            "tilegrad_failures", "Replies that the model could not give.", registry=self._registry
        )
        self.first_token_seconds = Histogram(
            "tilegrad_first_token_seconds",
            "From a request to the first token of its reply.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.token_seconds = Histogram(
            "tilegrad_token_seconds",
            "From a token of a reply to its next.",
            buckets=_TOKEN_SECONDS,
            registry=self._registry,
        )

    def watch(self, name: str, documentation: str, read: Callable[[], float]) -> None:
        """Add a value that is read whenever someone asks for it."""
        Gauge(f"tilegrad_{name}", documentation, registry=self._registry).set_function(read)

    def count_prompt(self, tokens: int, known: int) -> None:
        """Note that a prompt was read."""
        self._tokens.labels("prompt").inc(tokens)
        self._tokens.labels("known").inc(known)

    def count_token(self) -> None:
        """Note that a token was written."""
        self._tokens.labels("written").inc()

    def render(self) -> bytes:
        """Return everything as text."""
        return generate_latest(self._registry)
