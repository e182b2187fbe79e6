"""Everything that this package raises.

* `ApiError`: the server refused a request and says why, as RFC 9457 has it.
* `Unreachable`: no answer came, so nobody knows whether the request was carried out.
* `Failure`: raised by an agent or function to end its attempt with a code of its own.
* `Cancelled`: the run does not want the attempt any more.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aob.models import Problem, ProblemItem

__all__ = [
    "AobError",
    "ApiError",
    "Cancelled",
    "Failure",
    "PatchRejected",
    "SettingsError",
    "StreamReset",
    "Unreachable",
]


class AobError(Exception):
    """What all errors of this package have in common."""


class SettingsError(AobError):
    """The settings name no server that could be used."""


class Unreachable(AobError):
    """No answer came. The request may have been carried out; repeat it with the same key."""


class StreamReset(AobError):
    """What the stream was to resume behind is no longer there; begin anew."""


class ApiError(AobError):
    """The server refused a request."""

    def __init__(self, problem: Problem, *, retry_after_ms: int | None = None) -> None:
        super().__init__(describe(problem))
        self.problem = problem
        """All that the server said."""
        self.retry_after_ms = retry_after_ms or problem.retry_after_ms
        """When to try again at the earliest, where the server says so."""

    @property
    def status(self) -> int:
        """HTTP status."""
        return self.problem.status

    @property
    def code(self) -> str:
        """Stable name of the kind of problem, such as `patch_refused`."""
        return self.problem.code

    @property
    def errors(self) -> Sequence[ProblemItem]:
        """Every single thing that is wrong, with pointer, hint and example."""
        return self.problem.errors or ()

    @property
    def retryable(self) -> bool:
        """True where the same request may succeed later."""
        return self.status in {408, 429} or self.status >= 500

    def for_model(self) -> dict[str, Any]:
        """What a language model needs to correct itself: codes, pointers, hints, examples."""
        return problem_for_model(self.problem)


class PatchRejected(ApiError):
    """A patch was refused by the rules of the run or of the workspace."""


class Cancelled(AobError):
    """The attempt was told to stop. Functions in threads get it; coroutines are cancelled."""


class Failure(AobError):
    """Ends an attempt as failed. The node's `retry`, failure edges and `on_error` follow."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        retry_after_ms: int | None = None,
        details: Any = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        """Stable code; `retry_on` of a node names such codes."""
        self.message = message
        """For people."""
        self.retryable = retryable
        """False: another attempt would fail the same way."""
        self.retry_after_ms = retry_after_ms
        """Wait at least this long before the next attempt."""
        self.details = details
        """More, as JSON, at most 16 KiB."""


def describe(problem: Problem) -> str:
    """A problem in a few lines, for people."""
    lines = [f"{problem.code} ({problem.status}): {problem.detail or problem.title}"]
    for item in problem.errors or ():
        place = f"{item.pointer}: " if item.pointer else ""
        hint = f"; {item.hint}" if item.hint else ""
        lines.append(f"  {place}{item.message}{hint}")
    if problem.hint:
        lines.append(f"  {problem.hint}")
    return "\n".join(lines)


def problem_for_model(problem: Problem) -> dict[str, Any]:
    """The parts of a problem that help whoever wrote the request to write a better one."""
    said: dict[str, Any] = {"code": problem.code, "message": problem.detail or problem.title}
    if problem.hint:
        said["hint"] = problem.hint
    if problem.conflict is not None:
        said["conflict"] = problem.conflict
    items = [_item(item) for item in problem.errors or ()]
    if items:
        said["errors"] = items
    return said


def _item(item: ProblemItem) -> dict[str, Any]:
    said: Mapping[str, Any] = {
        "pointer": item.pointer,
        "code": item.code,
        "message": item.message,
        "hint": item.hint,
        "example": item.example,
    }
    return {key: value for key, value in said.items() if value is not None}


def problem_of(status: int, media_type: str, body: bytes) -> Problem:
    """What an answer says about its refusal, whoever sent it: a proxy need not speak our JSON."""
    from aob.models import Problem  # noqa: PLC0415 - models import nothing of this package

    if "json" in media_type:
        try:
            said = json.loads(body)
            return Problem.model_validate({"type": "about:blank", "title": "", **said})
        except (ValueError, TypeError):
            pass
    text = body[:500].decode("utf-8", "replace").strip()
    return Problem(
        type="about:blank",
        title=f"HTTP status {status}",
        status=status,
        code="http_status",
        detail=text or f"the server answered {status} without saying more",
    )
