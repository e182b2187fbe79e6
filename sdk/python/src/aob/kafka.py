"""`Kafka`: where a runner finds its jobs when they are offered on a topic.

    kafka = Kafka("kafka-1:9092", jobs="agent.jobs.acme.research")
    AgentRunner(planner, pool="research", kafka=kafka).run()

Needs `pip install 'aob[kafka]'`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Kafka"]

_JOBS = "agent.jobs"
_RESULTS = "agent.results"


@dataclass(frozen=True, slots=True)
class Kafka:
    """Brokers and topics."""

    brokers: str
    """`host:port`, separated by commas."""
    jobs: str = _JOBS
    """The topic of the pool's jobs: `agent.jobs`, or `agent.jobs.WORKSPACE.POOL`."""
    results: str | None = None
    """The topic for results; without one, the counterpart of `jobs`."""
    group: str | None = None
    """The consumer group that all runners of the pool share; without one, `aob.` and the pool."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Further settings of librdkafka, such as `security.protocol` and `sasl.username`."""

    @property
    def results_topic(self) -> str:
        """Where results go."""
        if self.results is not None:
            return self.results
        if not self.jobs.startswith(_JOBS):
            raise ValueError(f"`{self.jobs}` is not named as a topic of jobs: name `results` too")
        return _RESULTS + self.jobs.removeprefix(_JOBS)
