"""An attempt while it runs: who may stop it, and what it reports meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from aob._calls import Unset, unset
from aob._secrets import Redactor

__all__ = ["Attempt", "AttemptKey", "Report", "StopCause"]

_PENDING_LINES_MAX = 1_000
"""Log lines that wait for a heartbeat; the oldest go first where there are more."""
_CHUNK_LINES_MAX = 200
_LINE_BYTES_MAX = 8 * 1024


class StopCause(IntEnum):
    """Why an attempt was told to stop; the last one in this order wins."""

    CANCELLING = 1
    """The run does not want it any more."""
    SHUTDOWN = 2
    """The runner is shutting down."""
    LOST = 3
    """Its lease is gone: nobody listens to its answer."""


@dataclass(frozen=True, slots=True)
class AttemptKey:
    """Names an attempt."""

    run: str
    instance: str
    attempt: int

    def __str__(self) -> str:
        return f"{self.run}/{self.instance}#{self.attempt}"


@dataclass(frozen=True, slots=True)
class Report:
    """What a heartbeat says of an attempt."""

    progress: Any | Unset
    lines: list[str]
    first: int


class Attempt:
    """The handle of one running attempt, shared by whoever executes, renews and stops it.

    `log` and `progress` may be called from any thread, everything else from the event loop.
    """

    def __init__(self, key: AttemptKey, token: str | None = None) -> None:
        self.key = key
        self.token = token
        """Shows the server that this attempt was granted to this runner."""
        self.granted = asyncio.get_running_loop().time()
        self.stopping = asyncio.Event()
        """Set as soon as it should stop, for whatever reason."""
        self.lost = asyncio.Event()
        """Set once nobody listens to an answer any more."""
        self.stop_flag = threading.Event()
        """As `stopping`, for threads."""
        self.stop_cause: StopCause | None = None
        self.redactor = Redactor()
        """Keeps secrets out of what it reports."""
        self._lock = threading.Lock()
        self._moved = False
        self._progress: Any | Unset = unset
        self._lines: deque[str] = deque()
        self._first = 0

    def stop(self, cause: StopCause) -> None:
        """Tells it to stop."""
        if self.stop_cause is None or self.stop_cause < cause:
            self.stop_cause = cause
        self.stopping.set()
        self.stop_flag.set()
        if cause is StopCause.LOST:
            self.lost.set()

    def progress(self, value: Any) -> None:
        """Reports progress, which restarts the idle timeout."""
        with self._lock:
            self._progress = self.redactor.value(value)
            self._moved = True

    def log(self, line: str) -> None:
        """Reports a log line, which counts as progress too."""
        clean = self.redactor.text(line).encode("utf-8", "replace")
        cut = clean[:_LINE_BYTES_MAX].decode("utf-8", "ignore")
        with self._lock:
            self._moved = True
            if len(self._lines) == _PENDING_LINES_MAX:
                self._lines.popleft()
                self._first += 1
            self._lines.append(cut)

    def moved(self) -> bool:
        """True where it has reported something since this was asked last."""
        with self._lock:
            moved, self._moved = self._moved, False
            return moved

    def take_report(self, bytes_max: int) -> Report:
        """Takes what the next heartbeat says: progress (null where there are only log lines) and
        lines, one chunk of about `bytes_max`.
        """
        with self._lock:
            first, size = self._first, 0
            lines: list[str] = []
            while self._lines and len(lines) < _CHUNK_LINES_MAX:
                size += len(self._lines[0].encode())
                if size > bytes_max:
                    break
                lines.append(self._lines.popleft())
            self._first += len(lines)
            progress, self._progress = self._progress, unset
            if isinstance(progress, Unset) and lines:
                progress = None
            return Report(progress, lines, first)

    def give_back(self, report: Report) -> None:
        """Takes a report back that could not be delivered; newer progress stands."""
        with self._lock:
            if isinstance(self._progress, Unset):
                self._progress = report.progress
            room = _PENDING_LINES_MAX - len(self._lines)
            kept = report.lines[len(report.lines) - min(room, len(report.lines)) :]
            self._lines.extendleft(reversed(kept))
            self._first -= len(kept)
