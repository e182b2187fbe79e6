"""From a job to its result: values loaded, secrets put in, limits held, secrets taken out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from aob import _payloads
from aob._backoff import Backoff
from aob._calls import Unset, to_json, unset
from aob._secrets import Redactor, fill
from aob._supervise import Completed, Failed, Outcome, in_thread, supervise
from aob.errors import AobError, ApiError, Failure, Unreachable
from aob.handlers import Agent, Function
from aob.run import BlockingRun, Run, node_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aob._attempt import Attempt
    from aob._kafka import ResultTopic
    from aob.client import AsyncClient
    from aob.llm import LLM
    from aob.models import Job

__all__ = ["Worker"]

_LOG = logging.getLogger("aob.runner")
_LAST_LOG_BYTES_MAX = 256 * 1024
_CODE_CHARS_MAX = 128
_MESSAGE_CHARS_MAX = 1_000
_DETAILS_BYTES_MAX = 16 * 1024

T = TypeVar("T")


class Worker:
    """Executes jobs under a runner's name."""

    def __init__(
        self,
        client: AsyncClient,
        for_handlers: AsyncClient,
        runner: str,
        handlers: tuple[Agent | Function, ...],
        *,
        llm: LLM,
        secrets: Mapping[str, str],
        grace_s: float,
        topic: ResultTopic | None = None,
    ) -> None:
        self._client = client
        self._for_handlers = for_handlers
        self._runner = runner
        self._agents = {one.node: one for one in handlers if isinstance(one, Agent)}
        self._functions = {one.name: one for one in handlers if isinstance(one, Function)}
        self._llm = llm
        self._secrets = secrets
        self._grace_s = grace_s
        self._topic = topic

    @property
    def names(self) -> list[str]:
        """What it leases by: names of functions, and `agent`."""
        return [*sorted(self._functions), *(["agent"] if self._agents else [])]

    async def work(self, job: Job, attempt: Attempt) -> None:
        """Executes a job and hands its result in, for as long as anybody wants it."""
        started_at = datetime.now(UTC)
        work = asyncio.ensure_future(self._result(job, attempt, started_at))
        lost = asyncio.ensure_future(attempt.lost.wait())
        try:
            await work
        except Exception:  # noqa: BLE001 - a bug here must not end the runner
            # Its lease runs out, and the attempt is treated as lost.
            _LOG.exception("%s could not be answered", attempt.key)
        finally:
            lost.cancel()

    async def _result(self, job: Job, attempt: Attempt, started_at: datetime) -> None:
        run: Run | None = None
        outcome: Outcome | None
        try:
            run = await self._run(job, attempt)
            handler = self._handler(job)
        except Failure as failure:
            outcome = Failed(failure)
        else:
            outcome = await supervise(self._call(handler, run), job, attempt, self._grace_s)
        if outcome is None:
            _LOG.warning("%s is over: nobody waits for its answer", attempt.key)
            return
        result = await self._message(job, attempt, run, outcome)
        if result is not None:
            result["started_at"] = started_at.isoformat().replace("+00:00", "Z")
            await self._deliver(job, attempt, result)

    def _handler(self, job: Job) -> Agent | Function:
        if job.job_type == "agent":
            handler = self._agents.get(node_of(job.instance)) or self._agents.get(None)
            if handler is None:
                served = ", ".join(sorted(name for name in self._agents if name))
                message = f"this runner answers the agent nodes {served}; give others a pool"
                raise Failure("unknown_agent", message)
            return handler
        found = self._functions.get(job.name)
        if found is None:
            raise Failure("unknown_function", f"this runner serves no function `{job.name}`")
        return found

    async def _run(self, job: Job, attempt: Attempt) -> Run:
        config = await self._persist(attempt, lambda: _payloads.load(self._client, job.config))
        value = await self._persist(attempt, lambda: _payloads.load(self._client, job.input))
        slots = job.secrets or []
        if job.job_type == "agent":
            for slot in slots:
                if not slot["pointer"].startswith("/tools/"):
                    message = f"`{slot['pointer']}` names a secret, and a model would read it"
                    raise Failure("secret_refused", message)
        config, attempt.redactor = fill(config, slots, self._secrets)
        return Run(job, attempt, config, value, client=self._for_handlers, llm=self._llm)

    async def _call(self, handler: Agent | Function, run: Run) -> Any:
        try:
            return await self._handle(handler, run)
        except SystemExit as error:
            # It would end the runner, with everything else that it has in hand.
            raise Failure("exception", f"the handler exits with {error.code}") from error

    async def _handle(self, handler: Agent | Function, run: Run) -> Any:
        args = (run.config.get("args"),) if isinstance(handler, Function) else ()
        takes_run = isinstance(handler, Agent) or handler.takes_run
        if handler.is_async:
            return await handler(*args, *((run,) if takes_run else ()))
        blocking = BlockingRun(run, asyncio.get_running_loop())
        given = (*args, *((blocking,) if takes_run else ()))
        return await in_thread(lambda: handler(*given), run.attempt_handle)

    async def _message(
        self, job: Job, attempt: Attempt, run: Run | None, outcome: Outcome
    ) -> dict[str, Any] | None:
        """The result as it is sent; `None`: nobody wants it any more."""
        redactor = attempt.redactor
        result = self._answer(job, {"cancelled": {}})
        if isinstance(outcome, Completed):
            try:
                output = await self._stored(attempt, redactor.value(outcome.output))
                result["outcome"] = {"completed": {"output": output}}
                patches = [await self._patch(attempt, one) for one in run.patches] if run else []
                if patches:
                    result["patches"] = patches
            except Failure as failure:
                outcome = Failed(failure)
        if isinstance(outcome, Failed):
            result["outcome"] = {"failed": {"failure": failure_message(outcome, redactor)}}
        if run is not None and run.usage.calls:
            result["usage"] = redactor.value(run.usage.summary())
        return None if attempt.lost.is_set() else result

    async def _patch(self, attempt: Attempt, patch: Mapping[str, Any]) -> dict[str, Any]:
        return {**patch, "operations": await self._stored(attempt, patch["operations"])}

    async def _stored(self, attempt: Attempt, value: Any) -> dict[str, Any]:
        try:
            to_json(value)
        except AobError as error:
            raise Failure("invalid_output", str(error)) from error
        return await self._persist(attempt, lambda: _payloads.store(self._client, value))

    def _answer(self, job: Job, outcome: dict[str, Any]) -> dict[str, Any]:
        return {
            "workspace": job.workspace,
            "run": job.run,
            "instance": job.instance,
            "attempt": job.attempt,
            "runner": self._runner,
            "outcome": outcome,
        }

    async def _persist(self, attempt: Attempt, call: Callable[[], Awaitable[T]]) -> T:
        """Repeats a call while the server is away, for as long as anybody listens.

        Raises:
            Failure: The value cannot be had or stored.
        """
        backoff = Backoff()
        while True:
            wait = 0.0
            try:
                return await call()
            except Unreachable as error:
                _LOG.warning("%s: values are unavailable: %s", attempt.key, error)
            except ApiError as error:
                if not error.retryable:
                    raise Failure("value_missing", str(error)) from error
                wait = (error.retry_after_ms or 0) / 1000
            except AobError as error:
                raise Failure("value_missing", str(error)) from error
            if await _over(attempt.lost, max(wait, backoff.next_s())):
                raise Failure("lease_lost", "the lease was lost")

    async def _deliver(self, job: Job, attempt: Attempt, result: dict[str, Any]) -> None:
        """Hands a result in until it is durable, or nobody wants it."""
        report = attempt.take_report(_LAST_LOG_BYTES_MAX)
        logs: Any = {"first": report.first, "lines": report.lines} if report.lines else None
        backoff, refused = Backoff(), False
        while not attempt.lost.is_set():
            asked_ms = None
            try:
                if self._topic is not None:
                    await self._topic.send({"result": result, "logs": logs, "token": attempt.token})
                    return
                answer = await self._client.runners.result(
                    result, logs=logs, aob_job_token=attempt.token
                )
            except OSError as error:
                _LOG.warning("%s could not be handed in: %s", attempt.key, error)
            except ApiError as error:
                if not error.retryable and error.status not in {401, 403}:
                    _LOG.error("the result of %s is refused: %s", attempt.key, error)
                    if refused:
                        return
                    failed = Failed(Failure("result_refused", str(error)))
                    outcome = {"failed": {"failure": failure_message(failed, Redactor())}}
                    result, logs, refused = self._answer(job, outcome), None, True
                    continue
                _LOG.warning("%s could not be handed in: %s", attempt.key, error)
                asked_ms = error.retry_after_ms
            except Unreachable as error:
                _LOG.warning("%s could not be handed in: %s", attempt.key, error)
            else:
                _LOG.debug("%s is handed in, accepted: %s", attempt.key, answer.accepted)
                return
            await _over(attempt.lost, backoff.next_s(asked_ms))


def failure_message(failed: Failed, redactor: Redactor) -> dict[str, Any]:
    """A failure as it is sent."""
    failure = failed.failure
    message: dict[str, Any] = {
        "code": redactor.text(failure.code)[:_CODE_CHARS_MAX],
        "message": redactor.text(failure.message)[:_MESSAGE_CHARS_MAX],
        "retryable": failure.retryable,
    }
    if failed.lost:
        message["lost"] = True
    if failure.retry_after_ms is not None:
        message["retry_after_ms"] = failure.retry_after_ms
    details: Any | Unset = unset if failure.details is None else redactor.value(failure.details)
    if not isinstance(details, Unset):
        with contextlib.suppress(AobError):
            if len(to_json(details)) <= _DETAILS_BYTES_MAX:
                message["details"] = details
    return message


async def _over(event: asyncio.Event, wait_s: float) -> bool:
    """Waits, at most until an event; true where it came."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), wait_s)
    return event.is_set()
