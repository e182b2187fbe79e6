"""A request as data: written once, sent by the blocking and by the asynchronous client."""

from __future__ import annotations

import functools
import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast
from urllib.parse import quote

from pydantic import BaseModel, TypeAdapter, ValidationError

from aob.errors import AobError, ApiError, PatchRejected, problem_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "Answer",
    "Call",
    "Unset",
    "body_of",
    "fresh_key",
    "if_match_of",
    "prefer",
    "read",
    "refusal",
    "segment",
    "to_json",
    "unset",
]

T = TypeVar("T")

_PATCH_CODES = frozenset({"patch_refused", "patch_conflict"})


class Unset:
    """The type of `unset`: an argument that was left out, where `None` would mean JSON null."""

    def __repr__(self) -> str:
        return "unset"

    def __bool__(self) -> bool:
        return False


unset = Unset()


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and the type of its answer."""

    method: str
    path: str
    answer: Any
    """What a successful answer is read as: a type, `bytes` for the body as it came, or `None`."""
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)
    body: Any = unset
    repeatable: bool = True
    """False: it may be sent once only, since a repetition would do it twice."""
    wait_s: float = 0.0
    """How long the server was asked to wait before it answers."""

    def query_items(self) -> list[tuple[str, str]]:
        """The query as it is sent: lists repeat their key, what was left out is not there."""
        items: list[tuple[str, str]] = []
        for key, value in self.query.items():
            values = value if isinstance(value, (list, tuple)) else [value]
            items.extend((key, _text(one)) for one in values if one is not None)
        return items

    def header_items(self) -> dict[str, str]:
        """The headers as they are sent."""
        said = {key: str(value) for key, value in self.headers.items() if value is not None}
        if not isinstance(self.body, Unset):
            said["content-type"] = "application/json"
        return said

    def content(self) -> bytes | None:
        """The body as it is sent."""
        if isinstance(self.body, Unset):
            return None
        return self.body if isinstance(self.body, bytes) else to_json(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whichever client sent the call."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def to_json(value: Any) -> bytes:
    """JSON text of a value in which models may stand.

    Raises:
        AobError: It has something in it that is no JSON.
    """
    try:
        return json.dumps(
            value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_model
        ).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise AobError(f"this is no JSON: {error}") from error


def body_of(fields: Mapping[str, Any], required: Sequence[str]) -> dict[str, Any]:
    """The body of a request: what was left out is not there, what is required may be null."""
    return {k: v for k, v in fields.items() if v is not None or k in required}


def fresh_key() -> str:
    """A key that makes the repetitions of one call harmless."""
    return str(uuid.uuid4())


def if_match_of(version: int | None) -> str | None:
    """A version as `If-Match` names it."""
    return None if version is None else f'"{version}"'


def prefer(wait: int | None) -> str | None:
    """A wish to wait as `Prefer` says it."""
    return None if wait is None else f"wait={wait}"


def segment(value: str) -> str:
    """A value as one segment of a path."""
    return quote(value, safe="@:")


def read(call: Call[T], answer: Answer) -> T:
    """What a call came to.

    Raises:
        ApiError: The server refused it.
        AobError: The answer is not what this version of the package understands.
    """
    if not 200 <= answer.status < 300:
        raise refusal(answer)
    if call.answer is None:
        return cast("T", None)
    if call.answer is bytes:
        return cast("T", answer.body)
    try:
        return cast("T", _adapter(call.answer).validate_json(answer.body))
    except ValidationError as error:
        raise AobError(
            f"the answer to {call.method} {call.path} is not understood: {error}"
        ) from error


def refusal(answer: Answer) -> ApiError:
    """The exception that an unsuccessful answer is."""
    problem = problem_of(answer.status, answer.headers.get("content-type", ""), answer.body)
    kind = PatchRejected if problem.code in _PATCH_CODES else ApiError
    return kind(problem, retry_after_ms=retry_after_ms(answer.headers))


def retry_after_ms(headers: Mapping[str, str]) -> int | None:
    """What `Retry-After` asks for, where it counts seconds, or `retry-after-ms`."""
    exact = headers.get("retry-after-ms", "").strip()
    if exact.isdigit():
        return int(exact)
    text = headers.get("retry-after", "").strip()
    return round(float(text) * 1000) if text.replace(".", "", 1).isdigit() else None


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _model(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_unset=True)
    raise TypeError(f"{type(value).__name__} is no JSON")
