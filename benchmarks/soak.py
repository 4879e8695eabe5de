"""Whether a server's memory stays as it is: ``python -m benchmarks.soak``.

Starts `tilegrad serve` and lets clients ask for ten minutes: short and long conversations, streams
that are broken off, replies that have to fit a schema, embeddings, and requests that make no sense.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import openai

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 20},
        "people": {"type": "integer", "minimum": 0, "maximum": 10**8},
    },
    "required": ["city", "people"],
    "additionalProperties": False,
}
WORDS = re.findall(r"\w+", "The capital of France is Paris and the river through it is the Seine")

FIELDS = {"resident": "VmRSS", "anonymous": "RssAnon"}
"""What is measured of a process, and what Linux calls it."""


class Client:
    """Asks one thing after the other.

    Args:
        client: the official one.
        seed: what it asks for depends on it.
        counts: takes down what came of it.
    """

    def __init__(self, client: openai.OpenAI, seed: int, counts: Counter[str]) -> None:
        self._client, self._counts = client, counts
        self._random = random.Random(seed)
        models = [model.id for model in client.models.list()]
        self._model, self._encoder = models[0], models[1] if len(models) > 1 else None

    def ask(self) -> None:
        """Ask for anything."""
        kinds = [self.talk, self.stream, self.hang_up, self.constrain, self.embed, self.err]
        kind = self._random.choice(kinds)
        try:
            kind()
        except openai.APIStatusError as error:
            self._counts[f"status {error.status_code}"] += 1
        else:
            self._counts[kind.__name__] += 1

    def talk(self) -> None:
        """Ask for a reply."""
        reply = self._client.chat.completions.create(**self._options())
        self._counts["tokens"] += reply.usage.completion_tokens

    def stream(self) -> None:
        """Ask for a stream."""
        options = self._options() | {"stream_options": {"include_usage": True}}
        for chunk in self._client.chat.completions.create(stream=True, **options):
            if chunk.usage is not None:
                self._counts["tokens"] += chunk.usage.completion_tokens

    def hang_up(self) -> None:
        """Ask for a stream and go away."""
        with self._client.chat.completions.create(stream=True, **self._options()) as stream:
            for _ in range(self._random.randrange(1, 10)):
                next(iter(stream), None)

    def constrain(self) -> None:
        """Ask for JSON."""
        form = {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA}}
        options = self._options() | {"response_format": form, "max_tokens": 60}
        choice = self._client.chat.completions.create(**options).choices[0]
        if choice.finish_reason == "stop":
            json.loads(choice.message.content)

    def embed(self) -> None:
        """Ask for vectors."""
        if self._encoder is not None:
            texts = [self._text(most=30) for _ in range(self._random.randrange(1, 10))]
            self._client.embeddings.create(model=self._encoder, input=texts)

    def err(self) -> None:
        """Ask for nonsense."""
        wrong = {"messages": [], "temperature": "hot", "max_tokens": 0, "n": 1000, "model": "x"}
        name = self._random.choice(sorted(wrong))
        self._client.chat.completions.create(**(self._options() | {name: wrong[name]}))

    def _options(self) -> dict[str, Any]:
        return {
            "model": self._model,
            "messages": [{"role": "user", "content": self._text()}],
            "max_tokens": self._random.randrange(1, 48),
            "n": self._random.choice([1, 1, 1, 2]),
        }

    def _text(self, most: int = 200) -> str:
        count = min(most, self._random.choice([3, 10, 30, 200]))
        return " ".join(self._random.choice(WORDS) for _ in range(count))


def measure(client: openai.OpenAI) -> dict[str, float]:
    """Return the metrics of a server by name."""
    text = client.get("/../metrics", cast_to=str)
    return {
        name: float(value)
        for name, value in re.findall(r"^([a-z_]+(?:\{.*\})?) (\S+)$", text, re.MULTILINE)
    }


def measure_memory(number: int) -> dict[str, float]:
    """Return the memory of a process that is resident, and what of it is no file's, in MiB."""
    status = Path(f"/proc/{number}/status").read_text()
    found = {
        label: re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE)
        for label, field in FIELDS.items()
    }
    return {label: int(match.group(1)) / 1024 for label, match in found.items() if match}


@contextlib.contextmanager
def stopping(process: subprocess.Popen[str]) -> Iterator[None]:
    """Stop a process at the end of a `with` statement."""
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--model", type=click.Path(exists=True, path_type=Path), help="A GGUF file.")
@click.option("--context", default=512, show_default=True, help="Tokens of a conversation.")
@click.option("--minutes", default=10.0, show_default=True)
@click.option("--clients", default=8, show_default=True)
def main(model: Path | None, context: int, minutes: float, clients: int) -> None:
    """Measure a server's memory under load."""
    command = [
        str(Path(sys.executable).with_name("tilegrad")),
        "serve",
        "--port",
        "0",
        "--context",
        f"{context}",
    ]
    command += [] if model is None else ["--model", str(model)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    address = re.search(r"http://\S+/v1", process.stderr.readline())
    if address is None:
        raise click.ClickException("the server did not start")
    noise = threading.Thread(target=lambda: sys.stderr.writelines(process.stderr), daemon=True)
    noise.start()
    print(f"{clients} clients for {minutes:g} minutes")
    counts: Counter[str] = Counter()
    samples: list[dict[str, float]] = []
    is_over = threading.Event()
    with (
        stopping(process),
        openai.OpenAI(base_url=address.group(), api_key="none", max_retries=0) as client,
    ):

        def work(seed: int) -> None:
            one = Client(client, seed, counts)
            while not is_over.is_set():
                one.ask()

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(clients)]
        for thread in threads:
            thread.start()
        end = time.monotonic() + 60 * minutes
        while time.monotonic() < end and any(thread.is_alive() for thread in threads):
            time.sleep(5)
            samples.append(measure_memory(process.pid))
        is_over.set()
        for thread in threads:
            thread.join()
        last = measure(client)
    print(", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    left = {name: last[f"tilegrad_{name}_replies"] for name in ("running", "waiting")}
    print(f"{counts['tokens'] / 60 / minutes:.1f} tokens/s; left over: {left}")
    parts = [samples[len(samples) * n // 5 : len(samples) * (n + 1) // 5] for n in range(5)]
    print("MiB, medians of fifths of the time:")
    for label in FIELDS:
        shown = (f"{statistics.median(one[label] for one in part):.1f}" for part in parts if part)
        print(f"{label}: {' '.join(shown)}")


if __name__ == "__main__":
    main()
