"""The replies to one request on their way from the model's thread to the client."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from tilegrad.apps.serve.errors import ApiError
from tilegrad.apps.serve.job import EmbeddingJob, End, Event, Job, Vectors
from tilegrad.apps.serve.plan import Plan
from tilegrad.apps.serve.scheduler import Scheduler

T = TypeVar("T")


class Exchange:
    """Events of some jobs, in the event loop.

    Args:
        seconds: in which all of them have to come.

    Attributes:
        jobs: what is being done.
    """

    def __init__(self, seconds: float) -> None:
        self.jobs: list[Job | EmbeddingJob] = []
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[tuple[int, Event]] = asyncio.Queue()
        self._seconds, self._deadline = seconds, self._loop.time() + seconds

    def write(self, scheduler: Scheduler, plan: Plan) -> None:
        """Let the replies of a plan be written; those to one prompt follow each other.

        Raises:
            ApiError: the server has too much to do.
        """
        jobs: list[Job] = []
        for prompt in plan.prompts:
            leader: Job | None = None
            for number in range(plan.count):
                constraint = None if plan.constraint is None else plan.constraint.copy()
                notify = self._listen(len(jobs))
                job = Job(prompt, plan.wishes_of(number), notify, constraint, leader)
                leader = leader or job
                jobs.append(job)
        scheduler.submit(*jobs)
        self.jobs = [*jobs]

    def embed(self, scheduler: Scheduler, texts: Sequence[Sequence[int]]) -> None:
        """Let texts be embedded, given by their tokens.

        Raises:
            ApiError: the server has too much to do.
        """
        job = EmbeddingJob(texts, self._listen(0))
        scheduler.submit(job)
        self.jobs = [job]

    def cancel(self) -> None:
        """Let go of what nobody waits for any more."""
        for job in self.jobs:
            job.is_cancelled = True
        # They know of this object. In a circle, the megabytes of a constraint would outlive them.
        self.jobs = []

    async def events(self) -> AsyncIterator[tuple[int, Event]]:
        """Yield the number of a job and what became of it, until all have ended.

        Raises:
            ApiError: a job failed, or it took too long.
        """
        left = len(self.jobs)
        while left:
            try:
                async with asyncio.timeout_at(self._deadline):
                    number, event = await self._events.get()
            except TimeoutError as error:
                message = f"the reply took longer than {self._seconds:g} seconds"
                raise ApiError(504, message, code="timeout") from error
            if isinstance(event, ApiError):
                raise event
            left -= isinstance(event, End | Vectors)
            yield number, event

    def _listen(self, number: int) -> Callable[[Event], None]:
        def notify(event: Event) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens
                self._loop.call_soon_threadsafe(self._events.put_nowait, (number, event))

        return notify


async def run_while_connected(work: Coroutine[Any, Any, T], receive: Receive, seconds: float) -> T:
    """Return what a coroutine returns, which is cancelled if the client hangs up.

    Args:
        work: the coroutine.
        receive: gives the connection's messages; the request has been read.
        seconds: in which it has to end.

    Raises:
        ClientDisconnect: the client hung up, or took too long to read.
    """
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_wait_for_hang_up(receive))
    try:
        await asyncio.wait({working, leaving}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _wait_for_hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
