"""Long values: what is over 16 KiB travels by digest."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from aob._calls import Call, to_json
from aob.errors import AobError

if TYPE_CHECKING:
    from aob.client import AsyncClient
    from aob.models import Payload

__all__ = ["load", "store"]

_INLINE_BYTES_MAX = 16 * 1024


async def load(client: AsyncClient, payload: Payload) -> Any:
    """The value of a payload.

    Raises:
        AobError: It cannot be read, or its bytes are not those that its digest names.
    """
    if payload.digest is None:
        return payload.value
    call: Call[bytes] = Call("GET", f"/v1/artifacts/{payload.digest}", bytes)
    content = await client.send(call)
    if _digest(content) != payload.digest:
        raise AobError(f"the bytes of {payload.digest} have another digest")
    return json.loads(content)


async def store(client: AsyncClient, value: Any) -> dict[str, Any]:
    """A value as a message carries it; durable where it is named by its digest.

    Raises:
        AobError: It is no JSON, or it cannot be stored.
    """
    content = to_json(value)
    if len(content) <= _INLINE_BYTES_MAX:
        return {"value": json.loads(content)}
    digest = _digest(content)
    await client.send(Call("PUT", f"/v1/artifacts/{digest}", None, body=content))
    return {"digest": digest, "len": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
