"""Budgets as an attempt meets them: reserved before a call of a model, settled after it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, TypeVar

from aob._attempt import StopCause
from aob._backoff import Backoff
from aob.errors import ApiError, Cancelled, Failure, Unreachable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aob._attempt import Attempt
    from aob.client import AsyncClient

__all__ = ["Meter", "Reservation"]

_LOG = logging.getLogger("aob.runner")

_OVER = frozenset({"attempt_over", "budget_exhausted", "invalid_job_token"})
"""Refusals after which nobody waits for the attempt any more."""

T = TypeVar("T")


class Meter:
    """Asks for each call of one attempt whether its budgets have room."""

    def __init__(
        self, client: AsyncClient, attempt: Attempt, token: str | None, *, metered: bool
    ) -> None:
        self._client = client
        self._attempt = attempt
        self._token = token or ""
        self._count = 0
        self.metered = metered
        """False: nothing bounds the attempt, and nobody has to be asked."""

    async def reserve(self, *, calls: int = 1, tokens: int = 0, usd: float = 0.0) -> Reservation:
        """Sets aside what a call may use at most; waits while others have it set aside.

        Raises:
            Cancelled: The budget is exhausted, so the node is parked and people are asked; or the
                attempt is over for another reason. Nobody waits for its answer any more.
            Failure: The reservation is refused for what it says.
        """
        if not self.metered:
            return Reservation(self, "")
        self._count += 1
        name = f"call-{self._count}"
        amounts = {"calls": calls, "tokens": tokens, "usd": usd}
        await self._insist(
            lambda: self._client.runners.reserve(amounts, name, aob_job_token=self._token)
        )
        return Reservation(self, name)

    async def settle(self, name: str, *, calls: int, tokens: int, usd: float) -> None:
        """Says what the call under this name used."""
        used = {"calls": calls, "tokens": tokens, "usd": usd}
        await self._insist(
            lambda: self._client.runners.settle(name, used, aob_job_token=self._token)
        )

    async def _insist(self, call: Callable[[], Awaitable[T]]) -> T:
        """Repeats a call while the server is away or bids to wait, for as long as anybody waits
        for the attempt.
        """
        backoff = Backoff()
        while True:
            asked_ms = None
            try:
                return await call()
            except Unreachable as error:
                _LOG.warning("%s: its budget cannot be asked for: %s", self._attempt.key, error)
            except ApiError as error:
                if error.code in _OVER:
                    self._end(error)
                if not error.retryable:
                    raise Failure(error.code, str(error)) from error
                if error.code == "budget_busy":
                    # It waits for its turn, which is no reason to call it stuck.
                    self._attempt.progress({"waits_for": "budget"})
                asked_ms = error.retry_after_ms
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._attempt.stopping.wait(), backoff.next_s(asked_ms))
            if self._attempt.stopping.is_set():
                raise Cancelled("the attempt was told to stop")

    def _end(self, error: ApiError) -> None:
        said = error.problem.detail or error.problem.title
        _LOG.warning("%s ends: %s", self._attempt.key, said)
        self._attempt.stop(StopCause.LOST)
        raise Cancelled(said) from error


class Reservation:
    """What was set aside for one call. Not settled, it is charged in full when the attempt ends."""

    def __init__(self, meter: Meter, name: str) -> None:
        self._meter = meter
        self._name = name
        self._settled = False

    async def settle(self, *, calls: int = 1, tokens: int = 0, usd: float = 0.0) -> None:
        """Says what the call used: it is charged instead of what was reserved."""
        if self._name and not self._settled:
            await self._meter.settle(self._name, calls=calls, tokens=tokens, usd=usd)
            self._settled = True
