"""Models of Anthropic, through the official client (`aob[anthropic]`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aob.errors import Failure
from aob.llm._errors import translated
from aob.llm.types import Assistant, ModelUnavailable, Request, Said, ToolCall, Turn, User

if TYPE_CHECKING:
    import httpx2
    from anthropic import AsyncAnthropic

__all__ = ["AnthropicBackend"]

_STOPS = {"tool_use": "tools", "max_tokens": "length", "refusal": "refusal"}


class AnthropicBackend:
    """Messages, streamed. System prompt and tools are marked for the provider's cache."""

    provider = "anthropic"

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        """Connects to nothing yet.

        Args:
            api_key: Without one, that of `ANTHROPIC_API_KEY`.
            base_url: Without one, that of `ANTHROPIC_BASE_URL`, else Anthropic's own.
            http: The pooled client that requests go through.

        Raises:
            Failure: The extra `aob[anthropic]` is not installed.
        """
        try:
            import anthropic  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise Failure("model_client_missing", "pip install 'aob[anthropic]'") from error
        self._errors = anthropic
        self._client: AsyncAnthropic = anthropic.AsyncAnthropic(
            api_key=api_key, base_url=base_url, http_client=http, max_retries=0
        )

    async def aclose(self) -> None:
        """The client that requests go through belongs to whoever made it."""

    async def turn(self, request: Request, said: Said) -> Turn:
        """The model's next turn.

        Raises:
            ModelUnavailable: Trying again may help.
            Failure: It would not.
        """
        with translated(self._errors):
            async with self._client.messages.stream(**_body(request)) as stream:
                async for text in stream.text_stream:
                    said(text)
                return _turn(await stream.get_final_message())


def _body(request: Request) -> dict[str, Any]:
    cached = {"type": "ephemeral"}
    body: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "system": [{"type": "text", "text": request.system, "cache_control": cached}],
        "messages": [_message(message) for message in request.messages],
        **request.options,
    }
    if request.tools:
        body["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
            for tool in request.tools
        ]
    return body


def _message(message: Any) -> dict[str, Any]:
    if isinstance(message, User):
        return {"role": "user", "content": message.text}
    if isinstance(message, Assistant):
        # Unchanged: a thought has to come back with the signature that it came with.
        return {"role": "assistant", "content": message.turn.raw}
    return {
        "role": "user",
        "content": [
            {
                "type": "tool_result",
                "tool_use_id": result.call.id,
                "content": result.text,
                "is_error": result.failed,
            }
            for result in message.results
        ],
    }


def _turn(message: Any) -> Turn:
    if message.stop_reason is None:
        raise ModelUnavailable("model_unreachable", "the stream broke off")
    usage = message.usage
    read = getattr(usage, "cache_read_input_tokens", 0) or 0
    written = getattr(usage, "cache_creation_input_tokens", 0) or 0
    return Turn(
        text="".join(block.text for block in message.content if block.type == "text"),
        tool_calls=tuple(
            ToolCall(block.id, block.name, json.dumps(block.input))
            for block in message.content
            if block.type == "tool_use"
        ),
        stop=_STOPS.get(message.stop_reason or "", "end"),  # type: ignore[arg-type]
        served_model=message.model,
        input_tokens=(usage.input_tokens or 0) + read + written,
        cached_input_tokens=read,
        output_tokens=usage.output_tokens or 0,
        raw=[block.model_dump(mode="json", exclude_none=True) for block in message.content],
    )
