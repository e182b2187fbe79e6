# Written by `tools/generate.py`.
"""Models of the API's answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from aob._model import Model
from pydantic import AwareDatetime, ConfigDict, Field
from typing_extensions import TypeAliasType


class AddModule(Model):
    """
    `POST /v1/optimizer/modules`: a module, and why it is to be trusted.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    digest: Annotated[
        str,
        Field(examples=["sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]),
    ]
    """
    `sha256:` of the module's bytes.
    """
    enabled: bool | None = None
    """
    Whether plans of the workspace ask it from now on. A module that is there already stays as it
    is where this is absent.
    """
    module: str
    """
    The WebAssembly module, in base64.
    """
    passes: Annotated[list[str], Field(examples=[["dead-code"]])]
    """
    Names of the passes that it is asked for, in the order in which they are tried: 1 to 16 of
    `a-z 0-9 -`, up to 64 characters each.
    """
    signature: str
    """
    Signature (ed25519, 128 hex digits) of `aob.optimizer.module.1`, a zero byte and the 32 bytes of
    the digest, by a key that the server's configuration trusts.
    """


class BudgetSpec(Model):
    """
    Caps on spending; what is absent is not bounded.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    calls: Annotated[int | None, Field(ge=0)] = None
    """
    Calls of models.
    """
    tokens: Annotated[int | None, Field(ge=0)] = None
    """
    Tokens read and written.
    """
    usd: float | None = None
    """
    US dollars; counted in millionths.
    """


class CanaryView(Model):
    """
    A version that gets a share of the new runs of its tag.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    percent: Annotated[int, Field(ge=1, le=100)]
    """
    Of a hundred runs, how many.
    """
    version: Annotated[int, Field(ge=0)]
    """
    The version.
    """


class CheckView(Model):
    """
    One check.
    """

    detail: str | None = None
    """
    What was found.
    """
    layer: Annotated[int, Field(ge=0)]
    """
    The layer that makes it first: 1 without a server, 2 with the run; 3, the engine, repeats
    both.
    """
    name: str
    """
    Its name.
    """
    outcome: Annotated[str, Field(examples=["passed"])]
    """
    `passed`, `warned`, `needs_approval` or `failed`.
    """


class CommandOutcome(Model):
    """
    The run after a command, once the command's outcome is durable.
    """

    changed: bool
    """
    False: the run was like this before, and the command changed nothing.
    """
    id: str
    """
    The run.
    """
    seq: Annotated[int, Field(ge=0)]
    """
    Seq of its last event.
    """
    status: Annotated[str, Field(examples=["cancelling"])]
    """
    Its state.
    """


class Consequences(Model):
    """
    What a patch means for nodes that have run.
    """

    repaired: list[str] | None = None
    """
    Started nodes that are repaired: their next attempts are made from the new spec.
    """
    routes: list[str] | None = None
    """
    Finished instances whose new edges are decided at once.
    """
    withdrawn: list[str] | None = None
    """
    Decided edges that are taken back from targets that have not started.
    """


class Decided(Model):
    """
    What became of a vote.
    """

    run: CommandOutcome
    """
    The run after the vote.
    """
    status: Annotated[str, Field(examples=["approved"])]
    """
    Its status after the vote: `pending` where the quorum needs more.
    """
    ticket: str
    """
    The ticket that the vote counts for: of an edit, the one that asks about what came of it.
    """


class EdgeDiff(Model):
    """
    An edge that changes.
    """

    change: Literal["added", "removed", "changed"]
    """
    What becomes of it.
    """
    condition: str | None = None
    """
    Its condition.
    """
    from_: Annotated[str, Field(alias="from")]
    """
    Source.
    """
    id: str
    """
    Its id.
    """
    on: Annotated[str, Field(examples=["success"])]
    """
    Which outcome of the source it follows.
    """
    to: str
    """
    Target.
    """


class ErrorView(Model):
    """
    A failure in two words.
    """

    code: str
    """
    Stable code.
    """
    message: str
    """
    For people.
    """


class FailInstance(Model):
    """
    `POST /v1/runs/{id}/fail`: lets a parked instance fail.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    instance: Annotated[str, Field(examples=["fetch"])]
    """
    Which.
    """
    message: str | None = None
    """
    Why; absent: `failed by hand`.
    """


class Failure(Model):
    """
    Why an attempt failed.
    """

    code: str
    """
    Stable code: `timeout`, `http_status`, ..., or the function's own.
    """
    details: Any | None = None
    """
    More, as JSON, at most 16 KiB.
    """
    lost: bool | None = None
    """
    True: nobody knows whether the effect happened.
    """
    message: str
    """
    For people.
    """
    retry_after_ms: Annotated[int | None, Field(ge=0)] = None
    """
    Wait at least this long before the next attempt.
    """
    retryable: bool | None = None
    """
    False: another attempt would fail the same way.
    """


class GraphEdge(Model):
    """
    One edge.
    """

    condition: str | None = None
    """
    Its condition.
    """
    dead: Annotated[int, Field(ge=0)]
    """
    In how many scopes it was not.
    """
    from_: Annotated[str, Field(alias="from")]
    """
    Source.
    """
    id: str
    """
    Its id.
    """
    on: Annotated[str, Field(examples=["success"])]
    """
    Which outcome of the source it follows.
    """
    status: Annotated[str, Field(examples=["taken"])]
    """
    `pending`: not decided; `taken`: it led on, in one scope at least; `dead`: it did not;
    `failed`: it did not, because its source failed.
    """
    taken: Annotated[int, Field(ge=0)]
    """
    In how many scopes it was taken.
    """
    to: str
    """
    Target.
    """


class GrowthView(Model):
    """
    Something that the graph may do newly.
    """

    granted: bool
    """
    A policy grants it: nobody has to approve it.
    """
    kind: Annotated[str, Field(examples=["egress"])]
    """
    What kind of thing: `node_type`, `egress`, `secret`, `function` ...
    """
    name: Annotated[str, Field(examples=["POST https://mail.example:443"])]
    """
    Which.
    """
    node: str | None = None
    """
    The first node that has it, where one does.
    """


class Health(Model):
    """
    `GET /healthz`, `GET /readyz`.
    """

    status: str
    """
    `ok`.
    """
    version: str
    """
    Version of the server.
    """


class ItemsView(Model):
    """
    How far a map is.
    """

    completed: Annotated[int, Field(ge=0)]
    """
    Completed or skipped.
    """
    count: Annotated[int, Field(ge=0)]
    """
    All.
    """
    failed: Annotated[int, Field(ge=0)]
    """
    Failed.
    """
    open: Annotated[int, Field(ge=0)]
    """
    Open at this moment.
    """


class LeaseRequest(Model):
    """
    `POST /v1/runners/lease`: asks for jobs and waits for them.
    """

    limit: Annotated[int, Field(ge=0)]
    """
    At most this many jobs.
    """
    names: list[str]
    """
    The functions it serves.
    """
    pool: str
    """
    Its pool.
    """
    runner: str
    """
    The runner's name, unique among those alive; leases are held in this name.
    """
    wait_ms: Annotated[int | None, Field(ge=0)] = None
    """
    Milliseconds to wait for the first job; 0: answer at once.
    """


class LogChunk(Model):
    """
    Consecutive log lines of an attempt.
    """

    first: Annotated[int | None, Field(ge=0)] = None
    """
    Number of the first line, from 0, counting lines that were dropped: a gap shows them.
    """
    lines: list[str]
    """
    The lines, without line ends.
    """


class ModuleView(Model):
    """
    A module of a workspace. Its bytes are the artifact of its digest.
    """

    added_at: AwareDatetime
    """
    Added, or added again.
    """
    added_by: str
    """
    Who added it.
    """
    bytes: Annotated[int, Field(ge=0)]
    """
    Its length.
    """
    digest: str
    """
    `sha256:` of its bytes.
    """
    enabled: bool
    """
    Whether plans of the workspace ask it.
    """
    passes: list[str]
    """
    Names of the passes that it is asked for, in the order in which they are tried.
    """
    signature: str
    """
    The signature, 128 hex digits.
    """
    signed_by: str | None = None
    """
    The trusted key that made the signature, 64 hex digits; absent: it is not trusted any more, and
    no plan asks it.
    """


class MoveTag(Model):
    """
    `POST /v1/tags/{tag}/move`: where the tag should point.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    description: str | None = None
    """
    Why.
    """
    to: Any
    """
    A version of the tag (`2`), a digest (`"sha256:..."`), another tag (`"onboarding"`) or a
    version of one (`"onboarding@3"`).
    """


class Nothing(Model):
    """
    A body with nothing in it: `{}`, or none at all.
    """

    model_config = ConfigDict(
        extra="forbid",
    )


class Offer(Model):
    """
    A job that came on a topic.
    """

    digest: str
    """
    Digest of the message's value, as the runner received it.
    """
    offer: str
    """
    The header `aob-offer` of its message.
    """


class Failed(Model):
    """
    Failure.
    """

    failure: Failure
    """
    Why.
    """


class Outcome2(Model):
    """
    Failure.
    """

    failed: Failed
    """
    Failure.
    """


class Outcome3(Model):
    """
    It stopped because it was asked to.
    """

    cancelled: Any
    """
    It stopped because it was asked to.
    """


class PageModuleView(Model):
    """
    One page of a list.
    """

    items: list[ModuleView]
    """
    What the page holds.
    """
    next_cursor: str | None = None
    """
    Give it as `cursor` to get the next page; absent on the last one. It means nothing to clients.
    """


class ParentView(Model):
    """
    Who waits for a run.
    """

    instance: str
    """
    Its instance.
    """
    run: str
    """
    The run.
    """


class Payload(Model):
    digest: str | None = None
    len: Annotated[int | None, Field(ge=0)] = None
    value: Any | None = None


class ProposeRunPatch(Model):
    """
    `POST /v1/runs/{id}/patches`.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    base: str | None = None
    """
    The document that it was made against, as `GET /v1/runs/{id}/graph` named it. If the run has
    moved on, the patch is brought to what holds where it touches other parts. Absent: the one
    that holds.
    """
    description: str | None = None
    """
    What it is for; approvers see it.
    """
    node_id: Annotated[str | None, Field(examples=["planner"])] = None
    """
    The node of the run on whose behalf it is proposed: it is judged as a patch of that agent,
    whoever sends it.
    """
    operations: list[dict[str, Any]]
    """
    JSON Patch (RFC 6902): `add`, `remove`, `replace`, `test`, and from people `move` and `copy`.
    Nodes and edges are best addressed by their ids: `/nodes/fetch/config/url`,
    `/edges/fetch->save`, `/nodes/-`.
    """
    origin: Literal["person", "optimizer"] | None = None


class ProposeWorkflowPatch(Model):
    """
    `POST /v1/workflows/{tag}/patches`.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    base: str | None = None
    """
    The digest that it was made against; absent: what the tag is at now. Where the tag has moved
    on, the patch is brought to what holds, or refused with 409 `patch_conflict`.
    """
    description: str | None = None
    """
    What it is for; versions show it.
    """
    operations: list[dict[str, Any]]
    """
    JSON Patch (RFC 6902). Nodes and edges are best named by id: `/nodes/fetch/config/url`,
    `/edges/fetch->save`; `/nodes/-` appends.
    """
    origin: Literal["person", "optimizer"] | None = None


class RaiseBudget(Model):
    """
    `POST /v1/runs/{id}/budget`: by how much a budget is raised.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    calls: Annotated[int | None, Field(ge=0)] = None
    """
    Calls more.
    """
    node: str | None = None
    """
    The agent node whose budget it is; absent: the run's.
    """
    tokens: Annotated[int | None, Field(ge=0)] = None
    """
    Tokens more.
    """
    usd: float | None = None
    """
    US dollars more.
    """


class RepairInstance(Model):
    """
    `POST /v1/runs/{id}/retry`, `.../skip`: what to do with a parked instance.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    instance: Annotated[str, Field(examples=["fetch"])]
    """
    Which: `fetch`, `crawl[3]/fetch`.
    """


class ReserveResponse(Model):
    """
    Answer to [`ReserveRequest`], after it is durable: the call may be made.
    """

    reserved: bool
    """
    False: no budget bounds the attempt, so nothing is set aside, and nothing is to be settled.
    """


class ResultPatch(Model):
    """
    A change of the run's graph that a result carries.
    """

    base: str | None = None
    """
    Digest of the document that it was made against; absent: the one that holds.
    """
    description: str | None = None
    """
    What it is for.
    """
    operations: Payload
    """
    JSON Patch operations.
    """


class ResultResponse(Model):
    """
    Answer to [`ResultRequest`], after the result is durable.
    """

    accepted: bool
    """
    False: the attempt is over, and the result changes nothing.
    """


class ResumeRun(Model):
    """
    `POST /v1/runs/{id}/resume`. The body may be left out.
    """

    model_config = ConfigDict(
        extra="forbid",
    )


class RunLinks(Model):
    """
    Paths of a run.
    """

    events: str
    """
    Its events, a page at a time.
    """
    explain: str
    """
    Why it does not move.
    """
    graph: str
    """
    Its graph.
    """
    self: str
    """
    The run.
    """
    stream: str
    """
    Its events as they happen.
    """
    timeline: str
    """
    Its spans.
    """


class RunPatchLinks(Model):
    """
    Paths around a patch.
    """

    approval: str | None = None
    """
    Its ticket, where one was opened.
    """
    diff: str
    """
    What it changes.
    """
    graph: str
    """
    The graph that holds.
    """
    self: str
    """
    The patch.
    """


class SetCanary(Model):
    """
    `POST /v1/tags/{tag}/canary`: the version to try, or none.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    canary: CanaryView | None = None


class SettleResponse(Model):
    """
    Answer to [`SettleRequest`], after it is durable.
    """

    accepted: bool
    """
    False: it was settled before, or the attempt is over and was charged in full.
    """


class Share(Model):
    """
    So many of so many.
    """

    max: Annotated[int, Field(ge=0)]
    """
    Of so many.
    """
    used: Annotated[int, Field(ge=0)]
    """
    So many.
    """


class Span(Model):
    """
    One instance over time: an item of `GET /v1/runs/{id}/timeline`, which lists them by
    `opened_at`, then by name.
    """

    attempts: Annotated[int, Field(ge=0)]
    """
    Attempts so far; 0 for what is decided without a runner.
    """
    child: str | None = None
    """
    The child run.
    """
    error: ErrorView | None = None
    finished_at: AwareDatetime | None = None
    """
    When it ended.
    """
    instance: str
    """
    Which instance: `fetch`, `crawl[3]/fetch`.
    """
    late_attempt: Annotated[int | None, Field(ge=0)] = None
    """
    The highest attempt whose result came too late to count.
    """
    node: str
    """
    Its node.
    """
    opened_at: AwareDatetime
    """
    When it was first scheduled, waited or was decided.
    """
    since: AwareDatetime
    """
    Since when it is in its status.
    """
    started_at: AwareDatetime | None = None
    """
    When the runner of its last attempt started it, where the runner says.
    """
    status: Annotated[str, Field(examples=["completed"])]
    """
    Its status.
    """


class SpendView(Model):
    """
    Something spent, or set aside.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    calls: Annotated[int | None, Field(ge=0)] = None
    """
    Calls of models.
    """
    tokens: Annotated[int | None, Field(ge=0)] = None
    """
    Tokens read and written.
    """
    usd: float | None = None
    """
    US dollars; counted in millionths.
    """


class StopRun(Model):
    """
    `POST /v1/runs/{id}/cancel`, `.../pause`. The body may be left out.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    reason: str | None = None
    """
    Why; stands in the log.
    """


class SucceedInstance(Model):
    """
    `POST /v1/runs/{id}/succeed`: says what a parked instance returned.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    instance: Annotated[str, Field(examples=["fetch"])]
    """
    Which.
    """
    output: Any
    """
    Its output.
    """


class TagMoveView(Model):
    """
    A move of a tag.
    """

    actor: Annotated[str, Field(examples=["user:ada"])]
    """
    Who.
    """
    at: AwareDatetime
    """
    When.
    """
    canary: CanaryView | None = None
    from_: Annotated[int, Field(alias="from", ge=0)]
    """
    The version before; 0: there was no tag.
    """
    kind: Annotated[str, Field(examples=["undone"])]
    """
    What it was: `created patched moved` (a version was made), `undone redone` (the tag went back
    and forth between versions), `canary` (a trial began, changed or ended).
    """
    revision: Annotated[int, Field(ge=0)]
    """
    Number of the move, from 1.
    """
    to: Annotated[int, Field(ge=0)]
    """
    The version after.
    """


class TakeBack(Model):
    """
    `POST /v1/runs/{id}/patches/{patch}/revert`, `.../withdraw`. The body may be left out.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    reason: str | None = None
    """
    Why; stands in the log.
    """


class TextPosition(Model):
    """
    A place in a text, both from 1. Columns count characters.
    """

    column: Annotated[int, Field(ge=0)]
    """
    Column.
    """
    line: Annotated[int, Field(ge=0)]
    """
    Line.
    """


class TicketSummary(Model):
    """
    A ticket as inboxes list it.
    """

    budget: Any | None = None
    """
    The budget that is to be raised: `"run"`, or `{"node"}`; absent for an instance or a patch.
    """
    created_at: AwareDatetime
    """
    Asked.
    """
    decided_at: AwareDatetime | None = None
    """
    Decided.
    """
    expires_at: AwareDatetime | None = None
    """
    Expires.
    """
    instance: str | None = None
    """
    The instance that asks; absent for a patch.
    """
    message: str
    """
    Question.
    """
    patch: str | None = None
    """
    The patch of the run that is to be approved; absent for an instance.
    """
    run: str
    """
    Its run.
    """
    status: Annotated[str, Field(examples=["pending"])]
    """
    `pending approved rejected expired cancelled`.
    """
    subject_hash: str
    """
    Hash of what is shown.
    """
    ticket: Annotated[str, Field(examples=["tk_4a6f0c2f9d1e4b7a8c3d5e6f"])]
    """
    The ticket.
    """


class ValueRef(Model):
    """
    Where a value that is too long for the answer can be read.
    """

    digest: Annotated[
        str,
        Field(examples=["sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"]),
    ]
    """
    `sha256` of its JSON text.
    """
    href: str
    """
    Path to `GET` it from.
    """
    len: Annotated[int, Field(ge=0)]
    """
    Length of its JSON text in bytes.
    """


CountersAdditionalProperty = TypeAliasType(
    "CountersAdditionalProperty", Annotated[int, Field(ge=0)]
)


class ViolationView(Model):
    """
    One broken invariant.
    """

    invariant: Annotated[str, Field(examples=["I-18"])]
    """
    Its id.
    """
    message: str
    """
    What was expected and what was found.
    """
    seq: Annotated[int, Field(ge=0)]
    """
    The event at which it shows.
    """


class VoteView(Model):
    """
    One vote.
    """

    by: Annotated[str, Field(examples=["user:ada"])]
    """
    Who.
    """
    vote: Annotated[str, Field(examples=["approve"])]
    """
    `approve` or `reject`.
    """


class WaitView(Model):
    """
    One reason for waiting.
    """

    alternatives: list[str] | None = None
    """
    Commands that end the waiting in another way.
    """
    instance: str | None = None
    """
    The instance that waits; absent for the run as a whole.
    """
    message: str
    """
    For people.
    """
    owner: str
    """
    Who can end it.
    """
    reason: Annotated[str, Field(examples=["approval"])]
    """
    Stable code, such as `approval` or `no_runner`.
    """
    remedy: str
    """
    What to do, as a command where there is one.
    """
    since: AwareDatetime
    """
    Since when.
    """
    until: AwareDatetime | None = None
    """
    When something happens by itself at the latest.
    """


class WebhookView(Model):
    """
    `GET /v1/runs/{id}/signals/{name}/webhook`: a URL that needs no API key.
    """

    path: str
    """
    Path of the URL, behind the address by which the sender reaches the server. Whoever knows it
    can send the signal: treat it as a secret.
    """
    run: str
    """
    The run.
    """
    signal: Annotated[str, Field(examples=["payment_received"])]
    """
    The signal that a POST to the path delivers.
    """


class WorkflowPatchLinks(Model):
    """
    Paths of a patch.
    """

    diff: str | None = None
    """
    What it changed, once it is applied.
    """
    self: str
    """
    The patch.
    """


class WorkflowShape(Model):
    """
    What a workflow consists of.
    """

    agents: Annotated[int, Field(ge=0)]
    """
    Agent nodes.
    """
    edges: Annotated[int, Field(ge=0)]
    """
    Edges.
    """
    nodes: Annotated[int, Field(ge=0)]
    """
    Nodes.
    """
    tier: Annotated[str, Field(examples=["simple"])]
    """
    Tier of its rate limit: `simple standard heavy`.
    """


class WorkflowUsed(Model):
    """
    Which workflow a run was started from.
    """

    canary: bool | None = None
    """
    True: that version is on trial, and the run fell to its share.
    """
    digest: str
    """
    The document.
    """
    tag: str | None = None
    """
    The tag it was named by.
    """
    version: Annotated[int | None, Field(ge=0)] = None
    """
    The version of the tag that the run was started with: where it starts, and later while it was
    started during the trial of a version.
    """


class WorkflowVersion(Model):
    """
    A version of a tag.
    """

    actor: Annotated[str, Field(examples=["user:ada"])]
    """
    Who made it.
    """
    created_at: AwareDatetime
    """
    When.
    """
    description: str | None = None
    """
    What whoever made it said about it.
    """
    digest: str
    """
    Its document.
    """
    dropped_by: Annotated[int | None, Field(ge=0)] = None
    """
    The version that took its place after an undo, so that no redo comes here any more.
    """
    kind: Annotated[str | None, Field(examples=["patched"])] = None
    """
    How it came about: `created` (a document was stored), `patched`, `moved` (the tag was pointed
    at a document that existed).
    """
    predecessor: Annotated[int | None, Field(ge=0)] = None
    """
    The version that it follows; absent: it is the first.
    """
    source: str | None = None
    """
    Where its document comes from: the patch's id, or what the tag was pointed at.
    """
    tag: Annotated[str, Field(examples=["onboarding"])]
    """
    The tag.
    """
    version: Annotated[int, Field(ge=0)]
    """
    From 1; also the `ETag`.
    """


class WorkflowView(Model):
    """
    `GET /v1/workflows/{tag}`: a document, by tag or digest.
    """

    digest: str
    """
    The document's digest.
    """
    document: Any
    """
    The document, canonical.
    """
    name: str
    """
    `metadata.name`.
    """
    shape: WorkflowShape
    """
    What it consists of.
    """
    version: WorkflowVersion | None = None


class AddEndpoint(Model):
    """
    `POST /v1/notifications/endpoints`: who is to be told of tickets, and of which.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    approvers: list[str] | None = None
    """
    Only tickets that these roles, groups or people may decide, and those that anybody may; empty: all.
    """
    events: (
        list[
            Literal[
                "approval.requested",
                "approval.escalated",
                "approval.expiring",
                "approval.decided",
                "test",
            ]
        ]
        | None
    ) = None
    """
    What it is told of; empty: everything.
    """
    kind: Literal["webhook", "slack", "email"]
    """
    How it is told.
    """
    name: str | None = None
    """
    What people call it; absent: its host, or its first address.
    """
    to: list[str] | None = None
    """
    Of `email`: addresses, at most 20.
    """
    url: Annotated[str | None, Field(examples=["https://hooks.example.com/approvals"])] = None
    """
    Of `webhook` and `slack`: where requests go. `https`, and public, unless the server's
    configuration lists its origin.
    """


class BudgetView(Model):
    """
    A budget of a run, as it stands.
    """

    left: BudgetSpec
    """
    What is neither spent nor set aside.
    """
    limit: BudgetSpec
    """
    The caps, with what they were raised by.
    """
    node: str | None = None
    """
    The agent node whose budget it is; absent: the run's.
    """
    reserved: SpendView
    """
    Set aside for calls that are under way and for child runs.
    """
    spent: SpendView
    """
    Charged.
    """
    ticket: str | None = None
    """
    The open ticket that asks for more.
    """


class Claim(Model):
    """
    What became of a claim.
    """

    standing: Literal["granted", "taken", "invalid"]
    """
    Whether the job may be executed.
    """
    token: str | None = None
    """
    The token of a job that was granted, for its heartbeats and its result.
    """


class ClaimRequest(Model):
    """
    `POST /v1/runners/claim`: asks for the leases of jobs that came on a topic.
    """

    offers: list[Offer]
    """
    What it was offered.
    """
    pool: str
    """
    Its pool.
    """
    runner: str
    """
    The runner's name, unique among those alive; leases are held in this name.
    """


class ClaimResponse(Model):
    """
    Answer to [`ClaimRequest`], in the order of its offers.
    """

    claims: list[Claim]
    """
    One for each offer.
    """
    heartbeat_ms: Annotated[int | None, Field(ge=0)] = None
    """
    Milliseconds between heartbeats that the server wishes.
    """
    lease_ms: Annotated[int | None, Field(ge=0)] = None
    """
    Milliseconds that the leases hold without a heartbeat.
    """


class CreateKey(Model):
    """
    `POST /v1/keys`.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    expires_in_ms: Annotated[int | None, Field(ge=0)] = None
    """
    Milliseconds until it expires; absent: it does not.
    """
    groups: list[str] | None = None
    """
    Groups that its user belongs to: `approvers` of a `hitl` node name them as roles.
    """
    name: Annotated[str, Field(examples=["ada@example.com"])]
    """
    Whose key it is: the log names its user `user:<name>` (of runners, `runner:<name>`).
    1 to 64 of `a-z A-Z 0-9 . _ @ -`.
    """
    roles: list[Literal["admin", "agent", "approver", "auditor", "developer", "operator", "runner"]]
    """
    What it may do; at least one.
    """


class Decide(Model):
    """
    `POST /v1/approvals/{ticket}/decision`.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    data: Any = None
    decision: Literal["approve", "reject"]
    """
    `approve` or `reject`.
    """
    edits: Any | None = None
    """
    What to change before approving: new values by the JSON pointers of the fields that they
    replace, within the ticket's `editable`. What comes of it is asked by another ticket, for which
    this approval counts.
    """
    reason: str | None = None
    """
    Why; stands in the log.
    """
    subject_hash: str | None = None
    """
    `subject_hash` of the ticket as it was shown: the decision counts for exactly that. Absent:
    not checked.
    """


class Dedup(Model):
    """
    See [`StartRun::dedup`].
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    key: str
    """
    The key: 1 to 256 bytes.
    """
    policy: Literal["reject", "attach"] | None = None
    """
    What happens where it is held.
    """


class DeliveryView(Model):
    """
    One message to one endpoint.
    """

    at: AwareDatetime
    """
    When it happened, or will.
    """
    attempts: Annotated[int, Field(ge=0)]
    """
    Tries so far, the one under way included.
    """
    endpoint: str
    """
    To which endpoint.
    """
    error: str | None = None
    """
    What the last try came to, unless it arrived.
    """
    event: Literal[
        "approval.requested", "approval.escalated", "approval.expiring", "approval.decided", "test"
    ]
    """
    What happened.
    """
    id: str
    """
    What its receiver knows it by: the `webhook-id`. Every try has the same.
    """
    next_at: AwareDatetime | None = None
    """
    When it is tried next, while it is pending.
    """
    run: str | None = None
    """
    In which run; absent in a test.
    """
    settled_at: AwareDatetime | None = None
    """
    When it was delivered, given up or dropped.
    """
    status: Literal["pending", "delivered", "failed", "dropped"]
    """
    What became of it.
    """
    ticket: str | None = None
    """
    To which ticket; absent in a test.
    """


class EndpointView(Model):
    """
    An endpoint of a workspace.
    """

    added_at: AwareDatetime
    """
    Added.
    """
    added_by: str
    """
    Who added it.
    """
    approvers: list[str]
    """
    Only tickets that these may decide, and those that anybody may; empty: all.
    """
    disabled: str | None = None
    """
    Why nothing is sent to it any more; absent: it is.
    """
    events: list[
        Literal[
            "approval.requested",
            "approval.escalated",
            "approval.expiring",
            "approval.decided",
            "test",
        ]
    ]
    """
    What it is told of; empty: everything.
    """
    id: str
    """
    Its id.
    """
    kind: Literal["webhook", "slack", "email"]
    """
    How it is told.
    """
    name: str
    """
    What people call it.
    """
    target: str
    """
    Where: addresses, or a URL without what may be a secret in it.
    """


class EventPage(Model):
    """
    `GET /v1/runs/{id}/events`: a page of the log.
    """

    ended: bool
    """
    True: the run is over, and no event follows `head_seq`.
    """
    head_seq: Annotated[int, Field(ge=0)]
    """
    Seq of the run's last event: the page is the last one where `next_after` equals it.
    """
    items: list[Any]
    """
    Events as the log has them: `{"seq", "at", "command", "type", "data"}`.
    """
    next_after: Annotated[int, Field(ge=0)]
    """
    Give it as `after` to get the next page; seq of the page's last event, or the `after` that
    was asked for.
    """


class Explanation(Model):
    """
    `GET /v1/runs/{id}/explain`.
    """

    run: str
    """
    The run.
    """
    status: Annotated[str, Field(examples=["waiting"])]
    """
    Its state.
    """
    waits: list[WaitView]
    """
    Everything that waits; empty for a run that is over.
    """


class FieldDiff(Model):
    """
    A key that changes. A value that is too long to be shown is left out.
    """

    after: Any = None
    before: Any = None
    change: Literal["added", "removed", "changed"]
    """
    What becomes of it.
    """
    pointer: Annotated[str, Field(examples=["/config/url"])]
    """
    JSON pointer.
    """


class GraphNode(Model):
    """
    One node.
    """

    attempts: Annotated[int, Field(ge=0)]
    """
    Attempts so far.
    """
    id: str
    """
    Its id.
    """
    items: ItemsView | None = None
    loops: list[str] | None = None
    """
    The loop nodes around it, outermost first.
    """
    map: str | None = None
    """
    The map whose body it is.
    """
    status: str
    """
    As in `nodes` of the run.
    """
    type: str
    """
    Its type, as the document spells it.
    """


class GraphView(Model):
    """
    `GET /v1/runs/{id}/graph`.
    """

    digest: str
    """
    The document that holds; also the `ETag`.
    """
    edges: list[GraphEdge]
    """
    Edges in document order, then those that keys of loops stand for.
    """
    nodes: list[GraphNode]
    """
    Nodes in document order; bodies of maps follow their map.
    """
    revision: Annotated[int | None, Field(ge=0)] = None
    """
    Patches applied so far; 0: the document is the one that the run was created from.
    """
    run: str
    """
    The run.
    """
    seq: Annotated[int, Field(ge=0)]
    """
    Seq of the run's last event.
    """


class HeartbeatItem(Model):
    """
    One lease of a heartbeat.
    """

    attempt: Annotated[int, Field(ge=0)]
    """
    The attempt.
    """
    instance: str
    """
    The instance.
    """
    logs: LogChunk | None = None
    progress: Any | None = None
    """
    Progress since the last heartbeat, any JSON; absent: none, and the idle timeout counts on.
    """
    run: str
    """
    The run.
    """
    token: str | None = None
    """
    The token of its job. Without it, or with another's, the whole heartbeat is refused.
    """


class HeartbeatRequest(Model):
    """
    `POST /v1/runners/heartbeat`: renews many leases at once.
    """

    leases: list[HeartbeatItem]
    """
    Which.
    """
    runner: str
    """
    Who holds them.
    """


class HeartbeatResponse(Model):
    """
    Answer to [`HeartbeatRequest`], in the order of its leases.
    """

    states: list[Literal["held", "cancelling", "lost"]]
    """
    One for each lease asked about.
    """


class Job(Model):
    """
    One attempt to execute.
    """

    attempt: Annotated[int, Field(ge=0)]
    """
    From 1; also the fence: a result counts only for the outstanding attempt.
    """
    config: Payload
    """
    Resolved configuration; null where secrets go.
    """
    effect: Annotated[str, Field(examples=["idempotent"])]
    """
    What it does to the world outside.
    """
    idempotency_key: str
    """
    The same for every attempt of the instance.
    """
    idle_timeout_ms: Annotated[int | None, Field(ge=0)] = None
    """
    Milliseconds without progress.
    """
    input: Payload
    """
    The node's input.
    """
    instance: str
    """
    Which instance: `fetch`, `crawl[3]/fetch`.
    """
    job_type: Annotated[str, Field(examples=["function"])]
    """
    Who executes it.
    """
    leased: bool | None = None
    """
    True: a lease must be held while it runs.
    """
    metered: bool | None = None
    """
    True: a budget bounds it, so its runner reserves before each call of a model and settles
    after it.
    """
    name: str
    """
    Function name; `http` or `agent` for those types.
    """
    pool: str
    """
    Pool of runners.
    """
    priority: Annotated[str | None, Field(examples=["medium"])] = None
    """
    Queue priority.
    """
    queue_deadline: AwareDatetime | None = None
    """
    Not to be started after this time.
    """
    run: str
    """
    The run.
    """
    secrets: list[dict[str, Any]] | None = None
    """
    Where the runner puts secrets into the configuration.
    """
    timeout_ms: Annotated[int | None, Field(ge=0)] = None
    """
    Milliseconds from the grant.
    """
    token: str | None = None
    """
    Shows that its bearer was given this attempt: heartbeats and results carry it, and what else
    is sent on behalf of the attempt, in the header `Aob-Job-Token`. Worth nothing without the API key that it was leased with, and nothing
    once the attempt is over.
    """
    workspace: str
    """
    The tenant.
    """


class KeyView(Model):
    """
    A key without its secret.
    """

    created_at: AwareDatetime
    """
    Created.
    """
    expires_at: AwareDatetime | None = None
    """
    Ends.
    """
    groups: list[str] | None = None
    """
    Groups that its user belongs to.
    """
    key_id: str
    """
    Its public part.
    """
    name: str
    """
    Whose it is.
    """
    revoked_at: AwareDatetime | None = None
    """
    Revoked.
    """
    roles: list[Literal["admin", "agent", "approver", "auditor", "developer", "operator", "runner"]]
    """
    What it may do.
    """


class LeaseResponse(Model):
    """
    Answer to [`LeaseRequest`]: jobs whose leases the runner holds from the moment of the answer.
    """

    heartbeat_ms: Annotated[int | None, Field(ge=0)] = None
    """
    Milliseconds between heartbeats that the server wishes.
    """
    jobs: list[Job] | None = None
    """
    Empty where nothing came within `wait_ms`.
    """
    lease_ms: Annotated[int | None, Field(ge=0)] = None
    """
    Milliseconds that the leases hold without a heartbeat.
    """


class NodeDiff(Model):
    """
    A node that changes.
    """

    change: Literal["added", "removed", "changed"]
    """
    What becomes of it.
    """
    fields: list[FieldDiff] | None = None
    """
    Its keys that change; pointers into the node.
    """
    id: str
    """
    Its id.
    """
    type: str
    """
    Its type, as it will be, or was.
    """


class NodeView(Model):
    """
    One node of a run.
    """

    attempts: Annotated[int, Field(ge=0)]
    """
    Attempts so far.
    """
    child: str | None = None
    """
    The child run that it waits or waited for.
    """
    error: ErrorView | None = None
    finished_at: AwareDatetime | None = None
    """
    Ended.
    """
    instance: str | None = None
    """
    Which instance is shown, where the node is inside a loop or map.
    """
    items: ItemsView | None = None
    output: Any = None
    output_ref: ValueRef | None = None
    started_at: AwareDatetime | None = None
    """
    Started.
    """
    status: Annotated[str, Field(examples=["completed"])]
    """
    `pending scheduled waiting retrying completed failed skipped parked cancelled compensated`.
    """
    ticket: str | None = None
    """
    The ticket that it waits for.
    """


class Completed(Model):
    """
    Success.
    """

    output: Payload
    """
    What it returned.
    """


class Outcome1(Model):
    """
    Success.
    """

    completed: Completed
    """
    Success.
    """


class PageDeliveryView(Model):
    """
    One page of a list.
    """

    items: list[DeliveryView]
    """
    What the page holds.
    """
    next_cursor: str | None = None
    """
    Give it as `cursor` to get the next page; absent on the last one. It means nothing to clients.
    """


class PageEndpointView(Model):
    """
    One page of a list.
    """

    items: list[EndpointView]
    """
    What the page holds.
    """
    next_cursor: str | None = None
    """
    Give it as `cursor` to get the next page; absent on the last one. It means nothing to clients.
    """


class PageKeyView(Model):
    """
    One page of a list.
    """

    items: list[KeyView]
    """
    What the page holds.
    """
    next_cursor: str | None = None
    """
    Give it as `cursor` to get the next page; absent on the last one. It means nothing to clients.
    """


class PageSpan(Model):
    """
    One page of a list.
    """

    items: list[Span]
    """
    What the page holds.
    """
    next_cursor: str | None = None
    """
    Give it as `cursor` to get the next page; absent on the last one. It means nothing to clients.
    """


class PageTagMoveView(Model):
    """
    One page of a list.
    """

    items: list[TagMoveView]
    """
    What the page holds.
    """
    next_cursor: str | None = None
    """
    Give it as `cursor` to get the next page; absent on the last one. It means nothing to clients.
    """


class PageTicketSummary(Model):
    """
    One page of a list.
    """

    items: list[TicketSummary]
    """
    What the page holds.
    """
    next_cursor: str | None = None
    """
    Give it as `cursor` to get the next page; absent on the last one. It means nothing to clients.
    """


class PageWorkflowVersion(Model):
    """
    One page of a list.
    """

    items: list[WorkflowVersion]
    """
    What the page holds.
    """
    next_cursor: str | None = None
    """
    Give it as `cursor` to get the next page; absent on the last one. It means nothing to clients.
    """


class PlanBudget(Model):
    """
    What a patch uses of what it may.
    """

    agents: Share
    """
    Agent nodes ever present, removed ones too.
    """
    bytes: Share
    """
    Bytes of the patch.
    """
    nodes: Share
    """
    Nodes of the result.
    """
    operations: Share
    """
    Operations.
    """


class ProblemItem(Model):
    """
    One thing that is wrong with a request, or worth a warning.
    """

    code: Annotated[str, Field(examples=["unknown_key"])]
    """
    Stable name of what is wrong.
    """
    example: Any = None
    hint: str | None = None
    """
    What to do.
    """
    message: str
    """
    What is wrong, for people.
    """
    pointer: Annotated[str | None, Field(examples=["/workflow/nodes/2/config/url"])] = None
    """
    JSON pointer into the body as it was sent; absent where it is not about a place in the body.
    """
    position: TextPosition | None = None
    severity: Literal["error", "warning"] | None = None
    """
    `warning` where the request was carried out all the same.
    """


class ReserveRequest(Model):
    """
    `POST /v1/runners/reserve`: before a call of a model.
    """

    amounts: SpendView
    """
    At most what the call will use.
    """
    reservation: Annotated[str, Field(examples=["call-1"])]
    """
    Its name, unique within the attempt: 1 to 128 bytes. The same again is a repetition.
    """


class Result(Model):
    """
    What came out of an attempt. Counts only while that attempt is outstanding, so repeating it is
    harmless.
    """

    attempt: Annotated[int, Field(ge=0)]
    """
    Which attempt.
    """
    instance: str
    """
    Which instance.
    """
    outcome: Outcome1 | Outcome2 | Outcome3
    """
    What came out.
    """
    patches: list[ResultPatch] | None = None
    """
    Changes of the run's graph, applied in order before the result is recorded: at most 16, and
    only with a success that counts. One that is refused is on record as rejected, and the
    result stands.
    """
    run: str
    """
    The run.
    """
    runner: str
    """
    Who executed it.
    """
    started_at: AwareDatetime | None = None
    """
    When the runner started.
    """
    usage: Any | None = None
    """
    Tokens, money, bytes; any JSON.
    """
    workspace: str
    """
    The tenant.
    """


class ResultRequest(Model):
    """
    `POST /v1/runners/result`: the answer to a leased job.
    """

    logs: LogChunk | None = None
    result: Result
    """
    What came out.
    """
    token: str | None = None
    """
    The token of the job, here or in the header `Aob-Job-Token`.
    """


class RunSummary(Model):
    """
    A run as lists show it.
    """

    created_at: AwareDatetime
    """
    Created.
    """
    error: str | None = None
    """
    Code and message of the failure, for failed runs.
    """
    finished_at: AwareDatetime | None = None
    """
    Ended.
    """
    id: str
    """
    The run.
    """
    labels: dict[str, str] | None = None
    """
    Labels.
    """
    name: str
    """
    Name of the workflow.
    """
    parent: str | None = None
    """
    The run that waits for it.
    """
    seq: Annotated[int, Field(ge=0)]
    """
    Seq of its last event.
    """
    status: Annotated[str, Field(examples=["running"])]
    """
    Its state.
    """
    updated_at: AwareDatetime
    """
    Time of its last event.
    """
    workflow: WorkflowUsed
    """
    What it was started from, with the document that holds.
    """


class RunView(Model):
    """
    `GET /v1/runs/{id}`.
    """

    budgets: list[BudgetView] | None = None
    """
    What bounds its spending: its own budget, then those of its agent nodes.
    """
    created_at: AwareDatetime
    """
    Created.
    """
    digest: str
    """
    The document that holds.
    """
    error: ErrorView | None = None
    finished_at: AwareDatetime | None = None
    """
    Ended.
    """
    id: str
    """
    The run.
    """
    labels: dict[str, str] | None = None
    """
    Labels.
    """
    links: RunLinks
    """
    Where to look next.
    """
    name: str
    """
    Name of the workflow.
    """
    nodes: dict[str, NodeView]
    """
    Its nodes by id. A node inside loops and maps shows one of its instances: the last that is
    not over, or the last.
    """
    output: Any = None
    output_ref: ValueRef | None = None
    parent: ParentView | None = None
    seq: Annotated[int, Field(ge=0)]
    """
    Seq of its last event.
    """
    status: Annotated[str, Field(examples=["running"])]
    """
    Its state: `queued running waiting paused cancelling completed failed cancelled rolled_back`.
    """
    updated_at: AwareDatetime
    """
    Time of its last event.
    """
    workflow: WorkflowUsed
    """
    What it was started from.
    """


class SettleRequest(Model):
    """
    `POST /v1/runners/settle`: after the call.
    """

    reservation: Annotated[str, Field(examples=["call-1"])]
    """
    The reservation's name.
    """
    used: SpendView
    """
    What the call used.
    """


class StartRun(Model):
    """
    `POST /v1/runs`: what to start.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    budget: BudgetSpec | None = None
    canary_key: str | None = None
    """
    While a version of the tag is on trial: decides instead of the run's id whether the run falls to
    it, so that the same customer meets the same version. 1 to 256 bytes.
    """
    dedup: Dedup | None = None
    fidelity: Literal["fast", "full"] | None = None
    inputs: Any = None
    labels: dict[str, str] | None = None
    """
    Labels to find the run by.
    """
    patches: list[list[dict[str, Any]]] | None = None
    """
    Patches of the workflow for this run alone, applied one after the other: each a JSON Patch. The
    tag stays where it is, so two sets of patches can be compared on the same workflow.
    """
    priority: Literal["high", "medium", "low"] | None = None
    tag: str | None = None
    """
    What runs, by tag or `tag@version`.
    """
    workflow: Any | None = None
    """
    What runs: a tag (`"onboarding"`), a version of one (`"onboarding@3"`), a digest
    (`"sha256:..."`), or a document. Exactly one of `workflow` and `tag`.
    """


class StartRuns(Model):
    """
    `POST /v1/runs:batch`: many runs at once.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    runs: list[StartRun]
    """
    1 to 1,000 runs. Each succeeds or fails by itself.
    """


class StartedRun(Model):
    """
    A run that was started: 201; 200 where `attached`.
    """

    attached: bool | None = None
    """
    True: the run existed and holds the dedup key.
    """
    error: ErrorView | None = None
    id: str
    """
    The run.
    """
    links: RunLinks
    """
    Where to look next.
    """
    output: Any = None
    output_ref: ValueRef | None = None
    status: Annotated[str, Field(examples=["running"])]
    """
    Its state: `queued running waiting paused cancelling completed failed cancelled rolled_back`.
    """
    workflow: WorkflowUsed
    """
    What it runs.
    """


class TagView(WorkflowVersion):
    """
    Where a tag stands. `version` is the `ETag`.
    """

    canary: CanaryView | None = None
    tip: Annotated[int, Field(ge=0)]
    """
    The version that was made last. Where the tag is at an earlier one, a redo leads towards it.
    """


class ValidWorkflow(Model):
    """
    `POST /v1/workflows/validate`: a document that is valid.
    """

    digest: str
    """
    Its digest.
    """
    name: str
    """
    `metadata.name`.
    """
    shape: WorkflowShape
    """
    What it consists of.
    """
    valid: bool
    """
    Always true; a document that is not valid is answered with 422 `invalid_workflow`.
    """
    warnings: list[ProblemItem]
    """
    What a person should know all the same.
    """


class Verification(Model):
    """
    `GET /v1/runs/{id}/verify`: the log checked from its first byte to its last.
    """

    broken_chain: str | None = None
    """
    Where the hash chain breaks, and how.
    """
    counters: dict[str, CountersAdditionalProperty] | None = None
    """
    How often each kind of event was seen.
    """
    events: Annotated[int, Field(ge=0)]
    """
    Events checked.
    """
    graph_checked: bool
    """
    False: the workflow is not at hand, so the rules that need its graph were not checked.
    """
    head_hash: str
    """
    Hash of the last segment, in hex: it vouches for everything before.
    """
    ok: bool
    """
    True: the chain is whole and no invariant is broken.
    """
    run: str
    """
    The run.
    """
    segments: Annotated[int, Field(ge=0)]
    """
    Segments checked.
    """
    suppressed: Annotated[int | None, Field(ge=0)] = None
    """
    Violations beyond those listed.
    """
    violations: list[ViolationView] | None = None
    """
    Broken invariants, in log order.
    """


class AddedEndpoint(EndpointView):
    """
    An endpoint, and what its messages are signed with.
    """

    secret: Annotated[str | None, Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])] = None
    """
    Of a `webhook`: the secret of its signatures. It is shown this once.
    """


class ApprovalNeedView(Model):
    """
    Why somebody has to approve a patch.
    """

    approvers: list[dict[str, Any]]
    """
    Who may decide: `{"role"}` or `{"user"}`; empty: anybody with the permission.
    """
    reasons: list[ProblemItem]
    """
    Every reason; pointers lead into the result.
    """


class CreatedKey(KeyView):
    """
    A new key: the only answer that ever shows its token.
    """

    token: str
    """
    Send it as `Authorization: Bearer <token>`. The server keeps only its hash.
    """


class CreatedWorkflow(WorkflowVersion):
    """
    `POST /v1/workflows?tag=...`, whose body is the document: 201; 200 where `unchanged`.
    """

    unchanged: bool | None = None
    """
    True: the tag stood at this document before.
    """
    warnings: list[ProblemItem] | None = None
    """
    What a person should know all the same.
    """


class DiffView(Model):
    """
    What changes between two documents.
    """

    base: str
    """
    The document before.
    """
    edges: list[EdgeDiff] | None = None
    """
    Edges, those that keys of loops stand for included.
    """
    nodes: list[NodeDiff] | None = None
    """
    Nodes, as they stand in the result; then those that are gone.
    """
    reordered: bool | None = None
    """
    Nodes or edges that are in both stand in another order: the first edge whose condition matches
    is taken, so that may matter.
    """
    result: str
    """
    The document after.
    """
    sections: list[FieldDiff] | None = None
    """
    Everything else, such as `/metadata/version`.
    """
    truncated: bool | None = None
    """
    There is more than is shown here: read both documents.
    """


class PageRunSummary(Model):
    """
    One page of a list.
    """

    items: list[RunSummary]
    """
    What the page holds.
    """
    next_cursor: str | None = None
    """
    Give it as `cursor` to get the next page; absent on the last one. It means nothing to clients.
    """


class PageTagView(Model):
    """
    One page of a list.
    """

    items: list[TagView]
    """
    What the page holds.
    """
    next_cursor: str | None = None
    """
    Give it as `cursor` to get the next page; absent on the last one. It means nothing to clients.
    """


class PlanView(Model):
    """
    What a patch would do: the answer to `?dry_run`.
    """

    approval: ApprovalNeedView | None = None
    base: str
    """
    The document that holds, and that the operations apply to.
    """
    budget: PlanBudget
    """
    What it uses of what it may.
    """
    checks: list[CheckView]
    """
    What was checked, in the order of checking.
    """
    consequences: Consequences | None = None
    diff: DiffView
    """
    What changes.
    """
    growth: list[GrowthView] | None = None
    """
    What the new graph may do that the old could not.
    """
    operations: Any
    """
    The operations as they would be applied.
    """
    rebased: bool | None = None
    """
    The patch was made against an earlier document, and brought to the one that holds.
    """
    result: str
    """
    The document that they give.
    """
    revision: Annotated[int | None, Field(ge=0)] = None
    """
    Of a run: patches applied before it.
    """
    subject_hash: str | None = None
    """
    What an approval would name.
    """
    tier: str
    """
    The same of the result.
    """
    tier_before: str
    """
    The rate-limit class of the document before: `simple`, `standard` or `heavy`.
    """
    warnings: list[ProblemItem] | None = None
    """
    What to know all the same.
    """


class Problem(Model):
    """
    Why a request was refused (`application/problem+json`).
    """

    budget: BudgetView | None = None
    code: Annotated[str, Field(examples=["invalid_workflow"])]
    """
    Stable name of the kind, for programs; see [`Problem::known_code`].
    """
    conflict: Any = None
    current_version: Annotated[int | None, Field(ge=0)] = None
    """
    The version that the tag is at (`precondition_failed`); 0: it does not exist.
    """
    detail: str | None = None
    """
    What is the matter this time.
    """
    errors: list[ProblemItem] | None = None
    """
    Every single thing that is wrong with the request.
    """
    hint: str | None = None
    """
    What to do about it.
    """
    instance: str | None = None
    """
    The path that was asked for.
    """
    request_id: str | None = None
    """
    Names the request in the server's log.
    """
    retry_after_ms: Annotated[int | None, Field(ge=0)] = None
    """
    Milliseconds after which trying again makes sense.
    """
    run: str | None = None
    """
    The run that stands in the way (`dedup_conflict`).
    """
    status: Annotated[int, Field(ge=0)]
    """
    HTTP status.
    """
    title: str
    """
    A few words, the same for every problem of the kind.
    """
    type: str
    """
    Names the kind of problem.
    """


class ProposalView(Model):
    """
    What an approver of a patch has to see besides its operations.
    """

    by: Annotated[str, Field(examples=["agent:planner"])]
    """
    Who proposed it.
    """
    description: str
    """
    What the proposer says that it is for: their words, not ours.
    """
    diff: DiffView | None = None
    growth: list[GrowthView] | None = None
    """
    What the new graph may do that the old could not.
    """
    origin: Annotated[str, Field(examples=["agent"])]
    """
    `person`, `agent` or `optimizer`.
    """
    why: str | None = None
    """
    Why it needs an approval.
    """


class RunPatch(Model):
    """
    A patch of a run.
    """

    applied_seq: Annotated[int | None, Field(ge=0)] = None
    """
    Seq of the event that applied it: everything after follows the new graph.
    """
    approval: str | None = None
    """
    Why it needs an approval.
    """
    base: str
    """
    The document that it was made against.
    """
    by: Annotated[str, Field(examples=["user:ada"])]
    """
    Who proposed it.
    """
    code: str | None = None
    """
    Code of its rejection.
    """
    decided_at: AwareDatetime | None = None
    """
    When it was applied or rejected.
    """
    description: str | None = None
    """
    What it is for.
    """
    expires_at: AwareDatetime | None = None
    """
    When it expires, while it waits.
    """
    growth: list[GrowthView] | None = None
    """
    What the new graph may do that the old could not.
    """
    id: Annotated[str, Field(examples=["pt_4a6f0c2f9d1e4b7a8c3d5e6f"])]
    """
    The patch.
    """
    links: RunPatchLinks
    """
    Where to look next.
    """
    message: str | None = None
    """
    Why it was rejected.
    """
    operations: Any = None
    operations_ref: ValueRef | None = None
    origin: Annotated[str, Field(examples=["person"])]
    """
    `person`, `agent` or `optimizer`: what it may do depends on that.
    """
    plan: PlanView | None = None
    proposed_at: AwareDatetime
    """
    When it was proposed.
    """
    result: str | None = None
    """
    The document that it gives, gave or would give.
    """
    reverted_by: str | None = None
    """
    The patch that took it back.
    """
    reverts: str | None = None
    """
    The patch that it takes back.
    """
    revision: Annotated[int | None, Field(ge=0)] = None
    """
    Its place in the run's chain of patches, from 1, once applied.
    """
    run: str
    """
    Its run.
    """
    status: Annotated[str, Field(examples=["applied"])]
    """
    `applied`: in force. `waiting`: for its approval. `rejected`: by a rule or by a person, or
    out of time. `reverted`: applied, and taken back later.
    """
    subject_hash: str | None = None
    """
    What a decision names.
    """
    ticket: str | None = None
    """
    Its ticket, where one was opened: `GET /v1/approvals/{ticket}`.
    """


class TicketView(Model):
    """
    `GET /v1/approvals/{ticket}`: everything that an approver has to see.
    """

    approvers: list[dict[str, Any]]
    """
    Who may decide: `{"role"}` or `{"user"}`; empty: anybody with the permission.
    """
    barred: list[str] | None = None
    """
    With four eyes: who may reject, and not approve, as they started the run, proposed the patch or
    edited it.
    """
    budget: Any | None = None
    """
    The budget that is to be raised: `"run"`, or `{"node"}`; absent for an instance or a patch.
    """
    created_at: AwareDatetime
    """
    Asked.
    """
    decided_at: AwareDatetime | None = None
    """
    Decided.
    """
    editable: list[str] | None = None
    """
    Fields that may be edited before approving: JSON pointers into the subject, or into the document
    that the patch gives, with `*` for any one part; what is below is editable too.
    """
    escalations: list[dict[str, Any]] | None = None
    """
    Escalations still to come: `{"at", "to"}`.
    """
    expires_at: AwareDatetime | None = None
    """
    Expires.
    """
    fixed: list[str] | None = None
    """
    Fields that may not be edited, whatever `editable` says.
    """
    form: Any = None
    instance: str | None = None
    """
    The instance that asks; absent for a patch.
    """
    message: str
    """
    Question.
    """
    patch: str | None = None
    """
    The patch of the run that is to be approved; absent for an instance.
    """
    proposal: ProposalView | None = None
    quorum: Annotated[int, Field(ge=0)]
    """
    Approving votes needed.
    """
    replaced_by: str | None = None
    """
    The ticket that is asked in its place, as what it covers has changed.
    """
    run: str
    """
    Its run.
    """
    status: Annotated[str, Field(examples=["pending"])]
    """
    `pending approved rejected expired cancelled`.
    """
    subject: Any = None
    subject_hash: str
    """
    Hash of the question and of what is being approved; a decision names it.
    """
    subject_ref: ValueRef | None = None
    ticket: Annotated[str, Field(examples=["tk_4a6f0c2f9d1e4b7a8c3d5e6f"])]
    """
    The ticket.
    """
    votes: list[VoteView]
    """
    Votes so far.
    """


class WorkflowDiff(DiffView):
    """
    `GET /v1/workflows/{tag}/diff`: what differs between two documents.
    """

    from_: Annotated[str, Field(alias="from")]
    """
    How the older one is named, such as `onboarding@3`.
    """
    operations: list[dict[str, Any]]
    """
    The patch that makes the newer one of the older one.
    """
    to: str
    """
    How the newer one is named.
    """


class WorkflowPatch(Model):
    """
    A patch of a workflow.
    """

    base: str
    """
    The document that it was made against.
    """
    by: Annotated[str, Field(examples=["user:ada"])]
    """
    Who proposed it.
    """
    decided_at: AwareDatetime | None = None
    """
    When it was applied or rejected.
    """
    description: str | None = None
    """
    What it is for.
    """
    id: Annotated[str, Field(examples=["019aa1f2-6c00-7000-8000-2f3c5d7e9a1b"])]
    """
    Its id.
    """
    links: WorkflowPatchLinks
    """
    Where to follow it.
    """
    operations: list[dict[str, Any]] | None = None
    """
    As they were handed in. Lists leave them out.
    """
    origin: Annotated[str, Field(examples=["person"])]
    """
    `person`, `agent` or `optimizer`: what it may do depends on that.
    """
    problem: Problem | None = None
    proposed_at: AwareDatetime
    """
    When it was accepted.
    """
    result: str | None = None
    """
    The document that came out.
    """
    status: Annotated[str, Field(examples=["applied"])]
    """
    `pending`, `applied` or `rejected`.
    """
    tag: str
    """
    The workflow's tag.
    """
    version: Annotated[int | None, Field(ge=0)] = None
    """
    The version of the tag that holds it. A patch that changes nothing is in the version that was
    there.
    """


class BatchItem(Model):
    """
    What became of one run of a batch: exactly one of the two is present.
    """

    problem: Problem | None = None
    run: StartedRun | None = None


class PageRunPatch(Model):
    """
    One page of a list.
    """

    items: list[RunPatch]
    """
    What the page holds.
    """
    next_cursor: str | None = None
    """
    Give it as `cursor` to get the next page; absent on the last one. It means nothing to clients.
    """


class PageWorkflowPatch(Model):
    """
    One page of a list.
    """

    items: list[WorkflowPatch]
    """
    What the page holds.
    """
    next_cursor: str | None = None
    """
    Give it as `cursor` to get the next page; absent on the last one. It means nothing to clients.
    """


class StartedRuns(Model):
    """
    What became of a batch, in its order.
    """

    items: list[BatchItem]
    """
    One for each run asked for.
    """
    refused: Annotated[int, Field(ge=0)]
    """
    How many were refused.
    """
    started: Annotated[int, Field(ge=0)]
    """
    How many were started.
    """
