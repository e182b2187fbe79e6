"""How calls travel: one pooled HTTP client for each transport, and what is repeated when."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import httpx2

from aob._backoff import Backoff
from aob._calls import Answer, Call, read, refusal
from aob._version import __version__
from aob.errors import ApiError, Unreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from aob.settings import Settings

__all__ = ["AsyncTransport", "Transport"]

T = TypeVar("T")

_TIMEOUT_S = 30.0
_CONNECTIONS_MAX = 32
"""To a server without HTTP/2. More cost more to look after than they bring."""
_STREAM_IDLE_S = 45.0
"""A stream says something every 15 s, so after this long without it is dead."""
_EVENT_BYTES_MAX = 16 * 1024 * 1024


class _Shared:
    """What the blocking and the asynchronous transport have in common."""

    def __init__(self, settings: Settings, tries: int) -> None:
        self.settings = settings
        self._tries = max(tries, 1)

    def _options(self) -> dict[str, Any]:
        headers = {"accept": "application/json", "user-agent": f"aob-python/{__version__}"}
        if self.settings.token is not None:
            headers["authorization"] = f"Bearer {self.settings.token}"
        return {
            "base_url": self.settings.server,
            "headers": headers,
            "http2": True,
            "timeout": httpx2.Timeout(_TIMEOUT_S, connect=10.0),
            "limits": httpx2.Limits(max_connections=_CONNECTIONS_MAX, keepalive_expiry=60.0),
        }

    @staticmethod
    def _request(call: Call[Any]) -> dict[str, Any]:
        return {
            "method": call.method,
            "url": call.path,
            "params": call.query_items(),
            "headers": call.header_items(),
            "content": call.content(),
            "timeout": httpx2.Timeout(_TIMEOUT_S + call.wait_s, connect=10.0),
        }

    @staticmethod
    def _stream_request(path: str, query: Any, headers: Any) -> dict[str, Any]:
        call: Call[None] = Call("GET", path, None, query=query, headers=headers)
        return {
            "method": "GET",
            "url": path,
            "params": call.query_items(),
            "headers": {**call.header_items(), "accept": "text/event-stream"},
            "timeout": httpx2.Timeout(_STREAM_IDLE_S, connect=10.0),
        }

    def _wait_s(
        self, call: Call[Any], tried: int, backoff: Backoff, error: Exception
    ) -> float | None:
        """How long to wait before the next try; `None`: there is none."""
        if tried >= self._tries or not call.repeatable:
            return None
        if isinstance(error, ApiError):
            return backoff.next_s(error.retry_after_ms) if error.retryable else None
        return backoff.next_s()


class Transport(_Shared):
    """Sends calls and blocks until they are answered. Threads may share it."""

    def __init__(
        self,
        settings: Settings,
        *,
        tries: int = 3,
        http: httpx2.Client | None = None,
    ) -> None:
        super().__init__(settings, tries)
        self._http = http or httpx2.Client(**self._options())

    def close(self) -> None:
        """Closes its connections."""
        self._http.close()

    def send(self, call: Call[T]) -> T:
        """Sends a call, again where that is harmless and may help.

        Raises:
            ApiError: The server refused it.
            Unreachable: No answer came.
        """
        backoff, tried = Backoff(), 0
        while True:
            tried += 1
            try:
                return read(call, self._once(call))
            except (ApiError, Unreachable) as error:
                wait = self._wait_s(call, tried, backoff, error)
                if wait is None:
                    raise
            time.sleep(wait)

    def _once(self, call: Call[Any]) -> Answer:
        try:
            said = self._http.request(**self._request(call))
        except httpx2.HTTPError as error:
            raise _unreachable(self.settings, error) from error
        return Answer(said.status_code, said.headers, said.content)

    @contextmanager
    def events(self, path: str, query: Any, headers: Any) -> Iterator[httpx2.EventSource]:
        """Opens a stream of server-sent events."""
        try:
            with self._http.stream(**self._stream_request(path, query, headers)) as said:
                if said.status_code != 200:
                    raise refusal(Answer(said.status_code, said.headers, said.read()))
                yield httpx2.EventSource(said, _EVENT_BYTES_MAX)
        except httpx2.HTTPError as error:
            raise _unreachable(self.settings, error) from error


class AsyncTransport(_Shared):
    """Sends calls from one event loop."""

    def __init__(
        self,
        settings: Settings,
        *,
        tries: int = 3,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        super().__init__(settings, tries)
        self._http = http or httpx2.AsyncClient(**self._options())

    async def aclose(self) -> None:
        """Closes its connections."""
        await self._http.aclose()

    async def send(self, call: Call[T]) -> T:
        """Sends a call, again where that is harmless and may help.

        Raises:
            ApiError: The server refused it.
            Unreachable: No answer came.
        """
        backoff, tried = Backoff(), 0
        while True:
            tried += 1
            try:
                return read(call, await self._once(call))
            except (ApiError, Unreachable) as error:
                wait = self._wait_s(call, tried, backoff, error)
                if wait is None:
                    raise
            await asyncio.sleep(wait)

    async def _once(self, call: Call[Any]) -> Answer:
        try:
            said = await self._http.request(**self._request(call))
        except httpx2.HTTPError as error:
            raise _unreachable(self.settings, error) from error
        return Answer(said.status_code, said.headers, said.content)

    @asynccontextmanager
    async def events(
        self, path: str, query: Any, headers: Any
    ) -> AsyncIterator[httpx2.EventSource]:
        """Opens a stream of server-sent events."""
        try:
            async with self._http.stream(**self._stream_request(path, query, headers)) as said:
                if said.status_code != 200:
                    raise refusal(Answer(said.status_code, said.headers, await said.aread()))
                yield httpx2.EventSource(said, _EVENT_BYTES_MAX)
        except httpx2.HTTPError as error:
            raise _unreachable(self.settings, error) from error


def _unreachable(settings: Settings, error: Exception) -> Unreachable:
    reason = str(error) or type(error).__name__
    return Unreachable(f"{settings.server}: {reason}")
