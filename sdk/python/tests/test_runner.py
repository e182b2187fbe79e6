"""The runner against a scripted server: leases, reports, stops, results, the server away."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from aob import AgentRunner, ApiError, BlockingRun, Cancelled, Failure, Run, agent, function
from aob.testing import ScriptedServer, run_agent, serving

if TYPE_CHECKING:
    from pathlib import Path


def runner(server: ScriptedServer, *handlers: Any, **options: Any) -> AgentRunner:
    defaults = {"server": server.url, "token": server.token, "wait_s": 1.0, "grace_s": 5.0}
    return AgentRunner(*handlers, **{**defaults, **options})


@agent
async def echo(run: Run) -> Any:
    return {"task": run.task, "input": run.input, "node": run.node, "attempt": run.attempt}


def test_an_agent_gets_its_job_and_its_answer_is_the_output() -> None:
    ran = run_agent(echo, task="say hello", value=[1], node="planner", attempt=3)
    said = {"task": "say hello", "input": [1], "node": "planner", "attempt": 3}
    assert (ran.output, ran.failure, ran.cancelled) == (said, None, False)


def test_functions_get_their_arguments_in_threads_and_in_the_loop() -> None:
    names = []

    @function
    def double(args: Any) -> Any:
        names.append(threading.current_thread().name)
        return args["n"] * 2

    @function("triple.v2")
    async def triple(args: Any, run: Run) -> Any:
        return [args["n"] * 3, run.node]

    assert run_agent(double, config={"name": "double", "args": {"n": 4}}).output == 8
    assert names[0].startswith("aob ")
    assert run_agent(triple, config={"args": {"n": 4}}, node="t").output == [12, "t"]


def test_a_runner_asks_for_what_it_serves() -> None:
    @function("b.one")
    def one(_: Any) -> None:
        return None

    with ScriptedServer() as server, serving(runner(server, one, echo, pool="eu", concurrency=3)):
        key = server.add_job(config={"task": "x"}, pool="eu")
        server.result(key)
    asked = server.leases[0]
    assert (asked["pool"], asked["names"], asked["limit"]) == ("eu", ["b.one", "agent"], 3)


def test_agents_are_told_apart_by_node() -> None:
    @agent("planner")
    async def planner(_: Run) -> str:
        return "planned"

    @agent
    async def anybody(_: Run) -> str:
        return "anybody"

    with ScriptedServer() as server:
        keys = [server.add_job(node=node) for node in ("planner", "each[3]/planner", "other")]
        with serving(runner(server, planner, anybody)):
            outputs = [server.result(key)["outcome"]["completed"]["output"] for key in keys]
        with serving(runner(server, planner)):
            refused = server.result(server.add_job(node="other"))
    assert [output["value"] for output in outputs] == ["planned", "planned", "anybody"]
    assert refused["outcome"]["failed"]["failure"]["code"] == "unknown_agent"


def test_long_values_travel_by_digest() -> None:
    @agent
    async def grow(run: Run) -> Any:
        await run.propose_patch(
            [{"op": "add", "path": "/x", "value": "y" * 20_000}], description="d"
        )
        return {"grown": run.input + run.input}

    ran = run_agent(grow, value="x" * 40_000)
    assert ran.output == {"grown": "x" * 80_000}
    assert ran.patches[0]["operations"][0]["value"] == "y" * 20_000


def test_progress_and_lines_come_with_heartbeats_and_the_last_lines_with_the_result() -> None:
    go_on = threading.Event()

    @agent
    def work(run: BlockingRun) -> str:
        run.progress({"done": 1})
        run.log("first\nsecond")
        go_on.wait(10)
        run.log("last " + "é" * 9_000)
        return "done"

    with ScriptedServer() as server:
        key = server.add_job()
        with serving(runner(server, work)):
            server.wait_told(key, lambda told: told.lines == ["first", "second"])
            go_on.set()
            server.result(key)
    told = server.told[key]
    assert told.progress[0] == {"done": 1}
    assert told.lines[2].startswith("last é")
    assert len(told.lines[2].encode()) <= 8 * 1024


def test_what_a_handler_raises_is_the_failure() -> None:
    @agent
    async def gives_up(_: Run) -> None:
        raise Failure(
            "no_data", "there is none", retryable=True, retry_after_ms=50, details={"a": 1}
        )

    @agent
    async def breaks(_: Run) -> None:
        raise ValueError("what is this?")

    @agent
    def breaks_in_a_thread(_: BlockingRun) -> None:
        raise StopIteration

    @agent
    async def answers_nonsense(_: Run) -> Any:
        return {"x": object()}

    @agent
    async def exits(_: Run) -> Any:
        sys.exit(3)

    @agent
    def exits_in_a_thread(_: BlockingRun) -> Any:
        sys.exit(3)

    for handler in (exits, exits_in_a_thread):
        assert run_agent(handler).failure["message"] == "the handler exits with 3"
    assert run_agent(gives_up).failure == {
        "code": "no_data",
        "message": "there is none",
        "retryable": True,
        "retry_after_ms": 50,
        "details": {"a": 1},
    }
    ran = run_agent(breaks)
    assert ran.failure == {
        "code": "exception",
        "message": "ValueError: what is this?",
        "retryable": True,
    }
    assert any("raise ValueError" in line for line in ran.lines)
    assert run_agent(breaks_in_a_thread).failure["code"] == "exception"
    assert run_agent(answers_nonsense).failure["code"] == "invalid_output"


def test_cancelling_reaches_coroutines() -> None:
    begun, seen = threading.Event(), []

    @agent
    async def waits(_: Run) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("cleaned up")

    assert cancelled(waits, begun)["outcome"] == {"cancelled": {}}
    assert seen == ["cleaned up"]


def test_cancelling_reaches_threads() -> None:
    begun = threading.Event()

    @agent
    def waits(run: BlockingRun) -> None:
        begun.set()
        assert run.wait_cancelled(10)
        run.check_cancelled()

    assert cancelled(waits, begun)["outcome"] == {"cancelled": {}}


def test_cancelling_ends_what_a_thread_waits_for() -> None:
    begun = threading.Event()

    @agent
    def plans(run: BlockingRun) -> None:
        begun.set()
        run.wait_cancelled(10)
        with pytest.raises(Cancelled):
            run.propose_patch([], description="too late")
        raise Cancelled

    assert cancelled(plans, begun)["outcome"] == {"cancelled": {}}


def test_an_answer_in_spite_of_a_cancellation_counts() -> None:
    begun = threading.Event()

    @agent
    def finishes(run: BlockingRun) -> str:
        begun.set()
        run.wait_cancelled(10)
        return "done all the same"

    outcome = cancelled(finishes, begun)["outcome"]
    assert outcome["completed"]["output"] == {"value": "done all the same"}


def test_what_does_not_stop_is_left_alone() -> None:
    begun, end = threading.Event(), threading.Event()

    @agent
    def hangs(_: BlockingRun) -> None:
        begun.set()
        end.wait(20)

    failure = cancelled(hangs, begun, grace_s=0.2)["outcome"]["failed"]["failure"]
    end.set()
    assert (failure["code"], failure["retryable"]) == ("cancel_unanswered", True)


def test_a_cancelled_attempt_with_effects_says_that_nobody_knows() -> None:
    begun = threading.Event()

    @agent
    async def pays(_: Run) -> None:
        begun.set()
        await asyncio.Event().wait()

    failure = cancelled(pays, begun, effect="irreversible")["outcome"]["failed"]["failure"]
    assert (failure["code"], failure["retryable"], failure["lost"]) == ("interrupted", False, True)


def cancelled(
    handler: Any, begun: threading.Event, grace_s: float = 5.0, **job: Any
) -> dict[str, Any]:
    """The result of a job that is cancelled once it has begun."""
    with ScriptedServer() as server:
        key = server.add_job(**job)
        with serving(runner(server, handler, grace_s=grace_s)):
            assert begun.wait(10)
            server.cancel(key)
            return server.result(key)


def test_timeouts_are_kept_here_too() -> None:
    @agent
    async def dawdles(_: Run) -> None:
        await asyncio.Event().wait()

    @agent
    async def reports(run: Run) -> str:
        for n in range(25):
            run.progress(n)
            await asyncio.sleep(0.05)
        return "done"

    assert run_agent(dawdles, timeout_ms=50).failure["code"] == "timeout"
    assert run_agent(dawdles, idle_timeout_ms=50).failure["code"] == "idle_timeout"
    assert run_agent(reports, idle_timeout_ms=1_000).output == "done"


def test_a_lost_lease_ends_the_attempt_without_an_answer() -> None:
    begun, ended = threading.Event(), threading.Event()

    @agent
    async def waits(run: Run) -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return run.id

    with ScriptedServer() as server:
        key = server.add_job()
        with serving(runner(server, waits)):
            assert begun.wait(10)
            server.lose(key)
            assert ended.wait(10)
    assert key not in server.results


def test_a_lease_that_cannot_be_renewed_ends_the_attempt() -> None:
    ended = threading.Event()

    @agent
    async def waits(_: Run) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with ScriptedServer(lease_ms=150) as server:
        server.fail("/runners/heartbeat", 503, 100)
        key = server.add_job()
        with serving(runner(server, waits)):
            assert ended.wait(10)
    assert key not in server.results


def test_a_server_that_is_away_is_asked_again() -> None:
    with ScriptedServer() as server:
        server.fail("/runners/lease", 503, 2, retry_after=0.05)
        server.fail("/runners/lease", 429, 1, retry_after=0.05)
        key = server.add_job(config={"task": "x"})
        with serving(runner(server, echo)):
            assert server.result(key)["outcome"]["completed"]


def test_results_are_sent_until_they_are_durable_and_once_is_enough() -> None:
    with ScriptedServer() as server:
        server.fail("/runners/result", 503, 2)
        server.fail("/runners/result", 0, 1, lose_answer=True)
        key = server.add_job(config={"task": "x"})
        with serving(runner(server, echo)):
            server.result(key)
    assert list(server.results) == [key]


def test_a_result_that_is_refused_becomes_a_failure() -> None:
    with ScriptedServer() as server:
        server.fail("/runners/result", 422, 1)
        key = server.add_job(config={"task": "x"})
        with serving(runner(server, echo)):
            failure = server.result(key)["outcome"]["failed"]["failure"]
    assert failure["code"] == "result_refused"


def test_a_runner_that_is_not_wanted_says_so() -> None:
    with ScriptedServer() as server:
        server.fail("/runners/lease", 403, 1)
        served = serving(runner(server, echo))
        with pytest.raises(ApiError, match="the script says so"), served:
            served.join()


def test_only_so_many_jobs_run_at_once() -> None:
    running = most = 0
    full = asyncio.Event()

    @agent
    async def counts(_: Run) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 4:
            full.set()
        await full.wait()
        running -= 1

    with ScriptedServer() as server:
        keys = [server.add_job() for _ in range(20)]
        with serving(runner(server, counts, concurrency=4)):
            for key in keys:
                server.result(key)
    assert most == 4
    assert max(asked["limit"] for asked in server.leases) == 4


def test_draining_lets_jobs_finish_and_takes_no_more() -> None:
    begun, go_on = threading.Event(), threading.Event()

    @agent
    def slow(_: BlockingRun) -> str:
        begun.set()
        go_on.wait(10)
        return "finished"

    with ScriptedServer() as server:
        key = server.add_job()
        one = runner(server, slow)
        served = serving(one)
        with served:
            assert begun.wait(10)
            one.stop()
            late = server.add_job()
            go_on.set()
            served.join()
        assert server.results[key]["outcome"]["completed"]["output"] == {"value": "finished"}
        assert late not in server.results


def test_draining_stops_what_does_not_finish() -> None:
    begun = threading.Event()

    @agent
    async def endless(_: Run) -> None:
        begun.set()
        await asyncio.Event().wait()

    with ScriptedServer() as server:
        key = server.add_job()
        with serving(runner(server, endless, drain_s=0.1)):
            assert begun.wait(10)
        failure = server.results[key]["outcome"]["failed"]["failure"]
    assert (failure["code"], failure["retryable"]) == ("runner_stopped", True)


SCRIPT = """
import asyncio
import sys
from aob import AgentRunner, agent

@agent
async def slow(run):
    run.log("begun")
    return (await asyncio.to_thread(sys.stdin.readline)).strip()

AgentRunner(slow, server=sys.argv[1], token="t", drain_s=10).run()
"""


def test_sigterm_drains(tmp_path: Path) -> None:
    script = tmp_path / "runner.py"
    script.write_text(SCRIPT)
    with ScriptedServer() as server:
        key = server.add_job()
        command = [sys.executable, script, server.url]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
        try:
            server.wait_told(key, lambda told: bool(told.lines), 30.0)
            process.send_signal(signal.SIGTERM)
            process.communicate("finished\n", timeout=20)
        finally:
            process.kill()
        assert process.returncode == 0
    assert server.results[key]["outcome"]["completed"]["output"] == {"value": "finished"}


SLOTS = [{"pointer": "/args/key", "parts": [{"text": "Bearer "}, {"secret": "crm"}]}]


def test_secrets_reach_functions_and_do_not_leave_them() -> None:
    @function
    def call(args: Any, run: BlockingRun) -> Any:
        assert args["key"] == "Bearer s3cr3t/value"
        run.log(f"with {args['key']}")
        run.progress({"key": args["key"]})
        return {"echo": args["key"], "s3cr3t/value": ["s3cr3t%2Fvalue"]}

    @function
    def tell(args: Any) -> None:
        raise Failure("told", f"the key is {args['key']}", details=[args["key"]])

    for handler, expected in [
        (call, {"echo": "Bearer [secret:crm]", "[secret:crm]": ["[secret:crm]"]}),
        (tell, None),
    ]:
        with ScriptedServer() as server:
            key = server.add_job(
                config={"name": handler.name, "args": {"key": None}},
                job_type="function",
                name=handler.name,
                secrets=SLOTS,
            )
            with serving(runner(server, handler, secrets={"crm": "s3cr3t/value"})):
                outcome = server.result(key)["outcome"]
        if expected is not None:
            assert outcome["completed"]["output"]["value"] == expected
            assert server.told[key].lines == ["with Bearer [secret:crm]"]
        else:
            failure = outcome["failed"]["failure"]
            assert failure["message"] == "the key is Bearer [secret:crm]"
            assert failure["details"] == ["Bearer [secret:crm]"]


@pytest.mark.parametrize(
    ("pointer", "secrets", "code"),
    [
        ("/task", {"crm": "value"}, "secret_refused"),
        ("/tools/0/key", {}, "secret_missing"),
        ("/tools/9/key", {"crm": "value"}, "secret_slot"),
    ],
)
def test_secrets_are_not_shown_to_models(pointer: str, secrets: dict, code: str) -> None:
    slots = [{"pointer": pointer, "parts": [{"secret": "crm"}]}]
    with ScriptedServer() as server:
        config = {"task": None, "tools": [{"name": "t", "key": None}]}
        key = server.add_job(config=config, secrets=slots)
        with serving(runner(server, echo, secrets=secrets)):
            failure = server.result(key)["outcome"]["failed"]["failure"]
    assert failure["code"] == code


def test_a_runner_serves_something() -> None:
    with pytest.raises(ValueError, match="at least one"):
        AgentRunner()
