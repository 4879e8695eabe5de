"""Continuous batching: one thread owns the model and serves all replies in turn.

Each round admits replies that wait, reads one chunk of one prompt, makes one decode step for all
replies that are being written, and embeds one batch of texts. So a long prompt delays the replies
beside it by one chunk for each token, not by its whole length; prompts take turns.

From G.-I. Yu et al., "Orca: a distributed serving system for transformer-based generative models",
2022 (scheduling by iterations), and A. Agrawal et al., "Sarathi-Serve", 2024 (prompts in chunks).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy

from tilegrad.apps import generation
from tilegrad.apps.chat.tokeniser import Tokeniser
from tilegrad.apps.serve.errors import ApiError, busy
from tilegrad.apps.serve.job import EmbeddingJob, End, Job, Vectors
from tilegrad.apps.serve.metrics import Metrics
from tilegrad.apps.serve.writer import Writer
from tilegrad.base.errors import TilegradError

EMBEDDED_AT_ONCE, EMBEDDED_BETWEEN = 16, 4
"""So many texts are embedded at once, and so many between two decode steps."""

Embed = Callable[[Sequence[Sequence[int]]], numpy.ndarray]


@dataclass(slots=True, eq=False)
class Running:
    """A reply that has a place in the model's memory.

    Attributes:
        job: what is wanted.
        sequence: its tokens in memory.
        writer: what has been written.
        known: tokens of the prompt that were in memory already.
        last_time: when the last token was chosen.
    """

    job: Job
    sequence: generation.Sequence
    writer: Writer
    known: int
    last_time: float = 0.0


class Scheduler:
    """Serves replies with one model, in a thread of its own.

    Args:
        decoder: the model and its memory; only this object's thread uses it.
        tokeniser: of the model.
        metrics: count what happens.
        embed: turns the tokens of texts into vectors, or None.
        limit: how many replies may wait.
        session: entered by the thread.
    """

    def __init__(
        self,
        decoder: generation.Decoder,
        tokeniser: Tokeniser,
        metrics: Metrics,
        *,
        embed: Embed | None,
        limit: int,
        session: Callable[[], AbstractContextManager[object]],
    ) -> None:
        self._decoder, self._tokeniser, self._metrics = decoder, tokeniser, metrics
        self._embed_tokens, self._limit, self._session = embed, limit, session
        self._changed = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._embedding: deque[EmbeddingJob] = deque()
        self._reading: deque[Running] = deque()
        self._writing: list[Running] = []
        self._is_open = True
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """End all replies soon; nothing more is taken."""
        with self._changed:
            self._is_open = False
            self._changed.notify()

    def close(self) -> None:
        """End all replies and the thread."""
        self.stop()
        self._thread.join()

    @property
    def is_serving(self) -> bool:
        """Whether jobs are taken."""
        return self._is_open and self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """How many replies wait for a place in memory."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """How many replies have one."""
        return len(self._reading) + len(self._writing)

    def submit(self, *jobs: Job | EmbeddingJob) -> None:
        """Take jobs, all of them or none.

        Raises:
            ApiError: too many wait already, or the server stops.
        """
        with self._changed:
            if not self._is_open:
                raise busy("the server is stopping")
            queued = len(self._waiting) + len(self._embedding)
            if queued and queued + len(jobs) > self._limit:
                raise busy(f"{queued} requests wait already; try again later")
            for job in jobs:
                if isinstance(job, Job):
                    self._waiting.append(job)
                else:
                    self._embedding.append(job)
            self._changed.notify()

    # --- the model's thread ----------------------------------------------------------------------

    def _run(self) -> None:
        try:
            with self._session():
                while self._wait():
                    self._drop_cancelled()
                    self._admit()
                    self._read()
                    self._step()
                    self._embed()
        finally:
            self._abandon()

    def _wait(self) -> bool:
        """Wait until there is something to do; return False to end."""
        with self._changed:
            while self._is_open and not (
                self._waiting or self._embedding or self._reading or self._writing
            ):
                self._changed.wait()
            return self._is_open

    def _abandon(self) -> None:
        """Tell everyone who waits that nothing comes any more."""
        with self._changed:
            self._is_open = False
            jobs = [*self._waiting, *self._embedding]
            self._waiting.clear()
            self._embedding.clear()
        running = [*self._reading, *self._writing]
        self._reading.clear()
        self._writing.clear()
        for job in [*jobs, *(each.job for each in running)]:
            job.notify(busy("the server is stopping"))

    def _drop_cancelled(self) -> None:
        with self._changed:
            self._waiting = deque(job for job in self._waiting if not job.is_cancelled)
            self._embedding = deque(job for job in self._embedding if not job.is_cancelled)
        for running in [*self._reading, *self._writing]:
            if running.job.is_cancelled:
                self._release(running)

    def _admit(self) -> None:
        """Give places in memory to replies that wait, in the order in which they came."""
        while self._decoder.free_sequences:
            with self._changed:
                job = next((job for job in self._waiting if not _is_led(job)), None)
                if job is None:
                    return
                try:
                    sequence = self._decoder.open(job.prompt)
                    writer = Writer(job, self._tokeniser)
                    self._reading.append(Running(job, sequence, writer, sequence.known))
                except TilegradError as error:
                    self._fail(job, error)
                self._waiting.remove(job)  # only now: whatever ends the thread, the job is told

    def _read(self) -> None:
        """Read one chunk of the prompt whose turn it is."""
        if not self._reading:
            return
        running = self._reading[0]
        try:
            logits = self._decoder.read(running.sequence)
        except TilegradError as error:
            self._give_up(running, error)
            return
        if logits is None:
            self._reading.rotate(-1)
            return
        self._reading.popleft()
        running.job.is_read = True
        self._metrics.count_prompt(len(running.job.prompt), running.known)
        self._writing.append(running)
        self._write(running, logits)

    def _step(self) -> None:
        """Add one token to every reply that is being written."""
        if not self._writing:
            return
        writing = list(self._writing)
        tokens = {running.sequence: running.writer.tokens[-1] for running in writing}
        try:
            logits = self._decoder.step(tokens)
        except TilegradError as error:
            for running in writing:
                self._give_up(running, error)
            return
        for running in writing:
            self._write(running, logits[running.sequence])

    def _write(self, running: Running, logits: numpy.ndarray) -> None:
        """Choose a reply's next token and tell what came of it."""
        job, writer = running.job, running.writer
        try:
            piece = writer.write(logits, self._decoder.room(running.sequence))
        except ApiError as error:
            self._release(running)
            job.notify(error)
            return
        except TilegradError as error:
            self._give_up(running, error)
            return
        self._metrics.count_token()
        now = time.perf_counter()
        if running.last_time:
            self._metrics.token_seconds.observe(now - running.last_time)
        else:
            self._metrics.first_token_seconds.observe(now - job.created)
        running.last_time = now
        if piece.text or piece.tokens:
            job.notify(piece)
        if writer.reason:
            self._release(running)
            job.notify(End(writer.reason, len(job.prompt), running.known, len(writer.tokens)))

    def _release(self, running: Running) -> None:
        """Take a reply's place in memory back."""
        running.job.is_read = True
        if running in self._reading:
            self._reading.remove(running)
        if running in self._writing:
            self._writing.remove(running)
        self._decoder.close(running.sequence)

    def _give_up(self, running: Running, error: TilegradError) -> None:
        """End a reply for which the model has failed."""
        self._release(running)
        self._fail(running.job, error)

    def _fail(self, job: Job | EmbeddingJob, error: TilegradError) -> None:
        if isinstance(job, Job):
            job.is_read = True
        self._metrics.failures.inc()
        job.notify(ApiError(500, f"the model failed: {error.what}", code=error.code))

    def _embed(self) -> None:
        """Embed one batch of texts."""
        if not self._embedding or self._embed_tokens is None:
            return
        job = self._embedding[0]
        start = sum(map(len, job.done))
        end = start + (EMBEDDED_BETWEEN if self._writing else EMBEDDED_AT_ONCE)
        try:
            job.done.append(self._embed_tokens(job.texts[start:end]))
        except TilegradError as error:
            self._embedding.popleft()
            self._fail(job, error)
            return
        with self._changed:
            is_done = end >= len(job.texts)
            self._embedding.popleft()
            if not is_done:
                self._embedding.append(job)
        if is_done:
            job.notify(Vectors(numpy.concatenate(job.done)))


def _is_led(job: Job) -> bool:
    """Return whether a job waits for another with the same prompt."""
    return job.leader is not None and not (job.leader.is_read or job.leader.is_cancelled)
