"""Agents that ask models: tools, corrections, refusals, limits, both protocols."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from aob import LLM, BlockingRun, Failure, Limits, Price, Run, agent, tool
from aob.testing import ScriptedModel, problem, run_agent, scripted_llm

RISK = {
    "type": "object",
    "required": ["risk", "score"],
    "additionalProperties": False,
    "properties": {"risk": {"enum": ["low", "high"]}, "score": {"type": "integer", "minimum": 1}},
}
GOOD = '{"risk": "low", "score": 3}'
MODELS = ["scripted-1", "claude-scripted-1"]


@tool
def lookup(country: str) -> str:
    """Risk class of a country."""
    return {"AT": "low", "XX": "high"}[country]


@agent
async def assess(run: Run) -> Any:
    return await run.ask(system="You assess risks.", tools=[lookup])


def calling(*calls: tuple[str, Any]) -> dict[str, Any]:
    return {"tool_calls": [{"name": name, "arguments": arguments} for name, arguments in calls]}


def scripted(*turns: dict[str, Any]) -> ScriptedModel:
    return ScriptedModel([{"turns": list(turns)}])


def asked(model: ScriptedModel, /, **config: Any) -> Any:
    said = {"model": "scripted-1", "tools": ["lookup"], **config}
    return run_agent(assess, config=said, model=model)


@pytest.mark.parametrize("name", MODELS)
def test_text_is_the_answer_where_there_is_no_schema(name: str) -> None:
    with scripted({"text": "It depends. " * 9}) as model:
        assert asked(model, model=name).output == "It depends. " * 9


@pytest.mark.parametrize("name", MODELS)
def test_all_tool_calls_of_a_turn_are_executed_and_fed_back_until_done(name: str) -> None:
    turns = [
        calling(("lookup", {"country": "AT"}), ("lookup", {"country": "XX"})),
        calling(("lookup", {"country": "AT"})),
        {"text": GOOD},
    ]
    with scripted(*turns) as model:
        ran = asked(model, model=name, output_schema=RISK)
    assert ran.output == {"risk": "low", "score": 3}
    fed_back = json.dumps(model.requests[-1]["messages"])
    assert fed_back.count("call_0") == 4
    assert '"high"' in fed_back
    assert ran.usage["calls"] == 3


@pytest.mark.parametrize("name", MODELS)
def test_the_prefix_is_the_same_bytes_in_every_request_and_providers_cache_it(name: str) -> None:
    with scripted(calling(("lookup", {"country": "AT"})), {"text": GOOD}) as model:
        ran = asked(model, model=name, output_schema=RISK)
        again = asked(model, model=name, output_schema=RISK)
    first, second, *_ = model.requests
    for key in ("system", "tools"):
        assert first.get(key) == second.get(key)
    if name == "scripted-1":
        assert (
            first["messages"][0]
            == second["messages"][0]
            == {"role": "system", "content": first["messages"][0]["content"]}
        )
    assert first["messages"] == second["messages"][: len(first["messages"])]
    usage = ran.usage
    assert usage["by_call"][0]["cached_input_tokens"] == 0
    assert usage["by_call"][1]["cached_input_tokens"] > 50
    # Another run with the same task finds the whole of its first request.
    assert (
        again.usage["by_call"][0]["cached_input_tokens"]
        == again.usage["by_call"][0]["input_tokens"]
    )


@pytest.mark.parametrize("name", MODELS)
def test_a_tool_that_fails_is_explained_to_the_model(name: str) -> None:
    turns = [
        calling(("lookup", {"country": "ZZ"}), ("lookup", {"land": "AT"}), ("delete_all", {})),
        {"text": "I give up."},
    ]
    with scripted(*turns) as model:
        ran = asked(model, model=name)
    said = json.dumps(model.requests[-1]["messages"])
    assert ran.output == "I give up."
    for expected in ("ZZ", "/country", "there is no tool `delete_all`"):
        assert expected in said


def test_arguments_that_are_no_json_are_explained_too() -> None:
    with scripted(calling(("lookup", '{"country": "A')), {"text": "sorry"}) as model:
        assert asked(model).output == "sorry"
    assert "no JSON" in model.requests[-1]["messages"][-1]["content"]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    "wrong", ["Sure! It is low.", '{"risk": "none", "score": 0}', "{", "[]", '{"risk": "low"}']
)
def test_an_answer_that_does_not_fit_goes_back_with_a_valid_example(wrong: str, name: str) -> None:
    with scripted({"text": wrong}, {"text": f"```json\n{GOOD}\n```"}) as model:
        ran = asked(model, model=name, output_schema=RISK)
    assert ran.output == {"risk": "low", "score": 3}
    said = json.loads(model.requests[-1]["messages"][-1]["content"])
    assert said["errors"]
    assert said["valid_example"] == {"risk": "low", "score": 1}
    assert any("rejected" in line for line in ran.lines)


def test_a_model_that_ignores_the_schema_fails_the_attempt_in_the_end() -> None:
    with scripted({"text": "no"}) as model:
        ran = asked(model, output_schema=RISK)
    assert len(model.requests) == 4
    assert (ran.failure["code"], ran.failure["retryable"]) == ("output_rejected", False)
    assert ran.failure["details"]["answer"] == "no"
    assert ran.usage["calls"] == 4


@pytest.mark.parametrize("name", MODELS)
def test_a_refusal_is_a_failure(name: str) -> None:
    with scripted({"refusal": "I will not do that."}) as model:
        ran = asked(model, model=name, output_schema=RISK)
    assert (ran.failure["code"], ran.failure["message"]) == ("model_refused", "I will not do that.")


@pytest.mark.parametrize("name", MODELS)
def test_an_answer_that_was_cut_short_is_a_failure(name: str) -> None:
    with scripted({"text": '{"risk": "lo', "stop": "length"}) as model:
        assert asked(model, model=name, output_schema=RISK).failure["code"] == "model_truncated"


def test_a_model_that_never_answers_is_stopped() -> None:
    @agent
    async def endless(run: Run) -> Any:
        return await run.ask(tools=[lookup], limits=Limits(turns=5))

    with scripted(calling(("lookup", {"country": "AT"}))) as model:
        ran = run_agent(endless, config={"tools": ["lookup"]}, model=model)
    assert ran.failure["code"] == "too_many_turns"
    assert len(model.requests) == 5


@pytest.mark.parametrize("name", MODELS)
def test_rate_limits_are_waited_for(name: str) -> None:
    faults = [{"status": 429, "retry_after": 0.02}, {"status": 529}, {"status": 503}]
    with scripted({"faults": faults, "text": "ok"}) as model:
        assert asked(model, model=name).output == "ok"
    assert len(model.requests) == 4


def test_a_provider_that_asks_for_too_much_patience_gets_the_attempt_back() -> None:
    with scripted({"faults": [{"status": 429, "retry_after": 90}], "text": "ok"}) as model:
        ran = asked(model)
    expected = ("model_rate_limited", True, 90_000)
    failure = ran.failure
    assert (failure["code"], failure["retryable"], failure["retry_after_ms"]) == expected


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("fault", ["cut", "stall"])
def test_a_stream_that_breaks_or_falls_silent_is_asked_again(fault: str, name: str) -> None:
    with scripted({"faults": [{fault: True}], "text": "whole answer"}) as model:
        llm = scripted_llm(model, idle_s=1.0)
        ran = run_agent(assess, config={"model": name}, llm=llm)
    assert ran.output == "whole answer"
    assert len(model.requests) == 2


def test_a_slow_stream_is_progress() -> None:
    with scripted({"text": "word " * 60, "pace_s": 0.1}) as model:
        ran = run_agent(assess, model=model, idle_timeout_ms=1_000)
    assert ran.output == "word " * 60
    assert ran.progress[-1] == {"turns": 1}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "model_unauthorized"), (400, "model_request_refused"), (307, "model_request_refused")],
)
def test_what_would_be_refused_again_is_not_repeated(status: int, code: str, name: str) -> None:
    with scripted({"status": status, "text": ""}) as model:
        ran = asked(model, model=name)
    assert (ran.failure["code"], ran.failure["retryable"]) == (code, False)
    assert len(model.requests) == 1


def test_nothing_listens_there() -> None:
    llm = LLM(openai_base_url="http://127.0.0.1:9/v1", openai_api_key="x", patience_s=0.2)
    ran = run_agent(assess, config={"model": "m"}, llm=llm)
    assert (ran.failure["code"], ran.failure["retryable"]) == ("model_unreachable", True)


def test_usage_names_the_model_that_answered_and_what_it_cost() -> None:
    with scripted({"text": "x" * 396, "model": "scripted-1-20261101"}) as model:
        llm = scripted_llm(model, prices={"scripted-1-20261101": Price(2.0, 10.0)})
        usage = run_agent(assess, config={"model": "openai/scripted-1"}, llm=llm).usage
    [call] = usage["by_call"]
    assert (call["model"], call["served_model"]) == ("scripted-1", "scripted-1-20261101")
    assert usage["models"] == ["scripted-1-20261101"]
    assert usage["output_tokens"] == 100
    assert usage["cost_usd"] == pytest.approx((usage["input_tokens"] * 2 + 1000) / 1e6)


def test_cost_is_not_made_up() -> None:
    with scripted({"text": "x"}) as model:
        assert asked(model).usage["cost_usd"] is None


def test_a_node_that_names_no_model_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AOB_MODEL", raising=False)
    assert run_agent(assess, llm=LLM()).failure["code"] == "model_missing"


def test_a_schema_that_is_none_is_said_at_once() -> None:
    with scripted({"text": "x"}) as model:
        ran = asked(model, output_schema={"type": "objekt"})
    assert ran.failure["code"] == "invalid_schema"
    assert model.requests == []


def test_references_of_a_schema_lead_nowhere() -> None:
    with scripted({"text": "{}"}) as model:
        ran = asked(model, output_schema={"$ref": "http://127.0.0.1:9/schema"})
    assert ran.output is None
    assert ran.failure["code"] in {"exception", "output_rejected"}


def test_only_tools_that_the_node_lists_are_offered() -> None:
    with scripted({"text": "ok"}) as model:
        ran = asked(model, tools=[{"name": "other"}])
    assert "tools" not in model.requests[0]
    assert ran.lines == ["not among the node's tools, so not offered: lookup"]


def test_tools_get_the_run_and_their_settings_and_run_beside_each_other() -> None:
    together = threading.Barrier(2, timeout=10)

    @tool
    def meet(place: str, run: BlockingRun) -> Any:
        """Meets somebody."""
        together.wait()
        return {"place": place, "node": run.node, "setting": run.tool_settings("meet")["time"]}

    @agent
    def host(run: BlockingRun) -> Any:
        return run.ask(tools=[meet])

    turns = [calling(("meet", {"place": "a"}), ("meet", {"place": "b"})), {"text": "met"}]
    with scripted(*turns) as model:
        config = {"tools": [{"name": "meet", "time": "noon"}]}
        assert run_agent(host, config=config, model=model, node="n").output == "met"
    answers = [json.loads(m["content"]) for m in model.requests[-1]["messages"][-2:]]
    assert [answer["place"] for answer in answers] == ["a", "b"]
    assert answers[0] == {"place": "a", "node": "n", "setting": "noon"}


def test_a_tool_may_end_the_attempt() -> None:
    @tool
    def stop() -> None:
        """Stops."""
        raise Failure("enough", "no more of this")

    @agent
    async def host(run: Run) -> Any:
        return await run.ask(tools=[stop, lookup])

    with scripted(calling(("lookup", {"country": "AT"}), ("stop", {}))) as model:
        ran = run_agent(host, config={"tools": ["stop", "lookup"]}, model=model)
    assert ran.failure["code"] == "enough"


PATCH = {
    "operations": [
        {"op": "add", "path": "/nodes/-", "value": {"id": "check", "type": "transform"}}
    ],
    "description": "one more check",
}
WRONG = {
    **PATCH,
    "operations": [{"op": "add", "path": "/nodes/-", "value": {"id": "c", "type": "transfrm"}}],
}


def judge(said: dict[str, Any], planning: bool) -> Any:
    assert planning
    assert said["node_id"] == "planner"
    if said["operations"] == WRONG["operations"]:
        item = {
            "pointer": "/nodes/c/type",
            "code": "unknown_type",
            "message": "no such type",
            "example": "transform",
        }
        return 422, problem(422, "patch_refused", "no", errors=[item])
    return None


def planning(*turns: dict[str, Any], **config: Any) -> tuple[Any, ScriptedModel]:
    said = {"tools": ["propose_patch"], **config}
    with scripted(*turns) as model:
        return run_agent(assess, config=said, model=model, node="planner", on_patch=judge), model


def test_a_refused_patch_goes_back_with_place_and_example_until_it_is_right() -> None:
    ran, model = planning(
        calling(("propose_patch", WRONG)), calling(("propose_patch", PATCH)), {"text": "ok"}
    )
    assert ran.output == "ok"
    assert [patch["operations"] for patch in ran.patches] == [PATCH["operations"]]
    told = json.loads(model.requests[1]["messages"][-1]["content"])
    assert told["errors"][0]["example"] == "transform"
    accepted = json.loads(model.requests[2]["messages"][-1]["content"])
    assert accepted == {"proposed": True, "needs_approval": False}


def test_a_patch_that_stays_refused_is_kept_for_a_person() -> None:
    ran, _ = planning(calling(("propose_patch", WRONG)))
    assert ran.failure["code"] == "patch_rejected"
    assert json.loads(ran.failure["details"]["proposal"]) == WRONG
    assert ran.failure["details"]["problem"]["errors"][0]["pointer"] == "/nodes/c/type"
    assert ran.patches == []


def test_a_model_cannot_say_who_it_is() -> None:
    ran, model = planning(
        calling(("propose_patch", {**PATCH, "node_id": "admin", "run": "another"})), {"text": "ok"}
    )
    assert ran.patches == []
    assert "/node_id" in model.requests[-1]["messages"][-1]["content"]
