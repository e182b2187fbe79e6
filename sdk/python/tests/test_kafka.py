"""The runner on Kafka, against brokers in this process and a scripted server."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from kafka_mock import Brokers

from aob import AgentRunner, Kafka, Run, agent
from aob.testing import ScriptedServer, serving

if TYPE_CHECKING:
    from collections.abc import Callable

JOBS, RESULTS = "agent.jobs.acme.eu", "agent.results.acme.eu"
GROUP = "aob.eu"


@pytest.fixture
def brokers() -> Brokers:
    return Brokers()


def runner(server: ScriptedServer, brokers: Brokers, *handlers: Any, **options: Any) -> AgentRunner:
    settings = {"session.timeout.ms": 6_000, "heartbeat.interval.ms": 200, "log_level": 2}
    kafka = Kafka(brokers.address, jobs=JOBS, settings=settings)
    defaults = {"server": server.url, "token": server.token, "pool": "eu", "grace_s": 5.0}
    return AgentRunner(*handlers, **{**defaults, "kafka": kafka, **options})


def until(what: Callable[[], bool], limit_s: float = 20.0) -> None:
    end = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.02)


@agent
async def echo(run: Run) -> Any:
    return {"task": run.task, "attempt": run.attempt}


def test_topics_are_named_after_each_other() -> None:
    assert Kafka("b").results_topic == "agent.results"
    assert Kafka("b", jobs=JOBS).results_topic == RESULTS
    assert Kafka("b", jobs="mine", results="theirs").results_topic == "theirs"
    with pytest.raises(ValueError, match="results"):
        _ = Kafka("b", jobs="mine").results_topic


def test_what_is_offered_is_claimed_executed_answered_and_settled(brokers: Brokers) -> None:
    with ScriptedServer() as server:
        key, value, offer = server.offer(config={"task": "say hello"}, pool="eu")
        brokers.publish(JOBS, value, offer)
        with serving(runner(server, brokers, echo)):
            [sent] = brokers.read(RESULTS, 1)
            until(lambda: brokers.committed(JOBS, GROUP) == 1)
    output = sent["result"]["outcome"]["completed"]["output"]["value"]
    assert output == {"task": "say hello", "attempt": 1}
    assert (sent["token"], sent["result"]["run"]) == (f"job.{key[0]}", key[0])
    # What was claimed is not claimed by whoever reads it next.
    assert [len(claim["offers"]) for claim in server.claims] == [1]


def test_budgets_are_reserved_with_the_token_of_the_claim(brokers: Brokers) -> None:
    @agent
    async def spends(run: Run) -> None:
        while True:
            reserved = await run.reserve(tokens=10)
            await reserved.settle(tokens=8)

    with ScriptedServer() as server:
        key, value, offer = server.offer(pool="eu", budget={"tokens": 20})
        brokers.publish(JOBS, value, offer)
        with serving(runner(server, brokers, spends)):
            server.wait_parked(key)
            until(lambda: brokers.committed(JOBS, GROUP) == 1)
    assert server.spent[key] == {"calls": 2, "tokens": 16, "usd": 0}


def test_what_was_not_granted_is_not_executed(brokers: Brokers) -> None:
    ran = []

    @agent
    async def count(run: Run) -> None:
        ran.append(run.task)

    with ScriptedServer() as server:
        _, value, offer = server.offer(config={"task": "once"}, pool="eu")
        # The same message twice, as Kafka may bring it, and some that are not the server's.
        brokers.publish(JOBS, value, offer)
        brokers.publish(JOBS, value, "offer.forged")
        brokers.publish(JOBS, value.replace(b"once", b"evil"), offer)
        brokers.publish(JOBS, b"not json", offer)
        brokers.publish(JOBS, value, None)
        _, other_pool, header = server.offer(config={"task": "not ours"}, pool="us")
        brokers.publish(JOBS, other_pool, header)
        with serving(runner(server, brokers, count)):
            brokers.read(RESULTS, 1)
            until(lambda: brokers.committed(JOBS, GROUP) == 6)
    assert ran == ["once"]


def test_a_runner_takes_as_many_as_it_has_slots(brokers: Brokers) -> None:
    go_on, running, most = threading.Event(), 0, 0

    @agent
    async def slow(_: Run) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.to_thread(go_on.wait, 60)
        running -= 1

    with ScriptedServer() as server:
        for _ in range(7):
            brokers.publish(JOBS, *server.offer(pool="eu")[1:])
        with serving(runner(server, brokers, slow, concurrency=2)):
            until(lambda: running == 2)
            assert len(server.told) == 2
            go_on.set()
            assert len(brokers.read(RESULTS, 7)) == 7
            until(lambda: brokers.committed(JOBS, GROUP) == 7)
    assert most == 2


def test_the_lease_is_kept_until_the_result_is_taken_in(brokers: Brokers) -> None:
    with ScriptedServer(heartbeat_ms=50) as server:
        key, value, offer = server.offer(pool="eu")
        brokers.publish(JOBS, value, offer)
        with serving(runner(server, brokers, echo)):
            [sent] = brokers.read(RESULTS, 1)
            beats = server.heartbeats
            until(lambda: server.heartbeats > beats + 3)
            server.taken_in(key, sent["result"])
            # It says so with the next heartbeat, and nobody asks any more.
            until(lambda: server.heartbeats == _rested(lambda: server.heartbeats))


def _rested(count: Callable[[], int]) -> int:
    before = count()
    time.sleep(0.3)
    return before


def test_a_server_that_is_away_is_asked_again(brokers: Brokers) -> None:
    with ScriptedServer() as server:
        server.fail("/v1/runners/claim", times=2)
        server.fail("/v1/runners/claim", lose_answer=True)
        brokers.publish(JOBS, *server.offer(pool="eu")[1:])
        with serving(runner(server, brokers, echo)):
            assert len(brokers.read(RESULTS, 1)) == 1


def test_who_leaves_lets_jobs_end_and_others_take_over(brokers: Brokers) -> None:
    go_on = threading.Event()

    @agent
    def slow(_: Any) -> str:
        go_on.wait(60)
        return "ended"

    with ScriptedServer() as server:
        first = server.offer(pool="eu")
        brokers.publish(JOBS, *first[1:])
        leaving = runner(server, brokers, slow)
        with serving(leaving):
            until(lambda: first[0] in server.told)
            leaving.stop()
            second = server.offer(pool="eu")
            brokers.publish(JOBS, *second[1:])
            with serving(runner(server, brokers, echo)):
                [other] = brokers.read(RESULTS, 1)
                assert other["result"]["run"] == second[0][0]
                go_on.set()
                results = brokers.read(RESULTS, 2)
    outputs = [sent["result"]["outcome"]["completed"]["output"]["value"] for sent in results]
    assert "ended" in outputs
