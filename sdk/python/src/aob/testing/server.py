"""A scripted server that speaks the runner protocol: runners and agents tested without `aob`.

    with ScriptedServer() as server:
        key = server.add_job(config={"task": "say hello"})
        ...                                     # a runner of server.url works
        result = server.result(key)

What it does not do is judge: patches are accepted unless `on_patch` says otherwise, and there are
no runs behind the jobs.
"""

from __future__ import annotations

import hashlib
import json
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

from aob.testing.model_server import QuietServer

__all__ = ["JobKey", "ScriptedServer"]

JobKey: TypeAlias = tuple[str, str, int]
"""Run, instance, attempt."""
Reply: TypeAlias = tuple[int, Any]
Target: TypeAlias = tuple[str, str, dict[str, list[str]]]
"""Method, path, query."""
OnPatch: TypeAlias = Callable[[dict[str, Any], bool], Reply | None]

_DIGEST = "sha256:" + "0" * 64
_WORKSPACE = "00000000-0000-7000-8000-000000000001"


@dataclass
class _Fault:
    """What the next requests of a path meet."""

    path: str
    status: int
    times: int
    retry_after: float | None = None
    lose_answer: bool = False


@dataclass
class Told:
    """What a runner said about a job while it ran."""

    progress: list[Any] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


class ScriptedServer:
    """The server; a context manager that serves from threads of its own."""

    token = "scripted"  # noqa: S105 - opens nothing

    def __init__(
        self,
        *,
        heartbeat_ms: int = 50,
        lease_ms: int = 15_000,
        on_patch: OnPatch | None = None,
        port: int = 0,
    ) -> None:
        """Listens already.

        Args:
            heartbeat_ms: How often runners are to report.
            lease_ms: How long leases hold without a report.
            on_patch: Judges a proposal, given its body and whether it is only to be planned;
                answers status and body, or `None` to accept it.
            port: 0 takes a free one.
        """
        self.heartbeat_ms = heartbeat_ms
        self.lease_ms = lease_ms
        self.on_patch = on_patch
        self.results: dict[JobKey, dict[str, Any]] = {}
        """Results that were accepted."""
        self.told: dict[JobKey, Told] = {}
        """What runners said meanwhile."""
        self.patches: list[dict[str, Any]] = []
        """Patches that were proposed at once."""
        self.artifacts: dict[str, bytes] = {}
        """Long values by digest."""
        self.leases: list[dict[str, Any]] = []
        """Bodies of all lease requests."""
        self.spent: dict[JobKey, dict[str, float]] = {}
        """What was charged to the budgets of jobs: settled calls, and what was left unsettled when
        an attempt ended.
        """
        self.parked: list[JobKey] = []
        """Jobs whose budget had no room."""
        self.heartbeats = 0
        """How many came."""
        self.claims: list[dict[str, Any]] = []
        """Bodies of all claims."""
        self._offered: dict[str, dict[str, Any]] = {}
        self._holders: dict[JobKey, str] = {}
        self._changed = threading.Condition()
        self._jobs: list[dict[str, Any]] = []
        self._standing: dict[JobKey, str] = {}
        self._budgets: dict[JobKey, dict[str, float]] = {}
        self._set_aside: dict[JobKey, dict[str, dict[str, float]]] = {}
        self._faults: list[_Fault] = []
        self._count = 0
        self._closing = False
        owner = self

        class Handler(_Handler):
            server_of_jobs = owner

        self._http = QuietServer(("127.0.0.1", port), Handler)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> ScriptedServer:
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._http.shutdown()
        self._http.server_close()

    def add_job(
        self,
        *,
        config: Any = None,
        value: Any = None,
        node: str = "agent",
        name: str = "agent",
        job_type: str = "agent",
        pool: str = "default",
        budget: dict[str, float] | None = None,
        **more: Any,
    ) -> JobKey:
        """Adds a job for runners to lease; `more` is what its message says besides. `budget` bounds
        its calls of models: without one, that of its config.
        """
        with self._changed:
            self._count += 1
            run = f"00000000-0000-7000-9000-{self._count:012x}"
            job = {
                "workspace": _WORKSPACE,
                "run": run,
                "instance": node,
                "attempt": 1,
                "job_type": job_type,
                "name": name,
                "config": self._payload(config),
                "input": self._payload(value),
                "effect": "idempotent",
                "pool": pool,
                "priority": "medium",
                "idempotency_key": hashlib.sha256(run.encode()).hexdigest()[:32],
                "leased": True,
                "token": f"job.{run}",
                **more,
            }
            said = config.get("budget") if isinstance(config, dict) else None
            caps = said if budget is None else budget
            if caps:
                job["metered"] = True
                self._budgets[key_of(job)] = caps
            self._jobs.append(job)
            self._changed.notify_all()
        return key_of(job)

    def offer(self, **job: Any) -> tuple[JobKey, bytes, str]:
        """Makes a job as for `add_job` that runners find on a topic instead: its key, and value and
        header `aob-offer` of its message.
        """
        key = self.add_job(**job)
        with self._changed:
            offered = next(job for job in self._jobs if key_of(job) == key)
            self._jobs.remove(offered)
            del offered["token"]
            value = json.dumps(offered).encode()
            self._offered[f"sha256:{hashlib.sha256(value).hexdigest()}"] = offered
        return key, value, f"offer.{offered['run']}"

    def taken_in(self, key: JobKey, result: dict[str, Any]) -> None:
        """Takes a result in that came on a topic: its lease ends."""
        with self._changed:
            self.results[key] = result
            self._standing[key] = "lost"
            self._changed.notify_all()

    def cancel(self, key: JobKey) -> None:
        """Asks for a job to be stopped, with the next heartbeat."""
        self._standing[key] = "cancelling"

    def lose(self, key: JobKey) -> None:
        """Takes a lease away."""
        self._standing[key] = "lost"

    def fail(
        self,
        path: str,
        status: int = 503,
        times: int = 1,
        *,
        retry_after: float | None = None,
        lose_answer: bool = False,
    ) -> None:
        """Refuses the next requests whose path ends like this, or (`lose_answer`) carries them out
        and breaks the connection before the answer.
        """
        self._faults.append(_Fault(path, status, times, retry_after, lose_answer))

    def result(self, key: JobKey, timeout_s: float = 10.0) -> dict[str, Any]:
        """Waits for the result of a job.

        Raises:
            TimeoutError: It did not come.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: key in self.results, timeout_s):
                raise TimeoutError(f"no result of {key} within {timeout_s} s")
            return self.results[key]

    def wait_told(self, key: JobKey, what: Callable[[Told], bool], timeout_s: float = 10.0) -> None:
        """Waits until a runner has said something about a job.

        Raises:
            TimeoutError: It did not.
        """
        with self._changed:
            if not self._changed.wait_for(
                lambda: key in self.told and what(self.told[key]), timeout_s
            ):
                raise TimeoutError(f"nothing of the kind was said of {key} within {timeout_s} s")

    def value(self, payload: dict[str, Any]) -> Any:
        """The value of a payload in a result."""
        digest = payload.get("digest")
        return payload.get("value") if digest is None else json.loads(self.artifacts[digest])

    def handle(
        self, target: Target, body: bytes, token: str | None, asking: Callable[[], bool]
    ) -> Reply:
        """Answers a request; `token` is the job's that it shows, and `asking` says whether whoever
        sent it still waits.
        """
        method, path, query = target
        if path.startswith("/v1/artifacts/"):
            return self._artifact(method, path.rsplit("/", 1)[1], body)
        said = json.loads(body) if body else {}
        if path == "/v1/runners/lease":
            return 200, self._lease(said, asking)
        if path == "/v1/runners/claim":
            return 200, self._claim(said)
        if path in {"/v1/runners/reserve", "/v1/runners/settle"}:
            return self._spend(path.rsplit("/", 1)[1], said, token)
        if path == "/v1/runners/heartbeat":
            return self._heartbeat(said)
        if path == "/v1/runners/result":
            return 200, self._result(said)
        if path.endswith("/patches"):
            return self._patch(said, planning="dry_run" in query)
        return 404, problem(404, "route_not_found", f"the scripted server has no {path}")

    def fault(self, path: str) -> _Fault | None:
        """What a request meets instead of an answer."""
        with self._changed:
            for fault in self._faults:
                if path.endswith(fault.path) and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None

    def _payload(self, value: Any) -> dict[str, Any]:
        text = json.dumps(value).encode()
        if len(text) <= 16 * 1024:
            return {"value": value}
        digest = f"sha256:{hashlib.sha256(text).hexdigest()}"
        self.artifacts[digest] = text
        return {"digest": digest, "len": len(text)}

    def _artifact(self, method: str, digest: str, body: bytes) -> Reply:
        if method == "PUT":
            if digest != f"sha256:{hashlib.sha256(body).hexdigest()}":
                return 422, problem(422, "digest_mismatch", "the bytes have another digest")
            self.artifacts[digest] = body
            return 204, None
        if digest not in self.artifacts:
            return 404, problem(404, "artifact_not_found", "there is none")
        return 200, self.artifacts[digest]

    def _lease(self, said: dict[str, Any], asking: Callable[[], bool]) -> dict[str, Any]:
        with self._changed:
            self.leases.append(said)
            wait_s = min(said.get("wait_ms", 0) / 1000, 5.0)
            self._changed.wait_for(lambda: self._closing or any(self._wanted(said)), wait_s)
            jobs = list(self._wanted(said))[: said["limit"]] if asking() else []
            for job in jobs:
                self._jobs.remove(job)
                self._standing.setdefault(key_of(job), "held")
                self.told.setdefault(key_of(job), Told())
        return {"jobs": jobs, "lease_ms": self.lease_ms, "heartbeat_ms": self.heartbeat_ms}

    def _claim(self, said: dict[str, Any]) -> dict[str, Any]:
        claims: list[dict[str, Any]] = []
        with self._changed:
            self.claims.append(said)
            for item in said["offers"]:
                job = self._offered.get(item["digest"])
                if job is None or item["offer"] != f"offer.{job['run']}":
                    claims.append({"standing": "invalid"})
                    continue
                key = key_of(job)
                holder = self._holders.setdefault(key, said["runner"])
                if holder != said["runner"] or key in self.results:
                    claims.append({"standing": "taken"})
                    continue
                self._standing.setdefault(key, "held")
                self.told.setdefault(key, Told())
                claims.append({"standing": "granted", "token": f"job.{job['run']}"})
        return {"claims": claims, "lease_ms": self.lease_ms, "heartbeat_ms": self.heartbeat_ms}

    def _wanted(self, said: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for job in self._jobs:
            if job["pool"] == said["pool"] and job["name"] in said["names"]:
                yield job

    def _spend(self, verb: str, said: dict[str, Any], token: str | None) -> Reply:
        with self._changed:
            keys = [key for key in self._standing if f"job.{key[0]}" == token]
            if not keys:
                return 403, problem(403, "invalid_job_token", "not the token of a job")
            key = keys[0]
            over = self._standing[key] == "lost"
            if verb == "settle":
                accepted = not over and said["reservation"] in self._set_aside.get(key, {})
                if accepted:
                    self._set_aside[key].pop(said["reservation"])
                    self._charge(key, said["used"])
                return 200, {"accepted": accepted}
            if over:
                return 409, problem(409, "attempt_over", "the attempt is over")
            caps, amounts = self._budgets.get(key), said["amounts"]
            if caps is None:
                return 200, {"reserved": False}
            aside = self._set_aside.setdefault(key, {})
            used = [self.spent.get(key, {}), *aside.values(), amounts]
            room = all(sum(one.get(what, 0) for one in used) <= caps[what] for what in caps)
            if not room and said["reservation"] not in aside:
                self.parked.append(key)
                self._end(key)
                return 409, problem(409, "budget_exhausted", f"no room for {amounts} in {caps}")
            aside.setdefault(said["reservation"], amounts)
            return 200, {"reserved": True}

    def _charge(self, key: JobKey, used: dict[str, float]) -> None:
        spent = self.spent.setdefault(key, {"calls": 0, "tokens": 0, "usd": 0})
        for what in spent:
            spent[what] += used.get(what, 0)

    def _end(self, key: JobKey) -> None:
        """Ends an attempt: what it has set aside and not settled is charged in full."""
        self._standing[key] = "lost"
        for amounts in self._set_aside.pop(key, {}).values():
            self._charge(key, amounts)
        self._changed.notify_all()

    def wait_parked(self, key: JobKey, timeout_s: float = 10.0) -> None:
        """Waits until the budget of a job had no room.

        Raises:
            TimeoutError: It had.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: key in self.parked, timeout_s):
                raise TimeoutError(f"the budget of {key} had room for {timeout_s} s")

    def _heartbeat(self, said: dict[str, Any]) -> tuple[int, Any]:
        with self._changed:
            self.heartbeats += 1
            states = []
            for item in said["leases"]:
                key = key_of(item)
                if item.get("token") != f"job.{item['run']}":
                    return 403, problem(403, "invalid_job_token", f"not the token of {key}")
                told = self.told.setdefault(key, Told())
                if "progress" in item:
                    told.progress.append(item["progress"])
                told.lines += (item.get("logs") or {}).get("lines", [])
                states.append(self._standing.get(key, "lost"))
            self._changed.notify_all()
        return 200, {"states": states}

    def _result(self, said: dict[str, Any]) -> dict[str, Any]:
        key = key_of(said["result"])
        with self._changed:
            accepted = self._standing.get(key, "lost") != "lost" and key not in self.results
            self.told.setdefault(key, Told()).lines += (said.get("logs") or {}).get("lines", [])
            if accepted:
                self.results[key] = said["result"]
                self._end(key)
            self._changed.notify_all()
        return {"accepted": accepted}

    def _patch(self, said: dict[str, Any], *, planning: bool) -> Reply:
        judged = self.on_patch(said, planning) if self.on_patch else None
        if judged is not None:
            return judged
        if planning:
            return 200, plan(said["operations"])
        self.patches.append(said)
        return 201, {
            "id": f"pt_{len(self.patches)}",
            "run": _WORKSPACE,
            "status": "applied",
            "origin": "agent",
            "by": f"agent:{said.get('node_id')}",
            "base": _DIGEST,
            "proposed_at": "2026-01-01T00:00:00Z",
            "links": {"self": "", "diff": "", "graph": ""},
        }


class _Handler(BaseHTTPRequestHandler):
    """Hands requests to the server."""

    protocol_version = "HTTP/1.1"
    server_of_jobs: ScriptedServer

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        """Answers a request."""
        self._any()

    do_POST = do_PUT = do_GET  # noqa: N815

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        parts = urlsplit(self.path)
        fault = self.server_of_jobs.fault(parts.path)
        with suppress(BrokenPipeError, ConnectionResetError):
            if fault is not None and not fault.lose_answer:
                said = problem(fault.status, "overloaded", "the script says so")
                self._send(fault.status, said, fault.retry_after)
                return
            query = parse_qs(parts.query)
            target = (self.command, parts.path, query)
            token = self.headers.get("aob-job-token")
            status, said = self.server_of_jobs.handle(target, body, token, self._asking)
            if fault is not None:
                self.close_connection = True
                return
            self._send(status, said, None)

    def _asking(self) -> bool:
        readable, _, _ = select.select([self.connection], [], [], 0)
        return not readable or bool(self.connection.recv(1, socket.MSG_PEEK))

    def _send(self, status: int, said: Any, retry_after: float | None) -> None:
        content = (
            said if isinstance(said, bytes) else b"" if said is None else json.dumps(said).encode()
        )
        kind = "application/json" if status < 400 else "application/problem+json"
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        if retry_after is not None:
            self.send_header("retry-after", str(retry_after))
        self.end_headers()
        self.wfile.write(content)


def key_of(said: dict[str, Any]) -> JobKey:
    """Names the attempt that a message is about."""
    return said["run"], said["instance"], said["attempt"]


def problem(status: int, code: str, detail: str, **more: Any) -> dict[str, Any]:
    """A problem as servers answer it."""
    return {
        "type": f"https://aob.dev/errors/{code}",
        "title": code,
        "status": status,
        "code": code,
        "detail": detail,
        **more,
    }


def plan(operations: list[Any]) -> dict[str, Any]:
    """A plan that has nothing against anything."""
    share = {"used": 0, "max": 1}
    return {
        "base": _DIGEST,
        "result": _DIGEST,
        "budget": {"agents": share, "bytes": share, "nodes": share, "operations": share},
        "checks": [],
        "diff": {"base": _DIGEST, "result": _DIGEST},
        "operations": operations,
        "tier": "simple",
        "tier_before": "simple",
    }
