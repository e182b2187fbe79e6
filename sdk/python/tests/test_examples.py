"""What newcomers meet: the examples and the page about agents, as they stand, on the product."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from conftest import REPOSITORY
from test_product import log_of, only

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Product

EXAMPLES = REPOSITORY / "examples" / "agents"
PAGE = REPOSITORY / "docs" / "agents.md"


@contextmanager
def program(*command: Any, env: dict[str, str], waits: bool = False) -> Iterator[str]:
    """A program that runs while the block lasts; its first line, where that is waited for."""
    output = subprocess.PIPE if waits else None
    process = subprocess.Popen([sys.executable, *command], stdout=output, env=env, text=True)
    try:
        yield process.stdout.readline().strip() if process.stdout else ""
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode in {0, -15}


@contextmanager
def agents(product: Product, script: Path, runner: Path) -> Iterator[None]:
    """The agents of a file, with a scripted model."""
    server = EXAMPLES / "model_server.py"
    with program(server, script, "--port", "0", env=dict(os.environ), waits=True) as url:
        env = {**product.env, "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "scripted"}
        with program(runner, env=env):
            yield


def test_the_model_server_needs_the_standard_library_alone(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text("[]")
    command = [sys.executable, "-S", "-E", EXAMPLES / "model_server.py", script, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("http://127.0.0.1:")
    process.terminate()
    process.communicate(timeout=20)


def test_the_onboarding_agent_adds_a_check_and_a_person_agrees(product: Product) -> None:
    document = json.loads((EXAMPLES / "onboarding.json").read_text())
    inputs = json.loads((EXAMPLES / "onboarding.inputs.json").read_text())
    script, runner = EXAMPLES / "onboarding.script.json", EXAMPLES / "onboarding.py"
    with agents(product, script, runner), product.client() as client:
        run = client.runs.start(document, inputs=inputs)
        asked = client.streams.run(run.id, types="approval_requested")
        tickets = [next(asked).data["data"]["ticket"] for _ in range(2)]
        first, second = (client.approvals.get(ticket) for ticket in tickets)
        assert first.proposal is not None
        assert (first.proposal.by, second.instance) == ("agent:review", "sign_off")
        for shown in (first, second):
            client.approvals.decide(shown.ticket, "approve", subject_hash=shown.subject_hash)
        ended = client.runs.get(run.id, wait=30)
        events = log_of(client, run.id)
    said = {"applicant": "Ada Lovelace", "risk": "medium", "sanctions": "clear"}
    assert (ended.status, ended.output) == ("completed", said)
    assert len(only(events, "patch_proposed")) == len(only(events, "patch_applied")) == 1


def test_the_research_team_writes(product: Product) -> None:
    document = json.loads((EXAMPLES / "research.json").read_text())
    inputs = json.loads((EXAMPLES / "research.inputs.json").read_text())
    script, runner = EXAMPLES / "research.script.json", EXAMPLES / "research.py"
    with agents(product, script, runner), product.client() as client:
        run = client.runs.start(document, inputs=inputs, wait=30)
        events, budgets = log_of(client, run.id), client.runs.get(run.id).budgets
    assert run.status == "completed"
    assert run.output["title"] == "The box that shrank the world"
    calls = {done["instance"]: done["usage"]["calls"] for done in only(events, "node_completed")}
    assert calls == {"history": 2, "today": 2, "write": 2}
    assert len(only(events, "budget_settled")) == 6
    team, *agents_of_team = budgets or []
    assert (team.node, team.spent.calls, team.left.calls) == (None, 6, 6)
    assert 0 < team.spent.usd < team.limit.usd == 0.5
    assert [one.spent.calls for one in agents_of_team] == [2, 2, 2]


def test_the_page_about_agents_works_as_it_stands(product: Product, tmp_path: Path) -> None:
    page = PAGE.read_text()
    code = re.search(r"```python\n(from aob import AgentRunner.*?)```", page, re.DOTALL)
    document = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    script = re.search(r"script.json <<'EOF'\n(.*?)EOF\n", page, re.DOTALL)
    inputs = re.search(r"echo '(.*?)' > in.json", page)
    assert code
    assert document
    assert script
    assert inputs
    assert len([line for line in code[1].splitlines() if line.strip()]) <= 25
    files = {
        "agent.py": code[1],
        "assess.json": document[1],
        "script.json": script[1],
        "in.json": inputs[1],
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with agents(product, tmp_path / "script.json", tmp_path / "agent.py"):
        said = product.aob(
            *("run", "start", str(tmp_path / "assess.json"), "--wait"),
            *("--inputs", str(tmp_path / "in.json"), "-o", "json"),
        )
    assert json.loads(said)["output"] == {"risk": "low"}


@pytest.mark.parametrize("name", ["run_agent", "ScriptedModel"])
def test_the_page_tests_its_agent_with_what_there_is(name: str) -> None:
    import aob.testing

    assert f"{name}" in PAGE.read_text()
    assert name in aob.testing.__all__
