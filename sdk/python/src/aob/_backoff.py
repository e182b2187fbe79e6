"""Waits between tries that grow, with jitter."""

from __future__ import annotations

import random

__all__ = ["Backoff"]


class Backoff:
    """A sequence of waits: 100 ms doubling to 10 s, each cut at random by up to a half."""

    FIRST_S = 0.1
    LONGEST_S = 10.0

    def __init__(self) -> None:
        self._tries = 0

    def reset(self) -> None:
        """Starts over."""
        self._tries = 0

    def next_s(self, asked_ms: int | None = None) -> float:
        """Seconds to wait this time: at least as long as the server asked for, 60 s at most."""
        whole = min(self.FIRST_S * (1 << min(self._tries, 20)), self.LONGEST_S)
        self._tries += 1
        wait = whole * random.uniform(0.5, 1.0)  # noqa: S311 - spreads callers, hides nothing
        return max(wait, min((asked_ms or 0) / 1000, 60.0))
