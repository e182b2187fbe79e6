"""`AgentRunner`: leases jobs of a pool from a server, executes them, hands results in.

    from aob import AgentRunner

    AgentRunner(planner, score, pool="research", concurrency=8).run()

It asks by long poll, so nothing has to reach it from outside. While a job runs, its lease is
renewed; a run that does not want it any more stops it. On SIGTERM or SIGINT it takes no more jobs,
lets running ones finish for a while, stops the rest and leaves; a second signal skips the while.
Where the server is away, it waits and asks again, and results are sent until they are durable.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets as random_names
import signal
import socket
from typing import TYPE_CHECKING, TypeVar

from aob._attempt import Attempt, AttemptKey, StopCause
from aob._backoff import Backoff
from aob._leases import LeaseKeeper
from aob._worker import Worker
from aob.client import AsyncClient
from aob.errors import ApiError, Unreachable
from aob.llm import LLM

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from aob.handlers import Agent, Function
    from aob.models import Job, LeaseResponse

__all__ = ["AgentRunner"]

T = TypeVar("T")

_LOG = logging.getLogger("aob.runner")
_LEASE_LIMIT_MAX = 256
_ANSWER_GRACE_S = 5.0
"""What answering takes after a job was stopped."""


class AgentRunner:
    """Serves agents and functions to the server's runs."""

    def __init__(
        self,
        *handlers: Agent | Function,
        pool: str = "default",
        concurrency: int = 16,
        server: str | None = None,
        token: str | None = None,
        profile: str | None = None,
        name: str | None = None,
        llm: LLM | None = None,
        secrets: Mapping[str, str] | None = None,
        wait_s: float = 20.0,
        drain_s: float = 30.0,
        grace_s: float = 10.0,
    ) -> None:
        """Connects to nothing yet.

        Args:
            handlers: What `@agent` and `@function` made.
            pool: The pool whose jobs it takes.
            concurrency: Jobs at once.
            server: Base URL; without one, that of environment or profile, as for `aob`.
            token: API key that may execute jobs.
            profile: Name of a profile of `aob`.
            name: The runner's name, unique among those alive; without one, it draws one.
            llm: Models that agents may ask, for this runner alone; without it, those of the
                environment's keys.
            secrets: Secrets by name, for settings of tools and arguments of functions.
            wait_s: How long a poll waits for jobs.
            drain_s: How long running jobs may go on after a shutdown was asked for.
            grace_s: How long a job may take to stop when told to.
        """
        if not handlers:
            raise ValueError("a runner serves at least one agent or function")
        self.pool = pool
        self.name = name or f"{socket.gethostname()}-{os.getpid()}-{random_names.token_hex(3)}"
        self.concurrency = max(concurrency, 1)
        self._handlers = handlers
        self._connect = (server, token, profile)
        self._llm = llm
        self._secrets = dict(secrets or {})
        self._wait_s = min(wait_s, 30.0)
        self._drain_s = drain_s
        self._grace_s = grace_s
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self) -> None:
        """Serves until SIGTERM or SIGINT.

        Raises:
            ApiError: The server will not have this runner.
        """
        if not logging.getLogger().handlers:
            logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
            logging.getLogger("httpx2").setLevel(logging.WARNING)
        asyncio.run(self._with_signals())

    def stop(self) -> None:
        """Asks it to drain and leave; asked again, it does not wait for running jobs.

        Any thread may call it.
        """
        if self._loop is None or self._loop.is_closed():
            self._ask_to_stop()
        else:
            self._loop.call_soon_threadsafe(self._ask_to_stop)

    async def serve(self) -> None:
        """Serves until `stop`, then drains.

        Raises:
            ApiError: The server will not have this runner; it drains before it raises.
        """
        self._loop = asyncio.get_running_loop()
        server, token, profile = self._connect
        llm = self._llm or LLM()
        # What handlers ask has connections of its own, so that it delays no heartbeat.
        async with (
            AsyncClient(server, token, profile=profile, tries=1) as client,
            AsyncClient(server, token, profile=profile) as for_handlers,
        ):
            worker = Worker(
                client,
                for_handlers,
                self.name,
                self._handlers,
                llm=llm,
                secrets=self._secrets,
                grace_s=self._grace_s,
            )
            keeper = LeaseKeeper(client, self.name)
            beats = asyncio.create_task(keeper.run())
            jobs: set[asyncio.Task[None]] = set()
            try:
                _LOG.info("%s serves pool %s of %s", self.name, self.pool, client.settings.server)
                await self._poll(client, worker, keeper, jobs)
            finally:
                await self._drain(jobs, keeper)
                beats.cancel()
                await asyncio.gather(beats, return_exceptions=True)
                await llm.aclose()

    async def _with_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError, RuntimeError):
                loop.add_signal_handler(number, self._ask_to_stop)
        await self.serve()

    def _ask_to_stop(self) -> None:
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()

    async def _poll(
        self,
        client: AsyncClient,
        worker: Worker,
        keeper: LeaseKeeper,
        jobs: set[asyncio.Task[None]],
    ) -> None:
        backoff, failures = Backoff(), 0
        while not self._stopping.is_set():
            if len(jobs) >= self.concurrency:
                await self._unless_stopping(asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED))
                continue
            free = min(self.concurrency - len(jobs), _LEASE_LIMIT_MAX)
            wait_ms = round(self._wait_s * 1000)
            call = client.runners.lease(free, worker.names, self.pool, self.name, wait_ms=wait_ms)
            try:
                leased = await self._unless_stopping(call)
            except (ApiError, Unreachable) as error:
                if isinstance(error, ApiError) and not error.retryable:
                    raise
                failures += 1
                asked_ms = error.retry_after_ms if isinstance(error, ApiError) else None
                wait = backoff.next_s(asked_ms)
                _LOG.warning("no jobs can be leased: %s; again in %.1f s", error, wait)
                await self._unless_stopping(asyncio.sleep(wait))
                continue
            if failures:
                _LOG.info("the server is back after %d failures", failures)
            failures = 0
            backoff.reset()
            if leased is not None:
                self._start(leased, worker, keeper, jobs)

    def _start(
        self,
        leased: LeaseResponse,
        worker: Worker,
        keeper: LeaseKeeper,
        jobs: set[asyncio.Task[None]],
    ) -> None:
        keeper.adopt(leased.lease_ms or 15_000, leased.heartbeat_ms or 5_000)
        for job in leased.jobs or []:
            attempt = Attempt(AttemptKey(job.run, job.instance, job.attempt))

            work = self._work(job, attempt, worker, keeper)
            task = asyncio.create_task(work, name=str(attempt.key))
            jobs.add(task)
            task.add_done_callback(jobs.discard)

    @staticmethod
    async def _work(job: Job, attempt: Attempt, worker: Worker, keeper: LeaseKeeper) -> None:
        with keeper.hold(attempt):
            await worker.work(job, attempt)

    async def _unless_stopping(self, what: Awaitable[T]) -> T | None:
        """The result of something that is given up when the runner is to stop: then `None`."""
        work = asyncio.ensure_future(what)
        stop = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
            return work.result() if work.done() else None
        finally:
            work.cancel()
            stop.cancel()

    async def _drain(self, jobs: set[asyncio.Task[None]], keeper: LeaseKeeper) -> None:
        """Lets jobs finish, then stops them, then leaves them alone."""
        if not jobs:
            return
        _LOG.info("%d jobs may finish within %.0f s", len(jobs), self._drain_s)
        hurry = asyncio.ensure_future(self._hurry.wait())
        finished = asyncio.ensure_future(asyncio.wait(set(jobs)))
        await asyncio.wait(
            {hurry, finished}, timeout=self._drain_s, return_when=asyncio.FIRST_COMPLETED
        )
        hurry.cancel()
        finished.cancel()
        if jobs:
            _LOG.warning("stopping %d jobs that still run", len(jobs))
            keeper.stop_all(StopCause.SHUTDOWN)
            await asyncio.wait(set(jobs), timeout=self._grace_s + _ANSWER_GRACE_S)
        if jobs:
            _LOG.warning("abandoning %d jobs that do not stop", len(jobs))
            keeper.stop_all(StopCause.LOST)
            await asyncio.wait(set(jobs), timeout=1.0)
            for task in list(jobs):
                task.cancel()
