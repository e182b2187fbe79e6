"""Clients of the whole API: `Client` blocks, `AsyncClient` belongs to an event loop.

    from aob import Client

    with Client() as client:
        run = client.runs.start("onboarding", inputs={"customer": "c-1005"}, wait=30)
        print(run.status, run.output)

The operations are methods of resources, by the words of the API: `client.runs.patches.propose`,
`client.tags.undo`. A list has `list`, one page, and `all`, an iterator over every page. What is
harmless to repeat is repeated where the server does not answer or asks to wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from aob._async_operations import AsyncOperations
from aob._operations import Operations
from aob._transport import AsyncTransport, Transport
from aob.settings import Settings
from aob.streams import AsyncStreams, Streams

if TYPE_CHECKING:
    from types import TracebackType

    import httpx2

    from aob._calls import Call

__all__ = ["AsyncClient", "Client"]


class Client(Operations):
    """A client that blocks. Threads may share it."""

    def __init__(
        self,
        server: str | None = None,
        token: str | None = None,
        *,
        profile: str | None = None,
        tries: int = 3,
        http: httpx2.Client | None = None,
    ) -> None:
        """Connects to nothing yet.

        Args:
            server: Base URL; without one, that of environment or profile (`Settings.load`).
            token: API key; without one, that of environment or profile.
            profile: Name of a profile of `aob`.
            tries: How often a call is sent at most.
            http: HTTP client to use; it brings its base URL and headers itself.
        """
        self.settings = Settings.load(server, token, profile=profile)
        transport = Transport(self.settings, tries=tries, http=http)
        super().__init__(transport)
        self.streams = Streams(transport)

    def send(self, call: Call[Any]) -> Any:
        """Sends a call that was put together by hand."""
        return self._transport.send(call)

    def close(self) -> None:
        """Closes its connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncClient(AsyncOperations):
    """A client for one event loop."""

    def __init__(
        self,
        server: str | None = None,
        token: str | None = None,
        *,
        profile: str | None = None,
        tries: int = 3,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        """Connects to nothing yet; the arguments are those of `Client`."""
        self.settings = Settings.load(server, token, profile=profile)
        transport = AsyncTransport(self.settings, tries=tries, http=http)
        super().__init__(transport)
        self.streams = AsyncStreams(transport)

    async def send(self, call: Call[Any]) -> Any:
        """Sends a call that was put together by hand."""
        return await self._transport.send(call)

    async def aclose(self) -> None:
        """Closes its connections."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()
