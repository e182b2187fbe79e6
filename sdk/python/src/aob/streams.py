"""Event streams: the log of a run, or of all runs of a workspace, as it grows.

A stream resumes by itself behind what was seen last, so nothing is missed where a connection
breaks or a server restarts. The stream of a run ends with the run. Where a server has no streams
(an orchestrator without a fan-out beside it), the log of a run is read page by page instead,
without the lines that attempts write.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from aob._backoff import Backoff
from aob._calls import Call, segment
from aob.errors import ApiError, StreamReset, Unreachable
from aob.models import EventPage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import httpx2

    from aob._transport import AsyncTransport, Transport

__all__ = ["AsyncStreams", "Event", "Streams"]

_PAGE_EVENTS = 1_000
_LOOK_AGAIN_S = 0.2
"""The wait between two looks at a log, where there is no stream."""


@dataclass(frozen=True, slots=True)
class Event:
    """One record of a stream."""

    type: str
    """Type of the event, such as `node_completed`; `log` for lines that an attempt wrote."""
    data: Any
    """The event as the log has it; of a workspace's stream `{"run", "event"}`."""
    id: str | None
    """Where to resume behind it: its seq, or a cursor. Log lines have none."""


class _Cursor:
    """Where a stream is, and what its next request asks for."""

    def __init__(
        self, path: str, query: dict[str, Any], after: str | None, pages: str | None = None
    ) -> None:
        self.path = path
        self.query = query
        self.after = after
        self.ended = False
        self.backoff = Backoff()
        self.paging = False
        """True: the server has no streams, so pages are read."""
        self._pages = pages

    def headers(self) -> dict[str, Any]:
        return {"Last-Event-ID": self.after}

    def take(self, said: httpx2.ServerSentEvent) -> Event | None:
        """What a record is to the caller; `None`: nothing."""
        if said.event == "end":
            self.ended = True
            return None
        if said.event == "reset":
            raise StreamReset(said.data)
        if not said.data:
            return None
        self.backoff.reset()
        own = said.event != "log" and bool(said.id)
        if own:
            self.after = said.id
        return Event(said.event, json.loads(said.data), said.id if own else None)

    def page(self) -> Call[EventPage]:
        """What asks for the next page of the log."""
        query = {"after": self.after or 0, "limit": _PAGE_EVENTS}
        return Call("GET", self._pages or "", EventPage, query=query)

    def take_page(self, page: EventPage) -> Iterator[Event]:
        """What a page is to the caller."""
        self.backoff.reset()
        for event in page.items:
            self.after = str(event["seq"])
            if self._wanted(event["type"]):
                yield Event(event["type"], event, self.after)
        self.ended = page.ended and page.next_after >= page.head_seq

    def _wanted(self, kind: str) -> bool:
        wanted = (self.query.get("types") or "*").split(",")
        return any(fnmatchcase(kind, pattern.strip()) for pattern in wanted)

    def wait_s(self, error: ApiError | Unreachable) -> float:
        """How long to wait before the next connection."""
        if isinstance(error, Unreachable):
            return self.backoff.next_s()
        if error.code == "route_not_found" and self._pages and not self.paging:
            self.paging = True
            return 0.0
        if not error.retryable:
            raise error
        return self.backoff.next_s(error.retry_after_ms)


def _of_run(run: str, after: int | None, types: str | None, logs_after: int | None) -> _Cursor:
    query = {"types": types, "logs_after": logs_after}
    base = f"/v1/runs/{segment(run)}"
    at = None if after is None else str(after)
    return _Cursor(f"{base}/stream", query, at, f"{base}/events")


def _of_workspace(after: str | None, types: str | None, *, from_start: bool) -> _Cursor:
    query = {"types": types, "from": "start" if from_start and after is None else None}
    return _Cursor("/v1/stream", query, after)


class Streams:
    """`client.streams`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def run(
        self,
        run: str,
        *,
        after: int | None = None,
        types: str | None = None,
        logs_after: int | None = None,
    ) -> Iterator[Event]:
        """Follows the log of a run to its end.

        Args:
            run: The run.
            after: Only events behind this seq.
            types: Only these types, with commas: `node_completed,run_*,log`.
            logs_after: Only log lines behind this `n`.
        """
        return self._follow(_of_run(run, after, types, logs_after))

    def workspace(
        self, *, after: str | None = None, types: str | None = None, from_start: bool = False
    ) -> Iterator[Event]:
        """Follows all runs of the workspace, from now on or from where the caller left off.

        Args:
            after: `id` of an event of this stream.
            types: Only these types, with commas.
            from_start: Everything that the log has, first.
        """
        return self._follow(_of_workspace(after, types, from_start=from_start))

    def _follow(self, cursor: _Cursor) -> Iterator[Event]:
        while not cursor.ended:
            try:
                if cursor.paging:
                    page = self._transport.send(cursor.page())
                    yield from cursor.take_page(page)
                    time.sleep(0.0 if page.items or cursor.ended else _LOOK_AGAIN_S)
                    continue
                with self._transport.events(cursor.path, cursor.query, cursor.headers()) as source:
                    for said in source:
                        event = cursor.take(said)
                        if event is not None:
                            yield event
                pause = cursor.backoff.next_s()
            except (ApiError, Unreachable) as error:
                pause = cursor.wait_s(error)
            if not cursor.ended:
                time.sleep(pause)


class AsyncStreams:
    """`client.streams`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    def run(
        self,
        run: str,
        *,
        after: int | None = None,
        types: str | None = None,
        logs_after: int | None = None,
    ) -> AsyncIterator[Event]:
        """Follows the log of a run to its end; the arguments are those of `Streams.run`."""
        return self._follow(_of_run(run, after, types, logs_after))

    def workspace(
        self, *, after: str | None = None, types: str | None = None, from_start: bool = False
    ) -> AsyncIterator[Event]:
        """Follows all runs of the workspace; the arguments are those of `Streams.workspace`."""
        return self._follow(_of_workspace(after, types, from_start=from_start))

    async def _follow(self, cursor: _Cursor) -> AsyncIterator[Event]:
        while not cursor.ended:
            try:
                if cursor.paging:
                    page = await self._transport.send(cursor.page())
                    for event in cursor.take_page(page):
                        yield event
                    await asyncio.sleep(0.0 if page.items or cursor.ended else _LOOK_AGAIN_S)
                    continue
                events = self._transport.events(cursor.path, cursor.query, cursor.headers())
                async with events as source:
                    async for said in source:
                        taken = cursor.take(said)
                        if taken is not None:
                            yield taken
                pause = cursor.backoff.next_s()
            except (ApiError, Unreachable) as error:
                pause = cursor.wait_s(error)
            if not cursor.ended:
                await asyncio.sleep(pause)
