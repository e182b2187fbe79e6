"""Keeps the leases of running attempts alive, many with one request, and stops what lost its."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

from aob._attempt import Attempt, Report, StopCause
from aob._calls import Unset
from aob.errors import AobError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aob.client import AsyncClient

__all__ = ["LeaseKeeper"]

_LOG = logging.getLogger("aob.runner")
_ITEMS_MAX = 500
_LOG_BYTES_MAX = 256 * 1024


class _Held:
    """An attempt with the end of its lease."""

    def __init__(self, attempt: Attempt, until: float, *, quiet: bool) -> None:
        self.attempt = attempt
        self.quiet = quiet
        self.until = until
        self.timer: asyncio.TimerHandle | None = None

    def renew(self, until: float) -> None:
        """The lease holds until then; where it is not renewed again, its attempt ends."""
        self.until = until
        self.drop()
        self.timer = asyncio.get_running_loop().call_at(until, self._expire)

    def drop(self) -> None:
        """Nobody looks after the lease any more."""
        if self.timer is not None:
            self.timer.cancel()

    def _expire(self) -> None:
        if not self.quiet:
            _LOG.warning("the lease of %s ran out", self.attempt.key)
        self.attempt.stop(StopCause.LOST)


class LeaseKeeper:
    """The attempts that run, with their leases."""

    def __init__(self, client: AsyncClient, runner: str) -> None:
        self._client = client
        self._runner = runner
        self._held: dict[Attempt, _Held] = {}
        self._lease_s = 15.0
        self._heartbeat_s = 5.0
        self._changed = asyncio.Event()

    def adopt(self, lease_ms: int, heartbeat_ms: int) -> None:
        """Takes over what the server wishes: how long leases hold, and how often to report."""
        self._lease_s = lease_ms / 1000
        if self._heartbeat_s != heartbeat_ms / 1000:
            self._heartbeat_s = heartbeat_ms / 1000
            self._changed.set()

    @contextlib.contextmanager
    def hold(self, attempt: Attempt, *, quiet: bool = False) -> Iterator[None]:
        """Takes care of an attempt that was leased just now, or is held already (`quiet`)."""
        since = asyncio.get_running_loop().time() if quiet else attempt.granted
        held = _Held(attempt, since + self._lease_s, quiet=quiet)
        held.renew(held.until)
        self._held[attempt] = held
        try:
            yield
        finally:
            held.drop()
            del self._held[attempt]

    def stop_all(self, cause: StopCause) -> None:
        """Tells all attempts to stop."""
        for attempt in list(self._held):
            attempt.stop(cause)

    async def run(self) -> None:
        """Renews until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            due = sorted(self._held.values(), key=lambda held: held.until)
            due = [held for held in due if not held.attempt.lost.is_set()]
            for at in range(0, len(due), _ITEMS_MAX):
                await self._beat(due[at : at + _ITEMS_MAX])
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(began + self._heartbeat_s):
                    await self._changed.wait()

    async def _beat(self, due: list[_Held]) -> None:
        sent_at = asyncio.get_running_loop().time()
        room, reports = _LOG_BYTES_MAX, []
        for held in due:
            report = held.attempt.take_report(room)
            room -= sum(len(line) for line in report.lines)
            reports.append(report)
        leases = [_item(held.attempt, report) for held, report in zip(due, reports, strict=True)]
        try:
            async with asyncio.timeout(self._heartbeat_s):
                answer = await self._client.runners.heartbeat(leases, self._runner)
        except (AobError, TimeoutError) as error:
            _LOG.warning("a heartbeat for %d leases failed: %s", len(leases), error or "no answer")
            for held, report in zip(due, reports, strict=True):
                held.attempt.give_back(report)
            return
        for held, standing in zip(due, answer.states, strict=False):
            if standing == "lost":
                held.drop()
                held.attempt.stop(StopCause.LOST)
                continue
            if standing == "cancelling":
                held.attempt.stop(StopCause.CANCELLING)
            if held.attempt in self._held:
                held.renew(sent_at + self._lease_s)


def _item(attempt: Attempt, report: Report) -> dict[str, Any]:
    key = attempt.key
    item: dict[str, Any] = {"run": key.run, "instance": key.instance, "attempt": key.attempt}
    if attempt.token:
        item["token"] = attempt.token
    if not isinstance(report.progress, Unset):
        item["progress"] = report.progress
    if report.lines:
        item["logs"] = {"first": report.first, "lines": report.lines}
    return item
