"""A runner on Kafka that writes down what it executes, for tests that kill it."""

from __future__ import annotations

import asyncio
import os
import uuid
from typing import Any

from aob import AgentRunner, Kafka, Run, agent

RECORD = [
    {"op": "add", "path": "/nodes/-", "value": {
        "id": "record", "type": "transform", "config": {"template": {"seen": "$nodes.plan"}}}},
    {"op": "remove", "path": "/edges/plan->done"},
    {"op": "add", "path": "/edges/-", "value": {"from": "plan", "to": "record"}},
    {"op": "add", "path": "/edges/-", "value": {"from": "record", "to": "done"}},
]  # fmt: skip


def note(*words: object) -> None:
    """One line, written whole or not at all."""
    line = " ".join(str(word) for word in words) + "\n"
    file = os.open(os.environ["NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, line.encode())
    os.close(file)


@agent
async def plan(run: Run) -> Any:
    """Takes a while, proposes a patch, and answers with what nobody else answers."""
    nonce = uuid.uuid4().hex
    note("began", run.id, run.attempt, nonce)
    await asyncio.sleep(float(os.environ["TAKES_S"]))
    await run.propose_patch(RECORD, description="keep a record")
    note("ended", run.id, run.attempt, nonce)
    return {"attempt": run.attempt, "nonce": nonce}


if __name__ == "__main__":
    settings = {"session.timeout.ms": 6_000, "heartbeat.interval.ms": 500}
    kafka = Kafka(os.environ["AOB_KAFKA_BROKERS"], settings=settings)
    AgentRunner(plan, pool="crash", concurrency=6, kafka=kafka).run()
