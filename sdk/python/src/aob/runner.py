"""`AgentRunner`: leases jobs of a pool from a server, executes them, hands results in.

    from aob import AgentRunner

    AgentRunner(planner, score, pool="research", concurrency=8).run()

It asks by long poll, so nothing has to reach it from outside; with `kafka`, jobs are offered on a
topic, claimed from the server, and answered on another topic. While a job runs, its lease is
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
from aob._kafka import Jobs, ResultTopic, read
from aob._leases import LeaseKeeper
from aob._worker import Worker
from aob.client import AsyncClient
from aob.errors import ApiError, Unreachable
from aob.llm import LLM

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from aob._kafka import Offer
    from aob.handlers import Agent, Function
    from aob.kafka import Kafka
    from aob.models import ClaimResponse, Job

__all__ = ["AgentRunner"]

T = TypeVar("T")

_LOG = logging.getLogger("aob.runner")
_LEASE_LIMIT_MAX = 256
_ANNOUNCED_S = 20.0
"""How often a runner that reads a topic says that it is there."""
_HANDED_IN_S = 600.0
"""How long the lease of an attempt is kept whose result is on its way."""
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
        kafka: Kafka | None = None,
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
            kafka: Where jobs are offered; without it, it asks by long poll.
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
        self._kafka = kafka
        self._handed_in: set[asyncio.Task[None]] = set()
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
            topics = self._topics()
            worker = Worker(
                client,
                for_handlers,
                self.name,
                self._handlers,
                llm=llm,
                secrets=self._secrets,
                grace_s=self._grace_s,
                topic=topics and topics[1],
            )
            keeper = LeaseKeeper(client, self.name)
            beats = asyncio.create_task(keeper.run())
            jobs: set[asyncio.Task[None]] = set()
            try:
                _LOG.info("%s serves pool %s of %s", self.name, self.pool, client.settings.server)
                if topics is None:
                    await self._poll(client, worker, keeper, jobs)
                else:
                    await self._consume(topics[0], client, worker, keeper, jobs)
            finally:
                if topics is not None:
                    # Others take over at once what this runner has not claimed.
                    await topics[0].close()
                await self._drain(jobs, keeper)
                if topics is not None:
                    await topics[1].close()
                beats.cancel()
                await asyncio.gather(beats, return_exceptions=True)
                await llm.aclose()

    def _topics(self) -> tuple[Jobs, ResultTopic] | None:
        if self._kafka is None:
            return None
        jobs = Jobs(self._kafka, self.pool, self.name)
        results = ResultTopic(self._kafka, self.name)
        jobs.start()
        results.start()
        return jobs, results

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
                keeper.adopt(leased.lease_ms or 15_000, leased.heartbeat_ms or 5_000)
                self._start(leased.jobs or [], worker, keeper, jobs)

    async def _consume(
        self,
        topic: Jobs,
        client: AsyncClient,
        worker: Worker,
        keeper: LeaseKeeper,
        jobs: set[asyncio.Task[None]],
    ) -> None:
        """Takes offers as there are free slots, claims them, and works on what was granted."""
        names = set(worker.names)
        announcing = asyncio.create_task(self._announce(client, worker))
        try:
            await self._consume_offers(topic, client, worker, keeper, jobs, names)
        finally:
            announcing.cancel()

    async def _announce(self, client: AsyncClient, worker: Worker) -> None:
        """Tells the server now and then that somebody serves the pool: it asks for no job by it."""
        while True:
            try:
                await client.runners.lease(0, worker.names, self.pool, self.name)
            except (ApiError, Unreachable) as error:
                _LOG.debug("the server does not know of this runner: %s", error)
            await asyncio.sleep(_ANNOUNCED_S)

    async def _consume_offers(
        self,
        topic: Jobs,
        client: AsyncClient,
        worker: Worker,
        keeper: LeaseKeeper,
        jobs: set[asyncio.Task[None]],
        names: set[str],
    ) -> None:
        while not self._stopping.is_set():
            if len(jobs) >= self.concurrency:
                await self._unless_stopping(asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED))
                continue
            free = min(self.concurrency - len(jobs), _LEASE_LIMIT_MAX)
            messages = await self._unless_stopping(topic.take(free))
            if messages is None:
                return
            offers = []
            for message in messages:
                offer = read(message)
                if offer is None:
                    place = f"{message.topic()}/{message.partition()}@{message.offset()}"
                    _LOG.error("the message at %s is no offer of a job", place)
                elif offer.job.pool == self.pool and offer.job.name in names:
                    offers.append(offer)
            if offers:
                claimed = await self._claim(client, offers)
                if claimed is None:
                    return
                keeper.adopt(claimed.lease_ms or 15_000, claimed.heartbeat_ms or 5_000)
                self._start(granted(offers, claimed), worker, keeper, jobs)
            # From here, the leases stand for what was granted.
            topic.settle(messages)

    async def _claim(self, client: AsyncClient, offers: list[Offer]) -> ClaimResponse | None:
        """Claims until the server answers; `None`: the runner is to stop first.

        Raises:
            ApiError: The server will not have this runner.
        """
        backoff = Backoff()
        asked = [{"offer": offer.offer, "digest": offer.digest} for offer in offers]
        while not self._stopping.is_set():
            try:
                return await self._unless_stopping(
                    client.runners.claim(asked, self.pool, self.name)
                )
            except (ApiError, Unreachable) as error:
                if isinstance(error, ApiError) and not error.retryable:
                    raise
                asked_ms = error.retry_after_ms if isinstance(error, ApiError) else None
                wait = backoff.next_s(asked_ms)
                _LOG.warning("no jobs can be claimed: %s; again in %.1f s", error, wait)
                await self._unless_stopping(asyncio.sleep(wait))
        return None

    def _start(
        self,
        leased: list[Job],
        worker: Worker,
        keeper: LeaseKeeper,
        jobs: set[asyncio.Task[None]],
    ) -> None:
        for job in leased:
            attempt = Attempt(AttemptKey(job.run, job.instance, job.attempt), job.token)

            work = self._work(job, attempt, worker, keeper)
            task = asyncio.create_task(work, name=str(attempt.key))
            jobs.add(task)
            task.add_done_callback(jobs.discard)

    async def _work(self, job: Job, attempt: Attempt, worker: Worker, keeper: LeaseKeeper) -> None:
        with keeper.hold(attempt):
            await worker.work(job, attempt)
        if self._kafka is not None and not attempt.lost.is_set():
            # A result on a topic is not in the log yet: until it is, the lease is kept, or the
            # attempt would be lost where results are taken in slowly.
            task = asyncio.create_task(self._keep(attempt, keeper))
            self._handed_in.add(task)
            task.add_done_callback(self._handed_in.discard)

    @staticmethod
    async def _keep(attempt: Attempt, keeper: LeaseKeeper) -> None:
        """Keeps the lease of an attempt that is answered, until the attempt is over."""
        with keeper.hold(attempt, quiet=True), contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HANDED_IN_S):
                await attempt.lost.wait()

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


def granted(offers: list[Offer], claimed: ClaimResponse) -> list[Job]:
    """The jobs that may be executed, with their tokens."""
    jobs = []
    for offer, claim in zip(offers, claimed.claims, strict=False):
        if claim.standing == "granted" and claim.token:
            jobs.append(offer.job.model_copy(update={"token": claim.token}))
        elif claim.standing == "invalid":
            key = AttemptKey(offer.job.run, offer.job.instance, offer.job.attempt)
            _LOG.error("the offer of %s is not the server's, or not for this pool", key)
    return jobs
