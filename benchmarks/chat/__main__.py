"""The command: programs take turns at prompts and replies; medians are written."""

from __future__ import annotations

import json
import os
import selectors
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.bandwidth import Yardstick
from benchmarks.chat.command import CACHES, describe_surroundings, measure_command
from benchmarks.chat.players import PLAYERS
from benchmarks.machine import describe_machine
from benchmarks.process import ROOT
from tilegrad.frontend.gguf import read_gguf

RESULTS = ROOT / "benchmarks" / "results"
CONTEXT = 4096
REPLY = 64
REPLY_PROMPT = 16
SLOW = 10.0
"""Seconds; a slower turn is taken once, and a program that starts more slowly is started once."""
PATIENCE = 30.0
"""Seconds; a prompt that takes longer is left out, and a reply that would do so is shorter ..."""
LEAST_REPLY = 4
"""... but for so many tokens."""
FIRST_TOKENS, LAST_TOKENS = 1000, 40000
READING = 0.3
"""Seconds for which memory is read after a reply, to compare with."""


class Program:
    """A program in a process of its own.

    Args:
        name: of the program.
        path: the model's file.
        threads: how many it may use.
        limit: seconds that an answer may take.
    """

    def __init__(self, name: str, path: Path, threads: int, limit: float) -> None:
        self.limit, self.failure = limit, ""
        (CACHES / "tinygrad").mkdir(parents=True, exist_ok=True)
        arguments = [name, str(path), str(CONTEXT), str(threads)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.chat.worker", *arguments],
            cwd=ROOT,
            env=describe_surroundings(threads),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )

    def ask(self, prompt: list[int], count: int) -> dict[str, Any] | None:
        """Return what a turn took; None if the program failed or took too long."""
        source, sink = self._process.stdout, self._process.stdin
        if self._process.poll() is not None or source is None or sink is None:
            return None
        sink.write(json.dumps({"prompt": prompt, "count": count}).encode() + b"\n")
        with selectors.DefaultSelector() as selector:
            selector.register(source, selectors.EVENT_READ)
            if not selector.select(self.limit):
                self.failure = f"it took longer than {self.limit:.0f} s"
                self.close()
                return None
        line = source.readline()
        answer = json.loads(line) if line else {"failed": "its process ended"}
        self.failure = answer.get("failed", "")
        return None if self.failure else answer

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


class Contest:
    """Programs that take turns.

    Args:
        path: the model's file.
        threads: how many each program may use.
        limit: seconds that a turn may take.
    """

    def __init__(self, path: Path, threads: int, limit: float) -> None:
        self.path, self.threads, self.limit = path, threads, limit
        self.programs: dict[str, Program] = {}
        self.latest: dict[str, dict[str, Any]] = {}
        self._found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._seconds: dict[str, dict[str, float]] = defaultdict(dict)
        self._paces: dict[str, tuple[float, float]] = {}
        self._generator = np.random.default_rng(0)
        weights = read_gguf(path).weights.values()
        self._yardstick = Yardstick(sum(weight.nbytes for weight in weights), 0.0, threads)

    def start(self, name: str) -> None:
        """Start a program twice: the second start finds what the first has left on disk."""
        for turn in range(2):
            start = time.perf_counter()
            program = Program(name, self.path, self.threads, self.limit)
            self.programs[name] = program
            answer = program.ask(self._draw(REPLY_PROMPT), 1)
            took = time.perf_counter() - start
            if answer is None:
                click.echo(f"{name} takes no part: {program.failure}")
                del self.programs[name]
                return
            if turn or took > SLOW:
                self._note("seconds from the start to the first token", name, took)
                break
            program.close()
        self._paces[name] = answer["prompt"] / REPLY_PROMPT, 0.0
        for _ in range(2):  # captures what is captured
            answer = program.ask(self._draw(REPLY_PROMPT), 3)
            if answer is not None:
                self._paces[name] = answer["prompt"] / REPLY_PROMPT, answer["token"]
                if answer["prompt"] < 1.0:
                    program.ask(self._draw(REPLY_PROMPT * 10), 3)

    def play(self, case: str, count: int, reply: int) -> None:
        """Let every program read a prompt, and write a reply if it has more than one token."""
        for name, program in self.programs.items():
            took, (reading, writing) = self._seconds[name].get(case, 0.0), self._paces[name]
            if took > SLOW or count * reading > PATIENCE:
                continue
            written = min(reply, max(LEAST_REPLY, int(PATIENCE / max(writing, 1e-6))))
            start = time.perf_counter()
            answer = program.ask(self._draw(count), written)
            self._seconds[name][case] = time.perf_counter() - start
            if answer is None:
                continue
            self.latest[name] = answer
            self._paces[name] = max(reading, answer["prompt"] / count), writing
            rate = count / answer["prompt"] if reply == 1 else 1 / answer["token"]
            self._note(case, name, rate)
            if reply > 1:
                share = self._yardstick.measure(READING) * rate
                self._note(f"{case}, share of memory's rate", name, share)
            if self.threads == 1:
                used = (count if reply == 1 else written) / answer["cpu"]
                self._note(f"{case}, per second of the processor", name, used)

    def end(self) -> dict[str, Any]:
        """End the programs; return the medians by what was measured and by program."""
        for program in self.programs.values():
            program.close()
        medians = {
            case: {name: statistics.median(values) for name, values in one.items()}
            for case, one in self._found.items()
        }
        for field in ("peak", "anonymous"):
            medians[f"{field} memory, MB"] = {
                name: answer[field] / 1e6 for name, answer in self.latest.items()
            }
        versions = {name: answer["version"] for name, answer in self.latest.items()}
        return {"threads": self.threads, "versions": versions, "medians": medians}

    def _draw(self, count: int) -> list[int]:
        return self._generator.integers(FIRST_TOKENS, LAST_TOKENS, count).tolist()

    def _note(self, case: str, name: str, value: float) -> None:
        self._found[case][name].append(value)
        click.echo(f"{self.threads} threads, {case}: {name} {value:.2f}")


def measure(contest: Contest, names: list[str], prompts: list[int], rounds: int) -> dict[str, Any]:
    """Return the medians of every program, by what is measured."""
    for name in names:
        contest.start(name)
    for _ in range(rounds):
        contest.play(f"reply after {prompts[0]}", prompts[0], REPLY)
        for count in prompts:
            contest.play(f"prompt of {count}", count, 1)
        contest.play(f"reply after {prompts[-1] // 2}", prompts[-1] // 2, REPLY)
    run = contest.end()
    if "tilegrad" in names:
        for case, value in measure_command(contest.path, contest.threads).items():
            run["medians"][case] = {"tilegrad": value}
            click.echo(f"{contest.threads} threads, {case}: {value:.2f}")
    return run


def write_table(
    runs: list[dict[str, Any]], machine: dict[str, str], path: Path, file: Path
) -> None:
    """Write a page with a table for each number of threads."""
    lines = [
        "# Language models side by side",
        "",
        f"`{path.name}`, {path.stat().st_size / 1e6:.1f} MB. Medians of turns that were taken in",
        "alternation; tokens per second where nothing else is said. Peak memory counts the file's",
        "pages, anonymous memory does not. Written by `python -m benchmarks.chat`.",
        "",
        f"A program that takes more than {SLOW:.0f} s to its first token is started once only;",
        f"prompts that it would read for more than {PATIENCE:.0f} s are left out. The command",
        "`tilegrad chat` is timed from its start in a new process; cold, it finds no kernels, and",
        "the system was asked to forget the file.",
        "",
        "The share of memory's rate compares a token, right after the turn, with a loop that does",
        "nothing but read as many bytes as the file has weights.",
        "",
        "Where other processes use the machine too, as its load before shows, rates per second of",
        "the processor say more, and programs whose threads spin while they wait lose most.",
        "",
        ", ".join(f"{name}: {value}" for name, value in machine.items()) + ".",
    ]
    for run in runs:
        names = list(run["versions"])
        heads = [f"{name} {run['versions'][name]}" for name in names]
        lines += ["", f"## Threads: {run['threads']}", "", f"| | {' | '.join(heads)} |"]
        lines.append("| --- |" + " ---: |" * len(names))
        for case, values in run["medians"].items():
            cells = [f"{values[name]:.3g}" if name in values else "–" for name in names]
            lines.append(f"| {case} | {' | '.join(cells)} |")
    file.write_text("\n".join(lines) + "\n")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--model", type=click.Path(exists=True, path_type=Path), help="A GGUF file.")
@click.option("--threads", multiple=True, type=click.IntRange(1), default=(1, 2))
@click.option("--prompt", "prompts", multiple=True, type=int, default=(16, 128, 512, 2048))
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--program", "names", multiple=True, type=click.Choice([*PLAYERS]))
@click.option("--limit", type=float, default=120.0, show_default=True, help="Seconds of a turn.")
@click.option("--output", type=click.Path(path_type=Path), default=RESULTS)
def main(
    model: Path | None,
    threads: tuple[int, ...],
    prompts: tuple[int, ...],
    rounds: int,
    names: tuple[str, ...],
    limit: float,
    output: Path,
) -> None:
    """Measure tilegrad, llama.cpp and tinygrad with one file; write chat.md and chat.json."""
    if model is None:
        from tilegrad.apps.chat.find_model import find_model

        model = find_model()
    chosen, load = list(names or PLAYERS), os.getloadavg()[0]
    runs = [measure(Contest(model, one, limit), chosen, sorted(prompts), rounds) for one in threads]
    machine = {**describe_machine(max(threads)), "load before": f"{load:.1f}"}
    output.mkdir(parents=True, exist_ok=True)
    (output / "chat.json").write_text(json.dumps({"machine": machine, "runs": runs}, indent=1))
    write_table(runs, machine, model, output / "chat.md")
    click.echo(f"written: {output}/chat.md and chat.json")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.chat")
