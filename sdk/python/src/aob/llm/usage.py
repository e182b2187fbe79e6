"""What an attempt spends on models: for each call, in the record of the node."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from aob.llm.types import Assistant, User

if TYPE_CHECKING:
    from aob.llm.types import Message, Request

__all__ = ["CallUsage", "Price", "Usage", "input_tokens_at_most"]

_CALLS_SHOWN_MAX = 50
_BYTES_OF_TOKEN = 3
"""A token of English has about four."""
_TOKENS_AROUND = 16
"""What providers put around a message."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs, in US dollars for a million tokens."""

    input_usd: float
    output_usd: float
    cached_input_usd: float | None = None
    """Without it, as `input_usd`."""

    def of(self, input_tokens: int, cached_input_tokens: int, output_tokens: int) -> float:
        """What a call costs, in US dollars."""
        cached_usd = self.input_usd if self.cached_input_usd is None else self.cached_input_usd
        fresh = max(input_tokens - cached_input_tokens, 0)
        total = fresh * self.input_usd + cached_input_tokens * cached_usd
        return (total + output_tokens * self.output_usd) / 1_000_000


@dataclass(frozen=True, slots=True)
class CallUsage:
    """What one call of a model used."""

    provider: str
    model: str
    """Id of the model that was asked."""
    served_model: str
    """Id of the model that answered."""
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    duration_ms: int
    cost_usd: float | None
    """`None`: nobody told the runner what the model costs."""


@dataclass
class Usage:
    """What an attempt has used so far."""

    calls: list[CallUsage] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """All tokens, read and written."""
        return sum(call.input_tokens + call.output_tokens for call in self.calls)

    @property
    def cost_usd(self) -> float | None:
        """What it cost; `None` where the price of a call is not known."""
        costs = [call.cost_usd for call in self.calls]
        known = [cost for cost in costs if cost is not None]
        return round(sum(known), 9) if len(known) == len(costs) else None

    def summary(self) -> dict[str, Any]:
        """As the result carries it: totals, and the last calls one by one."""
        return {
            "calls": len(self.calls),
            "input_tokens": sum(call.input_tokens for call in self.calls),
            "cached_input_tokens": sum(call.cached_input_tokens for call in self.calls),
            "output_tokens": sum(call.output_tokens for call in self.calls),
            "cost_usd": self.cost_usd,
            "models": sorted({call.served_model for call in self.calls}),
            "by_call": [asdict(call) for call in self.calls[-_CALLS_SHOWN_MAX:]],
        }


def input_tokens_at_most(request: Request) -> int:
    """How many tokens a model reads with a request: guessed, and rather too many than too few."""
    tools = [(tool.name, tool.description, tool.parameters) for tool in request.tools]
    said = json.dumps([request.system, tools, request.schema], default=str)
    texts = [said, *(text for message in request.messages for text in _texts(message))]
    return sum(len(text.encode()) // _BYTES_OF_TOKEN + _TOKENS_AROUND for text in texts)


def _texts(message: Message) -> list[str]:
    if isinstance(message, User):
        return [message.text]
    if isinstance(message, Assistant):
        turn = message.turn
        return [turn.text, *(call.name + call.arguments for call in turn.tool_calls)]
    return [result.text for result in message.results]
