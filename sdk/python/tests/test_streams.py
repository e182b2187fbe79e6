"""Streams: resumed behind what was seen, ended by the server, waiting where it is away."""

from __future__ import annotations

import httpx2
import pytest

from aob import ApiError, AsyncClient, Client, StreamReset

BASE = "http://server.test"


def sse(text: str) -> httpx2.Response:
    return httpx2.Response(200, text=text, headers={"content-type": "text/event-stream"})


class Served:
    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


FIRST = """retry: 100

id: 1
event: run_created
data: {"seq": 1}

event: log
data: {"lines": ["x"]}

: beat

"""
REST = """id: 2
event: run_completed
data: {"seq": 2}

event: end
data: {}

"""


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    async def asleep(_: float) -> None:
        return None

    monkeypatch.setattr("aob.streams.time.sleep", lambda _: None)
    monkeypatch.setattr("aob.streams.asyncio.sleep", asleep)


def test_a_stream_resumes_behind_what_was_seen() -> None:
    served = Served(sse(FIRST), httpx2.ReadError("gone"), sse(REST))
    http = httpx2.Client(base_url=BASE, transport=httpx2.MockTransport(served))
    events = list(Client(BASE, http=http).streams.run("01", types="run_*,log"))
    assert [(event.type, event.id) for event in events] == [
        ("run_created", "1"),
        ("log", None),
        ("run_completed", "2"),
    ]
    resumed = [request.headers.get("last-event-id") for request in served.asked]
    assert resumed == [None, "1", "1"]


async def test_the_asynchronous_stream_does_the_same() -> None:
    served = Served(sse(FIRST), sse(REST))
    http = httpx2.AsyncClient(base_url=BASE, transport=httpx2.MockTransport(served))
    async with AsyncClient(BASE, http=http) as client:
        seen = [event.type async for event in client.streams.workspace(from_start=True)]
    assert seen == ["run_created", "log", "run_completed"]
    assert served.asked[0].url.params["from"] == "start"


def test_what_is_gone_is_not_passed_over() -> None:
    served = Served(sse('event: reset\ndata: {"seq": 9}\n\n'))
    http = httpx2.Client(base_url=BASE, transport=httpx2.MockTransport(served))
    with pytest.raises(StreamReset):
        list(Client(BASE, http=http).streams.run("01", after=3))


def pages() -> list[httpx2.Response]:
    """A server without streams, and the log of a run in pages."""

    def page(*seqs: int, head: int, ended: bool) -> httpx2.Response:
        kinds = {1: "run_created", 4: "run_completed"}
        items = [{"seq": seq, "type": kinds.get(seq, "node_completed")} for seq in seqs]
        said = {"items": items, "head_seq": head, "ended": ended}
        return httpx2.Response(200, json={**said, "next_after": seqs[-1] if seqs else head})

    missing = {"status": 404, "code": "route_not_found"}
    return [
        httpx2.Response(404, json=missing),
        page(1, 2, head=3, ended=False),
        page(3, head=3, ended=False),
        page(head=3, ended=False),
        httpx2.Response(503, json={"status": 503, "code": "overloaded"}),
        page(4, head=4, ended=True),
    ]


def test_pages_are_read_where_there_is_no_stream() -> None:
    served = Served(*pages())
    http = httpx2.Client(base_url=BASE, transport=httpx2.MockTransport(served))
    events = list(Client(BASE, http=http, tries=1).streams.run("01", types="run_*,log"))
    assert [(event.type, event.id) for event in events] == [
        ("run_created", "1"),
        ("run_completed", "4"),
    ]
    asked = [request.url.params.get("after") for request in served.asked[1:]]
    assert asked == ["0", "2", "3", "3", "3"]


async def test_pages_are_read_asynchronously_too() -> None:
    served = Served(*pages())
    http = httpx2.AsyncClient(base_url=BASE, transport=httpx2.MockTransport(served))
    async with AsyncClient(BASE, http=http, tries=1) as client:
        assert [event.id async for event in client.streams.run("01")] == ["1", "2", "3", "4"]


def test_a_refusal_ends_a_stream() -> None:
    served = Served(httpx2.Response(404, json={"status": 404, "code": "run_not_found"}))
    http = httpx2.Client(base_url=BASE, transport=httpx2.MockTransport(served))
    with pytest.raises(ApiError) as raised:
        list(Client(BASE, http=http).streams.run("01"))
    assert raised.value.code == "run_not_found"
