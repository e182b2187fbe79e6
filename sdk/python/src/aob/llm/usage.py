"""What an attempt spends on models: for each call, in the record of the node."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from aob.errors import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CallUsage", "Price", "Usage"]

_CALLS_SHOWN_MAX = 50


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

    def check(self, budget: Mapping[str, Any]) -> None:
        """Stops before a call that the node's budget (`calls`, `tokens`, `usd`) leaves no room for.

        Raises:
            Failure: `budget_exhausted`.
        """
        used = {"calls": len(self.calls), "tokens": self.tokens, "usd": self.cost_usd}
        for what, spent in used.items():
            most = budget.get(what)
            if isinstance(most, (int, float)) and spent is not None and spent >= most:
                message = f"{spent} of {most} {what} are used"
                raise Failure("budget_exhausted", message, details=self.summary())

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
