"""Agents against the product itself: `aob dev`, and its log as the judge."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from aob import (
    AgentRunner,
    ApiError,
    BlockingRun,
    Client,
    Failure,
    PatchRejected,
    Run,
    agent,
    documents,
    function,
    tool,
)
from aob.testing import ScriptedModel, scripted_llm, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from conftest import Product


RECORD = [
    {"op": "add", "path": "/nodes/-", "value": {
        "id": "record", "type": "transform", "config": {"template": {"seen": "$nodes.plan"}}}},
    {"op": "remove", "path": "/edges/plan->done"},
    {"op": "add", "path": "/edges/-", "value": {"from": "plan", "to": "record"}},
    {"op": "add", "path": "/edges/-", "value": {"from": "record", "to": "done"}},
]  # fmt: skip
CALL = [
    {"op": "add", "path": "/nodes/-", "value": {
        "id": "notify", "type": "function", "config": {"name": "notify", "args": 1}}},
    {"op": "add", "path": "/edges/-", "value": {"from": "plan", "to": "notify"}},
]  # fmt: skip


def workflow(pool: str, **config: Any) -> documents.Workflow:
    """One agent, `plan`, and what comes after it."""
    plan: documents.Node = {
        "id": "plan",
        "type": "agent",
        "pool": pool,
        "config": {"task": "Plan for ${inputs.who}.", "model": "scripted-1", **config},
        "retry": {"max_attempts": 1},
    }
    done: documents.Node = {
        "id": "done",
        "type": "transform",
        "config": {"template": {"plan": "$nodes.plan"}},
    }
    return {"nodes": [plan, done], "edges": [{"from": "plan", "to": "done"}]}


@pytest.fixture
def client(product: Product) -> Iterator[Client]:
    with product.client() as client:
        yield client


def working(
    product: Product, pool: str, *handlers: Any, token: str | None = None, **options: Any
) -> AbstractContextManager[AgentRunner]:
    token = token or product.token()
    runner = AgentRunner(*handlers, pool=pool, server=product.server, token=token, **options)
    return serving(runner)


@contextmanager
def asking(
    product: Product, pool: str, turns: list[dict[str, Any]], *handlers: Any
) -> Iterator[ScriptedModel]:
    """A runner whose agents ask a scripted model."""
    with (
        ScriptedModel([{"turns": turns}]) as model,
        working(product, pool, *handlers, llm=scripted_llm(model)),
    ):
        yield model


def log_of(client: Client, run: str) -> list[dict[str, Any]]:
    """The log of a run, which must be without a fault."""
    verified = client.runs.verify(run)
    assert verified.ok, verified
    return client.runs.events(run, limit=1000).items


def only(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event["data"] for event in events if event["type"] == kind]


@agent("plan")
async def asks(run: Run) -> Any:
    return await run.ask()


def test_a_patch_of_an_agent_is_in_the_log_with_its_result(
    product: Product, client: Client
) -> None:
    patch = {"operations": RECORD, "description": "keep a record"}
    turns = [{"tool_calls": [{"name": "propose_patch", "arguments": patch}]}, {"text": "planned"}]
    document = workflow("patches", tools=["propose_patch"])
    with asking(product, "patches", turns, asks):
        run = client.runs.start(document, inputs={"who": "Ada"}, wait=30)
    assert (run.status, run.output) == ("completed", {"plan": "planned"})
    assert client.runs.get(run.id).nodes["record"].output == {"seen": "planned"}
    events = log_of(client, run.id)
    [proposed] = only(events, "patch_proposed")
    said = (proposed["by"], proposed["origin"], proposed["instance"])
    assert said == ("agent:plan", "agent", "plan")
    commands = {e["command"] for e in events if e["type"] in {"patch_applied", "node_completed"}}
    assert commands == {"result:plan:1"}
    [planned] = [e for e in only(events, "node_completed") if e["instance"] == "plan"]
    assert (planned["usage"]["calls"], planned["usage"]["models"]) == (2, ["scripted-1"])


def test_growth_waits_for_a_person(product: Product, client: Client) -> None:
    @agent
    def grows(run: BlockingRun) -> Any:
        plan = run.propose_patch(CALL, description="tell somebody")
        assert plan is not None
        return plan.approval is not None

    with working(product, "grows", grows):
        run = client.runs.start(workflow("grows"), inputs={"who": "Ada"})
        next(client.streams.run(run.id, types="approval_requested"))
    [ticket] = client.approvals.list(run=run.id).items
    shown = client.approvals.get(ticket.ticket)
    assert shown.proposal is not None
    assert [growth.name for growth in shown.proposal.growth or []] == ["function", "notify@default"]
    client.approvals.decide(ticket.ticket, "reject", reason="no", subject_hash=shown.subject_hash)
    ended = client.runs.get(run.id, wait=30)
    assert (ended.status, ended.output) == ("completed", {"plan": True})
    assert "notify" not in ended.nodes
    assert only(log_of(client, run.id), "patch_applied") == []


def test_a_budget_stops_before_the_call_that_has_no_room_until_a_person_raises_it(
    product: Product, client: Client
) -> None:
    look = {"tool_calls": [{"name": "lookup", "arguments": {}}]}
    document = workflow("budgets", tools=["lookup"], budget={"calls": 2})

    @tool
    def lookup() -> str:
        """Looks something up."""
        return "found"

    @agent("plan")
    async def looks(run: Run) -> Any:
        return await run.ask(tools=[lookup])

    with asking(product, "budgets", [look, look, {"text": "planned"}], looks) as model:
        run = client.runs.start(document, inputs={"who": "Ada"})
        next(client.streams.run(run.id, types="approval_requested"))
        assert len(model.requests) == 2
        [budget] = client.runs.get(run.id).budgets or []
        assert (budget.node, budget.limit.calls, budget.spent.calls) == ("plan", 2, 2)
        [wait] = client.runs.explain(run.id).waits
        assert (wait.reason, wait.remedy) == ("budget", f"aob approve {budget.ticket} approve")
        # By hand, and by far enough: the second attempt begins anew.
        client.runs.budget_raise(run.id, node="plan", calls=3)
        ended = client.runs.get(run.id, wait=30)
    assert (ended.status, ended.output) == ("completed", {"plan": "planned"})
    assert len(model.requests) == 5
    events = log_of(client, run.id)
    assert len(only(events, "budget_reserved")) == len(only(events, "budget_settled")) == 5
    assert [raised["amounts"]["calls"] for raised in only(events, "budget_raised")] == [3]


@pytest.mark.parametrize("roles", [(), ("runner", "agent")], ids=["person", "program"])
def test_a_patch_proposed_at_once_is_applied_while_the_attempt_goes_on(
    product: Product, client: Client, roles: tuple[str, ...]
) -> None:
    @agent
    async def at_once(run: Run) -> Any:
        patch = await run.propose_patch_now(RECORD, description="keep a record")
        nodes = {node.id for node in (await run.graph()).nodes}
        return [patch.status, patch.by, "record" in nodes]

    token = product.key("team", *roles) if roles else None
    with working(product, "at-once", at_once, token=token):
        run = client.runs.start(workflow("at-once"), inputs={"who": "Ada"}, wait=30)
    status, by, is_there = run.output["plan"]
    assert (status, by.partition(":")[0], is_there) == (
        "applied",
        "agent" if roles else "user",
        True,
    )
    [proposed] = only(log_of(client, run.id), "patch_proposed")
    assert (proposed["origin"], proposed["instance"]) == ("agent", "plan")


def test_a_program_that_was_given_another_job_does_not_speak_for_this_one(
    product: Product, client: Client
) -> None:
    @agent
    async def claims(run: Run) -> Any:
        operations = [{"op": "add", "path": "/nodes/-", "value": RECORD[0]["value"]}]
        said = []
        for token in (None, "job.00.00"):
            try:
                await run.client.runs.patches.plan(
                    run.id, operations, node_id="done", aob_job_token=token
                )
            except ApiError as error:
                said.append(error.code)
        return said

    token = product.key("claims", "runner", "agent")
    with working(product, "claims", claims, token=token):
        run = client.runs.start(workflow("claims"), inputs={"who": "Ada"}, wait=30)
    assert run.output == {"plan": ["invalid_job_token", "invalid_job_token"]}


def test_a_refused_patch_says_where_and_a_failure_follows_on_error(
    product: Product, client: Client
) -> None:
    @agent
    async def misspells(run: Run) -> Any:
        node = {"id": "x", "type": "transfrm", "config": {}}
        await run.propose_patch([{"op": "add", "path": "/nodes/-", "value": node}], description="x")

    document = workflow("refused")
    document["nodes"][0]["on_error"] = "skip"
    with working(product, "refused", misspells):
        run = client.runs.start(document, inputs={"who": "Ada"}, wait=30)
    assert run.status == "completed"
    assert client.runs.get(run.id).nodes["plan"].status == "skipped"
    [failure] = [
        event["data"]["failure"] for event in log_of(client, run.id) if "failure" in event["data"]
    ]
    assert failure["code"] == "patch_rejected"
    assert failure["details"]["value"]["errors"][0]["pointer"] == "/nodes/x/type"


def test_a_runner_key_that_may_not_patch_proposes_with_its_results(
    product: Product, client: Client
) -> None:
    @agent
    async def proposes(run: Run) -> Any:
        return await run.propose_patch(RECORD, description="keep a record")

    token = product.key("plain-runner", "runner")
    with working(product, "plain", proposes, token=token):
        run = client.runs.start(workflow("plain"), inputs={"who": "Ada"}, wait=30)
    assert (run.status, run.output) == ("completed", {"plan": None})
    assert len(only(log_of(client, run.id), "patch_applied")) == 1


def test_cancelling_a_run_reaches_its_agent(product: Product, client: Client) -> None:
    begun, ended = threading.Event(), threading.Event()

    @agent
    async def waits(_: Run) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with working(product, "cancels", waits):
        run = client.runs.start(workflow("cancels"), inputs={"who": "Ada"})
        assert begun.wait(20)
        client.runs.cancel(run.id, reason="enough")
        assert ended.wait(20)
        assert client.runs.get(run.id, wait=20).status == "cancelled"
    log_of(client, run.id)


def test_functions_tools_lines_and_long_values(product: Product, client: Client) -> None:
    @tool
    def count(words: str) -> int:
        """Counts words."""
        return len(words.split())

    @agent
    async def counts(run: Run) -> Any:
        run.log("asking")
        return {"answer": await run.ask(tools=[count]), "long": "x" * 50_000}

    @function
    def measure(args: Any, run: BlockingRun) -> int:
        run.log("measuring")
        return len(args["long"])

    turns = [{"tool_calls": [{"name": "count", "arguments": {"words": "a b c"}}]}, {"text": "3"}]
    document = workflow("long", tools=["count"])
    document["nodes"][1] = {
        "id": "measure",
        "type": "function",
        "pool": "long",
        "config": {"name": "measure", "args": {"long": "$nodes.plan.long"}},
    }
    document["edges"] = [{"from": "plan", "to": "measure"}]
    with asking(product, "long", turns, counts, measure):
        run = client.runs.start(document, inputs={"who": "Ada"}, wait=30)
    assert (run.status, run.output) == ("completed", 50_000)
    with Client(product.streams, product.token()) as streaming:
        lines = [event.data["lines"] for event in streaming.streams.run(run.id, types="log")]
    assert [line for part in lines for line in part] == ["asking", "measuring"]


def test_a_failure_with_its_code_is_the_nodes(product: Product, client: Client) -> None:
    @agent
    async def fails(_: Run) -> None:
        raise Failure("no_data", "there is none", details={"tried": 3})

    with working(product, "fails", fails):
        run = client.runs.start(workflow("fails"), inputs={"who": "Ada"}, wait=30)
    assert run.status == "failed"
    error = client.runs.get(run.id).nodes["plan"].error
    assert error is not None
    assert (error.code, error.message) == ("no_data", "there is none")


def test_an_agent_that_nobody_serves_says_so(product: Product, client: Client) -> None:
    run = client.runs.start(workflow("nobody"), inputs={"who": "Ada"})
    [wait] = client.runs.explain(run.id).waits
    assert (wait.reason, wait.instance) == ("no_runner", "plan")
    assert "nobody" in wait.remedy
    assert "start an agent runner for pool nobody" in product.aob("run", "explain", run.id)
    client.runs.cancel(run.id)


def test_a_key_that_may_not_execute_jobs_is_told_so(product: Product) -> None:
    token = product.key("reader", "auditor")
    served = working(product, "x", asks, token=token)
    with pytest.raises(ApiError, match="jobs:execute"), served:
        served.join()


KILLED = """
import os, signal, sys
from aob import AgentRunner, agent

@agent
async def dies(run):
    await run.propose_patch(RECORD, description="keep a record")
    os.kill(os.getpid(), signal.SIGKILL)

RECORD = %r
AgentRunner(dies, pool="killed", server=sys.argv[1], token=sys.argv[2]).run()
"""


def test_what_a_killed_runner_had_in_hand_is_done_once_by_another(
    product: Product, client: Client, tmp_path: Path
) -> None:
    @agent
    async def proposes(run: Run) -> int:
        await run.propose_patch(RECORD, description="keep a record")
        return run.attempt

    script = tmp_path / "runner.py"
    script.write_text(KILLED % RECORD)
    document = workflow("killed")
    document["nodes"][0]["retry"] = {"max_attempts": 3, "backoff_ms": 1}
    run = client.runs.start(document, inputs={"who": "Ada"})
    command = [sys.executable, script, product.server, product.token()]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    with working(product, "killed", proposes):
        ended = client.runs.get(run.id, wait=40)
    assert (ended.status, ended.output) == ("completed", {"plan": 2})
    events = log_of(client, run.id)
    assert len(only(events, "patch_proposed")) == len(only(events, "patch_applied")) == 1


def test_patches_of_one_result_build_on_each_other(product: Product, client: Client) -> None:
    @agent
    async def twice(run: Run) -> Any:
        node = {"id": "first", "type": "transform", "config": {"template": 1}}
        await run.propose_patch(
            [{"op": "add", "path": "/nodes/-", "value": node}], description="a node"
        )
        edge = {"from": "plan", "to": "first"}
        await run.propose_patch(
            [{"op": "add", "path": "/edges/-", "value": edge}], description="its edge"
        )
        try:
            await run.propose_patch([{"op": "remove", "path": "/edges/nowhere"}], description="no")
        except PatchRejected as error:
            return [item.pointer for item in error.errors]

    with working(product, "twice", twice):
        run = client.runs.start(workflow("twice"), inputs={"who": "Ada"}, wait=30)
    assert run.status == "completed"
    assert client.runs.get(run.id).nodes["first"].status == "completed"
    events = log_of(client, run.id)
    assert [applied["revision"] for applied in only(events, "patch_applied")] == [1, 2]
    assert client.runs.get(run.id).nodes["plan"].output == ["/operations/0/path"]


def test_a_result_carries_so_many_patches(product: Product, client: Client) -> None:
    @agent
    async def eager(run: Run) -> Any:
        for number in range(17):
            node = {"id": f"n{number}", "type": "transform", "config": {"template": number}}
            await run.propose_patch(
                [{"op": "add", "path": "/nodes/-", "value": node}], description="one more"
            )

    with working(product, "eager", eager):
        run = client.runs.start(workflow("eager"), inputs={"who": "Ada"}, wait=30)
    error = client.runs.get(run.id).nodes["plan"].error
    assert error is not None
    assert "at most 16 patches" in error.message
