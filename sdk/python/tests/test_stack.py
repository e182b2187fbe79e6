"""The production stack with runners on Kafka, and everything killed while it works.

NEWEST=none AOB_SDK_REMOTE=1 scripts/stack run -- scripts/sdk-test tests/test_stack.py
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Product

    from aob import Client, documents

pytestmark = pytest.mark.skipif(
    not (os.environ.get("AOB_SDK_REMOTE") and os.environ.get("AOB_STACK")),
    reason="it kills the processes of a production stack: see the module",
)

RUNS = 24
LIMIT_S = 120.0


class Stack:
    """The processes of the stack, and runners."""

    def __init__(self, notes: Path) -> None:
        self.folder = Path(os.environ["AOB_STACK"])
        self.notes = notes
        self.runners: list[subprocess.Popen[bytes]] = []

    def kill(self, name: str) -> None:
        """Ends a process at once."""
        os.kill(int((self.folder / "processes" / f"{name}.pid").read_text()), signal.SIGKILL)

    def again(self, name: str) -> None:
        """Starts it where it was."""
        command = [REPOSITORY / "scripts" / "stack", "again", name, "--dir", self.folder]
        subprocess.run(command, check=True)

    def start_runner(self) -> None:
        script = Path(__file__).with_name("crash_agent.py")
        env = {**os.environ, "NOTES": str(self.notes), "TAKES_S": "0.4"}
        with self.notes.with_suffix(".log").open("ab") as log:
            runner = subprocess.Popen([sys.executable, script], env=env, stderr=log)
        self.runners.append(runner)

    def kill_runner(self) -> None:
        runner = self.runners.pop(0)
        runner.kill()
        runner.wait()

    def noted(self, what: str) -> list[tuple[str, int, str]]:
        """Run, attempt and nonce of each line of this kind."""
        text = self.notes.read_text() if self.notes.exists() else ""
        words = [line.split() for line in text.splitlines()]
        return [(run, int(attempt), nonce) for kind, run, attempt, nonce in words if kind == what]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(tmp_path / "notes")
    try:
        yield stack
    finally:
        for runner in stack.runners:
            runner.terminate()
        for runner in stack.runners:
            runner.wait(timeout=30)
        print(stack.notes.with_suffix(".log").read_text()[-4_000:])  # noqa: T201 - of a failure


def workflow() -> documents.Workflow:
    return {
        "nodes": [
            {
                "id": "plan",
                "type": "agent",
                "pool": "crash",
                "config": {"task": "Plan."},
                "retry": {"max_attempts": 10, "backoff_ms": 100},
            },
            {"id": "done", "type": "transform", "config": {"template": "$nodes.plan"}},
        ],
        "edges": [{"from": "plan", "to": "done"}],
    }


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not what():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.05)


def only(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event["data"] for event in events if event["type"] == kind]


def test_every_run_ends_with_one_result_whatever_is_killed(product: Product, stack: Stack) -> None:
    with product.client() as client:
        stack.start_runner()
        stack.start_runner()
        runs = [client.runs.start(workflow()).id for _ in range(RUNS)]
        suffer(stack)
        outputs = {run: ended(client, run) for run in runs}
        for run in runs:
            judge(client, stack, run, outputs[run])
    # A lease is granted once: no attempt was begun by two, or twice.
    begun = Counter((run, attempt) for run, attempt, _ in stack.noted("began"))
    assert max(begun.values()) == 1, begun
    lost = len(begun) - len(runs)
    assert lost > 0, "nothing was killed while it worked"


def suffer(stack: Stack) -> None:
    """Kills a runner, the coordinator, the API, and all of them at once."""
    until(lambda: len(stack.noted("began")) >= 6)
    stack.kill_runner()
    until(lambda: len(stack.noted("ended")) >= 4)
    stack.kill("coordinator")
    stack.again("coordinator")
    stack.start_runner()
    until(lambda: len(stack.noted("ended")) >= 10)
    stack.kill("api")
    stack.again("api")
    until(lambda: len(stack.noted("ended")) >= 14)
    stack.kill_runner()
    stack.kill("api")
    stack.kill("coordinator")
    stack.again("coordinator")
    stack.again("api")
    stack.start_runner()


def ended(client: Client, run: str) -> Any:
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        view = client.runs.get(run, wait=10)
        if view.status in {"completed", "failed", "cancelled"}:
            assert view.status == "completed", view
            return view.output
    pytest.fail(f"{run} does not end: {client.runs.explain(run)}")


def judge(client: Client, stack: Stack, run: str, output: Any) -> None:
    """The log is whole, one result counted, its patch was applied once, and it is what was said."""
    verified = client.runs.verify(run)
    assert verified.ok, verified
    events = client.runs.events(run, limit=1000).items
    planned = [e for e in only(events, "node_completed") if e["instance"] == "plan"]
    assert len(planned) == 1, events
    assert len(only(events, "patch_applied")) == 1, events
    assert client.runs.get(run).nodes["record"].output == {"seen": output}
    answered = [(attempt, nonce) for of, attempt, nonce in stack.noted("ended") if of == run]
    assert (output["attempt"], output["nonce"]) in answered
