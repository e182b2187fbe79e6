"""Models behind an OpenAI-compatible endpoint, through the official client (`aob[openai]`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aob.errors import Failure
from aob.llm._errors import translated
from aob.llm.types import Assistant, ModelUnavailable, Request, Said, ToolCall, Turn, User

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

__all__ = ["OpenAIBackend"]


class OpenAIBackend:
    """Chat completions, streamed."""

    provider = "openai"

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        http: httpx2.AsyncClient | None = None,
        native_schema: bool = True,
    ) -> None:
        """Connects to nothing yet.

        Args:
            api_key: Without one, that of `OPENAI_API_KEY`.
            base_url: Without one, that of `OPENAI_BASE_URL`, else OpenAI's own.
            http: The pooled client that requests go through.
            native_schema: False where the endpoint knows no `response_format`.

        Raises:
            Failure: The extra `aob[openai]` is not installed.
        """
        try:
            import openai  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise Failure("model_client_missing", "pip install 'aob[openai]'") from error
        self._errors = openai
        self._native_schema = native_schema
        self._client: AsyncOpenAI = openai.AsyncOpenAI(
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
            stream = await self._client.chat.completions.create(**self._body(request))
            gathered = _Gathered(request.model)
            async for chunk in stream:
                gathered.add(chunk, said)
            return gathered.turn()

    def _body(self, request: Request) -> dict[str, Any]:
        messages: list[dict[str, Any]] = [{"role": "system", "content": request.system}]
        for message in request.messages:
            messages.extend(_messages(message))
        body: dict[str, Any] = {
            "model": request.model,
            "messages": messages,
            "max_completion_tokens": request.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
            **request.options,
        }
        if request.tools:
            body["tools"] = [
                {
                    "type": "function",
                    "function": {
                        "name": tool.name,
                        "description": tool.description,
                        "parameters": tool.parameters,
                    },
                }
                for tool in request.tools
            ]
        if request.schema is not None and self._native_schema:
            schema = request.schema if isinstance(request.schema, dict) else {}
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": schema},
            }
        return body


class _Gathered:
    """A turn as it arrives."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._calls: dict[int, dict[str, str]] = {}
        self._reason: str | None = None
        self._usage: Any = None

    def add(self, chunk: Any, said: Said) -> None:
        """Takes a chunk."""
        self._model = chunk.model or self._model
        self._usage = chunk.usage or self._usage
        for choice in chunk.choices[:1]:
            self._reason = choice.finish_reason or self._reason
            delta = choice.delta
            if delta.content:
                self._text.append(delta.content)
                said(delta.content)
            if getattr(delta, "refusal", None):
                self._refusal.append(delta.refusal)
            for part in delta.tool_calls or []:
                call = self._calls.setdefault(part.index, {"id": "", "name": "", "arguments": ""})
                call["id"] = part.id or call["id"]
                if part.function is not None:
                    call["name"] += part.function.name or ""
                    call["arguments"] += part.function.arguments or ""

    def turn(self) -> Turn:
        """The whole turn.

        Raises:
            ModelUnavailable: The stream ended in the middle.
        """
        if self._reason is None:
            raise ModelUnavailable("model_unreachable", "the stream broke off")
        calls = tuple(
            ToolCall(call["id"] or f"call_{index}", call["name"], call["arguments"])
            for index, call in sorted(self._calls.items())
        )
        text = "".join(self._text)
        usage = self._usage
        details = getattr(usage, "prompt_tokens_details", None)
        refused = bool(self._refusal) or self._reason == "content_filter"
        stop = "refusal" if refused else "tools" if calls else "end"
        if self._reason == "length" and stop == "end":
            stop = "length"
        return Turn(
            text="".join(self._refusal) or text if refused else text,
            tool_calls=calls,
            stop=stop,  # type: ignore[arg-type]
            served_model=self._model,
            input_tokens=getattr(usage, "prompt_tokens", 0) or 0,
            cached_input_tokens=getattr(details, "cached_tokens", 0) or 0,
            output_tokens=getattr(usage, "completion_tokens", 0) or 0,
        )


def _messages(message: Any) -> list[dict[str, Any]]:
    if isinstance(message, User):
        return [{"role": "user", "content": message.text}]
    if isinstance(message, Assistant):
        said: dict[str, Any] = {"role": "assistant", "content": message.turn.text or None}
        if message.turn.tool_calls:
            said["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in message.turn.tool_calls
            ]
        return [said]
    return [
        {"role": "tool", "tool_call_id": result.call.id, "content": result.text}
        for result in message.results
    ]
