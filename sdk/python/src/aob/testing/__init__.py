"""Agents run without a server and without a model: a scripted one of each.

from aob.testing import ScriptedModel, run_agent

def test_it_answers():
    with ScriptedModel([{"turns": [{"text": '{"risk": "low"}'}]}]) as model:
        result = run_agent(assess, task="How risky is AT?", model=model)
    assert result.output == {"risk": "low"}
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aob.handlers import Function
from aob.llm import LLM
from aob.runner import AgentRunner
from aob.testing.model_server import ScriptedModel
from aob.testing.server import ScriptedServer, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aob.handlers import Agent
    from aob.testing.server import OnPatch

__all__ = [
    "Ran",
    "ScriptedModel",
    "ScriptedServer",
    "problem",
    "run_agent",
    "scripted_llm",
    "serving",
]


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a job."""

    output: Any
    """What the handler returned; `None` where it did not."""
    failure: dict[str, Any] | None
    """`{"code", "message", "retryable", ...}` where it failed."""
    cancelled: bool
    """True where it stopped because it was asked to."""
    patches: list[dict[str, Any]]
    """Patches that the result carries: `{"operations", "description", "base"}`."""
    usage: dict[str, Any] | None
    """What it spent on models."""
    lines: list[str]
    """What it logged."""
    progress: list[Any]
    """What it reported."""


class serving:  # noqa: N801 - reads as the verb that it is: `with serving(runner):`
    """Serves a runner from a thread while the block lasts, and drains it at its end."""

    def __init__(self, runner: AgentRunner) -> None:
        self.runner = runner
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, name="runner under test", daemon=True)

    def __enter__(self) -> AgentRunner:
        self._thread.start()
        return self.runner

    def __exit__(self, *_: object) -> None:
        self.runner.stop()
        self.join()

    def join(self, timeout_s: float = 30.0) -> None:
        """Waits for its end.

        Raises:
            TimeoutError: It does not come.
            Exception: What the runner ended with.
        """
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            raise TimeoutError(f"the runner did not leave within {timeout_s} s")
        if self._error is not None:
            raise self._error

    def _serve(self) -> None:
        try:
            asyncio.run(self.runner.serve())
        except BaseException as error:  # noqa: BLE001 - raised again where the test sees it
            self._error = error


def scripted_llm(model: ScriptedModel, **options: Any) -> LLM:
    """The models of a scripted server, by both protocols."""
    return LLM(
        **{
            "default_model": "scripted-1",
            "openai_base_url": model.url,
            "openai_api_key": "scripted",
            "anthropic_base_url": model.url.removesuffix("/v1"),
            "anthropic_api_key": "scripted",
            **options,
        }
    )


def run_agent(
    handler: Agent | Function,
    *,
    task: str = "do it",
    config: dict[str, Any] | None = None,
    value: Any = None,
    node: str | None = None,
    model: ScriptedModel | None = None,
    llm: LLM | None = None,
    on_patch: OnPatch | None = None,
    secrets: dict[str, str] | None = None,
    timeout_s: float = 10.0,
    **job: Any,
) -> Ran:
    """Runs one job through a real runner against a scripted server.

    Args:
        handler: What `@agent` or `@function` made.
        task: The node's `task`, unless `config` says another; a function's `args` are in `config`.
        config: The node's configuration.
        value: The node's input.
        node: Id of the node; without one, that of the handler.
        model: The model that it asks.
        llm: Instead of `model`: models of any kind.
        on_patch: Judges what it proposes; see `ScriptedServer`.
        secrets: Secrets of the runner.
        timeout_s: How long the result may take.
        job: More of the job's message, such as `timeout_ms`.

    Raises:
        TimeoutError: There was no result in time.
    """
    if isinstance(handler, Function):
        said = dict(config or {})
        names: dict[str, Any] = {
            "node": node or "node",
            "job_type": "function",
            "name": handler.name,
        }
    else:
        said = {"task": task, **(config or {})}
        names = {"node": node or handler.node or "node"}
    models = llm or (scripted_llm(model) if model else None)
    with ScriptedServer(on_patch=on_patch) as server:
        runner = AgentRunner(
            handler, server=server.url, token=server.token, llm=models, secrets=secrets, wait_s=1.0
        )
        key = server.add_job(config=said, value=value, **names, **job)
        with serving(runner):
            result = server.result(key, timeout_s)
        outcome, told = result["outcome"], server.told[key]
        completed = outcome.get("completed", {"output": {}})
        return Ran(
            output=server.value(completed["output"]),
            failure=outcome.get("failed", {}).get("failure"),
            cancelled="cancelled" in outcome,
            patches=list(_patches(server, result)),
            usage=result.get("usage"),
            lines=told.lines,
            progress=told.progress,
        )


def _patches(server: ScriptedServer, result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for patch in result.get("patches", []):
        yield {**patch, "operations": server.value(patch["operations"])}
