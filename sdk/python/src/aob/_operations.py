# Written by `tools/generate.py`.
"""The operations of the API, one method each (blocking)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from aob import documents, models
from aob._calls import Call, body_of, fresh_key, if_match_of, prefer, segment

if TYPE_CHECKING:
    from aob._transport import Transport


class Approvals:
    """`client.approvals`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self,
        *,
        status: str | Sequence[str] | None = None,
        run: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.PageTicketSummary:
        """Lists tickets, oldest first.

        Args:
            status: `pending approved rejected expired cancelled`
            run: Only those of this run
        """
        call: Call[models.PageTicketSummary] = Call(
            "GET",
            "/v1/approvals",
            models.PageTicketSummary,
            query={"status": status, "run": run, "limit": limit, "cursor": cursor},
        )
        return self._transport.send(call)

    def all(
        self,
        *,
        status: str | Sequence[str] | None = None,
        run: str | None = None,
        limit: int | None = None,
    ) -> Iterator[models.TicketSummary]:
        """Lists tickets, oldest first.

        Args:
            status: `pending approved rejected expired cancelled`
            run: Only those of this run
        """
        cursor: str | None = None
        while True:
            page = self.list(status=status, run=run, limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    def get(self, ticket: str) -> models.TicketView:
        """Shows everything that an approver has to see."""
        call: Call[models.TicketView] = Call(
            "GET", f"/v1/approvals/{segment(ticket)}", models.TicketView
        )
        return self._transport.send(call)

    def decide(
        self,
        ticket: str,
        decision: Literal["approve", "reject"],
        *,
        idempotency_key: str | None = None,
        data: Any | None = None,
        edits: Mapping[str, Any] | None = None,
        reason: str | None = None,
        subject_hash: str | None = None,
    ) -> models.Decided:
        """Approves or rejects. The decision counts for what `subject_hash` names.

        Args:
            decision: `approve` or `reject`.
            idempotency_key: Makes repetitions harmless; without one, the client draws one for this
                call.
            data: Answer to the ticket's form.
            edits: What to change before approving: new values by the JSON pointers of the fields
                that they replace, within the ticket's `editable`. What comes of it is asked by
                another ticket, for which this approval counts.
            reason: Why; stands in the log.
            subject_hash: `subject_hash` of the ticket as it was shown: the decision counts for
                exactly that. Absent: not checked.
        """
        call: Call[models.Decided] = Call(
            "POST",
            f"/v1/approvals/{segment(ticket)}/decision",
            models.Decided,
            headers={"Idempotency-Key": idempotency_key or fresh_key()},
            body=body_of(
                {
                    "decision": decision,
                    "data": data,
                    "edits": edits,
                    "reason": reason,
                    "subject_hash": subject_hash,
                },
                ["decision"],
            ),
        )
        return self._transport.send(call)


class Artifacts:
    """`client.artifacts`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, digest: str, *, run: str | None = None, seq: int | None = None) -> Any:
        """Reads a stored value. Short values stand in the log: `run` and `seq` say where.

        Args:
            run: The run in whose log the value stands
            seq: The event that has it
        """
        call: Call[Any] = Call(
            "GET", f"/v1/artifacts/{segment(digest)}", Any, query={"run": run, "seq": seq}
        )
        return self._transport.send(call)

    def put(self, digest: str, value: Any) -> None:
        """Stores a JSON value under its digest. Repeating it changes nothing.

        Args:
            digest: `sha256:` of the bytes of the body
            value: Any JSON.
        """
        call: Call[None] = Call("PUT", f"/v1/artifacts/{segment(digest)}", None, body=value)
        self._transport.send(call)


class Keys:
    """`client.keys`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> models.PageKeyView:
        """Lists the workspace's API keys, revoked ones too."""
        call: Call[models.PageKeyView] = Call(
            "GET", "/v1/keys", models.PageKeyView, query={"limit": limit, "cursor": cursor}
        )
        return self._transport.send(call)

    def all(self, *, limit: int | None = None) -> Iterator[models.KeyView]:
        """Lists the workspace's API keys, revoked ones too."""
        cursor: str | None = None
        while True:
            page = self.list(limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    def create(
        self,
        name: str,
        roles: Sequence[
            Literal["admin", "agent", "approver", "auditor", "developer", "operator", "runner"]
        ],
        *,
        expires_in_ms: int | None = None,
        groups: Sequence[str] | None = None,
    ) -> models.CreatedKey:
        """Creates an API key. Its token is shown once and is not stored, so this cannot be repeated.

        Args:
            name: Whose key it is: the log names its user `user:<name>` (of runners,
                `runner:<name>`). 1 to 64 of `a-z A-Z 0-9 . _ @ -`.
            roles: What it may do; at least one.
            expires_in_ms: Milliseconds until it expires; absent: it does not.
            groups: Groups that its user belongs to: `approvers` of a `hitl` node name them as
                roles.
        """
        call: Call[models.CreatedKey] = Call(
            "POST",
            "/v1/keys",
            models.CreatedKey,
            body=body_of(
                {"name": name, "roles": roles, "expires_in_ms": expires_in_ms, "groups": groups},
                ["name", "roles"],
            ),
            repeatable=False,
        )
        return self._transport.send(call)

    def revoke(self, key: str) -> None:
        """Revokes an API key: at once here, within seconds everywhere. Repeating it changes nothing.

        Args:
            key: Its `key_id`
        """
        call: Call[None] = Call("DELETE", f"/v1/keys/{segment(key)}", None)
        self._transport.send(call)


class Notifications:
    """`client.notifications`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def deliveries_list(
        self,
        *,
        endpoint: str | None = None,
        ticket: str | None = None,
        run: str | None = None,
        status: str | Sequence[str] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.PageDeliveryView:
        """Lists what was sent, what waits to be sent, and what was given up; the newest event first.
        What is over is kept for 30 days.

        Args:
            endpoint: Only to this endpoint
            ticket: Only about this ticket
            run: Only about tickets of this run
            status: `pending delivered failed dropped`
        """
        call: Call[models.PageDeliveryView] = Call(
            "GET",
            "/v1/notifications/deliveries",
            models.PageDeliveryView,
            query={
                "endpoint": endpoint,
                "ticket": ticket,
                "run": run,
                "status": status,
                "limit": limit,
                "cursor": cursor,
            },
        )
        return self._transport.send(call)

    def all_deliveries_list(
        self,
        *,
        endpoint: str | None = None,
        ticket: str | None = None,
        run: str | None = None,
        status: str | Sequence[str] | None = None,
        limit: int | None = None,
    ) -> Iterator[models.DeliveryView]:
        """Lists what was sent, what waits to be sent, and what was given up; the newest event first.
        What is over is kept for 30 days.

        Args:
            endpoint: Only to this endpoint
            ticket: Only about this ticket
            run: Only about tickets of this run
            status: `pending delivered failed dropped`
        """
        cursor: str | None = None
        while True:
            page = self.deliveries_list(
                endpoint=endpoint, ticket=ticket, run=run, status=status, limit=limit, cursor=cursor
            )
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    def endpoints_list(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> models.PageEndpointView:
        """Lists who is told of tickets, by id. What may be a secret in a URL is left out."""
        call: Call[models.PageEndpointView] = Call(
            "GET",
            "/v1/notifications/endpoints",
            models.PageEndpointView,
            query={"limit": limit, "cursor": cursor},
        )
        return self._transport.send(call)

    def all_endpoints_list(self, *, limit: int | None = None) -> Iterator[models.EndpointView]:
        """Lists who is told of tickets, by id. What may be a secret in a URL is left out."""
        cursor: str | None = None
        while True:
            page = self.endpoints_list(limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    def endpoints_add(
        self,
        kind: Literal["webhook", "slack", "email"],
        *,
        approvers: Sequence[str] | None = None,
        events: Sequence[
            Literal[
                "approval.requested",
                "approval.escalated",
                "approval.expiring",
                "approval.decided",
                "test",
            ]
        ]
        | None = None,
        name: str | None = None,
        to: Sequence[str] | None = None,
        url: str | None = None,
    ) -> models.AddedEndpoint:
        """Adds somebody who is told of tickets: a webhook, a channel of Slack, or addresses of mail.
        Where a URL leads is judged now, and again whenever something is sent. The secret that
        messages of a webhook are signed with is shown once, so this cannot be repeated.

        Args:
            kind: How it is told.
            approvers: Only tickets that these roles, groups or people may decide, and those that
                anybody may; empty: all.
            events: What it is told of; empty: everything.
            name: What people call it; absent: its host, or its first address.
            to: Of `email`: addresses, at most 20.
            url: Of `webhook` and `slack`: where requests go. `https`, and public, unless the
                server's configuration lists its origin.
        """
        call: Call[models.AddedEndpoint] = Call(
            "POST",
            "/v1/notifications/endpoints",
            models.AddedEndpoint,
            body=body_of(
                {
                    "kind": kind,
                    "approvers": approvers,
                    "events": events,
                    "name": name,
                    "to": to,
                    "url": url,
                },
                ["kind"],
            ),
            repeatable=False,
        )
        return self._transport.send(call)

    def endpoints_remove(self, endpoint: str) -> None:
        """Removes an endpoint: it is told nothing any more, not even what waits to be sent again. The
        log of what was sent stays.
        """
        call: Call[None] = Call("DELETE", f"/v1/notifications/endpoints/{segment(endpoint)}", None)
        self._transport.send(call)

    def endpoints_enable(self, endpoint: str) -> models.EndpointView:
        """Tells an endpoint again that was disabled because it answered 410: of what happens from now
        on. Repeating it changes nothing.
        """
        call: Call[models.EndpointView] = Call(
            "POST",
            f"/v1/notifications/endpoints/{segment(endpoint)}/enable",
            models.EndpointView,
            body={},
            repeatable=False,
        )
        return self._transport.send(call)

    def endpoints_test(self, endpoint: str) -> models.DeliveryView:
        """Sends a message that says nothing, to see whether messages arrive. It goes the way of all
        others: the answer is the delivery as it was put, and the log says what becomes of it.
        """
        call: Call[models.DeliveryView] = Call(
            "POST",
            f"/v1/notifications/endpoints/{segment(endpoint)}/test",
            models.DeliveryView,
            body={},
            repeatable=False,
        )
        return self._transport.send(call)


class Optimizer:
    """`client.optimizer`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def modules_list(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> models.PageModuleView:
        """Lists the workspace's modules of the optimizer, by digest; those that no key vouches for any
        more too.
        """
        call: Call[models.PageModuleView] = Call(
            "GET",
            "/v1/optimizer/modules",
            models.PageModuleView,
            query={"limit": limit, "cursor": cursor},
        )
        return self._transport.send(call)

    def all_modules_list(self, *, limit: int | None = None) -> Iterator[models.ModuleView]:
        """Lists the workspace's modules of the optimizer, by digest; those that no key vouches for any
        more too.
        """
        cursor: str | None = None
        while True:
            page = self.modules_list(limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    def modules_add(
        self,
        digest: str,
        module: str,
        passes: Sequence[str],
        signature: str,
        *,
        enabled: bool | None = None,
    ) -> models.ModuleView:
        """Adds a module of the optimizer to the workspace, or replaces what is said of it. It has to
        have the digest, to be signed by a key that the server's configuration trusts, and to be a
        module that can run: WebAssembly without imports.

        Args:
            digest: `sha256:` of the module's bytes.
            module: The WebAssembly module, in base64.
            passes: Names of the passes that it is asked for, in the order in which they are tried:
                1 to 16 of `a-z 0-9 -`, up to 64 characters each.
            signature: Signature (ed25519, 128 hex digits) of `aob.optimizer.module.1`, a zero byte
                and the 32 bytes of the digest, by a key that the server's configuration trusts.
            enabled: Whether plans of the workspace ask it from now on. A module that is there
                already stays as it is where this is absent.
        """
        call: Call[models.ModuleView] = Call(
            "POST",
            "/v1/optimizer/modules",
            models.ModuleView,
            body=body_of(
                {
                    "digest": digest,
                    "module": module,
                    "passes": passes,
                    "signature": signature,
                    "enabled": enabled,
                },
                ["digest", "module", "passes", "signature"],
            ),
            repeatable=False,
        )
        return self._transport.send(call)

    def modules_disable(self, digest: str) -> models.ModuleView:
        """No plan asks the module any more. Repeating it changes nothing."""
        call: Call[models.ModuleView] = Call(
            "POST",
            f"/v1/optimizer/modules/{segment(digest)}/disable",
            models.ModuleView,
            body={},
            repeatable=False,
        )
        return self._transport.send(call)

    def modules_enable(self, digest: str) -> models.ModuleView:
        """Lets plans of the workspace ask a module, from now on. Repeating it changes nothing."""
        call: Call[models.ModuleView] = Call(
            "POST",
            f"/v1/optimizer/modules/{segment(digest)}/enable",
            models.ModuleView,
            body={},
            repeatable=False,
        )
        return self._transport.send(call)


class Runners:
    """`client.runners`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def claim(
        self, offers: Sequence[models.Offer | Mapping[str, Any]], pool: str, runner: str
    ) -> models.ClaimResponse:
        """Grants leases of jobs that came on topics, each at most once. What is not granted must not
        be executed. Asking again in the same name is granted again, as long as the lease is held.

        Args:
            offers: What it was offered.
            pool: Its pool.
            runner: The runner's name, unique among those alive; leases are held in this name.
        """
        call: Call[models.ClaimResponse] = Call(
            "POST",
            "/v1/runners/claim",
            models.ClaimResponse,
            body=body_of(
                {"offers": offers, "pool": pool, "runner": runner}, ["offers", "pool", "runner"]
            ),
            repeatable=False,
        )
        return self._transport.send(call)

    def heartbeat(
        self, leases: Sequence[models.HeartbeatItem | Mapping[str, Any]], runner: str
    ) -> models.HeartbeatResponse:
        """Renews leases, and says which jobs should stop.

        Args:
            leases: Which.
            runner: Who holds them.
        """
        call: Call[models.HeartbeatResponse] = Call(
            "POST",
            "/v1/runners/heartbeat",
            models.HeartbeatResponse,
            body=body_of({"leases": leases, "runner": runner}, ["leases", "runner"]),
        )
        return self._transport.send(call)

    def lease(
        self,
        limit: int,
        names: Sequence[str],
        pool: str,
        runner: str,
        *,
        wait_ms: int | None = None,
    ) -> models.LeaseResponse:
        """Gives jobs out, and waits for them.

        Args:
            limit: At most this many jobs.
            names: The functions it serves.
            pool: Its pool.
            runner: The runner's name, unique among those alive; leases are held in this name.
            wait_ms: Milliseconds to wait for the first job; 0: answer at once.
        """
        call: Call[models.LeaseResponse] = Call(
            "POST",
            "/v1/runners/lease",
            models.LeaseResponse,
            body=body_of(
                {
                    "limit": limit,
                    "names": names,
                    "pool": pool,
                    "runner": runner,
                    "wait_ms": wait_ms,
                },
                ["limit", "names", "pool", "runner"],
            ),
            repeatable=False,
            wait_s=(wait_ms or 0) / 1000,
        )
        return self._transport.send(call)

    def reserve(
        self,
        amounts: models.SpendView | Mapping[str, Any],
        reservation: str,
        *,
        aob_job_token: str | None = None,
    ) -> models.ReserveResponse:
        """Sets budget aside before a call of a model, and answers once that is durable: only then may
        the call be made. `budget_busy`: ask again. `budget_exhausted`: the instance is parked, this
        attempt is over, and a ticket asks people for more. Repeating it changes nothing.

        Args:
            amounts: At most what the call will use.
            reservation: Its name, unique within the attempt: 1 to 128 bytes. The same again is a
                repetition.
            aob_job_token: Token of the job that calls
        """
        call: Call[models.ReserveResponse] = Call(
            "POST",
            "/v1/runners/reserve",
            models.ReserveResponse,
            headers={"Aob-Job-Token": aob_job_token},
            body=body_of(
                {"amounts": amounts, "reservation": reservation}, ["amounts", "reservation"]
            ),
        )
        return self._transport.send(call)

    def result(
        self,
        result: models.Result | Mapping[str, Any],
        *,
        aob_job_token: str | None = None,
        logs: models.LogChunk | Mapping[str, Any] | None = None,
        token: str | None = None,
    ) -> models.ResultResponse:
        """Takes the answer to a job in, and answers once it is durable. Repeating it changes nothing.

        Args:
            result: What came out.
            logs: The last log lines.
            token: The token of the job, here or in the header `Aob-Job-Token`.
        """
        call: Call[models.ResultResponse] = Call(
            "POST",
            "/v1/runners/result",
            models.ResultResponse,
            headers={"Aob-Job-Token": aob_job_token},
            body=body_of({"result": result, "logs": logs, "token": token}, ["result"]),
        )
        return self._transport.send(call)

    def settle(
        self,
        reservation: str,
        used: models.SpendView | Mapping[str, Any],
        *,
        aob_job_token: str | None = None,
    ) -> models.SettleResponse:
        """Says what a call used, which is charged instead of what was reserved. Repeating it changes
        nothing; what is not settled when its attempt ends is charged in full.

        Args:
            reservation: The reservation's name.
            used: What the call used.
            aob_job_token: Token of the job that called
        """
        call: Call[models.SettleResponse] = Call(
            "POST",
            "/v1/runners/settle",
            models.SettleResponse,
            headers={"Aob-Job-Token": aob_job_token},
            body=body_of({"reservation": reservation, "used": used}, ["reservation", "used"]),
        )
        return self._transport.send(call)


class RunsPatches:
    """`client.runs.patches`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self,
        run: str,
        *,
        status: str | Sequence[str] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.PageRunPatch:
        """Lists the patches of a run in the order of their proposals, without their operations.

        Args:
            status: `waiting applied rejected reverted`
        """
        call: Call[models.PageRunPatch] = Call(
            "GET",
            f"/v1/runs/{segment(run)}/patches",
            models.PageRunPatch,
            query={"status": status, "limit": limit, "cursor": cursor},
        )
        return self._transport.send(call)

    def all(
        self, run: str, *, status: str | Sequence[str] | None = None, limit: int | None = None
    ) -> Iterator[models.RunPatch]:
        """Lists the patches of a run in the order of their proposals, without their operations.

        Args:
            status: `waiting applied rejected reverted`
        """
        cursor: str | None = None
        while True:
            page = self.list(run, status=status, limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    def propose(
        self,
        run: str,
        operations: Sequence[Mapping[str, Any]],
        *,
        idempotency_key: str | None = None,
        aob_job_token: str | None = None,
        base: str | None = None,
        description: str | None = None,
        node_id: str | None = None,
        origin: Literal["person", "optimizer"] | None = None,
    ) -> models.RunPatch:
        """Changes the graph of a run that goes on. 201: applied. 202: it waits for an approval;
        `ticket` and `links.approval` say which. With `?dry_run` nothing happens, and the answer is
        the plan.

        Args:
            operations: JSON Patch (RFC 6902): `add`, `remove`, `replace`, `test`, and from people
                `move` and `copy`. Nodes and edges are best addressed by their ids:
                `/nodes/fetch/config/url`, `/edges/fetch->save`, `/nodes/-`.
            idempotency_key: Makes repetitions harmless; without one, the client draws one for this
                call.
            aob_job_token: Token of the job on whose behalf it is proposed: it says `node_id`
            base: The document that it was made against, as `GET /v1/runs/{id}/graph` named it. If
                the run has moved on, the patch is brought to what holds where it touches other
                parts. Absent: the one that holds.
            description: What it is for; approvers see it.
            node_id: The node of the run on whose behalf it is proposed: it is judged as a patch of
                that agent, whoever sends it.
            origin: On whose behalf it is handed in; absent: the caller's own. Not together with
                `node_id`.
        """
        call: Call[models.RunPatch] = Call(
            "POST",
            f"/v1/runs/{segment(run)}/patches",
            models.RunPatch,
            headers={
                "Idempotency-Key": idempotency_key or fresh_key(),
                "Aob-Job-Token": aob_job_token,
            },
            body=body_of(
                {
                    "operations": operations,
                    "base": base,
                    "description": description,
                    "node_id": node_id,
                    "origin": origin,
                },
                ["operations"],
            ),
        )
        return self._transport.send(call)

    def plan(
        self,
        run: str,
        operations: Sequence[Mapping[str, Any]],
        *,
        idempotency_key: str | None = None,
        aob_job_token: str | None = None,
        base: str | None = None,
        description: str | None = None,
        node_id: str | None = None,
        origin: Literal["person", "optimizer"] | None = None,
    ) -> models.PlanView:
        """Says what the same proposal would do, and does nothing.

        Args:
            operations: JSON Patch (RFC 6902): `add`, `remove`, `replace`, `test`, and from people
                `move` and `copy`. Nodes and edges are best addressed by their ids:
                `/nodes/fetch/config/url`, `/edges/fetch->save`, `/nodes/-`.
            idempotency_key: Makes repetitions harmless; without one, the client draws one for this
                call.
            aob_job_token: Token of the job on whose behalf it is proposed: it says `node_id`
            base: The document that it was made against, as `GET /v1/runs/{id}/graph` named it. If
                the run has moved on, the patch is brought to what holds where it touches other
                parts. Absent: the one that holds.
            description: What it is for; approvers see it.
            node_id: The node of the run on whose behalf it is proposed: it is judged as a patch of
                that agent, whoever sends it.
            origin: On whose behalf it is handed in; absent: the caller's own. Not together with
                `node_id`.
        """
        call: Call[models.PlanView] = Call(
            "POST",
            f"/v1/runs/{segment(run)}/patches",
            models.PlanView,
            query={"dry_run": True},
            headers={
                "Idempotency-Key": idempotency_key or fresh_key(),
                "Aob-Job-Token": aob_job_token,
            },
            body=body_of(
                {
                    "operations": operations,
                    "base": base,
                    "description": description,
                    "node_id": node_id,
                    "origin": origin,
                },
                ["operations"],
            ),
        )
        return self._transport.send(call)

    def get(self, run: str, patch: str) -> models.RunPatch:
        """Shows a patch of a run, with its operations."""
        call: Call[models.RunPatch] = Call(
            "GET", f"/v1/runs/{segment(run)}/patches/{segment(patch)}", models.RunPatch
        )
        return self._transport.send(call)

    def diff(self, run: str, patch: str) -> models.DiffView:
        """Shows what a patch changes (changed, would change), node by node and key by key."""
        call: Call[models.DiffView] = Call(
            "GET", f"/v1/runs/{segment(run)}/patches/{segment(patch)}/diff", models.DiffView
        )
        return self._transport.send(call)

    def revert(
        self, run: str, patch: str, *, idempotency_key: str | None = None, reason: str | None = None
    ) -> models.RunPatch:
        """Takes an applied patch back: by a patch of its own, which is judged like any other. What it
        added and has run already stands in the way, and is named.

        Args:
            idempotency_key: Makes repetitions harmless; without one, the client draws one for this
                call.
            reason: Why; stands in the log.
        """
        call: Call[models.RunPatch] = Call(
            "POST",
            f"/v1/runs/{segment(run)}/patches/{segment(patch)}/revert",
            models.RunPatch,
            headers={"Idempotency-Key": idempotency_key or fresh_key()},
            body=body_of({"reason": reason}, []),
        )
        return self._transport.send(call)

    def withdraw(
        self, run: str, patch: str, *, idempotency_key: str | None = None, reason: str | None = None
    ) -> models.RunPatch:
        """Gives up a patch that waits for its approval; its ticket is cancelled.

        Args:
            idempotency_key: Makes repetitions harmless; without one, the client draws one for this
                call.
            reason: Why; stands in the log.
        """
        call: Call[models.RunPatch] = Call(
            "POST",
            f"/v1/runs/{segment(run)}/patches/{segment(patch)}/withdraw",
            models.RunPatch,
            headers={"Idempotency-Key": idempotency_key or fresh_key()},
            body=body_of({"reason": reason}, []),
        )
        return self._transport.send(call)


class Runs:
    """`client.runs`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.patches = RunsPatches(transport)

    def list(
        self,
        *,
        status: str | Sequence[str] | None = None,
        tag: str | None = None,
        digest: str | None = None,
        label: str | Sequence[str] | None = None,
        parent: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.PageRunSummary:
        """Lists runs, newest first.

        Args:
            status: Only these states; repeated, or with commas
            tag: Only those started by this tag
            digest: Only those of this document
            label: `key:value`; repeated: all of them
            parent: Only children of this run
        """
        call: Call[models.PageRunSummary] = Call(
            "GET",
            "/v1/runs",
            models.PageRunSummary,
            query={
                "status": status,
                "tag": tag,
                "digest": digest,
                "label": label,
                "parent": parent,
                "limit": limit,
                "cursor": cursor,
            },
        )
        return self._transport.send(call)

    def all(
        self,
        *,
        status: str | Sequence[str] | None = None,
        tag: str | None = None,
        digest: str | None = None,
        label: str | Sequence[str] | None = None,
        parent: str | None = None,
        limit: int | None = None,
    ) -> Iterator[models.RunSummary]:
        """Lists runs, newest first.

        Args:
            status: Only these states; repeated, or with commas
            tag: Only those started by this tag
            digest: Only those of this document
            label: `key:value`; repeated: all of them
            parent: Only children of this run
        """
        cursor: str | None = None
        while True:
            page = self.list(
                status=status,
                tag=tag,
                digest=digest,
                label=label,
                parent=parent,
                limit=limit,
                cursor=cursor,
            )
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    def start(
        self,
        workflow: Any = None,
        *,
        idempotency_key: str | None = None,
        wait: int | None = None,
        budget: models.BudgetSpec | Mapping[str, Any] | None = None,
        canary_key: str | None = None,
        dedup: models.Dedup | Mapping[str, Any] | None = None,
        fidelity: Literal["fast", "full"] | None = None,
        inputs: Any | None = None,
        labels: Mapping[str, str] | None = None,
        patches: Sequence[Sequence[Mapping[str, Any]]] | None = None,
        priority: Literal["high", "medium", "low"] | None = None,
        tag: str | None = None,
    ) -> models.StartedRun:
        """Starts a run: of a tag, a version of one, a stored document, or a document given inline.

        Args:
            workflow: What runs: a tag (`"onboarding"`), a version of one (`"onboarding@3"`), a
                digest (`"sha256:..."`), or a document. Exactly one of `workflow` and `tag`.
            idempotency_key: Makes repetitions harmless; without one, the client draws one for this
                call.
            wait: Seconds to wait for the outcome, at most 60.
            budget: What it may spend on models, its child runs included. What is not named here is
                bounded as `limits.budget` of the workflow says.
            canary_key: While a version of the tag is on trial: decides instead of the run's id
                whether the run falls to it, so that the same customer meets the same version. 1 to
                256 bytes.
            dedup: At most one run that is not over holds a dedup key.
            fidelity: How much its log tells: `full` adds an event for every node that starts, with
                its input; absent: `fast`.
            inputs: Inputs, checked against the workflow's `inputs` schema; absent: `{}`.
            labels: Labels to find the run by.
            patches: Patches of the workflow for this run alone, applied one after the other: each a
                JSON Patch. The tag stays where it is, so two sets of patches can be compared on the
                same workflow.
            priority: Priority of its jobs; absent: medium.
            tag: What runs, by tag or `tag@version`.
        """
        call: Call[models.StartedRun] = Call(
            "POST",
            "/v1/runs",
            models.StartedRun,
            headers={"Idempotency-Key": idempotency_key or fresh_key(), "Prefer": prefer(wait)},
            body=body_of(
                {
                    "budget": budget,
                    "canary_key": canary_key,
                    "dedup": dedup,
                    "fidelity": fidelity,
                    "inputs": inputs,
                    "labels": labels,
                    "patches": patches,
                    "priority": priority,
                    "tag": tag,
                    "workflow": workflow,
                },
                [],
            ),
            wait_s=float(wait or 0),
        )
        return self._transport.send(call)

    def get(self, run: str, *, wait: int | None = None) -> models.RunView:
        """Shows a run with its nodes. Short values are in the answer, long ones are named.

        Args:
            wait: Seconds to wait for the outcome, at most 60.
        """
        call: Call[models.RunView] = Call(
            "GET",
            f"/v1/runs/{segment(run)}",
            models.RunView,
            headers={"Prefer": prefer(wait)},
            wait_s=float(wait or 0),
        )
        return self._transport.send(call)

    def budget_raise(
        self,
        run: str,
        *,
        idempotency_key: str | None = None,
        calls: int | None = None,
        node: str | None = None,
        tokens: int | None = None,
        usd: float | None = None,
    ) -> models.CommandOutcome:
        """Raises a budget of a run by these amounts. What is parked for it goes on.

        Args:
            idempotency_key: Makes repetitions harmless; without one, the client draws one for this
                call.
            calls: Calls more.
            node: The agent node whose budget it is; absent: the run's.
            tokens: Tokens more.
            usd: US dollars more.
        """
        call: Call[models.CommandOutcome] = Call(
            "POST",
            f"/v1/runs/{segment(run)}/budget",
            models.CommandOutcome,
            headers={"Idempotency-Key": idempotency_key or fresh_key()},
            body=body_of({"calls": calls, "node": node, "tokens": tokens, "usd": usd}, []),
        )
        return self._transport.send(call)

    def cancel(
        self, run: str, *, idempotency_key: str | None = None, reason: str | None = None
    ) -> models.CommandOutcome:
        """Asks a run to stop. It is `cancelling` until everything under way has stopped or is fenced.

        Args:
            idempotency_key: Makes repetitions harmless; without one, the client draws one for this
                call.
            reason: Why; stands in the log.
        """
        call: Call[models.CommandOutcome] = Call(
            "POST",
            f"/v1/runs/{segment(run)}/cancel",
            models.CommandOutcome,
            headers={"Idempotency-Key": idempotency_key or fresh_key()},
            body=body_of({"reason": reason}, []),
        )
        return self._transport.send(call)

    def events(
        self, run: str, *, after: int | None = None, limit: int | None = None
    ) -> models.EventPage:
        """Pages through the log of a run. With `Accept: text/event-stream`, follows it.

        Args:
            after: Only events behind this seq
        """
        call: Call[models.EventPage] = Call(
            "GET",
            f"/v1/runs/{segment(run)}/events",
            models.EventPage,
            query={"after": after, "limit": limit},
        )
        return self._transport.send(call)

    def explain(self, run: str) -> models.Explanation:
        """Says of everything that does not move why, since when, until when, who owns it and what to
        do.
        """
        call: Call[models.Explanation] = Call(
            "GET", f"/v1/runs/{segment(run)}/explain", models.Explanation
        )
        return self._transport.send(call)

    def fail(
        self,
        run: str,
        instance: str,
        *,
        idempotency_key: str | None = None,
        message: str | None = None,
    ) -> models.CommandOutcome:
        """Lets a parked instance fail, with all that follows from it.

        Args:
            instance: Which.
            idempotency_key: Makes repetitions harmless; without one, the client draws one for this
                call.
            message: Why; absent: `failed by hand`.
        """
        call: Call[models.CommandOutcome] = Call(
            "POST",
            f"/v1/runs/{segment(run)}/fail",
            models.CommandOutcome,
            headers={"Idempotency-Key": idempotency_key or fresh_key()},
            body=body_of({"instance": instance, "message": message}, ["instance"]),
        )
        return self._transport.send(call)

    def graph(self, run: str) -> models.GraphView:
        """Shows the graph of a run with where every node and edge stands. The `ETag` is the digest of
        the document.
        """
        call: Call[models.GraphView] = Call(
            "GET", f"/v1/runs/{segment(run)}/graph", models.GraphView
        )
        return self._transport.send(call)

    def pause(
        self, run: str, *, idempotency_key: str | None = None, reason: str | None = None
    ) -> models.CommandOutcome:
        """Lets nothing more start. What runs may end; deadlines and approvals keep counting.

        Args:
            idempotency_key: Makes repetitions harmless; without one, the client draws one for this
                call.
            reason: Why; stands in the log.
        """
        call: Call[models.CommandOutcome] = Call(
            "POST",
            f"/v1/runs/{segment(run)}/pause",
            models.CommandOutcome,
            headers={"Idempotency-Key": idempotency_key or fresh_key()},
            body=body_of({"reason": reason}, []),
        )
        return self._transport.send(call)

    def resume(self, run: str, *, idempotency_key: str | None = None) -> models.CommandOutcome:
        """Lets a paused run go on.

        Args:
            idempotency_key: Makes repetitions harmless; without one, the client draws one for this
                call.
        """
        call: Call[models.CommandOutcome] = Call(
            "POST",
            f"/v1/runs/{segment(run)}/resume",
            models.CommandOutcome,
            headers={"Idempotency-Key": idempotency_key or fresh_key()},
            body={},
        )
        return self._transport.send(call)

    def retry(
        self, run: str, instance: str, *, idempotency_key: str | None = None
    ) -> models.CommandOutcome:
        """Grants a parked instance as many attempts more as its node has.

        Args:
            instance: Which: `fetch`, `crawl[3]/fetch`.
            idempotency_key: Makes repetitions harmless; without one, the client draws one for this
                call.
        """
        call: Call[models.CommandOutcome] = Call(
            "POST",
            f"/v1/runs/{segment(run)}/retry",
            models.CommandOutcome,
            headers={"Idempotency-Key": idempotency_key or fresh_key()},
            body=body_of({"instance": instance}, ["instance"]),
        )
        return self._transport.send(call)

    def signal(
        self, run: str, name: str, payload: Any = None, *, idempotency_key: str | None = None
    ) -> models.CommandOutcome:
        """Delivers a signal. The body is its payload, any JSON; none is null. It waits in the run
        until a node consumes it. Signals with the same `Idempotency-Key` are one.

        Args:
            payload: Any JSON.
            idempotency_key: Makes repetitions harmless; without one, the client draws one for this
                call.
        """
        call: Call[models.CommandOutcome] = Call(
            "POST",
            f"/v1/runs/{segment(run)}/signals/{segment(name)}",
            models.CommandOutcome,
            headers={"Idempotency-Key": idempotency_key or fresh_key()},
            body=payload,
        )
        return self._transport.send(call)

    def webhook(self, run: str, name: str) -> models.WebhookView:
        """The path to which somebody without an API key may post a signal, for a run with a `signal`
        node that says `webhook: true`.
        """
        call: Call[models.WebhookView] = Call(
            "GET", f"/v1/runs/{segment(run)}/signals/{segment(name)}/webhook", models.WebhookView
        )
        return self._transport.send(call)

    def skip(
        self, run: str, instance: str, *, idempotency_key: str | None = None
    ) -> models.CommandOutcome:
        """Passes over a parked instance: success edges, output null.

        Args:
            instance: Which: `fetch`, `crawl[3]/fetch`.
            idempotency_key: Makes repetitions harmless; without one, the client draws one for this
                call.
        """
        call: Call[models.CommandOutcome] = Call(
            "POST",
            f"/v1/runs/{segment(run)}/skip",
            models.CommandOutcome,
            headers={"Idempotency-Key": idempotency_key or fresh_key()},
            body=body_of({"instance": instance}, ["instance"]),
        )
        return self._transport.send(call)

    def succeed(
        self, run: str, instance: str, output: Any, *, idempotency_key: str | None = None
    ) -> models.CommandOutcome:
        """Says what a parked instance returned.

        Args:
            instance: Which.
            output: Its output.
            idempotency_key: Makes repetitions harmless; without one, the client draws one for this
                call.
        """
        call: Call[models.CommandOutcome] = Call(
            "POST",
            f"/v1/runs/{segment(run)}/succeed",
            models.CommandOutcome,
            headers={"Idempotency-Key": idempotency_key or fresh_key()},
            body=body_of({"instance": instance, "output": output}, ["instance", "output"]),
        )
        return self._transport.send(call)

    def timeline(
        self, run: str, *, limit: int | None = None, cursor: str | None = None
    ) -> models.PageSpan:
        """Lists the instances of a run over time, by when they were opened."""
        call: Call[models.PageSpan] = Call(
            "GET",
            f"/v1/runs/{segment(run)}/timeline",
            models.PageSpan,
            query={"limit": limit, "cursor": cursor},
        )
        return self._transport.send(call)

    def all_timeline(self, run: str, *, limit: int | None = None) -> Iterator[models.Span]:
        """Lists the instances of a run over time, by when they were opened."""
        cursor: str | None = None
        while True:
            page = self.timeline(run, limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    def verify(self, run: str) -> models.Verification:
        """Checks the log of a run from its first byte to its last: the hash chain, and every invariant
        that a log alone can prove.
        """
        call: Call[models.Verification] = Call(
            "GET", f"/v1/runs/{segment(run)}/verify", models.Verification
        )
        return self._transport.send(call)

    def batch(
        self,
        runs: Sequence[models.StartRun | Mapping[str, Any]],
        *,
        idempotency_key: str | None = None,
    ) -> models.StartedRuns:
        """Starts up to 1,000 runs, each by itself: the answer says of each what became of it. With an
        `Idempotency-Key`, a repetition starts only what had not been started.

        Args:
            runs: 1 to 1,000 runs. Each succeeds or fails by itself.
            idempotency_key: Makes repetitions harmless; without one, the client draws one for this
                call.
        """
        call: Call[models.StartedRuns] = Call(
            "POST",
            "/v1/runs:batch",
            models.StartedRuns,
            headers={"Idempotency-Key": idempotency_key or fresh_key()},
            body=body_of({"runs": runs}, ["runs"]),
        )
        return self._transport.send(call)


class Tags:
    """`client.tags`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> models.PageTagView:
        """Lists tags by name, each where it stands."""
        call: Call[models.PageTagView] = Call(
            "GET", "/v1/tags", models.PageTagView, query={"limit": limit, "cursor": cursor}
        )
        return self._transport.send(call)

    def all(self, *, limit: int | None = None) -> Iterator[models.TagView]:
        """Lists tags by name, each where it stands."""
        cursor: str | None = None
        while True:
            page = self.list(limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    def get(self, tag: str) -> models.TagView:
        """Shows where a tag stands."""
        call: Call[models.TagView] = Call("GET", f"/v1/tags/{segment(tag)}", models.TagView)
        return self._transport.send(call)

    def canary(
        self,
        tag: str,
        *,
        if_match: int | None = None,
        idempotency_key: str | None = None,
        canary: models.CanaryView | Mapping[str, Any] | None = None,
    ) -> models.TagView:
        """Tries a version of the tag on a share of the runs that are started by the tag, or ends the
        trial. Which runs, a hash says: of the run's id, or of `canary_key` where it is given, so
        the same key meets the same version for as long as the share is the same, and also once it
        grows.

        Args:
            if_match: Refused unless that is the version.
            idempotency_key: Makes repetitions harmless; without one, the client draws one for this
                call.
            canary: The version and its share; null or absent: the trial ends.
        """
        call: Call[models.TagView] = Call(
            "POST",
            f"/v1/tags/{segment(tag)}/canary",
            models.TagView,
            headers={
                "If-Match": if_match_of(if_match),
                "Idempotency-Key": idempotency_key or fresh_key(),
            },
            body=body_of({"canary": canary}, []),
        )
        return self._transport.send(call)

    def history(
        self, tag: str, *, limit: int | None = None, cursor: str | None = None
    ) -> models.PageTagMoveView:
        """Lists every move of a tag, newest first: who moved it where, and when."""
        call: Call[models.PageTagMoveView] = Call(
            "GET",
            f"/v1/tags/{segment(tag)}/history",
            models.PageTagMoveView,
            query={"limit": limit, "cursor": cursor},
        )
        return self._transport.send(call)

    def all_history(self, tag: str, *, limit: int | None = None) -> Iterator[models.TagMoveView]:
        """Lists every move of a tag, newest first: who moved it where, and when."""
        cursor: str | None = None
        while True:
            page = self.history(tag, limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    def move(
        self,
        tag: str,
        to: Any,
        *,
        if_match: int | None = None,
        idempotency_key: str | None = None,
        description: str | None = None,
    ) -> models.TagView:
        """Points a tag at a document that exists: another version of it, a digest, or where another
        tag stands. That is a new version, so an undo leads back. `If-Match: "3"` asks that the tag
        is at version 3. Where it stands at that document already, nothing changes.

        Args:
            to: A version of the tag (`2`), a digest (`"sha256:..."`), another tag (`"onboarding"`)
                or a version of one (`"onboarding@3"`).
            if_match: Refused unless that is the version.
            idempotency_key: Makes repetitions harmless; without one, the client draws one for this
                call.
            description: Why.
        """
        call: Call[models.TagView] = Call(
            "POST",
            f"/v1/tags/{segment(tag)}/move",
            models.TagView,
            headers={
                "If-Match": if_match_of(if_match),
                "Idempotency-Key": idempotency_key or fresh_key(),
            },
            body=body_of({"to": to, "description": description}, ["to"]),
        )
        return self._transport.send(call)

    def redo(
        self, tag: str, *, if_match: int | None = None, idempotency_key: str | None = None
    ) -> models.TagView:
        """Points a tag at the version that an undo led away from. `If-Match: "3"` asks that it is at
        version 3. Nothing is left to redo once a version was made after an undo.

        Args:
            if_match: Refused unless that is the version.
            idempotency_key: Makes repetitions harmless; without one, the client draws one for this
                call.
        """
        call: Call[models.TagView] = Call(
            "POST",
            f"/v1/tags/{segment(tag)}/redo",
            models.TagView,
            headers={
                "If-Match": if_match_of(if_match),
                "Idempotency-Key": idempotency_key or fresh_key(),
            },
            body={},
        )
        return self._transport.send(call)

    def undo(
        self, tag: str, *, if_match: int | None = None, idempotency_key: str | None = None
    ) -> models.TagView:
        """Points a tag at the version before the one that it is at. `If-Match: "3"` asks that it is at
        version 3. Runs that were started stay at what they were started with.

        Args:
            if_match: Refused unless that is the version.
            idempotency_key: Makes repetitions harmless; without one, the client draws one for this
                call.
        """
        call: Call[models.TagView] = Call(
            "POST",
            f"/v1/tags/{segment(tag)}/undo",
            models.TagView,
            headers={
                "If-Match": if_match_of(if_match),
                "Idempotency-Key": idempotency_key or fresh_key(),
            },
            body={},
        )
        return self._transport.send(call)


class WorkflowsPatches:
    """`client.workflows.patches`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self, tag: str, *, limit: int | None = None, cursor: str | None = None
    ) -> models.PageWorkflowPatch:
        """Lists the patches of a workflow, newest first, without their operations."""
        call: Call[models.PageWorkflowPatch] = Call(
            "GET",
            f"/v1/workflows/{segment(tag)}/patches",
            models.PageWorkflowPatch,
            query={"limit": limit, "cursor": cursor},
        )
        return self._transport.send(call)

    def all(self, tag: str, *, limit: int | None = None) -> Iterator[models.WorkflowPatch]:
        """Lists the patches of a workflow, newest first, without their operations."""
        cursor: str | None = None
        while True:
            page = self.list(tag, limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    def propose(
        self,
        tag: str,
        operations: Sequence[Mapping[str, Any]],
        *,
        idempotency_key: str | None = None,
        if_match: int | None = None,
        wait: int | None = None,
        base: str | None = None,
        description: str | None = None,
        origin: Literal["person", "optimizer"] | None = None,
    ) -> models.WorkflowPatch:
        """Patches a workflow: its next version. The patch is accepted with 202 and decided by a
        worker, together with others of the workflow; `Prefer: wait=10` waits for the decision. With
        `?dry_run` nothing happens, and the answer is the plan.

        Args:
            operations: JSON Patch (RFC 6902). Nodes and edges are best named by id:
                `/nodes/fetch/config/url`, `/edges/fetch->save`; `/nodes/-` appends.
            idempotency_key: Makes repetitions harmless; without one, the client draws one for this
                call.
            if_match: `"3"`: refused unless the tag is at version 3 when the patch arrives, and when
                it is decided
            wait: Seconds to wait for the outcome, at most 60.
            base: The digest that it was made against; absent: what the tag is at now. Where the tag
                has moved on, the patch is brought to what holds, or refused with 409
                `patch_conflict`.
            description: What it is for; versions show it.
            origin: On whose behalf it is handed in; absent: the caller's own.
        """
        call: Call[models.WorkflowPatch] = Call(
            "POST",
            f"/v1/workflows/{segment(tag)}/patches",
            models.WorkflowPatch,
            headers={
                "Idempotency-Key": idempotency_key or fresh_key(),
                "If-Match": if_match_of(if_match),
                "Prefer": prefer(wait),
            },
            body=body_of(
                {
                    "operations": operations,
                    "base": base,
                    "description": description,
                    "origin": origin,
                },
                ["operations"],
            ),
            wait_s=float(wait or 0),
        )
        return self._transport.send(call)

    def plan(
        self,
        tag: str,
        operations: Sequence[Mapping[str, Any]],
        *,
        idempotency_key: str | None = None,
        if_match: int | None = None,
        wait: int | None = None,
        base: str | None = None,
        description: str | None = None,
        origin: Literal["person", "optimizer"] | None = None,
    ) -> models.PlanView:
        """Says what the same proposal would do, and does nothing.

        Args:
            operations: JSON Patch (RFC 6902). Nodes and edges are best named by id:
                `/nodes/fetch/config/url`, `/edges/fetch->save`; `/nodes/-` appends.
            idempotency_key: Makes repetitions harmless; without one, the client draws one for this
                call.
            if_match: `"3"`: refused unless the tag is at version 3 when the patch arrives, and when
                it is decided
            wait: Seconds to wait for the outcome, at most 60.
            base: The digest that it was made against; absent: what the tag is at now. Where the tag
                has moved on, the patch is brought to what holds, or refused with 409
                `patch_conflict`.
            description: What it is for; versions show it.
            origin: On whose behalf it is handed in; absent: the caller's own.
        """
        call: Call[models.PlanView] = Call(
            "POST",
            f"/v1/workflows/{segment(tag)}/patches",
            models.PlanView,
            query={"dry_run": True},
            headers={
                "Idempotency-Key": idempotency_key or fresh_key(),
                "If-Match": if_match_of(if_match),
                "Prefer": prefer(wait),
            },
            body=body_of(
                {
                    "operations": operations,
                    "base": base,
                    "description": description,
                    "origin": origin,
                },
                ["operations"],
            ),
            wait_s=float(wait or 0),
        )
        return self._transport.send(call)

    def get(self, tag: str, patch: str, *, wait: int | None = None) -> models.WorkflowPatch:
        """Shows a patch of a workflow: where it stands, its operations, and why it was rejected. With
        `Prefer: wait=N`, once it is decided, or after so many seconds.

        Args:
            wait: Seconds to wait for the outcome, at most 60.
        """
        call: Call[models.WorkflowPatch] = Call(
            "GET",
            f"/v1/workflows/{segment(tag)}/patches/{segment(patch)}",
            models.WorkflowPatch,
            headers={"Prefer": prefer(wait)},
            wait_s=float(wait or 0),
        )
        return self._transport.send(call)


class Workflows:
    """`client.workflows`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.patches = WorkflowsPatches(transport)

    def list(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> models.PageWorkflowVersion:
        """Lists tags by name, each with the version that it is at."""
        call: Call[models.PageWorkflowVersion] = Call(
            "GET",
            "/v1/workflows",
            models.PageWorkflowVersion,
            query={"limit": limit, "cursor": cursor},
        )
        return self._transport.send(call)

    def all(self, *, limit: int | None = None) -> Iterator[models.WorkflowVersion]:
        """Lists tags by name, each with the version that it is at."""
        cursor: str | None = None
        while True:
            page = self.list(limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    def create(
        self,
        tag: str,
        document: documents.Workflow | Mapping[str, Any],
        *,
        if_match: int | None = None,
        if_none_match: str | None = None,
    ) -> models.CreatedWorkflow:
        """Stores a document under a tag, as its next version. The body is the document, JSON or YAML.
        `If-Match: "3"` asks that the tag is at version 3, `If-None-Match: *` that it does not
        exist. Storing the document that the tag is at changes nothing, so a repetition is harmless.

        Args:
            tag: 1 to 128 of `a-z A-Z 0-9 . _ -`
            document: Any JSON.
            if_match: Refused unless that is the version.
        """
        call: Call[models.CreatedWorkflow] = Call(
            "POST",
            "/v1/workflows",
            models.CreatedWorkflow,
            query={"tag": tag},
            headers={"If-Match": if_match_of(if_match), "If-None-Match": if_none_match},
            body=document,
        )
        return self._transport.send(call)

    def validate(self, document: documents.Workflow | Mapping[str, Any]) -> models.ValidWorkflow:
        """Says everything that is wrong with a document, and stores nothing. The body is the document.

        Args:
            document: Any JSON.
        """
        call: Call[models.ValidWorkflow] = Call(
            "POST", "/v1/workflows/validate", models.ValidWorkflow, body=document
        )
        return self._transport.send(call)

    def get(self, tag: str, *, version: int | None = None) -> models.WorkflowView:
        """Shows a document: the version that a tag is at, one of its versions, or one by digest.

        Args:
            tag: A tag, or a digest
        """
        call: Call[models.WorkflowView] = Call(
            "GET", f"/v1/workflows/{segment(tag)}", models.WorkflowView, query={"version": version}
        )
        return self._transport.send(call)

    def diff(
        self, tag: str, *, from_: str | None = None, to: str | None = None
    ) -> models.WorkflowDiff:
        """Compares two documents: versions of the tag (`3`), digests, other tags, or versions of those
        (`staging@7`). Without `to`, the version that the tag is at; without `from`, the version
        before `to`.
        """
        call: Call[models.WorkflowDiff] = Call(
            "GET",
            f"/v1/workflows/{segment(tag)}/diff",
            models.WorkflowDiff,
            query={"from": from_, "to": to},
        )
        return self._transport.send(call)

    def versions(
        self, tag: str, *, limit: int | None = None, cursor: str | None = None
    ) -> models.PageWorkflowVersion:
        """Lists the versions of a tag, newest first: those that a later one dropped too."""
        call: Call[models.PageWorkflowVersion] = Call(
            "GET",
            f"/v1/workflows/{segment(tag)}/versions",
            models.PageWorkflowVersion,
            query={"limit": limit, "cursor": cursor},
        )
        return self._transport.send(call)

    def all_versions(
        self, tag: str, *, limit: int | None = None
    ) -> Iterator[models.WorkflowVersion]:
        """Lists the versions of a tag, newest first: those that a later one dropped too."""
        cursor: str | None = None
        while True:
            page = self.versions(tag, limit=limit, cursor=cursor)
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return


class Operations:
    """`client`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.approvals = Approvals(transport)
        self.artifacts = Artifacts(transport)
        self.keys = Keys(transport)
        self.notifications = Notifications(transport)
        self.optimizer = Optimizer(transport)
        self.runners = Runners(transport)
        self.runs = Runs(transport)
        self.tags = Tags(transport)
        self.workflows = Workflows(transport)

    def health(self) -> models.Health:
        """Says that the process lives."""
        call: Call[models.Health] = Call("GET", "/v1/healthz", models.Health)
        return self._transport.send(call)

    def openapi(self) -> Any:
        """The description of this API."""
        call: Call[Any] = Call("GET", "/v1/openapi.json", Any)
        return self._transport.send(call)

    def ready(self) -> models.Health:
        """Says whether the process can work: storage answers, and it is not shutting down."""
        call: Call[models.Health] = Call("GET", "/v1/readyz", models.Health)
        return self._transport.send(call)
