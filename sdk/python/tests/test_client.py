"""The clients: what is sent, what is repeated, what is raised."""

from __future__ import annotations

import json

import httpx2
import pytest

from aob import AobError, ApiError, AsyncClient, Client, PatchRejected, Unreachable, models

BASE = "http://server.test"
RUN = {
    "id": "01",
    "status": "completed",
    "output": {"a": 1},
    "links": dict.fromkeys(("self", "events", "explain", "graph", "stream", "timeline"), ""),
    "workflow": {"digest": "sha256:0"},
}


class Served:
    """Answers in a row, and what was asked."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, **options: object) -> Client:
        http = httpx2.Client(base_url=BASE, transport=httpx2.MockTransport(self))
        return Client(BASE, "aob_key", http=http, **options)

    def bodies(self) -> list[object]:
        return [json.loads(request.content) for request in self.asked]


def answered(status: int, body: object, **headers: str) -> httpx2.Response:
    return httpx2.Response(status, json=body, headers=headers)


def refused(status: int, code: str, **more: object) -> httpx2.Response:
    said = {"type": "x", "title": "t", "status": status, "code": code, **more}
    headers = {"content-type": "application/problem+json"}
    return httpx2.Response(status, content=json.dumps(said).encode(), headers=headers)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr("aob._transport.time.sleep", waits.append)
    return waits


def test_a_run_is_started_with_what_was_given_and_nothing_else() -> None:
    served = Served(answered(201, RUN))
    run = served.client().runs.start("onboarding@3", inputs={"x": None}, wait=20)
    assert run.output == {"a": 1}
    [request] = served.asked
    assert (request.method, request.url.path) == ("POST", "/v1/runs")
    assert served.bodies() == [{"workflow": "onboarding@3", "inputs": {"x": None}}]
    assert request.headers["prefer"] == "wait=20"
    assert len(request.headers["idempotency-key"]) == 36


def test_required_fields_may_be_null_and_optional_ones_are_left_out() -> None:
    outcome = {"changed": True, "id": "01", "seq": 4, "status": "running"}
    served = Served(answered(200, outcome), answered(200, outcome))
    client = served.client()
    client.runs.succeed("01", "fetch", None)
    client.runs.cancel("01")
    assert served.bodies() == [{"instance": "fetch", "output": None}, {}]


def test_paths_and_queries_are_escaped() -> None:
    ticket = {"items": []}
    served = Served(answered(200, ticket), answered(404, {}), answered(200, {"items": []}))
    client = served.client()
    client.approvals.list(status=["pending", "approved"], run="a/b")
    with pytest.raises(ApiError):
        client.tags.get("../keys?x=1")
    client.runs.list(label="team:a&b")
    urls = [str(request.url) for request in served.asked]
    assert urls == [
        f"{BASE}/v1/approvals?status=pending&status=approved&run=a%2Fb",
        f"{BASE}/v1/tags/..%2Fkeys%3Fx%3D1",
        f"{BASE}/v1/runs?label=team%3Aa%26b",
    ]


def test_versions_are_asked_for_by_if_match() -> None:
    served = Served(refused(412, "precondition_failed", current_version=4))
    with pytest.raises(ApiError) as raised:
        served.client().tags.undo("main", if_match=3)
    assert served.asked[0].headers["if-match"] == '"3"'
    assert (raised.value.code, raised.value.problem.current_version) == ("precondition_failed", 4)


def test_all_goes_through_every_page() -> None:
    tag = {
        "tag": "t",
        "version": 1,
        "digest": "d",
        "actor": "a",
        "created_at": "2026-01-01T00:00:00Z",
        "tip": 1,
    }
    pages = [{"items": [tag, tag], "next_cursor": "c1"}, {"items": [tag]}]
    served = Served(*(answered(200, page) for page in pages))
    assert len(list(served.client().tags.all(limit=2))) == 3
    assert [request.url.params.get("cursor") for request in served.asked] == [None, "c1"]


def test_a_refusal_says_where_and_what_to_do() -> None:
    item = {
        "pointer": "/nodes/n/type",
        "code": "unknown_type",
        "message": "no",
        "hint": "transform",
        "example": {"a": 1},
    }
    served = Served(refused(422, "patch_refused", detail="no such type", errors=[item], hint="h"))
    with pytest.raises(PatchRejected) as raised:
        served.client().runs.patches.plan("01", [], description="d")
    assert served.asked[0].url.params["dry_run"] == "true"
    assert raised.value.for_model() == {
        "code": "patch_refused",
        "message": "no such type",
        "hint": "h",
        "errors": [item],
    }
    assert "/nodes/n/type: no; transform" in str(raised.value)
    assert not raised.value.retryable


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx2.Response(502, content=b"<html>bad gateway</html>"), "http_status"),
        (
            httpx2.Response(500, content=b"\xff\xfe", headers={"content-type": "text/plain"}),
            "http_status",
        ),
        (
            httpx2.Response(500, content=b"[1]", headers={"content-type": "application/json"}),
            "http_status",
        ),
        (httpx2.Response(404, content=b""), "http_status"),
    ],
)
def test_a_refusal_by_somebody_else_is_an_error_too(answer: httpx2.Response, code: str) -> None:
    with pytest.raises(ApiError) as raised:
        Served(answer).client(tries=1).ready()
    assert (raised.value.code, raised.value.status) == (code, answer.status_code)


def test_what_is_harmless_is_repeated_with_the_same_key(no_waiting: list[float]) -> None:
    served = Served(
        httpx2.ConnectError("refused"),
        refused(503, "overloaded", retry_after_ms=7000),
        answered(201, RUN),
    )
    served.client().runs.start("w")
    assert len({request.headers["idempotency-key"] for request in served.asked}) == 1
    assert no_waiting[0] <= 0.1
    assert no_waiting[1] == 7.0


def test_what_is_not_harmless_is_sent_once() -> None:
    served = Served(httpx2.ReadTimeout("lost"))
    with pytest.raises(Unreachable):
        served.client().keys.create("ada", ["admin"])
    assert len(served.asked) == 1


def test_a_refusal_that_stands_is_not_repeated() -> None:
    served = Served(refused(403, "forbidden"))
    with pytest.raises(ApiError):
        served.client().runs.get("01")
    assert len(served.asked) == 1


def test_tries_end() -> None:
    served = Served(*(httpx2.ConnectError("refused") for _ in range(3)))
    with pytest.raises(Unreachable, match="refused"):
        served.client().health()
    assert len(served.asked) == 3


def test_an_answer_that_is_not_understood_says_so() -> None:
    with pytest.raises(AobError, match="GET /v1/runs/01"):
        Served(answered(200, {"id": 7})).client().runs.get("01")


def test_what_a_newer_server_says_is_kept() -> None:
    run = Served(answered(201, {**RUN, "mood": "good"})).client().runs.start("w")
    assert run.model_extra == {"mood": "good"}
    assert isinstance(run, models.StartedRun)


def test_what_is_no_json_is_not_sent() -> None:
    with pytest.raises(AobError, match="no JSON"):
        Served().client().runs.start("w", inputs={"x": float("nan")})


async def test_the_asynchronous_client_does_the_same() -> None:
    served = Served(answered(201, RUN), answered(200, {"items": []}))
    http = httpx2.AsyncClient(base_url=BASE, transport=httpx2.MockTransport(served))
    async with AsyncClient(BASE, http=http) as client:
        assert (await client.runs.start("w")).status == "completed"
        assert [run async for run in client.runs.all()] == []


def test_both_clients_have_the_same_operations() -> None:
    from aob import _async_operations, _operations

    def methods(module: object, prefix: str) -> dict[str, list[str]]:
        found = {}
        for name, kind in vars(module).items():
            if isinstance(kind, type) and kind.__module__ == module.__name__:
                found[name.removeprefix(prefix)] = [m for m in vars(kind) if not m.startswith("_")]
        return found

    blocking = methods(_operations, "")
    assert methods(_async_operations, "Async") == blocking
    assert blocking["RunsPatches"] == [
        "list",
        "all",
        "propose",
        "plan",
        "get",
        "diff",
        "revert",
        "withdraw",
    ]
