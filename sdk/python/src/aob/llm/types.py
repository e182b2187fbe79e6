"""What a conversation with a model consists of, whoever serves the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from aob.tools import Tool

__all__ = [
    "Assistant",
    "Backend",
    "Message",
    "ModelUnavailable",
    "Request",
    "Said",
    "ToolCall",
    "ToolResult",
    "ToolResults",
    "Turn",
    "User",
]

Said = Callable[[str], None]
"""Is told pieces of text as they arrive."""


class ModelUnavailable(Exception):
    """A model did not answer this time."""

    def __init__(self, code: str, message: str, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        """`model_rate_limited`, `model_overloaded`, `model_timeout` or `model_unreachable`."""
        self.retry_after_ms = retry_after_ms
        """When to try again at the earliest, where the provider says so."""

    @property
    def refused(self) -> bool:
        """True where the provider did no work, so that nothing was spent."""
        return self.code in {"model_rate_limited", "model_overloaded"}


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model asks for a tool."""

    id: str
    name: str
    arguments: str
    """JSON text as the model wrote it; it need not be valid."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered."""

    call: ToolCall
    text: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer of a model."""

    text: str
    tool_calls: tuple[ToolCall, ...]
    stop: Literal["end", "tools", "length", "refusal"]
    served_model: str
    """Id of the model that answered, as the provider says it."""
    input_tokens: int = 0
    """All that was read, cached or not."""
    cached_input_tokens: int = 0
    """Of these, those that the provider had in its cache."""
    output_tokens: int = 0
    raw: Any = None
    """The message in the provider's own form, where it has to be sent back unchanged."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody says something to the model."""

    text: str


@dataclass(frozen=True, slots=True)
class Assistant:
    """The model said something."""

    turn: Turn


@dataclass(frozen=True, slots=True)
class ToolResults:
    """The answers to all tool calls of a turn, in its order."""

    results: tuple[ToolResult, ...]


Message = User | Assistant | ToolResults


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is asked. `system` and `tools` come first and stay byte for byte the same within
    a conversation, so that providers find them in their caches.
    """

    model: str
    system: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    schema: Any = None
    """JSON Schema of the final answer; `None`: text."""
    max_tokens: int = 4096
    options: dict[str, Any] = field(default_factory=dict)
    """Passed on to the provider as they are, such as `temperature`."""


class Backend(Protocol):
    """Serves models."""

    provider: str
    """Its name in records of usage."""

    async def turn(self, request: Request, said: Said) -> Turn:
        """The model's next turn.

        Raises:
            ModelUnavailable: Trying again may help.
            Failure: It would not.
        """

    async def aclose(self) -> None:
        """Closes what it has opened itself."""
