"""Budgets: reserved before each call of a model, settled after it, and an end without a result."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from aob import LLM, AgentRunner, BlockingRun, Cancelled, Price, Run, agent, tool
from aob.testing import ScriptedModel, ScriptedServer, run_agent, scripted_llm, serving

PRICES = {"scripted-1": Price(1.0, 2.0)}
LOOKUP = {"name": "lookup", "arguments": {"country": "AT"}}


@tool
def lookup(country: str) -> str:
    """Risk class of a country."""
    return {"AT": "low"}[country]


@agent
async def assess(run: Run) -> Any:
    return await run.ask(tools=[lookup])


def scripted(*turns: dict[str, Any]) -> ScriptedModel:
    return ScriptedModel([{"turns": list(turns)}])


def config(**more: Any) -> dict[str, Any]:
    return {"task": "do it", "model": "scripted-1", "tools": ["lookup"], **more}


def runner(server: ScriptedServer, model: ScriptedModel, *handlers: Any) -> AgentRunner:
    llm = scripted_llm(model, prices=PRICES)
    return AgentRunner(*handlers, server=server.url, token=server.token, llm=llm, wait_s=1.0)


@pytest.mark.parametrize(
    ("budget", "calls"), [({"calls": 2}, 2), ({"tokens": 1_000}, 2), ({"usd": 0.002}, 2)]
)
def test_a_call_that_has_no_room_is_not_made_and_the_attempt_ends_without_a_result(
    budget: dict[str, float], calls: int
) -> None:
    endless = {"tool_calls": [LOOKUP], "text": "Let me see. " * 8}
    with ScriptedServer() as server, scripted(*[endless] * 20) as model:
        key = server.add_job(config=config(budget=budget))
        with serving(runner(server, model, assess)):
            server.wait_parked(key)
        assert server.parked == [key]
        assert key not in server.results
        assert len(model.requests) == server.spent[key]["calls"] >= calls
        assert all(server.spent[key][what] <= most for what, most in budget.items())


def test_what_calls_used_is_charged_and_not_what_was_reserved() -> None:
    with ScriptedServer() as server, scripted({"tool_calls": [LOOKUP]}, {"text": "ok"}) as model:
        key = server.add_job(config=config(budget={"calls": 9, "tokens": 90_000, "usd": 1.0}))
        with serving(runner(server, model, assess)):
            usage = server.result(key)["usage"]
        spent = server.spent[key]
        assert spent["calls"] == usage["calls"] == 2
        assert spent["tokens"] == usage["input_tokens"] + usage["output_tokens"]
        assert spent["usd"] == pytest.approx(usage["cost_usd"])


def test_a_turn_sets_aside_a_quarter_of_the_budget_of_its_node_at_most() -> None:
    with ScriptedServer() as server, scripted({"text": "ok"}) as model:
        key = server.add_job(config=config(budget={"tokens": 8_000}))
        with serving(runner(server, model, assess)):
            server.result(key)
        [asked] = model.requests
        assert asked["max_completion_tokens"] == 2_000


def test_it_waits_while_the_budget_is_set_aside_and_asks_again_where_an_answer_is_lost() -> None:
    with ScriptedServer() as server, scripted({"text": "ok"}) as model:
        key = server.add_job(config=config(budget={"calls": 1}))
        server.fail("/reserve", 429, retry_after=0.01)
        server.fail("/reserve", lose_answer=True)
        server.fail("/settle", 503)
        server.fail("/settle", lose_answer=True)
        with serving(runner(server, model, assess)):
            assert server.value(server.result(key)["outcome"]["completed"]["output"]) == "ok"
        assert len(model.requests) == server.spent[key]["calls"] == 1


@pytest.mark.parametrize(
    ("fault", "calls"), [({"status": 429, "retry_after": 0.01}, 1), ({"cut": True}, 2)]
)
def test_a_try_is_free_where_the_provider_refused_it_and_else_charged_in_full(
    fault: dict[str, Any], calls: int
) -> None:
    with ScriptedServer() as server, scripted({"faults": [fault], "text": "ok"}) as model:
        key = server.add_job(config=config(budget={"calls": 5}))
        with serving(runner(server, model, assess)):
            server.result(key)
        assert (server.spent[key]["calls"], len(model.requests)) == (calls, 2)


def test_a_provider_that_never_answers_costs_nothing() -> None:
    fault = {"status": 429, "retry_after": 90}
    with ScriptedServer() as server, scripted({"faults": [fault], "text": "ok"}) as model:
        key = server.add_job(config=config(budget={"calls": 5}))
        with serving(runner(server, model, assess)):
            result = server.result(key)
        assert result["outcome"]["failed"]["failure"]["code"] == "model_rate_limited"
        assert server.spent[key]["calls"] == 0


def test_a_budget_of_money_needs_a_price() -> None:
    with scripted({"text": "ok"}) as model:
        ran = run_agent(assess, config=config(budget={"usd": 1}), model=model)
        assert ran.failure is not None
        assert ran.failure["code"] == "price_missing"
        assert model.requests == []


def test_what_nothing_bounds_asks_nobody() -> None:
    with ScriptedServer() as server, scripted({"text": "ok"}) as model:
        server.fail("/reserve", 403, times=99)
        key = server.add_job(config=config())
        with serving(runner(server, model, assess)):
            assert "completed" in server.result(key)["outcome"]


def test_calls_of_its_own_are_reserved_from_a_coroutine() -> None:
    @agent("own")
    async def own(run: Run) -> str:
        reserved = await run.reserve(tokens=100)
        await reserved.settle(tokens=60)
        await reserved.settle(tokens=60)
        await run.reserve(tokens=100)
        return "done"

    with ScriptedServer() as server:
        key = server.add_job(node="own", budget={"tokens": 200})
        with serving(AgentRunner(own, server=server.url, token=server.token, wait_s=1.0)):
            server.result(key)
        assert server.spent[key] == {"calls": 2, "tokens": 160, "usd": 0}


def test_calls_of_its_own_are_reserved_from_a_thread_that_learns_of_the_end() -> None:
    ended, made = threading.Event(), []

    @agent("own")
    def own(run: BlockingRun) -> None:
        try:
            while True:
                reserved = run.reserve(usd=0.4)
                made.append("call")
                reserved.settle(usd=0.3)
        except Cancelled:
            ended.set()
            raise

    with ScriptedServer() as server:
        key = server.add_job(node="own", budget={"usd": 1.0})
        with serving(AgentRunner(own, server=server.url, token=server.token, wait_s=1.0)):
            server.wait_parked(key)
            assert ended.wait(5.0)
        assert len(made) == 3
        assert key not in server.results


def test_nobody_asks_for_more_than_models_that_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AOB_MODEL", raising=False)
    with ScriptedServer() as server:
        key = server.add_job(config={"task": "t", "budget": {"calls": 1}})
        llm = LLM()
        with serving(AgentRunner(assess, server=server.url, token="t", llm=llm, wait_s=1.0)):
            failed = server.result(key)["outcome"]["failed"]
        assert failed["failure"]["code"] == "model_missing"
        assert key not in server.spent
