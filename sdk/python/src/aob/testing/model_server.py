#!/usr/bin/env python3
r"""A scripted model behind the APIs of OpenAI and Anthropic: agents run offline, always alike.

    python model_server.py script.json --port 8089
    export OPENAI_BASE_URL=http://127.0.0.1:8089/v1 OPENAI_API_KEY=scripted

Python's standard library is all that it needs. A script is a list of conversations; one counts
where `when` occurs in the first message or is the model's name (without `when`: always). Its turns
are given in order, by how often the model has spoken already, so that repetitions get the same:

    [{"when": "sanctions", "turns": [
        {"tool_calls": [{"name": "lookup", "arguments": {"country": "AT"}}]},
        {"text": "{\"risk\": \"low\"}"}]}]

A turn is `text`, `tool_calls`, both, or a `refusal`. `stop: "length"` cuts it short. `faults` are
what its first requests meet instead, one each: `{"status": 429, "retry_after": 1}`,
`{"cut": true}` (the connection breaks within the stream) or `{"stall": true}` (it falls silent).
`pace_s` is the wait between pieces of the stream. Of what a request repeats word for word from the
beginning of an earlier one, the usage says that it was cached, as with providers.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ScriptedModel"]

_PIECE_CHARS = 24
_CHARS_PER_TOKEN = 4
_STALL_S = 3_600.0


class ScriptedModel:
    """The server; a context manager that serves from a thread of its own."""

    def __init__(self, script: list[dict[str, Any]], *, port: int = 0) -> None:
        """Listens already; `port` 0 takes a free one."""
        self.script = script
        self.requests: list[dict[str, Any]] = []
        """Bodies of all requests, in order."""
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self._met: dict[str, int] = {}
        self._seen: list[str] = []
        model = self

        class Handler(_Handler):
            owner = model

        self._http = QuietServer(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.01,), name="scripted model", daemon=True
        )

    @property
    def url(self) -> str:
        """What `OPENAI_BASE_URL` is to be; Anthropic's is the same without `/v1`."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def __enter__(self) -> ScriptedModel:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stops serving."""
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()

    def serve(self) -> None:
        """Serves until it is interrupted."""
        with suppress(KeyboardInterrupt):
            self._http.serve_forever()

    def answer(self, body: dict[str, Any], said: list[dict[str, Any]]) -> dict[str, Any]:
        """The turn that a request gets, or the fault."""
        spoken = sum(message.get("role") == "assistant" for message in said)
        first = next((_text(message) for message in said if message.get("role") == "user"), "")
        key = json.dumps(said, sort_keys=True)
        with self.lock:
            self.requests.append(body)
            times = self._met[key] = self._met.get(key, 0) + 1
        for conversation in self.script:
            when = conversation.get("when", "")
            if when in first or when == body.get("model"):
                turns = conversation["turns"]
                turn: dict[str, Any] = turns[min(spoken, len(turns) - 1)]
                faults = turn.get("faults", [])
                fault: dict[str, Any] = faults[times - 1] if times <= len(faults) else {}
                return {**turn, **fault}
        return {"status": 404, "message": f"no conversation of the script is about: {first[:200]}"}

    def usage(self, prompt: str, answer: str) -> tuple[int, int, int]:
        """Tokens read, of these cached, and written."""
        with self.lock:
            cached = max((_common(prompt, earlier) for earlier in self._seen), default=0)
            self._seen.append(prompt)
        counts = (len(prompt), cached, len(answer) + _CHARS_PER_TOKEN)
        read, cached, written = (count // _CHARS_PER_TOKEN for count in counts)
        return read, cached, written


class QuietServer(ThreadingHTTPServer):
    """Takes many connections at once, and does not mind those that break."""

    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of connections that were broken off."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Speaks both protocols."""

    protocol_version = "HTTP/1.1"
    owner: ScriptedModel

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_POST(self) -> None:
        """Answers a request."""
        length = int(self.headers.get("content-length", "0"))
        body = json.loads(self.rfile.read(length))
        with suppress(BrokenPipeError, ConnectionResetError):
            if self.path.endswith("/chat/completions"):
                self._respond(body, body["messages"], _openai_chunks)
            elif self.path.endswith("/messages"):
                self._respond(body, body["messages"], _anthropic_chunks)
            else:
                self._problem(404, f"there is no {self.path} here", None)

    def _respond(self, body: dict[str, Any], said: list[dict[str, Any]], chunks: Any) -> None:
        turn = self.owner.answer(body, said)
        if "status" in turn:
            message = turn.get("message", "the script says so")
            self._problem(turn["status"], message, turn.get("retry_after"))
            return
        # What comes first in a request: this is what providers cache by.
        parts = [body.get("system"), body.get("tools"), said]
        usage = self.owner.usage(json.dumps(parts), _written(turn))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        for count, chunk in enumerate(chunks(turn, body.get("model", ""), usage)):
            if count > 0 and self._broken(turn):
                return
            self.wfile.write(chunk.encode())
            self.wfile.flush()

    def _broken(self, turn: dict[str, Any]) -> bool:
        """Waits between two pieces as the script says; true where no more of them come."""
        if turn.get("cut"):
            return True
        pause = _STALL_S if turn.get("stall") else turn.get("pace_s", 0.0)
        return bool(pause) and self.owner.closing.wait(pause)

    def _problem(self, status: int, message: str, retry_after: float | None) -> None:
        content = json.dumps({"type": "error", "error": {"type": "scripted", "message": message}})
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content.encode())))
        if retry_after is not None:
            self.send_header("retry-after", str(retry_after))
        self.end_headers()
        self.wfile.write(content.encode())


def _openai_chunks(turn: dict[str, Any], model: str, usage: tuple[int, int, int]) -> Iterator[str]:
    def chunk(delta: dict[str, Any], reason: str | None = None, spent: Any = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        said = {
            "id": "scripted",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": turn.get("model", model),
            "choices": [] if spent else [choice],
            "usage": spent,
        }
        return f"data: {json.dumps(said)}\n\n"

    yield chunk({"role": "assistant"})
    for piece in _pieces(turn.get("text", "")):
        yield chunk({"content": piece})
    if "refusal" in turn:
        yield chunk({"refusal": turn["refusal"]})
    calls = turn.get("tool_calls", [])
    for index, call in enumerate(calls):
        function = {"name": call["name"], "arguments": ""}
        yield chunk(
            {
                "tool_calls": [
                    {"index": index, "id": _id(index), "type": "function", "function": function}
                ]
            }
        )
        for piece in _pieces(_arguments(call)):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, turn.get("stop") or ("tool_calls" if calls else "stop"))
    read, cached, written = usage
    spent = {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
    yield chunk({}, spent=spent)
    yield "data: [DONE]\n\n"


def _anthropic_chunks(
    turn: dict[str, Any], model: str, usage: tuple[int, int, int]
) -> Iterator[str]:
    def event(kind: str, **said: Any) -> str:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **said})}\n\n"

    read, cached, written = usage
    spent = {
        "input_tokens": read - cached,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": 0,
        "output_tokens": 1,
    }
    message = {
        "id": "msg_scripted",
        "type": "message",
        "role": "assistant",
        "model": turn.get("model", model),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": spent,
    }
    yield event("message_start", message=message)
    text = turn.get("refusal") or turn.get("text", "")
    if text:
        yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        for piece in _pieces(text):
            delta = {"type": "text_delta", "text": piece}
            yield event("content_block_delta", index=0, delta=delta)
        yield event("content_block_stop", index=0)
    calls = turn.get("tool_calls", [])
    for index, call in enumerate(calls, 1 if text else 0):
        block = {"type": "tool_use", "id": _id(index), "name": call["name"], "input": {}}
        yield event("content_block_start", index=index, content_block=block)
        for piece in _pieces(_arguments(call)):
            delta = {"type": "input_json_delta", "partial_json": piece}
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    reason = "refusal" if "refusal" in turn else "tool_use" if calls else "end_turn"
    reason = "max_tokens" if turn.get("stop") == "length" else reason
    end = {"stop_reason": reason, "stop_sequence": None}
    yield event("message_delta", delta=end, usage={"output_tokens": written})
    yield event("message_stop")


def _pieces(text: str) -> Iterator[str]:
    for at in range(0, len(text), _PIECE_CHARS):
        yield text[at : at + _PIECE_CHARS]


def _arguments(call: dict[str, Any]) -> str:
    """Arguments as text; a script may give text that is no JSON."""
    said: Any = call.get("arguments", {})
    return said if isinstance(said, str) else json.dumps(said)


def _id(index: int) -> str:
    return f"call_{index}"


def _written(turn: dict[str, Any]) -> str:
    calls = json.dumps(turn.get("tool_calls", []))
    return f"{turn.get('text', '')}{turn.get('refusal', '')}{calls}"


def _text(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content if isinstance(part, dict))


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def main() -> None:
    """Serves a script from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("script", type=Path, help="file with the script, JSON")
    parser.add_argument("--port", type=int, default=8089, help="0 takes a free one")
    options = parser.parse_args()
    model = ScriptedModel(json.loads(options.script.read_text()), port=options.port)
    print(model.url, flush=True)  # noqa: T201 - what the caller exports
    model.serve()


if __name__ == "__main__":
    main()
