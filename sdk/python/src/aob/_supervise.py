"""Holds a handler to its limits: attempt timeout, idle timeout, and being told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aob._attempt import Attempt, StopCause
from aob.errors import ApiError, Cancelled, Failure, PatchRejected, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from aob.models import Job

__all__ = ["Completed", "Ended", "Failed", "Outcome", "in_thread", "supervise"]

_LOG = logging.getLogger("aob.runner")


@dataclass(frozen=True, slots=True)
class Completed:
    """The handler returned."""

    output: Any


@dataclass(frozen=True, slots=True)
class Failed:
    """The handler failed, or was ended."""

    failure: Failure
    lost: bool = False
    """True: nobody knows whether its effect happened."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The handler stopped because the run asked for it."""


Outcome = Completed | Failed | Ended


async def supervise(
    work: Coroutine[Any, Any, Any], job: Job, attempt: Attempt, grace_s: float
) -> Outcome | None:
    """Runs a handler to its outcome; `None`: the lease is lost, and nobody may answer.

    A handler that is told to stop gets `grace_s` to do so; then nobody waits for it any more. An
    answer given within the grace counts where it says more than that it stopped.
    """
    task = asyncio.ensure_future(work)
    try:
        end = await _first(task, job, attempt)
        if not task.done():
            attempt.stop_flag.set()
            attempt.stopping.set()
            task.cancel()
            await asyncio.wait({task}, timeout=grace_s)
        if attempt.lost.is_set():
            return None
        return _answer(task, job, attempt, end)
    finally:
        if not task.done():
            _LOG.warning("%s does not stop, and is left alone", attempt.key)
            task.cancel()
        task.add_done_callback(_forget)


async def _first(task: asyncio.Future[Any], job: Job, attempt: Attempt) -> str | None:
    """Waits for the end of the handler, or for what ends it: the code of that."""
    loop = asyncio.get_running_loop()
    stop = asyncio.ensure_future(attempt.stopping.wait())
    timeout_at = attempt.granted + job.timeout_ms / 1000 if job.timeout_ms else None
    idle_s = job.idle_timeout_ms / 1000 if job.idle_timeout_ms else None
    idle_at = attempt.granted + idle_s if idle_s else None
    try:
        while not task.done() and not stop.done():
            ends = [end for end in (timeout_at, idle_at) if end is not None]
            wait = max(min(ends) - loop.time(), 0.0) if ends else None
            done, _ = await asyncio.wait(
                {task, stop}, timeout=wait, return_when=asyncio.FIRST_COMPLETED
            )
            if done:
                break
            if timeout_at is not None and loop.time() >= timeout_at:
                return "timeout"
            if idle_s is not None and idle_at is not None and loop.time() >= idle_at:
                if not attempt.moved():
                    return "idle_timeout"
                idle_at = loop.time() + idle_s
        return None
    finally:
        stop.cancel()


def _answer(task: asyncio.Future[Any], job: Job, attempt: Attempt, end: str | None) -> Outcome:
    """What the attempt answers, given what ended it and what its handler said, if anything."""
    if task.done() and not task.cancelled():
        error = task.exception()
        if error is None:
            return Completed(task.result())
        if not isinstance(error, Cancelled):
            return Failed(failure_of(error, attempt))
    asked = attempt.stop_cause is StopCause.CANCELLING and end is None
    if task.done() and asked and job.effect in {"none", "idempotent"}:
        return Ended()
    code, message = _unanswered(job, attempt, end, done=task.done())
    harmless = job.effect in {"none", "idempotent"}
    return Failed(Failure(code, message, retryable=harmless), lost=not harmless)


def _unanswered(job: Job, attempt: Attempt, end: str | None, *, done: bool) -> tuple[str, str]:
    if end == "timeout":
        return end, f"no result within {job.timeout_ms} ms"
    if end == "idle_timeout":
        return end, f"no progress for {job.idle_timeout_ms} ms"
    if attempt.stop_cause is StopCause.SHUTDOWN:
        return "runner_stopped", "its runner was shut down"
    if attempt.stop_cause is StopCause.CANCELLING and not done:
        return "cancel_unanswered", "it did not stop when asked to"
    return "interrupted", "it was cancelled while it ran"


def failure_of(error: BaseException, attempt: Attempt) -> Failure:
    """The failure that an exception of a handler is."""
    if isinstance(error, Failure):
        return error
    for line in "".join(traceback.format_exception(error)).splitlines():
        attempt.log(line)
    if isinstance(error, PatchRejected):
        return Failure("patch_rejected", str(error), details=error.for_model())
    if isinstance(error, ApiError):
        asked = error.retry_after_ms
        return Failure(error.code, str(error), retryable=error.retryable, retry_after_ms=asked)
    if isinstance(error, Unreachable):
        return Failure("unreachable", str(error), retryable=True)
    return Failure("exception", f"{type(error).__name__}: {error}", retryable=True)


async def in_thread(call: Callable[[], Any], attempt: Attempt) -> Any:
    """Runs a blocking handler in a thread of its own, and waits for it. A thread can only be asked
    to stop, so the first time that this is cancelled it waits on; the second time it gives up.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def settle(result: Any, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error)

    def body() -> None:
        outcome: tuple[Any, BaseException | None]
        try:
            outcome = (context.run(call), None)
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            stray = isinstance(error, StopIteration)
            outcome = (None, RuntimeError("the handler raised StopIteration") if stray else error)
        # Where the loop is closed, the runner is gone, and so is whoever waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=body, name=f"aob {attempt.key}", daemon=True).start()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait({done})
    if not done.done():
        await asyncio.wait({done})
    return done.result()


def _forget(task: asyncio.Future[Any]) -> None:
    """Takes note of an exception that nobody waits for."""
    if not task.cancelled():
        task.exception()
