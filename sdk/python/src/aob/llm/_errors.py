"""The exceptions of the official clients, which name them alike, as this package has them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx2

from aob._calls import retry_after_ms
from aob.errors import Failure
from aob.llm.types import ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["translated"]

_MESSAGE_CHARS_MAX = 500


@contextmanager
def translated(client: Any) -> Iterator[None]:
    """Turns what a client module raises into `ModelUnavailable` or `Failure`."""
    try:
        yield
    except client.APITimeoutError as error:
        raise ModelUnavailable("model_timeout", "the model did not answer in time") from error
    except client.APIConnectionError as error:
        raise ModelUnavailable("model_unreachable", _cut(error)) from error
    except client.APIStatusError as error:
        raise _status(error) from error
    except client.APIError as error:
        # An error that came within a stream: the status had been sent by then.
        raise ModelUnavailable("model_overloaded", _cut(error)) from error
    except httpx2.TimeoutException as error:
        raise ModelUnavailable("model_timeout", "the model stopped answering") from error
    except httpx2.HTTPError as error:
        raise ModelUnavailable("model_unreachable", _cut(error)) from error
    except _base_of(client) as error:
        raise Failure("model_client", _cut(error)) from error


def _base_of(client: Any) -> type[Exception]:
    """What all exceptions of a client module have in common."""
    found: type[Exception] = getattr(client, "OpenAIError", None) or client.AnthropicError
    return found


def _status(error: Any) -> Exception:
    status, after_ms = error.status_code, retry_after_ms(error.response.headers)
    if status == 429:
        return ModelUnavailable("model_rate_limited", _cut(error), after_ms)
    if status in {408, 409} or status >= 500:
        return ModelUnavailable("model_overloaded", _cut(error), after_ms)
    code = "model_unauthorized" if status in {401, 403} else "model_request_refused"
    return Failure(code, _cut(error))


def _cut(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:_MESSAGE_CHARS_MAX]
