"""How many decisions a second one runner makes, with agents that answer at once.

    python tools/bench.py [--runs 2000] [--concurrency 64] [--scripted]

Against the server of the environment or profile, each run being one agent node; `--scripted` leaves
the server's own work out and leases from a scripted server in another process. It prints decisions
per second and the processor time of the runner for each, in microseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import resource
import time
from typing import TYPE_CHECKING, Any

from aob import AgentRunner, AsyncClient, Run, agent
from aob.testing import ScriptedServer

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

DOCUMENT = {
    "nodes": [{"id": "decide", "type": "agent", "pool": "bench", "config": {"task": "decide"}}],
    "edges": [],
}
BATCH = 500


@agent
async def decide(_: Run) -> Any:
    """Decides at once."""
    return {"approved": True}


def main() -> None:
    """Measures, and prints one line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--scripted", action="store_true")
    options = parser.parse_args()
    measure = scripted if options.scripted else served
    rate, cpu_us = measure(options.runs, options.concurrency)
    said = {"decisions_per_s": round(rate), "cpu_us_per_decision": round(cpu_us)}
    print(json.dumps({**vars(options), **said}))


def served(runs: int, concurrency: int) -> tuple[float, float]:
    """Decisions for real runs: rate, and processor time of each in microseconds."""
    return asyncio.run(_served(runs, concurrency))


async def _served(runs: int, concurrency: int) -> tuple[float, float]:
    async with AsyncClient() as client:
        started: list[str] = []
        while len(started) < runs:
            batch = [{"workflow": DOCUMENT}] * min(BATCH, runs - len(started))
            answer = await client.runs.batch(batch)
            started += [item.run.id for item in answer.items if item.run is not None]
        runner = AgentRunner(decide, pool="bench", concurrency=concurrency)
        began, cpu_s = time.monotonic(), processor_s()
        serving = asyncio.create_task(runner.serve())
        for run in started:
            while (await client.runs.get(run, wait=60)).status != "completed":
                continue
        took_s, used_s = time.monotonic() - began, processor_s() - cpu_s
        runner.stop()
        await serving
    return runs / took_s, used_s / runs * 1e6


def scripted(runs: int, concurrency: int) -> tuple[float, float]:
    """The same with jobs of a scripted server, which does nothing else."""
    mine, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve_jobs, args=(theirs, runs), daemon=True)
    process.start()
    runner = AgentRunner(decide, pool="bench", server=mine.recv(), concurrency=concurrency)

    async def until_done() -> None:
        serving = asyncio.create_task(runner.serve())
        await asyncio.to_thread(mine.recv)
        runner.stop()
        await serving

    began, cpu_s = time.monotonic(), processor_s()
    asyncio.run(until_done())
    took_s, used_s = time.monotonic() - began, processor_s() - cpu_s
    process.terminate()
    return runs / took_s, used_s / runs * 1e6


def serve_jobs(pipe: Connection, runs: int) -> None:
    """Gives jobs out, and says when all are answered."""
    with ScriptedServer(heartbeat_ms=5_000) as server:
        keys = [server.add_job(config={"task": "decide"}, pool="bench") for _ in range(runs)]
        pipe.send(server.url)
        for key in keys:
            server.result(key, 600.0)
        pipe.send("done")
        pipe.poll(None)


def processor_s() -> float:
    """Processor time of this process so far, in seconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
